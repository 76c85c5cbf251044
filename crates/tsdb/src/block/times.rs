//! The columns of times of a block that is being written: each distinct one once.
//!
//! They go to a file of their own first, for they stand behind the values in the block, and there may
//! be too many to hold in memory.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufWriter, Write};

use chunk::column::{self, Effort};
use model::Timestamp;
use storage::ChunkMeta;

use crate::fs::FileWriter;

/// Collects columns of times.
pub(super) struct TimesWriter {
    out: BufWriter<FileWriter>,
    columns: Vec<NewColumn>,
    /// Two hashes of each column, with keys nobody can guess: together they do not meet by accident.
    known: HashMap<(u64, u64), u32>,
    keys: [RandomState; 2],
    scratch: Vec<u8>,
}

/// A column, and how many bytes it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewColumn {
    pub(super) meta: ChunkMeta,
    pub(super) len: u32,
}

impl TimesWriter {
    /// Writes to an empty file.
    pub(super) fn new(file: FileWriter) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 15, file),
            columns: Vec::new(),
            known: HashMap::new(),
            keys: [RandomState::new(), RandomState::new()],
            scratch: Vec::new(),
        }
    }

    /// The number of the column of these times, of which there is at least one.
    pub(super) fn add(&mut self, times: &[Timestamp]) -> io::Result<u32> {
        let [a, b] = &self.keys;
        let fingerprint = (a.hash_one(times), b.hash_one(times));
        if let Some(number) = self.known.get(&fingerprint) {
            return Ok(*number);
        }
        self.scratch.clear();
        column::encode_ints(times, Effort::Best, &mut self.scratch);
        self.out.write_all(&self.scratch)?;
        self.out.write_all(&crc32fast::hash(&self.scratch).to_le_bytes())?;
        let number = u32::try_from(self.columns.len()).map_err(io::Error::other)?;
        let meta = ChunkMeta {
            min_t: times[0],
            max_t: times[times.len() - 1],
            count: u32::try_from(times.len()).expect("a chunk has few samples"),
        };
        let len = u32::try_from(self.scratch.len()).expect("few times take few bytes");
        self.columns.push(NewColumn { meta, len });
        self.known.insert(fingerprint, number);
        Ok(number)
    }

    /// The file with all columns, each followed by its checksum, and what they are.
    pub(super) fn finish(self) -> io::Result<(File, Vec<NewColumn>)> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file.into_file(), self.columns))
    }
}
