//! Whose a file is, and who else can reach it.

use std::fs;
use std::path::Path;

use crate::error::Error;
#[cfg(unix)]
use crate::text::shell_word;

/// For `sudo git` in somebody's home.
#[cfg(unix)]
pub(super) const ROOTS_WAY_OUT: &str =
    "run it as that user, without sudo; or give root a wallet of its own: export KEYFOB_HOME=/root/.keyfob";

#[cfg(unix)]
pub(super) fn not_ours(owner: u32, own: u32) -> String {
    format!("it belongs to user {owner}, and we run as user {own}")
}

#[cfg(unix)]
pub(super) fn check_owner_and_mode(path: &Path, about: &fs::Metadata, mode: &str) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    if about.uid() != own {
        return Err(not_safe(path, &not_ours(about.uid(), own), &way_out_for_owner(path, own)));
    }
    if about.mode() & 0o077 != 0 {
        let problem = format!("its mode is {:o}, so others can reach it", about.mode() & 0o777);
        return Err(not_safe(path, &problem, &format!("chmod {mode} {}", shell_word(path))));
    }
    Ok(())
}

/// How what belongs to somebody else becomes usable for user `own`.
#[cfg(unix)]
pub(super) fn way_out_for_owner(path: &Path, own: u32) -> String {
    use std::os::unix::fs::MetadataExt;
    let owner_of = |path: &Path| fs::metadata(path).ok().map(|about| about.uid());
    let owner = owner_of(path);
    // In a folder of ours it is to become ours too. Elsewhere it is somebody's own, and taking it away is no way out.
    let in_ours = path.parent().and_then(owner_of) == Some(own);
    // Nor is it in somebody's home, where a folder in between may be root's since an earlier sudo, or if it is their wallet whole.
    let in_home = path.ancestors().skip(1).any(|above| owner_of(above) == owner);
    let is_part_of_ours = fs::read_dir(path).map_or(true, |mut entries| {
        entries.any(|entry| entry.is_ok_and(|at| owner_of(&at.path()) == Some(own)))
    });
    match (in_ours, own) {
        (true, 0) if in_home || !is_part_of_ours => ROOTS_WAY_OUT.to_owned(),
        (true, 0) => format!("chown -R 0 {}", shell_word(path)),
        (true, _) => format!("sudo chown -R {own} {}", shell_word(path)),
        (false, 0) => ROOTS_WAY_OUT.to_owned(),
        (false, _) => "set KEYFOB_HOME to a folder of yours, such as $HOME/.keyfob".to_owned(),
    }
}

#[cfg(not(unix))]
pub(super) fn check_owner_and_mode(_path: &Path, _about: &fs::Metadata, _mode: &str) -> Result<(), Error> {
    // The profile folder's access list is inherited; Windows gives other users no right to it.
    Ok(())
}

pub(super) fn not_safe(path: &Path, problem: &str, fix: &str) -> Error {
    Error::Unsafe { path: path.to_owned(), problem: problem.to_owned(), fix: fix.to_owned() }
}
