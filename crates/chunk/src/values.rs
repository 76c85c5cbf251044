//! The value column: the exclusive or with the value before, inside a window of bits that differ.

use crate::bits::{BitReader, BitWriter};

/// Where the bits that differ lie: `leading` zeros before them, `trailing` behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    leading: u8,
    trailing: u8,
}

impl Window {
    fn new(leading: u32, trailing: u32) -> Option<Self> {
        let (leading, trailing) = (leading.try_into().ok()?, trailing.try_into().ok()?);
        Some(Self { leading, trailing })
    }

    fn leading(self) -> u32 {
        self.leading.into()
    }

    fn trailing(self) -> u32 {
        self.trailing.into()
    }

    fn width(self) -> u32 {
        64 - self.leading() - self.trailing()
    }
}

/// One direction of the column: the value before and the window written last.
#[derive(Clone, Debug, Default)]
pub struct Values {
    bits: u64,
    window: Option<Window>,
}

impl Values {
    /// A column that begins with these bits.
    pub fn new(bits: u64) -> Self {
        Self { bits, window: None }
    }

    /// The column of these [`Values::into_parts`].
    pub(crate) fn from_parts((bits, window): (u64, Option<Window>)) -> Self {
        Self { bits, window }
    }

    /// Itself in parts, which take less room beside others.
    pub(crate) fn into_parts(self) -> (u64, Option<Window>) {
        (self.bits, self.window)
    }

    /// The bits of the value before.
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// Writes the next value.
    pub fn put(&mut self, out: &mut BitWriter, bits: u64) {
        let x = bits ^ self.bits;
        self.bits = bits;
        if x == 0 {
            return out.put(0, 1);
        }
        // Five bits hold the zeros before a window.
        let (leading, trailing) = (x.leading_zeros().min(31), x.trailing_zeros());
        match self.window {
            Some(window) if leading >= window.leading() && trailing >= window.trailing() => {
                out.put(0b10, 2);
                out.put(x >> window.trailing, window.width());
            }
            _ => {
                self.window = Window::new(leading, trailing);
                let width = 64 - leading - trailing;
                out.put(0b11, 2);
                out.put(u64::from(leading), 5);
                out.put(u64::from(width), 6);
                out.put(x >> trailing, width);
            }
        }
    }

    /// Reads the bits of the next value.
    #[inline]
    pub fn take(&mut self, bits: &mut BitReader) -> Option<u64> {
        if !bits.take_bit()? {
            return Some(self.bits);
        }
        if bits.take_bit()? {
            let both = bits.take(11)?;
            let leading = u32::try_from(both >> 6).ok()?;
            let width = match u32::try_from(both & 0x3f).ok()? {
                0 => 64,
                width => width,
            };
            let trailing = 64u32.checked_sub(leading)?.checked_sub(width)?;
            self.window = Window::new(leading, trailing);
        }
        let window = self.window?;
        self.bits ^= bits.take(window.width())? << window.trailing;
        Some(self.bits)
    }
}
