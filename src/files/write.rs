//! Writing, whole or not at all, follows one recipe: a temporary file beside the target, made with `create_new` and mode 0600,
//! written, synced, renamed over the target, and the folder synced. So a crash leaves the old file or the new one, never half
//! of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::text::shell_word;

use super::{LARGEST, private_mode, read_others};

/// Temporary files older than this were left by a crash.
const STALE: Duration = Duration::from_secs(3600);

/// A file that is written beside its place, and on its way to the disk. Dropped before [`StagedFile::commit`], it goes without a trace.
#[must_use = "it is in its place only after commit"]
pub struct StagedFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    /// Let go when it is in its place, or gone.
    share: Option<File>,
}

impl StagedFile {
    /// Writes `bytes` for `path`; waits for no disk.
    ///
    /// # Errors
    /// [`Error::Io`]; then nothing is there.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<StagedFile, Error> {
        let temporary = temporary_beside(path)?;
        let file = match create(&temporary, path, bytes) {
            Ok(file) => file,
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                return Err(error);
            }
        };
        // Linux begins to write out what is said not to be needed soon (mm/fadvise.c), and keeps what is not yet written. Then a sync
        // has less to wait for.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(StagedFile { file, temporary, path: path.to_owned(), share: None })
    }

    /// The same, with a share of a lock ([`super::share`]) for as long as it is under way.
    pub fn holding(mut self, share: File) -> StagedFile {
        self.share = Some(share);
        self
    }

    /// Puts it where nothing is yet and nobody looks yet, durably. Until this returns, a power failure may leave a torn file there;
    /// in return, the file and its name go into the disk's log together and not one after the other.
    ///
    /// # Errors
    /// [`Error::Io`]; then it is gone.
    pub fn commit(mut self) -> Result<(), Error> {
        self.rename("write")?;
        let committed = self.sync().and_then(|()| sync_folder(&self.path));
        if committed.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        committed
    }

    /// Puts it in the place of what is there, durably: a crash leaves that or this.
    fn replace(mut self) -> Result<(), Error> {
        self.sync()?;
        self.rename("replace")?;
        sync_folder(&self.path)
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io("write", &self.path))
    }

    fn rename(&mut self, doing: &'static str) -> Result<(), Error> {
        fs::rename(&self.temporary, &self.path).map_err(Error::io(doing, &self.path))?;
        self.temporary = PathBuf::new();
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Replaces `path` by `bytes`, durably. The caller holds the lock that guards it, if any does.
///
/// # Errors
/// [`Error::Io`]; then the old content is untouched.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_private_after(None, path, bytes)
}

/// As [`write_private`], but first commits another file, of which `bytes` speak: whoever reads them finds it, after a crash too. What
/// both have to do for it, the disk does at once.
///
/// # Errors
/// [`Error::Io`]; then the old content is untouched, and the other file may be in its place or gone.
pub fn write_private_after(first: Option<StagedFile>, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let staged = StagedFile::write(path, bytes)?;
    first.map_or(Ok(()), StagedFile::commit)?;
    staged.replace()
}

/// Writes a file that must not be there yet, private and durable. What a crash leaves half written is the caller's to notice.
///
/// # Errors
/// [`Error::Io`], also when something is there.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_new(path, path, bytes)?;
    sync_folder(path)
}

/// Takes up as much room beside `path` as `noise` is long, under a name that a sweep knows, for a file that must be written
/// later whatever fills the disk meanwhile. Returns where; [`remove`] gives it back.
///
/// # Errors
/// [`Error::Io`]; then nothing is taken up.
pub fn reserve_space(path: &Path, noise: &[u8]) -> Result<PathBuf, Error> {
    let beside = temporary_beside(path)?;
    let written = write_new(&beside, path, noise);
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map(|()| beside)
}

/// Replaces a file of another program, durably, if it still holds `before`. It keeps its mode; on the way nobody else can
/// read it. `lock`: the name under which that program itself writes a new file before it renames it, so that the two keep
/// out of each other's way.
///
/// # Errors
/// [`Error::Foreign`] when it was changed meanwhile or belongs to somebody else, [`Error::Io`]; then it is as it was.
pub fn rewrite(path: &Path, before: &[u8], after: &[u8], lock: Option<&Path>) -> Result<(), Error> {
    let refuse = |why: &'static str, fix: String| Error::Foreign { path: path.to_owned(), why, fix };
    let about = fs::metadata(path).map_err(Error::io("look at", path))?;
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::uid(&about) != rustix::process::geteuid().as_raw() {
        let why = "it belongs to somebody else, and a new file would be ours";
        return Err(refuse(why, format!("see whose it is: ls -l {}", shell_word(path))));
    }
    let temporary = lock.map_or_else(|| temporary_beside(path), |lock| Ok(lock.to_owned()))?;
    if lock.is_some() && temporary.exists() {
        let fix = format!("if no git runs, one that crashed left it: rm {}", shell_word(&temporary));
        return Err(refuse("its lock is taken", fix));
    }
    let written = (|| {
        write_new(&temporary, path, after)?;
        if read_others(path)?.is_none_or(|now| *zeroize::Zeroizing::new(now) != *before) {
            return Err(changed_just_now(path));
        }
        fs::set_permissions(&temporary, about.permissions()).map_err(Error::io("write", path))?;
        fs::rename(&temporary, path).map_err(Error::io("replace", path))?;
        sync_folder(path)
    })();
    // A lock that somebody else took in this moment is theirs.
    let theirs = |error: &Error| matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists);
    if written.as_ref().is_err_and(|error| !theirs(error)) {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// That another program wrote into its file while we were about to.
pub fn changed_just_now(path: &Path) -> Error {
    let fix = "run the command once more; it looks at the file anew".to_owned();
    Error::Foreign { path: path.to_owned(), why: "it was changed just now", fix }
}

/// Removes `path` durably; nothing there is fine.
///
/// # Errors
/// [`Error::Io`].
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// Removes temporary files that a crash left in `folder` more than an hour ago. Failures do not matter: the next
/// sweep comes.
pub fn sweep(folder: &Path) {
    for path in leftovers(folder) {
        let _ = fs::remove_file(path);
    }
}

/// Temporary files that a crash left in `folder` more than an hour ago.
#[must_use]
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let stale = |entry: &fs::DirEntry| {
        is_temporary(&entry.file_name())
            && entry
                .metadata()
                .and_then(|about| about.modified())
                .is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > STALE))
    };
    entries.flatten().filter(stale).map(|entry| entry.path()).collect()
}

/// How temporary files begin.
const TEMPORARY: &str = ".new-";

/// Whether we named it: in other people's folders, names that only begin alike are somebody else's.
fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_str().and_then(|name| crate::account::Id::parse(name.strip_prefix(TEMPORARY)?)).is_some()
}

fn temporary_beside(path: &Path) -> Result<PathBuf, Error> {
    let id = crate::account::Id::random()?;
    Ok(path.with_file_name(format!("{TEMPORARY}{}", id.as_str())))
}

/// Writes a file that must not exist yet, mode 0600, synced. What goes wrong is told of `target`, for which it is meant: a
/// random name says nothing to a person.
fn write_new(path: &Path, target: &Path, bytes: &[u8]) -> Result<(), Error> {
    create(path, target, bytes)?.sync_all().map_err(Error::io("write", target))
}

/// The same, not synced.
fn create(path: &Path, target: &Path, bytes: &[u8]) -> Result<File, Error> {
    // What is written is read again. One too large would be in its place, and every reader would refuse it.
    if bytes.len() > LARGEST {
        let why = format!("it would be larger than the {} MiB that keyfob reads", LARGEST >> 20);
        return Err(Error::io("write", target)(io::Error::other(why)));
    }
    crate::process::may_write(bytes).map_err(Error::io("write", target))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private_mode(&mut options);
    let mut file = options.open(path).map_err(Error::io("write", target))?;
    file.write_all(bytes).map_err(Error::io("write", target))?;
    Ok(file)
}

/// Makes durable what another program has just written at our word; one that is not there stays so.
///
/// # Errors
/// [`Error::Io`].
pub fn sync_others(path: &Path) -> Result<(), Error> {
    let Ok(path) = fs::canonicalize(path) else { return Ok(()) };
    // Windows syncs only what may be written.
    #[cfg(unix)]
    super::open_unhindered(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
    sync_parent(&path);
    Ok(())
}

/// Makes the name of `path` durable, as far as that goes: where it lies in somebody else's folder, we need not be able to read that.
pub fn sync_parent(path: &Path) {
    drop(sync_folder(path));
}

/// Makes the name of `path` durable.
fn sync_folder(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
