//! Files of other programs: read as they are, said what is odd about them, and cut by their text, so that every byte that
//! is not taken out stays as it was, and with it the file's mode and its place behind a link.
//!
//! They are not ours, so what ours must not be (a link, readable by others) is worth a word and no refusal. What would hang or
//! eat us is refused: a pipe, a device, a file that is far larger than any such file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::formats::json_edit;
use crate::text::shell_word;

use super::{Outside, Reading};

/// No such file comes near this.
const LARGEST: usize = 8 << 20;

/// A file of another program, as it was read.
pub struct TextFile {
    /// Where it is, links resolved: a file in the dotfiles stays there.
    pub path: PathBuf,
    /// The path for people, as it is usually named.
    pub shown: String,
    bytes: Zeroizing<Vec<u8>>,
    lock: bool,
}

impl std::fmt::Debug for TextFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A line of a file.
#[derive(Clone, Debug)]
pub struct Line<'f> {
    /// Its number, from 1.
    pub number: usize,
    /// Its bytes in the file, with its end.
    pub range: Range<usize>,
    /// Its text, without its end.
    pub text: &'f str,
}

/// Reads the file that the person named, else each of the usual ones that is there; notes what is odd about it, and gives its text to
/// `parse`.
///
/// # Errors
/// [`Error::Io`], and what is no file to be read.
pub fn read(
    outside: &Outside<'_>,
    usual: impl IntoIterator<Item = PathBuf>,
    reading: &mut Reading,
    parse: impl FnMut(&TextFile, &str, &mut Reading),
) -> Result<(), Error> {
    read_as(outside, usual, false, reading, parse)
}

/// As [`read`]; whoever changes the file takes a lock beside it, as git does: `FILE.lock`.
///
/// # Errors
/// As [`read`].
pub fn read_as(
    outside: &Outside<'_>,
    usual: impl IntoIterator<Item = PathBuf>,
    lock: bool,
    reading: &mut Reading,
    mut parse: impl FnMut(&TextFile, &str, &mut Reading),
) -> Result<(), Error> {
    match &outside.file {
        Some(named) => read_one(outside, named, lock, reading, &mut parse),
        None => usual.into_iter().try_for_each(|path| read_one(outside, &path, lock, reading, &mut parse)),
    }
}

fn read_one(
    outside: &Outside<'_>,
    path: &Path,
    lock: bool,
    reading: &mut Reading,
    parse: &mut dyn FnMut(&TextFile, &str, &mut Reading),
) -> Result<(), Error> {
    let shown = outside.shown(path);
    let Some((real, bytes)) = bytes_of(path, &shown, &mut reading.notes)? else {
        // A file that the person named has to be there.
        return match &outside.file {
            Some(named) if named == path => Err(Error::io("read", path)(io::ErrorKind::NotFound.into())),
            _ => Ok(()),
        };
    };
    // Two names of one file are one file.
    if reading.files.iter().any(|file| file.path == real) {
        return Ok(());
    }
    reading.places.push(shown.clone());
    let file = TextFile { path: real, shown, bytes, lock };
    match file.text() {
        Ok(text) => parse(&file, text, reading),
        Err(why) => reading.skip(&file.shown, "the whole file", why),
    }
    reading.files.push(file);
    Ok(())
}

/// Where a file is in truth, and what is in it.
type Content = (PathBuf, Zeroizing<Vec<u8>>);

fn bytes_of(path: &Path, shown: &str, notes: &mut Vec<String>) -> Result<Option<Content>, Error> {
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let about = file.metadata().map_err(Error::io("read", path))?;
    let odd = |problem: &str| Error::Unsafe {
        path: path.to_owned(),
        problem: problem.to_owned(),
        fix: format!("look what it is: ls -l {}", shell_word(path)),
    };
    if !about.is_file() {
        return Err(odd("it is not a regular file"));
    }
    let length = usize::try_from(about.len()).unwrap_or(usize::MAX);
    if length > LARGEST {
        return Err(odd(&format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if about.mode() & 0o077 != 0 {
            notes.push(format!(
                "{shown} has mode {:o}: others can reach what stands in it",
                about.mode() & 0o777
            ));
        }
        if about.uid() != rustix::process::geteuid().as_raw() {
            notes.push(format!("{shown} belongs to user {}", about.uid()));
        }
    }
    #[cfg(not(unix))]
    let _ = (shown, notes);
    // One that grows while it is read is read as far as it was long; then it is changed, and not cut.
    let mut bytes = Zeroizing::new(vec![0; length]);
    let mut filled = 0;
    while filled < length {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
    bytes.truncate(filled);
    let real = fs::canonicalize(path).map_err(Error::io("read", path))?;
    Ok(Some((real, bytes)))
}

/// Whether there is no such file: also where a folder of its path is none.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe in its place is not waited for.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl TextFile {
    /// Its text. A byte order mark is passed over; `position` counts it.
    fn text(&self) -> Result<&str, &'static str> {
        let bytes = self.bytes.as_slice();
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err("it is UTF-16; save it as UTF-8");
        }
        if bytes.contains(&0) {
            return Err("there is a NUL in it");
        }
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
        std::str::from_utf8(text).map_err(|_| "it is not UTF-8 text")
    }

    /// How many bytes stand before the text.
    fn before(&self) -> usize {
        if self.bytes.starts_with(BOM) { BOM.len() } else { 0 }
    }

    /// A range of the text, as one of the file.
    #[must_use]
    pub fn range(&self, of_text: Range<usize>) -> Range<usize> {
        of_text.start + self.before()..of_text.end + self.before()
    }

    /// Where an entry stands, for people.
    #[must_use]
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.shown)
    }

    /// That it is a form in which nothing can be taken out.
    fn by_hand(&self) -> Error {
        let fix = "take the token out there by hand; it is in the wallet".to_owned();
        Error::Foreign { path: self.path.clone(), why: "it cannot be changed by its text", fix }
    }

    /// Writes the file without these bytes and members, if it still is as it was read.
    ///
    /// # Errors
    /// [`Error::Foreign`] if it was changed meanwhile or is not ours to change, [`Error::Io`].
    pub fn without(&self, mut cuts: Vec<Range<usize>>, members: &[Vec<String>]) -> Result<(), Error> {
        cuts.sort_by_key(|cut| cut.start);
        let mut kept = Zeroizing::new(Vec::with_capacity(self.bytes.len()));
        let mut at = 0;
        for cut in cuts {
            kept.extend_from_slice(self.bytes.get(at..cut.start).unwrap_or_default());
            at = at.max(cut.end);
        }
        kept.extend_from_slice(self.bytes.get(at..).unwrap_or_default());
        for member in members {
            let keys: Vec<&str> = member.iter().map(String::as_str).collect();
            let text = std::str::from_utf8(&kept).ok().and_then(|text| json_edit::remove(text, &keys));
            kept = Zeroizing::new(text.ok_or_else(|| self.by_hand())?.into_bytes());
        }
        let lock = self.lock.then(|| {
            let mut name = self.path.file_name().unwrap_or_default().to_owned();
            name.push(".lock");
            self.path.with_file_name(name)
        });
        files::rewrite(&self.path, &self.bytes, &kept, lock.as_deref())
    }
}

/// The lines of a text.
pub fn lines<'f>(file: &TextFile, text: &'f str) -> Vec<Line<'f>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for (at, whole) in text.split_inclusive('\n').enumerate() {
        let range = file.range(start..start + whole.len());
        start += whole.len();
        let text = whole.strip_suffix('\n').unwrap_or(whole);
        lines.push(Line { number: at + 1, range, text: text.strip_suffix('\r').unwrap_or(text) });
    }
    lines
}
