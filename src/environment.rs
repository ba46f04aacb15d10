//! The environment, as main hands it down. Nothing below main reads the process's own, so a test passes the one it wants.
//! Names are looked up when they are wanted: copying all of it would be a seventh of what a `get` costs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variables that hold tokens: no program that we start inherits them (R13).
pub const TOKEN_VARIABLES: &[&str] = &[
    "KEYFOB_TOKEN",
    "KEYFOB_TOKENS",
    "KEYFOB_ENTRA_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "AZURE_DEVOPS_EXT_PAT",
    "ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS",
    "ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN",
    "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
    "VSS_NUGET_ACCESSTOKEN",
];

/// Environment variables.
#[derive(Clone)]
pub struct Environment(Source);

type Pairs = Vec<(OsString, OsString)>;

#[derive(Clone)]
enum Source {
    Pairs(Pairs),
    Process { one: fn(&str) -> Option<OsString>, all: fn() -> Pairs },
}

impl Environment {
    /// From pairs; the later of two with the same name wins.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
        Environment(Source::Pairs(pairs.into_iter().collect()))
    }

    /// The process's own, by the two functions with which main reads it: one variable, and all of them.
    #[must_use]
    pub fn of_process(
        one: fn(&str) -> Option<OsString>,
        all: fn() -> Vec<(OsString, OsString)>,
    ) -> Environment {
        Environment(Source::Process { one, all })
    }

    /// The value of `name`, when it is set and not empty.
    #[must_use]
    pub fn os(&self, name: &str) -> Option<OsString> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// The value of `name`, when it is set, be it to nothing: for the few where that says something.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<OsString> {
        match &self.0 {
            Source::Pairs(pairs) => {
                pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            }
            Source::Process { one, .. } => one(name),
        }
    }

    /// The value of `name`, when it is set, not empty, and text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.os(name)?.into_string().ok()
    }

    /// The names of all that are set, those apart that are not text.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all().into_iter().filter_map(|(name, _)| name.into_string().ok()).collect()
    }

    /// The names of those that are set and not empty and fit a pattern: a name, or the beginning of one with a `*` behind it.
    #[must_use]
    pub fn matching(&self, pattern: &str) -> Vec<String> {
        match pattern.strip_suffix('*') {
            Some(beginning) => {
                let fits = |name: &String| name.starts_with(beginning) && self.os(name).is_some();
                self.names().into_iter().filter(fits).collect()
            }
            None => self.os(pattern).map(|_| pattern.to_owned()).into_iter().collect(),
        }
    }

    fn all(&self) -> Pairs {
        match &self.0 {
            Source::Pairs(pairs) => pairs.clone(),
            Source::Process { all, .. } => all(),
        }
    }

    /// What programs that we start get: everything but [`TOKEN_VARIABLES`] (R13).
    #[must_use]
    pub fn for_child(&self) -> Vec<(OsString, OsString)> {
        let kept = |(name, _): &(OsString, OsString)| !TOKEN_VARIABLES.iter().any(|out| name == out);
        self.all().into_iter().filter(kept).collect()
    }

    /// Every program of this name in the folders of `PATH`, first found first, links unresolved.
    #[must_use]
    pub fn programs(&self, name: &str) -> Vec<PathBuf> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let path = self.os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path);
        // An empty or relative entry means the current folder, which is a different one tomorrow.
        let found = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(&file));
        found.filter(|path| is_program(path)).collect()
    }

    /// The first of them.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.programs(name).into_iter().next()
    }

    /// Whether it says that nobody may be asked: a build machine, or git's own word against prompts.
    #[must_use]
    pub fn forbids_asking(&self) -> bool {
        let git_says_no =
            || self.os("GIT_TERMINAL_PROMPT").is_some() && !self.says_yes("GIT_TERMINAL_PROMPT");
        self.says_yes("CI") || self.says_yes("TF_BUILD") || git_says_no()
    }

    /// Whether `name` is set to something that means yes: anything but nothing, `0`, `false`, `no`, `off`.
    #[must_use]
    pub fn says_yes(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| !means_no(&value))
    }
}

/// Whether a setting's value is one of the words for no.
#[must_use]
pub fn means_no(value: &str) -> bool {
    ["0", "false", "no", "off", "never"].iter().any(|no| value.eq_ignore_ascii_case(no))
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

impl Default for Environment {
    /// An empty one.
    fn default() -> Environment {
        Environment::new([])
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be tokens (R13).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all().iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_machine_and_gits_own_word_forbid_asking_and_nothing_else_does() {
        let forbids =
            |name: &str, value: &str| Environment::new([(name.into(), value.into())]).forbids_asking();
        for (name, value) in [
            ("CI", "true"),
            ("CI", "1"),
            ("TF_BUILD", "True"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_TERMINAL_PROMPT", "false"),
            ("GIT_TERMINAL_PROMPT", "No"),
        ] {
            assert!(forbids(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("CI", ""),
            ("CI", "false"),
            ("TF_BUILD", "0"),
            ("GIT_TERMINAL_PROMPT", ""),
            ("GIT_TERMINAL_PROMPT", "1"),
            ("GIT_TERMINAL_PROMPT", "true"),
            ("TERM", "dumb"),
        ] {
            assert!(!forbids(name, value), "{name}={value}");
        }
        assert!(!Environment::default().forbids_asking());
    }
}
