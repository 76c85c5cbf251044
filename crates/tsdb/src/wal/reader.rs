//! Reading a segment: its records in order, without those that are damaged.
//!
//! Behind damage the reading goes on with the next whole record. Records that go on from values which
//! the damaged ones had are passed over, up to one that begins anew.

#![deny(clippy::indexing_slicing)]

use std::io::{self, Read};

use model::{Labels, Timestamp};

use super::header::{self, Kind};
use super::notes::Notes;
use super::record::{self, Decoder, Logged};
use super::source::{Next, Source};

/// One commit out of the log.
pub(crate) struct Replayed<'a> {
    /// The segment it is in; numbers of series are those of the segment.
    pub(crate) segment: u32,
    /// The series it defines; they have the last numbers up to `num_series`.
    pub(crate) new_series: &'a [Labels],
    /// How many series there are, with those; of some the labels may be lost.
    pub(crate) num_series: usize,
    /// Its samples.
    pub(crate) samples: &'a [Logged],
    /// The histograms among them, as bytes.
    pub(crate) histograms: &'a [Vec<u8>],
    /// What it has beside them.
    pub(crate) notes: &'a Notes,
}

/// What the reading of a segment found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The newest sample, deletion or cut.
    pub(super) max_t: Option<Timestamp>,
    /// Bytes that are damaged, each from where to where.
    pub(super) damaged: Vec<(u64, u64)>,
    /// Records whose floats are lost as they go on from damaged ones.
    pub(super) without_floats: u64,
    /// Where the records end, if the bytes go on.
    pub(super) end: Option<u64>,
    /// Whether what follows the last record is what a crash leaves of a commit under way.
    pub(super) is_torn: bool,
    /// The version that the header names, if this build does not read it; then nothing was read.
    pub(super) unknown: Option<u8>,
}

/// Reads a segment of `len` bytes.
pub(super) fn read(
    from: impl Read,
    len: u64,
    segment: u32,
    replay: &mut dyn FnMut(&Replayed<'_>),
) -> io::Result<Found> {
    let mut source = Source::new(from, len);
    let mut found = Found::default();
    let mut decoder = Decoder::default();
    match header::kind(source.fill(header::LEN)?) {
        Kind::Segment { version } => {
            decoder = Decoder::of_version(version);
            source.skip(header::LEN);
        }
        Kind::Unknown { version } => {
            found.unknown = Some(version);
            return Ok(found);
        }
        Kind::Begun => return Ok(found),
        Kind::Damaged => {
            decoder.skip();
            if !found.pass_damage(&mut source, Next::Broken)? {
                return Ok(found);
            }
        }
    }
    loop {
        let next = source.next()?;
        match next {
            Next::End => return Ok(found),
            Next::Record(len) => {
                if let Some(read) = decoder.read(source.record()) {
                    found.replay(segment, &decoder, read, replay);
                    source.skip(len);
                    continue;
                }
            }
            Next::Torn | Next::Broken => {}
        }
        decoder.skip();
        if !found.pass_damage(&mut source, next)? {
            return Ok(found);
        }
    }
}

impl Found {
    fn replay(
        &mut self,
        segment: u32,
        decoder: &Decoder,
        read: record::Read,
        replay: &mut dyn FnMut(&Replayed<'_>),
    ) {
        self.without_floats += u64::from(read == record::Read::NoFloats);
        let samples = decoder.samples().iter().map(|sample| sample.t);
        self.max_t = self.max_t.max(samples.chain(decoder.notes().newest()).max());
        replay(&Replayed {
            segment,
            new_series: decoder.new_series(),
            num_series: decoder.num_series(),
            samples: decoder.samples(),
            histograms: decoder.histograms(),
            notes: decoder.notes(),
        });
    }

    /// Goes on to the next record; false if there is none.
    fn pass_damage<R: Read>(&mut self, source: &mut Source<R>, what: Next) -> io::Result<bool> {
        let from = source.at();
        source.skip(usize::from(source.left() > 0));
        let goes_on = source.seek_record()?;
        self.is_torn = !goes_on && what == Next::Torn;
        if !self.is_torn {
            self.damaged.push((from, source.at()));
        }
        if !goes_on {
            self.end = Some(from);
        }
        Ok(goes_on)
    }
}
