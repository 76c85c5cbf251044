//! The wire format of protocol buffers, read without copying.
//!
//! A message is a run of fields: a key (number and wire type) and a value. [`Fields`] yields them;
//! what a number means is the caller's business. Every length is checked against what is there.
#![deny(clippy::indexing_slicing)]

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtoError {
    /// The message ends within a field.
    #[error("unexpected EOF at byte {at} of {of}")]
    Eof {
        /// Where the field begins, within `of`.
        at: usize,
        /// The message it belongs to.
        of: &'static str,
    },
    /// A number longer than 64 bits.
    #[error("proto: integer overflow at byte {at} of {of}")]
    Overflow {
        /// Where the field begins, within `of`.
        at: usize,
        /// The message it belongs to.
        of: &'static str,
    },
    /// A wire type that does not exist, or not for this field.
    #[error("proto: wrong wireType = {wire_type} for field {field} at byte {at} of {of}")]
    WireType {
        /// What was found.
        wire_type: u8,
        /// The field's number.
        field: u32,
        /// Where the field begins, within `of`.
        at: usize,
        /// The message it belongs to.
        of: &'static str,
    },
    /// A field number that cannot be.
    #[error("proto: illegal tag {field} at byte {at} of {of}")]
    Tag {
        /// The number.
        field: u64,
        /// Where the field begins, within `of`.
        at: usize,
        /// The message it belongs to.
        of: &'static str,
    },
}

/// A field's value as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    at: usize,
    of: &'static str,
}

/// The fields of a message, in the order in which they stand.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    length: usize,
    of: &'static str,
}

impl<'a> Fields<'a> {
    /// The fields of `message`, a message of the type `of`.
    pub(crate) fn new(message: &'a [u8], of: &'static str) -> Self {
        Self { rest: message, length: message.len(), of }
    }

    /// The same, but for those before `at`, where one of them begins.
    pub(crate) fn from(message: &'a [u8], at: usize, of: &'static str) -> Self {
        Self { rest: message.get(at..).unwrap_or_default(), length: message.len(), of }
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    /// The next field, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, ProtoError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.length - self.rest.len();
        let of = self.of;
        let key = self.varint(at)?;
        let number = u32::try_from(key >> 3).ok().filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or(ProtoError::Tag { field: key >> 3, at, of })?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint(at)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array(at)?)),
            2 => {
                let length = self.varint(at)?;
                let length = usize::try_from(length).map_err(|_| ProtoError::Eof { at, of })?;
                Value::Bytes(self.take(length, at)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array(at)?)),
            other => {
                let wire_type = u8::try_from(other).expect("three bits");
                return Err(ProtoError::WireType { wire_type, field: number, at, of });
            }
        };
        Ok(Some(Field { number, value, at, of }))
    }

    /// The next of numbers that stand one behind the other without keys, or nothing at the end.
    pub(crate) fn packed_varint(&mut self) -> Result<Option<u64>, ProtoError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.length - self.rest.len();
        self.varint(at).map(Some)
    }

    /// The same of floats.
    pub(crate) fn packed_double(&mut self) -> Result<Option<f64>, ProtoError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.length - self.rest.len();
        Ok(Some(f64::from_le_bytes(self.array(at)?)))
    }

    fn take(&mut self, length: usize, at: usize) -> Result<&'a [u8], ProtoError> {
        let eof = ProtoError::Eof { at, of: self.of };
        let (head, rest) = self.rest.split_at_checked(length).ok_or(eof)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, at: usize) -> Result<[u8; N], ProtoError> {
        Ok(self.take(N, at)?.try_into().expect("just taken so long"))
    }

    /// A LEB128 number of at most 64 bits.
    #[inline]
    fn varint(&mut self, at: usize) -> Result<u64, ProtoError> {
        match self.rest.split_first() {
            Some((byte @ ..0x80, rest)) => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(at),
        }
    }

    fn long_varint(&mut self, at: usize) -> Result<u64, ProtoError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let eof = ProtoError::Eof { at, of: self.of };
            let (byte, rest) = self.rest.split_first().ok_or(eof)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(ProtoError::Overflow { at, of: self.of })
    }
}

impl<'a> Field<'a> {
    /// The value as a text or a message.
    pub(crate) fn bytes(&self) -> Result<&'a [u8], ProtoError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong_type()),
        }
    }

    /// The value as a `double`.
    pub(crate) fn double(&self) -> Result<f64, ProtoError> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.wrong_type()),
        }
    }

    /// The value as an `int64`.
    pub(crate) fn int64(&self) -> Result<i64, ProtoError> {
        match self.value {
            Value::Varint(number) => Ok(number.cast_signed()),
            _ => Err(self.wrong_type()),
        }
    }

    fn wrong_type(&self) -> ProtoError {
        let wire_type = match self.value {
            Value::Varint(_) => 0,
            Value::Fixed64(_) => 1,
            Value::Bytes(_) => 2,
            Value::Fixed32(_) => 5,
        };
        ProtoError::WireType { wire_type, field: self.number, at: self.at, of: self.of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first(bytes: &[u8]) -> Result<Option<Value<'_>>, ProtoError> {
        Ok(Fields::new(bytes, "m").next()?.map(|field| field.value))
    }

    #[test]
    fn every_wire_type_is_read() {
        for (bytes, value) in [
            (&[0x08, 0x96, 0x01][..], Value::Varint(150)),
            (&[0x09, 1, 0, 0, 0, 0, 0, 0, 0], Value::Fixed64(1)),
            (&[0x0a, 2, 7, 8], Value::Bytes(&[7, 8])),
            (&[0x0d, 2, 0, 0, 0], Value::Fixed32(2)),
            (
                &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                Value::Varint(u64::MAX),
            ),
        ] {
            assert_eq!(first(bytes), Ok(Some(value)));
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_place() {
        for (bytes, error) in [
            (&[0x0a, 3, 1][..], "unexpected EOF at byte 0 of m"),
            (
                &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                "unexpected EOF at byte 0 of m",
            ),
            (&[0x08, 0xff], "unexpected EOF at byte 0 of m"),
            (
                &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
                "proto: integer overflow at byte 0 of m",
            ),
            (&[0x0b], "proto: wrong wireType = 3 for field 1 at byte 0 of m"),
            (&[0x00], "proto: illegal tag 0 at byte 0 of m"),
        ] {
            let found = first(bytes).expect_err("no message").to_string();
            assert_eq!(found, error);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_go_on_forever(
            bytes in proptest::collection::vec(any::<u8>(), 0..64)
        ) {
            let mut fields = Fields::new(&bytes, "m");
            let mut steps = 0;
            while let Ok(Some(_)) = fields.next() {
                steps += 1;
                prop_assert!(steps <= bytes.len());
            }
        }
    }
}
