//! The file `data` of a block: chunks, each with its checksum (`docs/format/block.md`).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use bytes::Bytes;
use model::Histogram;
use storage::{ChunkMeta, Columns};

use crate::error::BlockError;
use crate::histogram::{self, HistogramChunk};
use crate::index::{ChunkSlot, header};

const MAGIC: [u8; 8] = *b"FRLCHUNK";
const VERSION: u8 = 1;
/// Floats as the `chunk` crate writes them.
const GORILLA: u8 = 1;
/// Histograms (`docs/format/histogram.md`).
const HISTOGRAMS: u8 = 2;
/// What a chunk takes beside its payload: encoding and checksum.
const OVERHEAD: usize = 5;

/// Writes chunks one behind the other.
pub(super) struct ChunksWriter {
    out: BufWriter<File>,
    crc: crc32fast::Hasher,
    size: u64,
    scratch: Vec<u8>,
}

impl ChunksWriter {
    /// Begins a data file.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let out = BufWriter::with_capacity(1 << 17, file);
        let mut writer = Self { out, crc: crc32fast::Hasher::new(), size: 0, scratch: Vec::new() };
        writer.put(&header(MAGIC, VERSION))?;
        Ok(writer)
    }

    /// Writes one chunk of at least one sample.
    pub(super) fn add(&mut self, timestamps: &[i64], values: &[f64]) -> io::Result<ChunkSlot> {
        self.add_chunk(timestamps, |bytes| {
            bytes.push(GORILLA);
            chunk::encode(timestamps, values, bytes);
        })
    }

    /// The same, of histograms.
    pub(super) fn add_histograms(
        &mut self,
        timestamps: &[i64],
        histograms: &[Histogram],
    ) -> io::Result<ChunkSlot> {
        self.add_chunk(timestamps, |bytes| {
            bytes.push(HISTOGRAMS);
            let mut chunk = HistogramChunk::default();
            let mut one = Vec::new();
            for (t, histogram) in timestamps.iter().zip(histograms) {
                one.clear();
                histogram::put(&mut one, histogram);
                chunk.append(*t, &one);
            }
            bytes.extend_from_slice(chunk.bytes());
        })
    }

    fn add_chunk(
        &mut self,
        timestamps: &[i64],
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<ChunkSlot> {
        let offset = self.size;
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        encode(&mut bytes);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        self.put(&bytes)?;
        let len = u32::try_from(bytes.len()).expect("few samples take few bytes");
        self.scratch = bytes;
        let meta = ChunkMeta {
            min_t: timestamps[0],
            max_t: timestamps[timestamps.len() - 1],
            count: u32::try_from(timestamps.len()).expect("a chunk has few samples"),
        };
        Ok(ChunkSlot { meta, offset, len })
    }

    /// The file, all of it handed to the system but not synced; its size and checksum.
    pub(super) fn finish(self) -> io::Result<(File, u64, u32)> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.size, self.crc.finalize()))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// An opened data file.
#[derive(Debug)]
pub(super) struct ChunksReader {
    path: PathBuf,
    file: Bytes,
}

impl ChunksReader {
    /// Opens the bytes of a data file; `path` is for errors.
    pub(super) fn open(path: PathBuf, file: Bytes) -> Result<Self, BlockError> {
        let header = header(MAGIC, VERSION);
        if file.get(..header.len()) != Some(&header[..]) {
            let expected = "FRLCHUNK, version 1".to_owned();
            return Err(BlockError::Damaged { path, section: "header", offset: 0, expected });
        }
        Ok(Self { path, file })
    }

    /// Appends the samples of a chunk to the columns of its kind.
    pub(super) fn read(&self, slot: ChunkSlot, columns: &mut Columns) -> Result<(), BlockError> {
        let Columns { timestamps, values, histogram_timestamps, histograms } = columns;
        let (floats_from, histograms_from) = (timestamps.len(), histogram_timestamps.len());
        let read = self.payload(slot).and_then(|(encoding, payload)| {
            let times = match encoding {
                GORILLA => {
                    chunk::decode(payload, timestamps, values).ok()?;
                    timestamps.get(floats_from..)?
                }
                HISTOGRAMS => {
                    histogram::decode(payload, histogram_timestamps, histograms)?;
                    histogram_timestamps.get(histograms_from..)?
                }
                _ => return None,
            };
            let ends = (times.first().copied(), times.last().copied());
            let expected = (Some(slot.meta.min_t), Some(slot.meta.max_t));
            (ends == expected && times.len() == slot.meta.count as usize).then_some(())
        });
        read.ok_or_else(|| {
            timestamps.truncate(floats_from);
            values.truncate(floats_from);
            histogram_timestamps.truncate(histograms_from);
            histograms.truncate(histograms_from);
            BlockError::Damaged {
                path: self.path.clone(),
                section: "chunk",
                offset: slot.offset,
                expected: format!("{} samples in {} bytes", slot.meta.count, slot.len),
            }
        })
    }

    /// Encoding and bytes of a chunk.
    fn payload(&self, slot: ChunkSlot) -> Option<(u8, &[u8])> {
        let from = usize::try_from(slot.offset).ok()?;
        let len = usize::try_from(slot.len).ok().filter(|len| *len > OVERHEAD)?;
        let bytes = self.file.get(from..from.checked_add(len)?)?;
        let (checked, crc) = bytes.split_at_checked(len - 4)?;
        if crc32fast::hash(checked).to_le_bytes() != *crc {
            return None;
        }
        let (encoding, payload) = checked.split_first()?;
        Some((*encoding, payload))
    }
}
