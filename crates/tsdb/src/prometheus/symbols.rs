//! The symbols of an index file: every name and value of a label, sorted, each once.

#![deny(clippy::indexing_slicing)]

use bytes::Bytes;

use super::Version;
use super::section::{be32, section_at, text};
use crate::cursor::Cursor;

/// Of so many symbols one is remembered with its place.
const STEP: u32 = 32;

/// An opened table of symbols.
#[derive(Debug)]
pub(super) struct Symbols {
    version: Version,
    file: Bytes,
    /// Where the checked bytes of the table end.
    end: usize,
    count: u32,
    /// Where every 32nd symbol begins.
    places: Vec<usize>,
}

impl Symbols {
    /// Passes once over the table at `offset`; `None` if it is damaged.
    pub(super) fn open(file: &Bytes, version: Version, offset: u64) -> Option<Self> {
        let section = section_at(file, offset)?;
        let start = usize::try_from(offset).ok()?.checked_add(4)?;
        let mut cursor = Cursor::new(section);
        let count = be32(&mut cursor)?;
        let mut places = Vec::new();
        for n in 0..count {
            if n % STEP == 0 {
                places.push(start + section.len() - cursor.rest().len());
            }
            cursor.take_sized()?;
        }
        let end = start + section.len();
        Some(Self { version, file: file.clone(), end, count, places })
    }

    /// The symbol that a series refers to so: by its number, in version 1 by its place in the file.
    pub(super) fn get(&self, reference: u32) -> Option<&str> {
        let (place, passed_over) = match self.version {
            Version::V1 => (usize::try_from(reference).ok()?, 0),
            Version::V2 if reference < self.count => {
                let at = usize::try_from(reference / STEP).ok()?;
                (*self.places.get(at)?, reference % STEP)
            }
            Version::V2 => return None,
        };
        let mut cursor = Cursor::new(self.file.get(place..self.end)?);
        for _ in 0..passed_over {
            cursor.take_sized()?;
        }
        text(&mut cursor)
    }
}
