//! A snapshot of the environment, taken by main. Nothing below main reads the process's own, so a test passes the
//! one it wants and nothing is read twice.

use std::ffi::{OsStr, OsString};

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

    /// Whether `name` is set to something that means yes: anything but nothing, `0`, `false`, `no`, `off`.
    #[must_use]
    pub fn says_yes(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| {
            !["0", "false", "no", "off", "never"].iter().any(|no| value.eq_ignore_ascii_case(no))
        })
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be tokens (R13).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
