//! The directory `chunks` of a Prometheus block: segments of chunks, each chunk with its checksum.

#![deny(clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::Timestamp;
use storage::{ChunkMeta, Columns};

use super::histogram::{self, Counts};
use super::index::ChunkPlace;
use super::section::checked;
use crate::columns::Marks;
use crate::cursor::Cursor;
use crate::error::BlockError;
use crate::mmap;

pub(super) const MAGIC: [u8; 4] = 0x85BD_40DDu32.to_be_bytes();
pub(super) const VERSION: u8 = 1;
/// Magic, version and three zeros.
pub(super) const HEADER_BYTES: usize = 8;

/// How the bytes of a chunk are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Floats as the `chunk` crate writes them.
    Xor = 1,
    /// Histograms with integer counts.
    Histogram = 2,
    /// Histograms with float counts.
    FloatHistogram = 3,
}

impl Encoding {
    pub(super) fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Xor),
            2 => Some(Self::Histogram),
            3 => Some(Self::FloatHistogram),
            _ => None,
        }
    }
}

/// The opened segments of a block.
#[derive(Debug)]
pub(super) struct ChunksReader {
    segments: Vec<(PathBuf, Bytes)>,
}

impl ChunksReader {
    /// Maps the segments in `dir`, in the order of their numbers.
    pub(super) fn open(dir: &Path) -> Result<Self, BlockError> {
        let io = |source| BlockError::Io { action: "list", path: dir.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(number) = name.and_then(|name| name.parse::<u64>().ok()) {
                paths.push((number, path));
            }
        }
        paths.sort();
        let mut segments = Vec::new();
        for (_, path) in paths {
            let io = |source| BlockError::Io { action: "open", path: path.clone(), source };
            let file = mmap::open(&path).map_err(io)?;
            let header = MAGIC.iter().chain(&[VERSION]);
            if !file.iter().take(MAGIC.len() + 1).eq(header) || file.len() < HEADER_BYTES {
                let expected = "a segment of Prometheus chunks, version 1".to_owned();
                return Err(BlockError::Damaged { path, section: "header", offset: 0, expected });
            }
            segments.push((path, file));
        }
        Ok(Self { segments })
    }

    /// The name of each segment and its size.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.segments.iter().map(|(path, file)| (path.as_path(), file.len() as u64))
    }

    /// What is known of a chunk before it is decoded; its count is not yet checked.
    pub(super) fn meta(&self, place: &ChunkPlace) -> ChunkMeta {
        let ChunkPlace { min_t, max_t, .. } = *place;
        let count = self.bytes_from(place).and_then(|bytes| {
            let mut cursor = Cursor::new(bytes);
            cursor.varint()?;
            cursor.take(1)?;
            cursor.take(2)?.try_into().ok().map(u16::from_be_bytes)
        });
        ChunkMeta { min_t, max_t, count: count.unwrap_or(0).into() }
    }

    /// Appends the samples of a chunk to the columns of its kind.
    pub(super) fn read(&self, place: &ChunkPlace, columns: &mut Columns) -> Result<(), BlockError> {
        let mut expected = "a chunk with its checksum".to_owned();
        let read = self.bytes_from(place).and_then(|bytes| {
            let mut cursor = Cursor::new(bytes);
            let len = cursor.size()?.checked_add(1)?;
            let (encoding, payload) = checked(&mut cursor, len)?.split_first()?;
            let Some(encoding) = Encoding::of(*encoding) else {
                expected = format!("an encoding from 1 to 3, not {encoding}");
                return None;
            };
            expected = format!("{encoding:?} samples from {} to {}", place.min_t, place.max_t);
            decode(encoding, payload, place.min_t, place.max_t, columns)
        });
        read.ok_or_else(|| {
            let segment = usize::try_from(place.reference >> 32).ok();
            let segment = segment.and_then(|at| self.segments.get(at));
            let path = segment.map_or_else(PathBuf::new, |(path, _)| path.clone());
            let offset = place.reference & u64::from(u32::MAX);
            BlockError::Damaged { path, section: "chunk", offset, expected }
        })
    }

    /// The bytes of a segment from a chunk on.
    fn bytes_from(&self, place: &ChunkPlace) -> Option<&[u8]> {
        let (_, file) = self.segments.get(usize::try_from(place.reference >> 32).ok()?)?;
        file.get(usize::try_from(place.reference & u64::from(u32::MAX)).ok()?..)
    }
}

/// Appends the samples of a chunk, all between the times given, to the columns of its kind. `None`,
/// and columns as they were, if the bytes are no such chunk.
pub(super) fn decode(
    encoding: Encoding,
    payload: &[u8],
    min_t: Timestamp,
    max_t: Timestamp,
    columns: &mut Columns,
) -> Option<()> {
    let marks = Marks::of(columns);
    let Columns { timestamps, values, histogram_timestamps, histograms, .. } = columns;
    let (floats_from, histograms_from) = (timestamps.len(), histogram_timestamps.len());
    let counts = match encoding {
        Encoding::Xor => None,
        Encoding::Histogram => Some(Counts::Integer),
        Encoding::FloatHistogram => Some(Counts::Float),
    };
    let times = match counts {
        None => timestamps
            .extend_with(|times| chunk::decode(payload, times, values))
            .ok()
            .and_then(|()| timestamps.get(floats_from..)),
        Some(counts) => histogram::decode(payload, counts, histogram_timestamps, histograms)
            .and_then(|()| histogram_timestamps.get(histograms_from..)),
    };
    let inside = times.is_some_and(|times| {
        times.first().is_some_and(|t| *t >= min_t) && times.last().is_some_and(|t| *t <= max_t)
    });
    if !inside {
        marks.cut(columns);
        return None;
    }
    Some(())
}
