//! Small files of ours in JSON that only people's commands and the first `store` read: what is half done, what setups wrote, which
//! store was chosen. Each carries the version of its form; a newer one is refused and never rewritten, whatever its shape.
//! Deliberately absent: the account records, of which a `get` reads one, and which the stores can make again.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::text::shell_word;

/// What every version of every one of them has.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// Reads one; `None` if it is not there. `what` it should be and how to `mend` it, given its path as a word of a shell, is for one
/// that cannot be read: nothing can make it again.
///
/// # Errors
/// [`Error::Newer`]; [`Error::Unsafe`], also for what cannot be read; [`Error::Io`].
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    known: u32,
    what: &str,
    mend: impl FnOnce(&str) -> String,
) -> Result<Option<T>, Error> {
    let Some(bytes) = files::read_private(path)? else { return Ok(None) };
    let known = u64::from(known);
    match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version: found }) if found > known => {
            return Err(Error::Newer { path: path.to_owned(), found, known });
        }
        _ => {}
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::Unsafe {
        path: path.to_owned(),
        problem: format!("it cannot be read (line {} is no {what})", error.line()),
        fix: mend(&shell_word(path)),
    })
}

/// Writes one, durably and in its place. People may want to look into it.
///
/// # Errors
/// [`Error::Io`]; then the old one is untouched.
pub(crate) fn write(path: &Path, document: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(document)
        .map_err(|error| Error::Record { path: path.to_owned(), why: error.to_string() })?;
    text.push(b'\n');
    files::write_private(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Paper {
        version: u32,
        words: Vec<String>,
    }

    fn read_text(text: &str) -> Result<Option<Paper>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper.json");
        files::write_private(&path, text.as_bytes()).unwrap();
        read(&path, 1, "paper", |path| format!("rm {path}"))
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper.json");
        let none = read::<Paper>(&path, 1, "paper", |_| String::new()).unwrap();
        assert_eq!(none, None);
        let paper = Paper { version: 1, words: vec!["a".to_owned()] };
        write(&path, &paper).unwrap();
        assert_eq!(read(&path, 1, "paper", |_| String::new()).unwrap(), Some(paper));
    }

    #[test]
    fn a_newer_one_is_told_from_a_damaged_one_whatever_its_shape() {
        for text in [r#"{"version":2,"words":[]}"#, r#"{"words":{"a":1},"version":2}"#, r#"{"version":9}"#] {
            assert!(matches!(read_text(text), Err(Error::Newer { known: 1, .. })), "{text}");
        }
        for text in ["", "{", "[]", "{\"version\":1}", "{\"version\":1,\n\"words\":1}"] {
            let error = read_text(text).unwrap_err();
            assert!(error.to_string().contains("is no paper"), "{text}: {error}");
            assert!(error.hint().unwrap().starts_with("rm "), "{text}");
        }
    }
}
