//! git's configuration, read and written by git itself: one small function runs `git config`, with the program and the
//! environment passed in. Files are touched directly in one case only, [`cut_empty_line`].

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::environment::Environment;
use crate::error::Error;
use crate::files;
use crate::process::child;
use crate::text::shell_word;

/// The section that stands for `credential` while a new one is written at the end of the file.
const PASSING: &str = "keyfob-setup";

/// A git, and the environment in which it is asked.
#[derive(Clone)]
pub(super) struct Git {
    /// Its path.
    pub program: PathBuf,
    environment: Environment,
    /// Where `--global` writes.
    pub global: PathBuf,
}

/// One value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// The file it comes from; what git calls it, where it is none.
    pub file: String,
    /// Section and name in lower case, what is between as it is.
    pub key: String,
    /// The value; one without `=` means true.
    pub value: String,
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// One more line, where git puts it: at the end of the last section of that name.
    Add { key: String, value: String },
    /// Lines of `credential.helper` in a section of their own at the very end, behind everything else.
    AddLast { values: Vec<String> },
    /// A line goes away.
    Remove { key: String, value: String },
    /// A line gets another value, where it stands.
    Replace { key: String, old: String, new: String },
}

impl Git {
    /// The git of `PATH`.
    ///
    /// # Errors
    /// [`Error::NoProgram`].
    pub(super) fn find(environment: &Environment) -> Result<Git, Error> {
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
    pub(super) fn version(&self) -> Result<((u32, u32), String), Error> {
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
    pub(super) fn list(&self, here: bool) -> Result<Vec<Value>, Error> {
        Ok(parse(&self.run(here, ["config", "--list", "-z", "--show-origin"])?.done()?))
    }

    /// The settings of a section for a URL, by git's own matching: what holds everywhere, never what a repository says of itself.
    /// Keys in lower case without the section; nothing if there are none.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub(super) fn for_url(&self, section: &str, url: &str) -> Result<Vec<(String, String)>, Error> {
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
    pub(super) fn list_file(&self, file: &Path) -> Result<Vec<Value>, Error> {
        if !file.exists() {
            return Ok(Vec::new());
        }
        let args = ["config", "--file"].map(OsStr::new).into_iter().chain([file.as_os_str()]);
        let ran = self.run(false, args.chain(["--list", "-z", "--show-origin"].map(OsStr::new)))?;
        Ok(parse(&ran.done()?))
    }

    /// An edit as command lines for people.
    #[must_use]
    pub(super) fn lines(&self, file: &Path, edit: &Edit) -> Vec<String> {
        if self.is_one_of_several_empty(file, edit) {
            return vec![format!("# cut the empty helper line before keyfob's out of {}", file.display())];
        }
        let word = |arg: &OsString| shell_word(Path::new(arg));
        let line = |args: &Vec<OsString>| {
            let words: Vec<String> = args.iter().map(word).collect();
            format!("git {}", words.join(" "))
        };
        self.commands(file, edit).iter().map(line).collect()
    }

    /// Carries edits out; when one fails, those before it are taken back.
    ///
    /// # Errors
    /// The first failure, with git's reason.
    pub(super) fn edit(&self, edits: &[(PathBuf, Edit)]) -> Result<(), Error> {
        for (at, (file, edit)) in edits.iter().enumerate() {
            if let Err(error) = self.edit_one(file, edit) {
                self.take_back(&edits[..at]);
                return Err(error);
            }
        }
        // git syncs no configuration; and what is remembered of these edits is going to be durable.
        let written: BTreeSet<&PathBuf> = edits.iter().map(|(file, _)| file).collect();
        let settled = written.into_iter().try_for_each(|file| files::settle_others(file));
        if settled.is_err() {
            self.take_back(edits);
        }
        settled
    }

    /// Undoes edits that were carried out, as far as that goes: the error that led here is the one to be told.
    pub(super) fn take_back(&self, edits: &[(PathBuf, Edit)]) {
        for (file, edit) in edits.iter().rev() {
            for edit in edit.inverse() {
                let _ = self.edit_one(file, &edit);
            }
        }
    }

    fn edit_one(&self, file: &Path, edit: &Edit) -> Result<(), Error> {
        if self.is_one_of_several_empty(file, edit) {
            return cut_empty_line(file);
        }
        for args in self.commands(file, edit) {
            if let Err(error) = self.run(false, &args)?.done() {
                if matches!(edit, Edit::AddLast { .. }) {
                    let section =
                        self.target(file).into_iter().chain(["--remove-section", PASSING].map(Into::into));
                    let _ = self.run(false, std::iter::once("config".into()).chain(section));
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether an edit removes one of several empty lines: `git config` cannot tell them from each other.
    fn is_one_of_several_empty(&self, file: &Path, edit: &Edit) -> bool {
        let Edit::Remove { key, value } = edit else { return false };
        let held = if value.is_empty() { self.list_file(file).unwrap_or_default() } else { Vec::new() };
        held.iter().filter(|held| held.key == *key && held.value.is_empty()).count() > 1
    }

    /// The `git config` calls that make an edit.
    fn commands(&self, file: &Path, edit: &Edit) -> Vec<Vec<OsString>> {
        let call = |words: &[&str]| {
            let start = std::iter::once(OsString::from("config")).chain(self.target(file));
            start.chain(words.iter().map(OsString::from)).collect::<Vec<OsString>>()
        };
        match edit {
            Edit::Add { key, value } => vec![call(&["--add", key, value])],
            Edit::AddLast { values } => {
                let key = format!("{PASSING}.helper");
                let added = values.iter().map(|value| call(&["--add", &key, value]));
                added.chain([call(&["--rename-section", PASSING, "credential"])]).collect()
            }
            Edit::Remove { key, value } => vec![call(&["--unset-all", key, &exactly(value)])],
            Edit::Replace { key, old, new } => vec![call(&["--replace-all", key, new, &exactly(old)])],
        }
    }

    fn target(&self, file: &Path) -> Vec<OsString> {
        if same_file(file, &self.global) {
            vec!["--global".into()]
        } else {
            vec!["--file".into(), file.as_os_str().to_owned()]
        }
    }
}

impl Edit {
    fn inverse(&self) -> Vec<Edit> {
        match self {
            Edit::Add { key, value } => vec![Edit::Remove { key: key.clone(), value: value.clone() }],
            Edit::AddLast { values } => {
                let key = super::setup::HELPER;
                values
                    .iter()
                    .map(|value| Edit::Remove { key: key.to_owned(), value: value.clone() })
                    .collect()
            }
            Edit::Remove { key, value } => vec![Edit::Add { key: key.clone(), value: value.clone() }],
            Edit::Replace { key, old, new } => {
                vec![Edit::Replace { key: key.clone(), old: new.clone(), new: old.clone() }]
            }
        }
    }
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

/// A pattern (git's are extended regular expressions) that matches this value alone.
fn exactly(value: &str) -> String {
    let mut pattern = String::from("^");
    for c in value.chars() {
        if "\\.[]{}()*+?^$|".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "$"
}

/// Where `git config --global` writes (git-config(1), FILES).
fn global_file(environment: &Environment) -> Option<PathBuf> {
    if let Some(file) = environment.os("GIT_CONFIG_GLOBAL") {
        return std::path::absolute(file).ok();
    }
    let usual = environment.home()?.join(".gitconfig");
    let other = environment.config_home()?.join("git").join("config");
    Some(if !usual.exists() && other.exists() { other } else { usual })
}

/// Whether both names are of one file.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Cuts the empty `helper` line that stands directly before ours out of a file that has several empty ones. Written as
/// git does it: under its lock, the whole file at once, a symbolic link (shared dotfiles) staying one.
fn cut_empty_line(file: &Path) -> Result<(), Error> {
    let file = fs::canonicalize(file).map_err(Error::io("find", file))?;
    let why = || Error::Program {
        program: "git",
        why: format!("the empty helper line before ours is not found in {}", file.display()),
    };
    let text = files::read_others(&file)?.ok_or_else(why)?;
    let cut = without_empty_line(&text).ok_or_else(why)?;
    let mut lock = file.clone().into_os_string();
    lock.push(".lock");
    files::rewrite(&file, &text, &cut, Some(Path::new(&lock)))
}

fn without_empty_line(text: &[u8]) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
    let value = |line: &[u8]| {
        let line = std::str::from_utf8(line).ok()?.trim();
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("helper").then(|| unquoted(value.trim()))
    };
    let at = lines.windows(2).position(|pair| {
        value(pair[0]).is_some_and(|value| value.is_empty())
            && value(pair[1]).is_some_and(|value| super::helpers::is_ours(&value))
    })?;
    Some(
        lines
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != at)
            .flat_map(|(_, line)| line.iter().copied())
            .collect(),
    )
}

/// A value as git reads it out of a line: quotes and backslashes resolved.
fn unquoted(text: &str) -> String {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {}
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_line_before_ours_is_cut_and_no_other() {
        let text = "[credential]\n\thelper = \n\thelper = store\n\thelper =\n\thelper = /o\\\\ p/git-credential-keyfob\n";
        let cut = without_empty_line(text.as_bytes()).unwrap();
        let expected =
            "[credential]\n\thelper = \n\thelper = store\n\thelper = /o\\\\ p/git-credential-keyfob\n";
        assert_eq!(String::from_utf8(cut).unwrap(), expected);
        assert!(without_empty_line(b"[credential]\n\thelper =\n\thelper = store\n").is_none());
    }

    #[test]
    fn a_pattern_matches_its_value_only() {
        assert_eq!(exactly(""), "^$");
        assert_eq!(exactly("/a\\ b/c.d"), "^/a\\\\ b/c\\.d$");
    }

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
