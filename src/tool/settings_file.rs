//! A settings file that belongs to somebody else: changed by its text, so that whatever else is in it keeps its form, and only as
//! long as it is what was read. [`SettingsEdit`] is for files in which one line is one setting: ours go to the top, where no section has
//! begun and no line break can be missing; each is remembered, and taken out again if it is still as it was written.
//!
//! Deliberately absent: what the lines say, which is the tool's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;
use crate::text::visible;

use super::setup::{SettingLine, SetupEntry};

/// The key under which it is remembered that the file itself is ours.
const MADE: &str = "";

/// What some editors begin a file with.
const MARK: &str = "\u{feff}";

/// Where a file is, links resolved (one in the dotfiles stays there, also one that leads to a file that is yet to be made), and
/// its text; `None` if it does not exist.
///
/// # Errors
/// [`Error::Io`], also for what is no file or no text.
pub(super) fn read(path: &Path) -> Result<(PathBuf, Option<String>), Error> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| end_of_links(path));
    let text = files::read_others(&path)?.map(String::from_utf8).transpose().map_err(|error| {
        drop(zeroize::Zeroizing::new(error.into_bytes()));
        Error::io("read", &path)(std::io::Error::other("it is not UTF-8 text"))
    })?;
    Ok((path, text))
}

/// Where links lead that lead to nothing; `path` itself where they lead in a circle.
fn end_of_links(path: &Path) -> PathBuf {
    /// As many as systems follow.
    const MOST: usize = 40;
    let mut end = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&end) {
            Ok(next) => end = end.parent().map_or(next.clone(), |folder| folder.join(next)),
            Err(_) => return end,
        }
    }
    path.to_owned()
}

/// Writes another text in the place of `was`, with the mode that the file had; `None` takes the file away.
///
/// # Errors
/// [`Error::Foreign`] if it was changed meanwhile or belongs to somebody else, [`Error::Io`].
pub(super) fn replace(path: &Path, was: Option<&str>, text: Option<&str>) -> Result<(), Error> {
    if files::read_others(path)?.as_deref() != was.map(str::as_bytes) {
        return Err(files::changed_just_now(path));
    }
    let Some(text) = text else { return files::remove(path) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        if !folder.exists() {
            files::make_folder(folder)?;
        }
        // What a crash of ours left beside it.
        files::sweep(folder);
    }
    match was {
        Some(was) => files::rewrite(path, was.as_bytes(), text.as_bytes(), None),
        None => files::write_private(path, text.as_bytes()),
    }
}

/// A file as it is going to be.
pub(super) struct SettingsEdit {
    path: PathBuf,
    was: Option<String>,
    text: String,
    top: Vec<String>,
    /// Each change, as it is shown.
    pub(super) said: Vec<String>,
    /// What is remembered afterwards.
    pub(super) entry: SetupEntry,
}

impl SettingsEdit {
    /// Of the file that an earlier setup wrote, else of `path`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn new(
        path: &Path,
        before: Option<&SetupEntry>,
        is_line: fn(&SettingLine) -> bool,
    ) -> Result<SettingsEdit, Error> {
        let entry = before.cloned().unwrap_or_default();
        let earlier = entry.written.iter().find(|line| is_line(line)).map(|line| PathBuf::from(&line.file));
        let (path, was) = read(earlier.as_deref().unwrap_or(path))?;
        let text = was.as_deref().unwrap_or_default().trim_start_matches(MARK).to_owned();
        Ok(SettingsEdit { path, was, text, top: Vec::new(), said: Vec::new(), entry })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The lines as they stand now.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim)
    }

    /// Makes the lines of ours those that are wanted, each with its key: takes out what is not wanted any more, adds what is
    /// missing.
    pub(super) fn sync(&mut self, wanted: &[(String, String)], is_line: fn(&SettingLine) -> bool) {
        let is_wanted =
            |line: &SettingLine| wanted.iter().any(|(key, text)| *key == line.key && *text == line.value);
        let gone: Vec<SettingLine> =
            self.entry.written.iter().filter(|line| is_line(line)).cloned().collect();
        for line in gone.iter().filter(|line| !is_wanted(line)) {
            self.take(line);
        }
        for (key, text) in wanted {
            if !self.lines().any(|line| line == text) {
                self.add(key, text);
            }
        }
    }

    fn add(&mut self, key: &str, text: &str) {
        if self.was.is_none() {
            self.entry.remember(SettingLine::new(&self.path, MADE, ""));
        }
        self.entry.remember(SettingLine::new(&self.path, key, text));
        self.said.push(format!("{}: {}", self.path.display(), visible(text)));
        self.top.push(text.to_owned());
    }

    /// Takes a line out and forgets it; whether it was still there.
    fn take(&mut self, line: &SettingLine) -> bool {
        self.entry.written.retain(|old| old != line);
        let mut start = 0;
        for whole in self.text.split_inclusive('\n') {
            if whole.trim_end() == line.value {
                self.text.replace_range(start..start + whole.len(), "");
                self.said.push(format!("{}: without {}", self.path.display(), visible(&line.value)));
                return true;
            }
            start += whole.len();
        }
        false
    }

    /// Takes everything out that an earlier setup wrote. What was changed since is left, and said.
    pub(super) fn undo(&mut self, notes: &mut Vec<String>, is_line: fn(&SettingLine) -> bool) {
        let lines: Vec<SettingLine> =
            self.entry.written.iter().filter(|line| is_line(line)).cloned().collect();
        for line in lines {
            if !self.take(&line) {
                notes.push(format!(
                    "{} was changed or removed in {} since setup wrote it, so it is left",
                    visible(&line.key),
                    line.file
                ));
            }
        }
    }

    /// Writes it. Where nothing is left of a file that setup made, the file goes.
    pub(super) fn write(self) -> Result<(), Error> {
        if self.said.is_empty() {
            return Ok(());
        }
        let made = self.entry.written.iter().any(|line| line.key == MADE);
        let end = if self.text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n")) {
            "\r\n"
        } else {
            "\n"
        };
        let mark = self.was.as_deref().filter(|was| was.starts_with(MARK)).map_or("", |_| MARK);
        let top: String = self.top.iter().flat_map(|line| [line.as_str(), end]).collect();
        let text = format!("{mark}{top}{}", self.text);
        let left = Some(text.as_str()).filter(|text| !(made && text.is_empty()));
        replace(&self.path, self.was.as_deref(), left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(line: &SettingLine) -> bool {
        !line.key.is_empty()
    }

    fn wanted(lines: &[&str]) -> Vec<(String, String)> {
        lines.iter().map(|line| (line.split('=').next().unwrap().to_owned(), (*line).to_owned())).collect()
    }

    #[test]
    fn lines_go_in_and_out_and_leave_every_byte_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rc");
        for before in ["", "x=1", "x=1\r\ny=2\r\n", "\u{feff}; mine\nx=1\n", "\n\n[a]\n"] {
            fs::write(&path, before).unwrap();
            let mut draft = SettingsEdit::new(&path, None, every).unwrap();
            draft.sync(&wanted(&["k=1", "l=2"]), every);
            let entry = draft.entry.clone();
            draft.write().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                text.contains("k=1")
                    && text.contains("l=2")
                    && text.ends_with(before.trim_start_matches('\u{feff}'))
            );
            assert_eq!(text.starts_with('\u{feff}'), before.starts_with('\u{feff}'));
            // One is not wanted any more, another is.
            let mut draft = SettingsEdit::new(&path, Some(&entry), every).unwrap();
            draft.sync(&wanted(&["l=2", "m=3"]), every);
            assert_eq!(draft.said.len(), 2, "{:?}", draft.said);
            let entry = draft.entry.clone();
            draft.write().unwrap();
            let mut draft = SettingsEdit::new(&path, Some(&entry), every).unwrap();
            draft.sync(&wanted(&["l=2", "m=3"]), every);
            assert!(draft.said.is_empty());
            let mut notes = Vec::new();
            draft.undo(&mut notes, every);
            draft.write().unwrap();
            assert!(notes.is_empty());
            assert_eq!(fs::read_to_string(&path).unwrap(), before);
        }
    }

    #[test]
    fn a_file_that_was_made_goes_and_a_line_that_was_changed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rc");
        let set = |path: &Path| {
            let mut draft = SettingsEdit::new(path, None, every).unwrap();
            draft.sync(&wanted(&["k=1"]), every);
            let entry = draft.entry.clone();
            draft.write().unwrap();
            entry
        };
        let unset = |entry: &SetupEntry| {
            let (mut draft, mut notes) = (SettingsEdit::new(&path, Some(entry), every).unwrap(), Vec::new());
            draft.undo(&mut notes, every);
            draft.write().unwrap();
            notes
        };
        assert!(unset(&set(&path)).is_empty() && !path.exists());
        let entry = set(&path);
        fs::write(&path, "k=2\n").unwrap();
        assert_eq!(unset(&entry).len(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "k=2\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_device_in_the_place_of_a_file_is_neither_waited_for_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let device = folder.path().join("device");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        for path in [&pipe, &device, &folder.path().to_owned()] {
            let said = read(path).unwrap_err().to_string();
            assert!(said.ends_with("it is not a regular file"), "{said}");
            // Not the device itself: should this fail, it would be gone.
            if path != &device {
                assert!(replace(path, Some(""), Some("k=1\n")).is_err());
                assert!(replace(path, None, Some("k=1\n")).is_err());
            }
        }
        assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_that_is_yet_to_be_made_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::os::unix::fs::symlink("two", &one).unwrap();
        std::os::unix::fs::symlink("dotfiles/rc", &two).unwrap();
        let mut draft = SettingsEdit::new(&one, None, every).unwrap();
        draft.sync(&wanted(&["k=1"]), every);
        let entry = draft.entry.clone();
        draft.write().unwrap();
        assert!(
            fs::symlink_metadata(&one).unwrap().is_symlink()
                && fs::symlink_metadata(&two).unwrap().is_symlink()
        );
        assert_eq!(fs::read_to_string(folder.path().join("dotfiles/rc")).unwrap(), "k=1\n");
        let (mut draft, mut notes) = (SettingsEdit::new(&one, Some(&entry), every).unwrap(), Vec::new());
        draft.undo(&mut notes, every);
        draft.write().unwrap();
        assert!(notes.is_empty() && !one.exists() && fs::symlink_metadata(&one).is_ok(), "{notes:?}");
        std::os::unix::fs::symlink("circle", folder.path().join("circle")).unwrap();
        assert!(read(&folder.path().join("circle")).is_err());
    }

    #[test]
    fn what_a_crash_left_beside_a_file_goes_with_the_next_writing_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".new-0123456789abcdef0123456789abcdef");
        let others = folder.path().join(".new-things");
        let young = folder.path().join(".new-fedcba9876543210fedcba9876543210");
        for path in [&left, &others, &young] {
            fs::write(path, "x").unwrap();
        }
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
        for path in [&left, &others] {
            fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        }
        replace(&folder.path().join("rc"), None, Some("k=1\n")).unwrap();
        assert!(!left.exists() && others.exists() && young.exists());
    }

    #[test]
    fn what_was_changed_meanwhile_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rc");
        let mut draft = SettingsEdit::new(&path, None, every).unwrap();
        draft.sync(&wanted(&["k=1"]), every);
        fs::write(&path, "x=1\n").unwrap();
        assert!(draft.write().unwrap_err().to_string().contains("changed just now"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "x=1\n");
    }
}
