//! Reading a segment: its records in order, up to the first that is torn or damaged.

use model::Labels;

use super::notes::Notes;
use super::record::{Decoder, Logged};
use super::{MAGIC, Segment, VERSION, Wal, segment_path};
use crate::error::OpenError;
use crate::frame;
use crate::index::header;

/// One commit out of the log.
pub(crate) struct Replayed<'a> {
    /// The segment it is in.
    pub(crate) segment: u32,
    /// The labels of the segment's series by number.
    pub(crate) labels: &'a [Labels],
    /// Its samples.
    pub(crate) samples: &'a [Logged],
    /// The histograms among them, as bytes.
    pub(crate) histograms: &'a [Vec<u8>],
    /// What it has beside them.
    pub(crate) notes: &'a Notes,
}

/// How the reading of a segment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// After its last byte.
    Whole,
    /// At this byte, where no record is.
    Torn { at: usize },
    /// At its header: not a segment, or none that says so.
    NoSegment,
    /// At its header: of a format this build does not read.
    Unknown { version: u8 },
}

impl Wal {
    /// Replays a segment and notes it among the old ones.
    pub(super) fn read_segment(
        &mut self,
        number: u32,
        is_last: bool,
        replay: &mut dyn FnMut(&Replayed<'_>),
    ) -> Result<(), OpenError> {
        let path = segment_path(&self.dir, number);
        let bytes = std::fs::read(&path).map_err(OpenError::io("read", &path))?;
        let mut segment = Segment { number, size: bytes.len() as u64, max_t: None };
        let end = read(&bytes, number, &mut |replayed| {
            let newest = replayed.samples.iter().map(|sample| sample.t);
            let newest = newest.chain(replayed.notes.newest()).max();
            segment.max_t = segment.max_t.max(newest);
            replay(replayed);
        });
        match end {
            End::Whole if segment.max_t.is_none() => {
                // Made, but a crash came before its first record.
                return self.files.remove(&path).map_err(OpenError::io("remove", &path));
            }
            End::Whole => {}
            End::Unknown { version } => {
                let found = version.to_string();
                return Err(OpenError::UnknownFormat { path, found, newest: "1" });
            }
            End::NoSegment => {
                self.counters.wal_corruptions.inc();
                tracing::error!(segment = %path.display(), "not a segment of the log, skipped");
                // Kept for someone to look at, until all that came with it is in blocks.
                segment.max_t = Some(i64::MAX);
            }
            End::Torn { at } => {
                self.counters.wal_corruptions.inc();
                let lost_bytes = bytes.len() - at;
                tracing::warn!(
                    segment = %path.display(), at, lost_bytes, is_last,
                    "no whole record here in the log; what follows in the segment is lost"
                );
                if is_last {
                    self.cut_off(&path, at as u64).map_err(OpenError::io("cut off", &path))?;
                    segment.size = at as u64;
                }
            }
        }
        self.old.push(segment);
        Ok(())
    }

    /// Cuts a file off behind its last whole record, so that the next open does not find it torn.
    fn cut_off(&self, path: &std::path::Path, len: u64) -> std::io::Result<()> {
        let file = std::fs::OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        self.files.sync(&file)
    }
}

/// Reads the records of a segment, as many as are whole.
fn read(bytes: &[u8], segment: u32, replay: &mut dyn FnMut(&Replayed<'_>)) -> End {
    let header = header(MAGIC, VERSION);
    let Some((found, mut rest)) = bytes.split_first_chunk::<16>() else {
        return if header.starts_with(bytes) { End::Whole } else { End::NoSegment };
    };
    if *found != header {
        let (magic, version) = (found.starts_with(&MAGIC), found[MAGIC.len()]);
        let is_unknown = magic && version != VERSION;
        return if is_unknown { End::Unknown { version } } else { End::NoSegment };
    }
    let mut decoder = Decoder::default();
    while !rest.is_empty() {
        let whole = frame::split(rest).and_then(|(record, after)| {
            decoder.read(record)?;
            Some(after)
        });
        let Some(after) = whole else { return End::Torn { at: bytes.len() - rest.len() } };
        rest = after;
        replay(&Replayed {
            segment,
            labels: decoder.labels(),
            samples: decoder.samples(),
            histograms: decoder.histograms(),
            notes: decoder.notes(),
        });
    }
    End::Whole
}
