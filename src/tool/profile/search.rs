//! Looking for endpoints in the settings of tools: which files, and how to read them without falling into a trap. They lie in
//! projects that others wrote: a file may be huge, no file at all, in UTF-16, or name variables that are not set. What cannot
//! be read is noted; nothing in a file can make us hang.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::files::open_unhindered;
use crate::folders::Folders;

use super::Endpoint;

/// No settings file comes near this.
const LONGEST: u64 = 1 << 20;

/// Nobody's settings name more endpoints.
const MOST: usize = 1000;

/// No name of a variable comes near this.
const LONGEST_NAME: usize = 256;

/// Where to look, and what is worth saying.
pub struct Search<'s> {
    /// The folder in which the tool is started.
    pub folder: &'s Path,
    /// Its environment.
    pub environment: &'s Environment,
    /// What could not be read, and why.
    pub notes: Vec<String>,
    /// Why nothing may be set at all.
    pub refused: Option<String>,
}

impl<'s> Search<'s> {
    /// In this folder.
    #[must_use]
    pub fn new(folder: &'s Path, environment: &'s Environment) -> Search<'s> {
        Search { folder, environment, notes: Vec::new(), refused: None }
    }

    /// The person's home.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        Folders::of(self.environment).home()
    }

    /// A file: where this variable says, else this one below the home.
    #[must_use]
    pub fn file(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let told = self.environment.os(variable).map(|told| self.folder.join(told));
        told.or_else(|| Some(self.home()?.join(below_home)))
    }

    /// The folders from this one to the root.
    pub fn upwards(&self) -> impl Iterator<Item = PathBuf> + use<'s> {
        self.folder.ancestors().map(Path::to_owned)
    }

    /// The text of a file, without its byte order mark; `None` if there is none, or none that can be read.
    pub fn text(&mut self, path: &Path) -> Option<String> {
        match read(path) {
            Ok(text) => Some(text),
            Err(Some(why)) => {
                self.notes.push(format!("cannot read {}: {why}", path.display()));
                None
            }
            Err(None) => None,
        }
    }

    /// What `read` makes of the text of a file; that it makes nothing of it, is said.
    pub fn parsed<T>(&mut self, path: &Path, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let found = read(&self.text(path)?);
        if found.is_none() {
            self.malformed(path);
        }
        found
    }

    /// The same of JSON.
    pub fn json(&mut self, path: &Path) -> Option<serde_json::Value> {
        self.parsed(path, |text| serde_json::from_str(text).ok())
    }

    /// Says that what stands in a file is not what stands in such a file.
    pub fn malformed(&mut self, path: &Path) {
        self.notes.push(format!("cannot read {}: it is not well-formed", path.display()));
    }

    /// Says that a file sends on the variables that we set.
    pub fn sends_on(&mut self, path: &Path) {
        self.refused =
            Some(format!("{} sends on the variables that keyfob sets, so none is set", path.display()));
    }

    /// Says which names of endpoints stand for something else too, of which cannot be told where it is: what is set for such a name
    /// would go there.
    pub fn unclear(&mut self, endpoints: &[Endpoint], names: &[String]) {
        // Every profile folds at least letter case, and some all but letters and digits.
        let folded = |name: &str| name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let names: Vec<String> = names.iter().map(|name| folded(name)).collect();
        let known = endpoints.iter().filter_map(|endpoint| endpoint.name.as_deref());
        if let Some(name) = known.into_iter().find(|name| names.contains(&folded(name))) {
            self.notes.push(format!("{name} is also the name of a place whose URL cannot be read"));
        }
    }

    /// These endpoints, each once. All or none: with a part of them, one name for two endpoints would go unseen.
    pub fn each_once(&mut self, endpoints: impl IntoIterator<Item = Endpoint>) -> Vec<Endpoint> {
        let mut all = Vec::new();
        for endpoint in endpoints {
            if all.len() == MOST {
                self.notes.push(format!("cannot read settings that name more than {MOST} places"));
                return Vec::new();
            }
            if !all.contains(&endpoint) {
                all.push(endpoint);
            }
        }
        all
    }
}

fn read(path: &Path) -> Result<String, Option<String>> {
    use std::io::ErrorKind;
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => None,
        kind => Some(kind.to_string()),
    };
    let file = open_unhindered(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Some("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Some("it is larger than a mebibyte".to_owned()));
    }
    decode(&bytes).ok_or_else(|| Some("it is not text".to_owned()))
}

/// UTF-8, or UTF-16 if its mark says so, as Visual Studio writes it.
fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        odd.is_empty().then_some(())?;
        String::from_utf16(&pairs.iter().map(|&pair| unit(pair)).collect::<Vec<_>>()).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// `text` with what stands between `open` and `close` replaced by its value. What has none stays as it stands, and what a value
/// holds is not looked at again. Names are short: a document full of openings takes no longer than any other.
#[must_use]
pub fn expand(text: &str, open: &str, close: char, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, inner)) = rest.split_once(open) {
        done.push_str(before);
        let end = inner.char_indices().take(LONGEST_NAME).find(|(_, c)| *c == close).map(|(end, _)| end);
        match end.and_then(|end| Some((value(&inner[..end])?, end))) {
            Some((value, end)) => {
                done.push_str(&value);
                rest = &inner[end + close.len_utf8()..];
            }
            None => {
                done.push_str(open);
                rest = inner;
            }
        }
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_every_dress_that_editors_give_it() {
        for bytes in
            [&b"a\r\nb"[..], b"\xef\xbb\xbfa\r\nb", b"\xff\xfea\0\r\0\n\0b\0", b"\xfe\xff\0a\0\r\0\n\0b"]
        {
            assert_eq!(decode(bytes).as_deref(), Some("a\r\nb"), "{bytes:?}");
        }
        for bytes in [&b"\xff\xfea"[..], b"\xc3", b"\xff\xfe\0\xd8"] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_settings_file_is_not_read_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::default();
        let mut search = Search::new(folder.path(), &environment);
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("huge"), vec![b' '; 2 << 20]).unwrap();
        std::fs::write(path("full"), vec![b' '; 1 << 20]).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        assert!(search.text(&path("full")).is_some());
        assert!(search.text(&path("none")).is_none() && search.text(&path("full/below")).is_none());
        assert!(search.notes.is_empty(), "{:?}", search.notes);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
            let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
            assert!(
                made.success()
                    && search.text(&path("loop")).is_none()
                    && search.text(&path("pipe")).is_none()
            );
            assert!(search.text(Path::new("/dev/zero")).is_none());
        }
        assert!(search.text(&path("huge")).is_none() && search.text(&path("folder")).is_none());
        assert_eq!(search.notes.len(), if cfg!(unix) { 5 } else { 2 }, "{:?}", search.notes);
    }

    #[test]
    fn so_many_places_that_one_could_hide_among_them_are_none() {
        let environment = Environment::default();
        let mut search = Search::new(Path::new("/"), &environment);
        let endpoint =
            |number: usize| Endpoint::found(None, &format!("https://h.test/{}", number % MOST)).unwrap();
        assert_eq!(search.each_once((0..MOST).map(endpoint)).len(), MOST);
        let other = Endpoint::found(None, "https://other.test/");
        assert!(search.each_once((0..MOST).map(endpoint).chain(other)).is_empty());
        assert_eq!(search.notes.len(), 1);
    }

    #[test]
    fn variables_are_replaced_once_and_what_is_not_set_stays() {
        let value = |name: &str| match name {
            "A" => Some("1".to_owned()),
            "LOOP" => Some("${LOOP}${A}".to_owned()),
            _ => None,
        };
        for (text, expanded) in [
            ("x${A}y${A}", "x1y1"),
            ("${LOOP}", "${LOOP}${A}"),
            ("${B}${A}", "${B}1"),
            ("${${A}}", "${1}"),
            ("${A", "${A"),
            ("", ""),
        ] {
            assert_eq!(expand(text, "${", '}', value), expanded, "{text}");
        }
        assert_eq!(expand("%A%/%B%/%A", "%", '%', value), "1/%B%/%A");
    }
}
