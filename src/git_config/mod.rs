//! git's configuration, read and written by git itself: one small function runs `git config`, with the program and the
//! environment passed in. It knows nothing of keyfob: which settings are wanted is its callers' business.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::process::child;

mod edit;

pub(crate) use edit::Edit;

/// A git, and the environment in which it is asked.
#[derive(Clone)]
pub(crate) struct Git {
    /// Its path.
    pub program: PathBuf,
    environment: Environment,
    /// Where `--global` writes.
    pub global: PathBuf,
}

/// One value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// The file it comes from; what git calls it, where it is none.
    pub file: String,
    /// Section and name in lower case, what is between as it is.
    pub key: String,
    /// The value; one without `=` means true.
    pub value: String,
}

impl Git {
    /// The git of `PATH`.
    ///
    /// # Errors
    /// [`Error::NoProgram`].
    pub(crate) fn find(environment: &Environment) -> Result<Git, Error> {
        let program = environment.program("git").ok_or(Error::NoProgram { program: "git" })?;
        let global = global_file(environment).ok_or(Error::NoHome)?;
        Ok(Git { program, environment: environment.clone(), global })
    }

    /// Runs git; its standard output. In no repository, unless `here`.
    fn run<A: AsRef<OsStr>>(&self, here: bool, args: impl IntoIterator<Item = A>) -> Result<Ran, Error> {
        let mut command = child(&self.program, &self.environment);
        command.args(args).stdin(Stdio::null());
        if !here {
            // What holds everywhere: no repository's settings, none that a caller gave on a command line.
            for name in ["GIT_WORK_TREE", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
                command.env_remove(name);
            }
            command.env("GIT_DIR", self.program.join("none"));
        }
        let failed = |why: String| Error::Program { program: "git", why };
        let done =
            command.output().map_err(|error| failed(format!("it cannot be started: {}", error.kind())))?;
        let code = done.status.code().unwrap_or(-1);
        Ok(Ran { code, out: done.stdout, why: reason(&done.stderr, code) })
    }

    /// Its version, major and minor, and in full.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub(crate) fn version(&self) -> Result<((u32, u32), String), Error> {
        let text = String::from_utf8_lossy(&self.run(false, ["--version"])?.done()?).trim().to_owned();
        let words = text.strip_prefix("git version ").unwrap_or(&text);
        let mut numbers = words.split('.').map(|part| part.parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Ok(((major, minor), words.to_owned())),
            _ => Err(Error::Program { program: "git", why: "it does not tell its version".to_owned() }),
        }
    }

    /// All of the configuration in the order in which git reads it: what holds everywhere, or `here` in the current folder.
    ///
    /// # Errors
    /// [`Error::Program`] with git's reason, for example a line that is not valid.
    pub(crate) fn list(&self, here: bool) -> Result<Vec<Value>, Error> {
        Ok(parse(&self.run(here, ["config", "--list", "-z", "--show-origin"])?.done()?))
    }

    /// The settings of a section for a URL, by git's own matching: what holds everywhere, never what a repository says of itself.
    /// Keys in lower case without the section; nothing if there are none.
    ///
    /// # Errors
    /// [`Error::Program`].
    fn for_url(&self, section: &str, url: &str) -> Result<Vec<(String, String)>, Error> {
        let ran = self.run(false, ["config", "-z", "--get-urlmatch", section, url])?;
        if ran.code == 1 {
            return Ok(Vec::new());
        }
        let text = String::from_utf8_lossy(&ran.done()?).into_owned();
        let entry = |entry: &str| {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, ""));
            Some((key.rsplit('.').next()?.to_ascii_lowercase(), value.to_owned()))
        };
        Ok(text.split('\0').filter(|entry| !entry.is_empty()).filter_map(entry).collect())
    }

    /// What stands in one file, without what it includes; nothing if there is no such file.
    ///
    /// # Errors
    /// As [`Git::list`].
    pub(crate) fn list_file(&self, file: &Path) -> Result<Vec<Value>, Error> {
        if !file.exists() {
            return Ok(Vec::new());
        }
        let args = ["config", "--file"].map(OsStr::new).into_iter().chain([file.as_os_str()]);
        let ran = self.run(false, args.chain(["--list", "-z", "--show-origin"].map(OsStr::new)))?;
        Ok(parse(&ran.done()?))
    }
}

/// A section's settings for a URL: what holds everywhere, never what a repository says of itself, which may come from a stranger.
/// Nothing where git is not there or cannot tell.
pub(crate) fn for_url(environment: &Environment, section: &str, url: &str) -> Vec<(String, String)> {
    Git::find(environment).and_then(|git| git.for_url(section, url)).unwrap_or_default()
}

/// How a git ended.
struct Ran {
    code: i32,
    out: Vec<u8>,
    why: String,
}

impl Ran {
    fn done(self) -> Result<Vec<u8>, Error> {
        if self.code == 0 { Ok(self.out) } else { Err(Error::Program { program: "git", why: self.why }) }
    }
}

/// git's reason in one line.
fn reason(stderr: &[u8], code: i32) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines =
        text.lines().map(|line| line.trim_start_matches("fatal: ").trim_start_matches("error: ").trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { format!("it ended with code {code}") } else { lines.join("; ") }
}

/// Reads `--list -z --show-origin`: origin NUL key LF value NUL.
fn parse(out: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(out);
    let mut parts = text.split_terminator('\0');
    let mut values = Vec::new();
    while let (Some(origin), Some(setting)) = (parts.next(), parts.next()) {
        let (key, value) = setting.split_once('\n').unwrap_or((setting, "true"));
        let file = origin.strip_prefix("file:").unwrap_or(origin);
        values.push(Value { file: file.to_owned(), key: key.to_owned(), value: value.to_owned() });
    }
    values
}

/// The home as git has it: on Windows, too, `HOME` counts first.
pub(crate) fn home(environment: &Environment) -> Option<PathBuf> {
    let folders = Folders::of(environment);
    folders.named("HOME").or_else(|| folders.home())
}

/// Where `git config --global` writes (git-config(1), FILES).
fn global_file(environment: &Environment) -> Option<PathBuf> {
    if let Some(file) = environment.os("GIT_CONFIG_GLOBAL") {
        return std::path::absolute(file).ok();
    }
    let usual = home(environment)?.join(".gitconfig");
    let other = Folders::of(environment).xdg_config()?.join("git").join("config");
    Some(if !usual.exists() && other.exists() { other } else { usual })
}

/// Whether both are the same setting: section and name without letter case, the URL between as it is.
pub(crate) fn is_key(one: &str, other: &str) -> bool {
    let folded = |key: &str| match key.rsplit_once('.') {
        Some((front, name)) => format!("{front}.{}", name.to_ascii_lowercase()),
        None => key.to_ascii_lowercase(),
    };
    folded(one) == folded(other)
}

/// Whether both names are of one file.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_its_origins_is_read() {
        let out = b"file:/etc/gitconfig\0credential.helper\n\0command line:\0a.b\0file:/x y\0c.d\n1\n2\0";
        let read: Vec<_> = parse(out).into_iter().map(|v| (v.file, v.key, v.value)).collect();
        let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            read,
            [
                text("/etc/gitconfig", "credential.helper", ""),
                text("command line:", "a.b", "true"),
                text("/x y", "c.d", "1\n2"),
            ]
        );
    }
}
