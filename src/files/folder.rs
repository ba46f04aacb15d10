//! Folders: made for the user alone, and checked before what is in them is believed.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::Error;

#[cfg(unix)]
use super::owner::{ROOTS_WAY_OUT, not_ours};
use super::owner::{check_owner_and_mode, not_safe};
use super::sync_parent;

/// Makes `folder` (and its parents) for us alone if it is missing, then checks it with [`check_folder`].
///
/// # Errors
/// [`Error::Io`], [`Error::Unsafe`].
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    if !folder.is_dir() {
        not_roots_in_anothers_home(folder)?;
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        build(folder, builder)?;
    }
    check_folder(folder).map(|_| ())
}

/// Makes `folder` (and its parents) for a thing of ours in a tool's place, as others find theirs there.
///
/// # Errors
/// [`Error::Io`].
pub fn make_tools_folder(folder: &Path) -> Result<(), Error> {
    build(folder, fs::DirBuilder::new())
}

fn build(folder: &Path, mut builder: fs::DirBuilder) -> Result<(), Error> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    builder.recursive(true);
    crate::process::unmasked(|| builder.create(folder)).map_err(Error::io("make the folder", folder))?;
    // What is in a folder is durable when the folder's own name is.
    missing.iter().for_each(|made| sync_parent(made));
    Ok(())
}

/// Refuses to let root begin a folder below one of somebody else's: after `sudo git` with the caller's HOME, the caller could
/// never use it again. (Others cannot do that to each other: the system does not let them.)
fn not_roots_in_anothers_home(folder: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root()
        && let Some((home, about)) =
            folder.ancestors().find_map(|above| Some((above, fs::metadata(above).ok()?)))
        && std::os::unix::fs::MetadataExt::uid(&about) != 0
    {
        let owner = std::os::unix::fs::MetadataExt::uid(&about);
        return Err(not_safe(home, &not_ours(owner, 0), ROOTS_WAY_OUT));
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Whether `folder` exists (`false` if not) and is ours alone.
///
/// # Errors
/// [`Error::Unsafe`] with the command that mends it; [`Error::Io`].
pub fn check_folder(folder: &Path) -> Result<bool, Error> {
    let about = match fs::symlink_metadata(folder) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", folder)(error)),
    };
    if about.file_type().is_symlink() {
        return Err(not_safe(folder, "it is a symbolic link", "set KEYFOB_HOME to the folder it points to"));
    }
    if !about.is_dir() {
        return Err(not_safe(folder, "it is not a folder", "move it away, or set KEYFOB_HOME to a folder"));
    }
    check_owner_and_mode(folder, &about, "700")?;
    Ok(true)
}
