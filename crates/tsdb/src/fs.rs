//! Files made, renamed and removed so that a power cut at any moment leaves the old or the new.
//!
//! The only place of renames and directory syncs. What is published (a block's directory) is written
//! under a temporary name, synced, renamed, and the directory around it synced. What is removed is
//! renamed to a temporary name first. [`Files::sweep`] at the next open removes whatever temporary
//! names a crash has left.
//!
//! Everything goes through a [`Files`], one step at a time, so that a test can cut the sequence of
//! steps at each of them.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What names of things not yet published end with.
pub const TMP_CREATE: &str = ".tmp-for-creation";
/// What names of things being removed end with.
pub const TMP_DELETE: &str = ".tmp-for-deletion";

/// The way to the file system. Clones share one plan of faults, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Files {
    plan: Option<Arc<Plan>>,
}

/// Which steps fail, and how. Only tests have one.
#[derive(Debug)]
struct Plan {
    taken: AtomicU64,
    failing: std::ops::Range<u64>,
    /// What the system says; without, it is as if the process had died.
    errno: Option<i32>,
}

impl Files {
    /// Files that fail at every step after the first `steps`, as if the process had died there.
    pub fn cut_after(steps: u64) -> Self {
        let plan = Plan { taken: AtomicU64::new(0), failing: steps..u64::MAX, errno: None };
        Self { plan: Some(Arc::new(plan)) }
    }

    /// Files that fail at the steps in `failing` with the error that the system knows by this number.
    pub fn fail(failing: std::ops::Range<u64>, errno: i32) -> Self {
        let plan = Plan { taken: AtomicU64::new(0), failing, errno: Some(errno) };
        Self { plan: Some(Arc::new(plan)) }
    }

    /// Whether a plan has cut: some step was refused or the next one would be.
    pub fn is_cut(&self) -> bool {
        let has_begun = |plan: &Arc<Plan>| plan.taken.load(Ordering::Relaxed) >= plan.failing.start;
        self.plan.as_ref().is_some_and(has_begun)
    }

    /// Whether all steps that a plan lets fail are behind.
    pub fn is_well(&self) -> bool {
        let is_over = |plan: &Arc<Plan>| plan.taken.load(Ordering::Relaxed) >= plan.failing.end;
        self.plan.as_ref().is_none_or(is_over)
    }

    /// Makes an empty file, in place of any of that name.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Makes a directory, which may not be there yet.
    pub fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::create_dir(path)
    }

    /// Hands bytes to the system, behind what the file has. After an error some of them may be there.
    pub fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.step() {
            // What a full disk or a dying process leaves.
            let (torn, _) = bytes.split_at(bytes.len() / 2);
            file.write_all(torn)?;
            return Err(error);
        }
        file.write_all(bytes)
    }

    /// A file to be written through a buffer.
    pub fn writer(&self, file: File) -> FileWriter {
        FileWriter { files: self.clone(), file }
    }

    /// Cuts a file off, or makes it longer by zeros.
    pub fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        self.step()?;
        file.set_len(len)
    }

    /// Waits until a file's bytes are on the disk.
    pub fn sync(&self, file: &File) -> io::Result<()> {
        self.step()?;
        file.sync_all()
    }

    /// Waits until what a file has is on the disk, but perhaps not when it was changed.
    pub fn sync_data(&self, file: &File) -> io::Result<()> {
        self.step()?;
        file.sync_data()
    }

    /// Waits until the names in a directory are on the disk.
    pub fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        File::open(dir)?.sync_all()
    }

    /// Makes a whole file, synced; its name is not.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.create(path)?;
        self.append(&file, bytes)?;
        self.sync(&file)
    }

    /// Gives what is synced under the name `tmp` its own name, durably. Both lie in one directory.
    pub fn publish(&self, tmp: &Path, path: &Path) -> io::Result<()> {
        self.rename(tmp, path)?;
        // Crash here: the rename may be undone, and `tmp` is swept away at the next open.
        self.sync_dir(parent(path))
    }

    /// Makes a directory, which may not be there yet, with what another one has: directories of its
    /// own, the very same files. Both lie on one file system. Synced, but for its own name.
    pub fn link_tree(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.create_dir(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.link_tree(&entry.path(), &target)?;
            } else {
                self.step()?;
                std::fs::hard_link(entry.path(), target)?;
            }
        }
        self.sync_dir(to)
    }

    /// Removes a file whose name alone matters to nobody; after a crash it may be there again.
    pub fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::remove_file(path)
    }

    /// Removes a directory or a file: after a crash it is there whole, or gone.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let doomed = with_suffix(path, TMP_DELETE);
        self.rename(path, &doomed)?;
        self.sync_dir(parent(path))?;
        // Crash here: swept away at the next open.
        self.remove_tree(&doomed)
    }

    /// Moves a directory or file to another one on the same file system, durably.
    pub fn move_into(&self, path: &Path, dir: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(dir)?;
        let name = path.file_name().unwrap_or(OsStr::new("unnamed"));
        let mut target = dir.join(name);
        for n in 1.. {
            if !target.exists() {
                break;
            }
            let mut numbered = name.to_owned();
            numbered.push(format!("-{n}"));
            target = dir.join(numbered);
        }
        self.rename(path, &target)?;
        self.sync_dir(dir)?;
        self.sync_dir(parent(path))?;
        Ok(target)
    }

    /// Removes temporary names that a crash has left in `dir`; returns how many there were.
    pub fn sweep(&self, dir: &Path) -> io::Result<usize> {
        let mut swept = 0;
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(TMP_CREATE) || name.ends_with(TMP_DELETE) {
                self.remove_tree(&entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    #[expect(clippy::disallowed_methods, reason = "the callers sync the directories")]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::rename(from, to)
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
    }

    /// One step of the sequence that a plan may let fail.
    fn step(&self) -> io::Result<()> {
        let Some(plan) = &self.plan else { return Ok(()) };
        let step = plan.taken.fetch_add(1, Ordering::Relaxed);
        match plan.errno {
            _ if !plan.failing.contains(&step) => Ok(()),
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
            None => Err(io::Error::other("cut here by the test's plan")),
        }
    }
}

/// A file, each write to which is a step.
#[derive(Debug)]
pub struct FileWriter {
    files: Files,
    file: File,
}

impl FileWriter {
    /// The file itself.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.files.step()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// `path` with a suffix to its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The bytes a directory tree or file takes; what vanishes meanwhile counts nothing.
pub fn size_bytes(path: &Path) -> u64 {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| size_bytes(&entry.path())).sum()
}

/// Holds a directory for one process: the file `lock` in it, locked until this is dropped or the
/// process ends, however it ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Locks `dir`; `None` if another process (or this one) holds it.
    pub fn acquire(dir: &Path) -> io::Result<Option<Self>> {
        let path = dir.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(e)) => Err(e),
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::acquire(dir.path()).unwrap();
        assert!(held.is_some());
        assert!(DirLock::acquire(dir.path()).unwrap().is_none());
        drop(held);
        assert!(DirLock::acquire(dir.path()).unwrap().is_some());
    }

    #[test]
    fn publishing_cut_at_any_step_leaves_the_old_or_the_new() {
        for steps in 0..7 {
            let dir = tempfile::tempdir().unwrap();
            let (tmp, done) = (dir.path().join("x.tmp-for-creation"), dir.path().join("x"));
            let files = Files::cut_after(steps);
            let published = files.write(&tmp, b"new").and_then(|()| files.publish(&tmp, &done));
            assert_eq!(published.is_ok(), steps >= 5, "{steps} steps");
            Files::default().sweep(dir.path()).unwrap();
            let expected: &[&str] = if steps >= 4 { &["x"] } else { &[] };
            assert_eq!(names(dir.path()), expected, "{steps} steps");
        }
    }

    #[test]
    fn removing_cut_at_any_step_leaves_all_or_nothing() {
        for steps in 0..4 {
            let dir = tempfile::tempdir().unwrap();
            let doomed = dir.path().join("x");
            std::fs::create_dir(&doomed).unwrap();
            std::fs::write(doomed.join("a"), b"a").unwrap();
            let removed = Files::cut_after(steps).remove(&doomed);
            assert_eq!(removed.is_ok(), steps >= 3, "{steps} steps");
            Files::default().sweep(dir.path()).unwrap();
            assert_eq!(doomed.join("a").exists(), steps == 0, "{steps} steps");
        }
    }

    #[test]
    fn a_linked_tree_keeps_what_it_was_made_of() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::create_dir_all(from.join("deep")).unwrap();
        for file in ["a", "deep/b"] {
            std::fs::write(from.join(file), file).unwrap();
        }
        Files::default().link_tree(&from, &to).unwrap();
        assert!(Files::default().link_tree(&from, &to).is_err(), "never into what is there");
        Files::default().remove(&from).unwrap();
        for file in ["a", "deep/b"] {
            assert_eq!(std::fs::read_to_string(to.join(file)).unwrap(), file);
        }
    }

    #[test]
    fn moving_never_replaces_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (bad, jail) = (dir.path().join("bad"), dir.path().join("quarantine"));
        for _ in 0..3 {
            std::fs::write(&bad, b"x").unwrap();
            Files::default().move_into(&bad, &jail).unwrap();
        }
        assert_eq!(names(&jail), ["bad", "bad-1", "bad-2"]);
    }
}
