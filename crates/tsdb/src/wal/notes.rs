//! What a record has beside its samples: exemplars, deletions, a cut of the head. Their tokens name
//! series by number and leave the place where it is (`docs/format/wal.md`).

#![deny(clippy::indexing_slicing)]

use model::{Labels, TimeRange, Timestamp};

use super::labels::{put_labels, take_labels};
use super::record::MAX_SAMPLES;
use crate::cursor::{Cursor, put_zigzag};
use crate::exemplars::Kept;

/// An exemplar of a series.
pub(super) const EXEMPLAR: u8 = 0xd6;
/// Samples of a series are deleted.
pub(super) const DELETE: u8 = 0xd7;
/// The head was cut.
pub(super) const CUT: u8 = 0xd8;

/// What a record has beside its samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) exemplars: Vec<LoggedExemplar>,
    pub(crate) deleted: Vec<Deleted>,
    /// Samples before this moment, of records before, are in blocks or deleted.
    pub(crate) cut: Option<Timestamp>,
}

/// An exemplar as a record has it.
#[derive(Clone, Debug)]
pub(crate) struct LoggedExemplar {
    /// The series' number in the segment.
    pub(crate) series: u32,
    pub(crate) kept: Kept,
}

/// Samples of a series that a record deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// The series' number in the segment.
    pub(crate) series: u32,
    pub(crate) range: TimeRange,
}

impl Notes {
    pub(super) fn clear(&mut self) {
        self.exemplars.clear();
        self.deleted.clear();
        self.cut = None;
    }

    /// Up to when the record matters for what it notes; `None` if it notes nothing. Exemplars go with
    /// the samples around them.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let exemplars = self.exemplars.first().map(|_| Timestamp::MIN);
        self.deleted
            .iter()
            .map(|deleted| deleted.range.max())
            .chain(self.cut)
            .chain(exemplars)
            .max()
    }

    /// Reads what follows a token; `None` if it is none of a note, or what follows is none. There are
    /// so many series.
    pub(super) fn take(
        &mut self,
        token: u8,
        cursor: &mut Cursor<'_>,
        num_series: usize,
    ) -> Option<()> {
        if token == CUT {
            self.cut = Some(cursor.zigzag()?);
            return Some(());
        }
        let series = cursor.number().filter(|series| (*series as usize) < num_series)?;
        if self.exemplars.len().max(self.deleted.len()) == MAX_SAMPLES {
            return None;
        }
        match token {
            EXEMPLAR => {
                let (t, value) = (cursor.zigzag()?, f64::from_bits(cursor.u64()?));
                let labels = take_labels(cursor)?;
                let kept = Kept { labels, value, t, has_t: false };
                self.exemplars.push(LoggedExemplar { series, kept });
            }
            DELETE => {
                let range = TimeRange::new(cursor.zigzag()?, cursor.zigzag()?)?;
                self.deleted.push(Deleted { series, range });
            }
            _ => return None,
        }
        Some(())
    }
}

/// Appends what follows the number of the series an exemplar is of.
pub(super) fn put_exemplar(out: &mut Vec<u8>, exemplar: &Kept) {
    put_zigzag(out, exemplar.t);
    out.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
    put_labels(out, &exemplar.labels, &Labels::empty());
}

/// Appends what follows the number of the series that loses a range.
pub(super) fn put_deleted(out: &mut Vec<u8>, range: TimeRange) {
    put_zigzag(out, range.min());
    put_zigzag(out, range.max());
}
