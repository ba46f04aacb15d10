//! Files that hold what matters: read only when they are safe, written whole or not at all (write.rs).
//!
//! Reading refuses symbolic links, files of other people and files that others could read, as ssh does, and names the
//! exact command that mends it. Deliberately absent: any knowledge of what is in the files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::Error;
use crate::text::shell_word;

mod folder;
mod lock;
mod owner;
mod trust;
mod write;

pub use folder::{check_folder, make_folder, make_tools_folder};
pub use lock::{locked, share};
pub use trust::{group_writable, read_trusted};
pub use write::{
    StagedFile, changed_just_now, create_private, leftovers, remove, reserve_space, rewrite, sweep,
    sync_others, sync_parent, write_private, write_private_after,
};

use owner::{check_owner_and_mode, not_safe};

/// No file of ours comes near this; a larger one is not ours.
const LARGEST: usize = 64 << 20;

/// Reads a private file whole; `None` if it does not exist.
///
/// # Errors
/// [`Error::Unsafe`] when others could read or change it, [`Error::Io`] for the rest.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut file = match open_no_follow(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(symlink_or(error, path)),
    };
    let about = file.metadata().map_err(Error::io("read", path))?;
    check_file(path, &about)?;
    // Files are replaced whole, so the length that was just seen is the length: one read, no search for the end.
    let length = usize::try_from(about.len()).unwrap_or(usize::MAX);
    if length > LARGEST {
        let problem = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(not_safe(path, &problem, &format!("look what it is: ls -l {}", shell_word(path))));
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}

/// Reads a file of another program whole, links followed; `None` if there is none. A pipe or a device that lies in its place is
/// not waited for, and not taken for an empty file, which would be put in its place.
///
/// # Errors
/// [`Error::Io`], also for what is no file or too large for one.
pub fn read_others(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let file = match open_unhindered(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let about = file.metadata().map_err(Error::io("read", path))?;
    read_opened(file, &about, path).map(Some)
}

/// Reads what was opened as `path` whole, if it is a file and not too large for one.
fn read_opened(file: File, about: &fs::Metadata, path: &Path) -> Result<Vec<u8>, Error> {
    let refuse = |why: String| Error::io("read", path)(io::Error::other(why));
    if !about.is_file() {
        return Err(refuse("it is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() > LARGEST {
        return Err(refuse(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

/// Checks, before another program writes `path`, that there is a regular file or nothing, links followed. A program that replaces the
/// whole file would put one in the place of a device, if root starts it; a pipe would be waited for. `fix` is the hint.
///
/// # Errors
/// [`Error::Foreign`] for anything else, [`Error::Io`].
pub fn check_regular(path: &Path, fix: impl FnOnce() -> String) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(about) if about.is_file() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(Error::Foreign { path: path.to_owned(), why: "it is not a regular file", fix: fix() }),
        Err(error) => Err(Error::io("look at", path)(error)),
    }
}

/// Opens what may not be a file to be read, links followed: opening a pipe would wait for somebody to write into it.
///
/// # Errors
/// Those of the system.
pub fn open_unhindered(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    options.open(path)
}

/// Looks at a file without reading it: whether it is ours alone, as [`read_private`] demands.
///
/// # Errors
/// [`Error::Unsafe`], [`Error::Io`].
pub fn check_private(path: &Path) -> Result<(), Error> {
    let about = fs::symlink_metadata(path).map_err(Error::io("look at", path))?;
    if about.file_type().is_symlink() {
        return Err(not_safe(path, "it is a symbolic link", &format!("rm {}", shell_word(path))));
    }
    check_file(path, &about)
}

#[cfg(unix)]
fn private_mode(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe that lies in a file's place would be waited for; what was opened is looked at afterwards. Files do not mind.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn private_mode(_options: &mut OpenOptions) {}

fn open_no_follow(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    private_mode(&mut options);
    options.open(path)
}

/// What opening with "do not follow" says about a symbolic link differs between systems; ask the file itself.
fn symlink_or(error: io::Error, path: &Path) -> Error {
    if fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_symlink()) {
        let fix = format!("put the file itself in its place, or remove the link: rm {}", shell_word(path));
        return not_safe(path, "it is a symbolic link", &fix);
    }
    Error::io("open", path)(error)
}

fn check_file(path: &Path, about: &fs::Metadata) -> Result<(), Error> {
    if !about.is_file() {
        return Err(not_safe(path, "it is not a regular file", &format!("rm {}", shell_word(path))));
    }
    check_owner_and_mode(path, about, "600")
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
