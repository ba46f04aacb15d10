//! Changing git's configuration: edits by `git config`, all or none, and as command lines for people.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;
use crate::text::shell_word;

use super::{Git, same_file};

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// One more line, where git puts it: at the end of the last section of that name.
    Add { key: String, value: String },
    /// Lines in a section of their own at the very end, behind everything else. Until all of them are written, the section has the
    /// name `passing`: git would put them into an earlier one of its own name.
    AddLast { key: String, values: Vec<String>, passing: &'static str },
    /// A line goes away.
    Remove { key: String, value: String },
    /// An empty line goes away; of several, the one directly before the line of value `next`. `git config` cannot tell them from
    /// each other, so then the file is changed directly.
    RemoveEmpty { key: String, next: String },
    /// A line gets another value, where it stands.
    Replace { key: String, old: String, new: String },
}

impl Git {
    /// An edit as command lines for people.
    #[must_use]
    pub(crate) fn lines(&self, file: &Path, edit: &Edit) -> Vec<String> {
        if let Some((name, next)) = self.one_of_several_empty(file, edit) {
            return vec![format!("# cut the empty {name} line before {next} out of {}", file.display())];
        }
        let word = |arg: &OsString| shell_word(Path::new(arg));
        let line = |args: &Vec<OsString>| {
            let words: Vec<String> = args.iter().map(word).collect();
            format!("git {}", words.join(" "))
        };
        self.commands(file, edit).iter().map(line).collect()
    }

    /// Checks that every file to be changed is a regular one or missing: git replaces it whole, whatever it is.
    ///
    /// # Errors
    /// [`Error::Foreign`], [`Error::Io`].
    pub(crate) fn check_files(&self, edits: &[(PathBuf, Edit)]) -> Result<(), Error> {
        edits.iter().try_for_each(|(file, _)| {
            files::check_regular(file, || {
                if same_file(file, &self.global) && self.environment.os("GIT_CONFIG_GLOBAL").is_some() {
                    "set GIT_CONFIG_GLOBAL to a file, or unset it".to_owned()
                } else {
                    format!("put a file in its place; to see what it is: ls -l {}", shell_word(file))
                }
            })
        })
    }

    /// Carries edits out; when one fails, those before it are taken back.
    ///
    /// # Errors
    /// Those of [`Git::check_files`], before anything is changed; the first failure, with git's reason.
    pub(crate) fn edit(&self, edits: &[(PathBuf, Edit)]) -> Result<(), Error> {
        self.check_files(edits)?;
        for (at, (file, edit)) in edits.iter().enumerate() {
            if let Err(error) = self.edit_one(file, edit) {
                self.take_back(&edits[..at]);
                return Err(error);
            }
        }
        // git syncs no configuration; and what is remembered of these edits is going to be durable.
        let written: BTreeSet<&PathBuf> = edits.iter().map(|(file, _)| file).collect();
        let synced = written.into_iter().try_for_each(|file| files::sync_others(file));
        if synced.is_err() {
            self.take_back(edits);
        }
        synced
    }

    /// Undoes edits that were carried out, as far as that goes: the error that led here is the one to be told.
    pub(crate) fn take_back(&self, edits: &[(PathBuf, Edit)]) {
        for (file, edit) in edits.iter().rev() {
            for edit in edit.inverse() {
                let _ = self.edit_one(file, &edit);
            }
        }
    }

    fn edit_one(&self, file: &Path, edit: &Edit) -> Result<(), Error> {
        if let Some((name, next)) = self.one_of_several_empty(file, edit) {
            return cut_empty_line(file, name, next);
        }
        for args in self.commands(file, edit) {
            if let Err(error) = self.run(false, &args)?.done() {
                if let Edit::AddLast { passing, .. } = edit {
                    let section =
                        self.target(file).into_iter().chain(["--remove-section", passing].map(Into::into));
                    let _ = self.run(false, std::iter::once("config".into()).chain(section));
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// The name of the setting and the line behind, if an edit removes one of several empty lines.
    fn one_of_several_empty<'e>(&self, file: &Path, edit: &'e Edit) -> Option<(&'e str, &'e str)> {
        let Edit::RemoveEmpty { key, next } = edit else { return None };
        let held = self.list_file(file).unwrap_or_default();
        let empty = held.iter().filter(|held| held.key == *key && held.value.is_empty()).count();
        (empty > 1).then(|| (split(key).1, next.as_str()))
    }

    /// The `git config` calls that make an edit.
    fn commands(&self, file: &Path, edit: &Edit) -> Vec<Vec<OsString>> {
        let call = |words: &[&str]| {
            let start = std::iter::once(OsString::from("config")).chain(self.target(file));
            start.chain(words.iter().map(OsString::from)).collect::<Vec<OsString>>()
        };
        match edit {
            Edit::Add { key, value } => vec![call(&["--add", key, value])],
            Edit::AddLast { key, values, passing } => {
                let (section, name) = split(key);
                let key = format!("{passing}.{name}");
                let added = values.iter().map(|value| call(&["--add", &key, value]));
                added.chain([call(&["--rename-section", passing, section])]).collect()
            }
            Edit::Remove { key, value } => vec![call(&["--unset-all", key, &exactly(value)])],
            Edit::RemoveEmpty { key, .. } => vec![call(&["--unset-all", key, &exactly("")])],
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
        let remove = |key: &str, value: &str| Edit::Remove { key: key.to_owned(), value: value.to_owned() };
        let add = |key: &str, value: &str| Edit::Add { key: key.to_owned(), value: value.to_owned() };
        match self {
            Edit::Add { key, value } => vec![remove(key, value)],
            Edit::AddLast { key, values, .. } => values.iter().map(|value| remove(key, value)).collect(),
            Edit::Remove { key, value } => vec![add(key, value)],
            Edit::RemoveEmpty { key, .. } => vec![add(key, "")],
            Edit::Replace { key, old, new } => {
                vec![Edit::Replace { key: key.clone(), old: new.clone(), new: old.clone() }]
            }
        }
    }
}

/// Section and name of a setting.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
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

/// Cuts the empty line of this `name` that stands directly before the one of value `next` out of a file that has several empty
/// ones. Written as git does it: under its lock, the whole file at once, a symbolic link (shared dotfiles) staying one.
fn cut_empty_line(file: &Path, name: &str, next: &str) -> Result<(), Error> {
    let file = fs::canonicalize(file).map_err(Error::io("find", file))?;
    let why = || Error::Program {
        program: "git",
        why: format!("the empty {name} line before {next} is not found in {}", file.display()),
    };
    let text = files::read_others(&file)?.ok_or_else(why)?;
    let cut = without_empty_line(&text, name, next).ok_or_else(why)?;
    let mut lock = file.clone().into_os_string();
    lock.push(".lock");
    files::rewrite(&file, &text, &cut, Some(Path::new(&lock)))
}

fn without_empty_line(text: &[u8], name: &str, next: &str) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
    let value = |line: &[u8]| {
        let (held, value) = std::str::from_utf8(line).ok()?.trim().split_once('=')?;
        held.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
    };
    let at = lines.windows(2).position(|pair| {
        value(pair[0]).is_some_and(|value| value.is_empty())
            && value(pair[1]).is_some_and(|value| value == next)
    })?;
    let kept = lines.iter().enumerate().filter(|(i, _)| *i != at);
    Some(kept.flat_map(|(_, line)| line.iter().copied()).collect())
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
    fn the_empty_line_before_the_named_one_is_cut_and_no_other() {
        let text = "[credential]\n\thelper = \n\thelper = store\n\thelper =\n\thelper = /o\\\\ p/git-credential-keyfob\n";
        let ours = "/o\\ p/git-credential-keyfob";
        let cut = without_empty_line(text.as_bytes(), "helper", ours).unwrap();
        let expected =
            "[credential]\n\thelper = \n\thelper = store\n\thelper = /o\\\\ p/git-credential-keyfob\n";
        assert_eq!(String::from_utf8(cut).unwrap(), expected);
        assert!(
            without_empty_line(b"[credential]\n\thelper =\n\thelper = store\n", "helper", ours).is_none()
        );
    }

    #[test]
    fn a_pattern_matches_its_value_only() {
        assert_eq!(exactly(""), "^$");
        assert_eq!(exactly("/a\\ b/c.d"), "^/a\\\\ b/c\\.d$");
    }
}
