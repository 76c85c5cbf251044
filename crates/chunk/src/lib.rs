//! One series' samples as compressed bits, and back.
//!
//! A [`ChunkAppender`] takes samples one by one and has the bytes ready at any moment; [`decode`]
//! gives whole columns back, and [`SampleIter`] one sample after the other. [`mod@column`] packs finished
//! columns of times or values far tighter. Pure: bytes in, bytes out. Never panics on bytes from
//! outside; never checks sums, which is what files do.
//!
#![doc = include_str!("../../../docs/format/chunk.md")]

mod appender;
mod bits;
pub mod column;
mod iter;
mod simd;
mod timestamps;
mod values;

pub use appender::{ChunkAppender, MAX_SAMPLES, encode};
pub use bits::{BitReader, BitWriter};
pub use iter::{ChunkError, SampleIter, decode};
pub use values::Values;
