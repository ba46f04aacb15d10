//! A snapshot of the environment, taken by main. Nothing below main reads the process's own, so a test passes the
//! one it wants and nothing is read twice.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Environment variables, as they were when the program started.
#[derive(Clone, Default)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// From pairs; the later of two with the same name wins.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
        Environment(pairs.into_iter().collect())
    }

    /// The value of `name`, when it is set and not empty.
    #[must_use]
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().rev().find(|(key, _)| key == OsStr::new(name));
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// The value of `name`, when it is set, not empty, and text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.os(name)?.to_str()
    }

    /// What programs that we start get: everything but the variables named in `without` (R13).
    #[must_use]
    pub fn for_child(&self, without: &[&str]) -> Vec<(OsString, OsString)> {
        let kept = |(name, _): &&(OsString, OsString)| !without.iter().any(|out| name == OsStr::new(out));
        self.0.iter().filter(kept).cloned().collect()
    }

    /// Every program of this name in the folders of `PATH`, first found first, links unresolved.
    #[must_use]
    pub fn programs(&self, name: &str) -> Vec<PathBuf> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let folders = self.os("PATH").map(std::env::split_paths).into_iter().flatten();
        // An empty or relative entry means the current folder, which is a different one tomorrow.
        let found = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(&file));
        found.filter(|path| is_program(path)).collect()
    }

    /// Whether `name` is set to something that means yes: anything but nothing, `0`, `false`, `no`, `off`.
    #[must_use]
    pub fn says_yes(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| {
            !["0", "false", "no", "off", "never"].iter().any(|no| value.eq_ignore_ascii_case(no))
        })
    }
}

/// Whether this is a file that may be run, as far as its mode tells.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    let Ok(about) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::MetadataExt::mode(&about) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    about.is_file() && may_run
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be tokens (R13).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
