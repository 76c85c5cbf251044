//! A file as bytes: mapped into memory, cheap to clone, read only.
//!
//! The only unsafe code of the database. Mapped files are those of published blocks: nobody writes to
//! them again, and removing one leaves the bytes until the last clone is gone.

use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;

/// Maps a whole file. An empty file gives no bytes.
pub(crate) fn open(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(Bytes::new());
    }
    Ok(Bytes::from_owner(map(&file)?))
}

#[expect(unsafe_code, reason = "mapping a file is unsafe if somebody changes it meanwhile")]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the map stays valid as long as no process shortens or rewrites the file. Block files
    // are written once, under a temporary name, and never again: `block::writer` makes a new file
    // for every block, and the directory's lock keeps other processes of ours away. Bytes that change
    // under us all the same are caught by their checksum, and no reader keeps a `&str` from them.
    unsafe { memmap2::Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_is_its_bytes_and_outlives_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for content in [&b""[..], b"x", &[7; 100_000]] {
            std::fs::write(&path, content).unwrap();
            let mapped = open(&path).unwrap();
            assert_eq!(mapped, std::fs::read(&path).unwrap());
            std::fs::remove_file(&path).unwrap();
            assert_eq!(mapped, content);
        }
    }
}
