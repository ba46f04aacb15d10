//! The key-file slot: a random key in a file of its own, `vault.key`, for a vault that opens unattended.
//!
//! ```text
//! keyfob vault key v1
//! (32 bytes in base64)        the key
//! next (32 bytes in base64)   while everything is sealed anew: the key of the header that is about to be written
//! other (32 bytes in base64)  any number of them: what was the key when a new vault was made
//! ```
//!
//! It lies beside the vault's folder, never inside, so that a copy of the folder alone is useless. A new vault gets a key of its own,
//! because of an existing one there may be copies; but that one stays in the file, since it may be all that opens a vault which is
//! only out of reach just now. Two files cannot be replaced at once. So the next key stands beside the present one before the header
//! changes from this to that, and each of them is tried.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::data_key::Bound;
use super::seal::SymmetricKey;
use super::wrapping::{self, Wrapped};
use crate::error::Error;
use crate::files;

const FIRST_LINE: &str = "keyfob vault key v1";
const NEXT: &str = "next ";
const OTHER: &str = "other ";
const KIND: &str = "key-file";

/// The slot in the header.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    wrapped: Wrapped,
}

impl Slot {
    /// A slot that opens with `wrapping`, a key in the file.
    pub(super) fn wrapping(
        wrapping: &SymmetricKey,
        data: &SymmetricKey,
        bound: Bound<'_>,
    ) -> Result<Slot, Error> {
        Ok(Slot { wrapped: wrapping::wrap(wrapping, data, bound, KIND, &[])? })
    }

    /// One that nothing opens: its key is made when the header is written.
    pub(super) fn empty() -> Slot {
        Slot { wrapped: wrapping::nothing() }
    }

    /// The data key; `None` if no key of the file is the right one.
    pub(super) fn open(&self, keys: &Keys, bound: Bound<'_>) -> Option<SymmetricKey> {
        // Nearly always the first.
        let other =
            || keys.next.iter().chain(&keys.others).find_map(|wrapping| self.open_with(wrapping, bound));
        self.open_with(&keys.main, bound).or_else(other)
    }

    fn open_with(&self, wrapping: &SymmetricKey, bound: Bound<'_>) -> Option<SymmetricKey> {
        wrapping::unwrap(wrapping, &self.wrapped, bound, KIND, &[])
    }

    /// All that a seal over the header covers of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.wrapped.0.to_vec()
    }
}

/// What is where the key file should be.
pub(super) enum Found {
    /// Nothing.
    Missing,
    /// Something that is not a key file.
    Unreadable,
    /// Keys.
    Keys(Keys),
}

/// The keys in the file.
pub(super) struct Keys {
    main: SymmetricKey,
    next: Option<SymmetricKey>,
    others: Vec<SymmetricKey>,
}

/// Looks at the key file.
pub(super) fn read(path: &Path) -> Result<Found, Error> {
    let Some(bytes) = files::read_private(path)?.map(Zeroizing::new) else { return Ok(Found::Missing) };
    Ok(parse(&bytes).map_or(Found::Unreadable, Found::Keys))
}

/// A new key, durably written as the one of a vault that has none. What was there is kept as well.
pub(super) fn make(path: &Path, vault: &Path) -> Result<SymmetricKey, Error> {
    let main = SymmetricKey::random()?;
    let kept = match read(path)? {
        Found::Keys(keys) => Some(keys),
        Found::Missing => None,
        Found::Unreadable => return Err(unreadable(path.to_owned(), vault.to_owned())),
    };
    let others = kept.into_iter().flat_map(|keys| [keys.main].into_iter().chain(keys.others)).collect();
    let keys = Keys { main, next: None, others };
    files::write_private(path, &text(&keys))?;
    Ok(keys.main)
}

/// A new key, durably written beside the one that opens `old`, the slot of the present header.
pub(super) fn make_next(
    path: &Path,
    vault: &Path,
    old: &Slot,
    bound: Bound<'_>,
) -> Result<SymmetricKey, Error> {
    let next = SymmetricKey::random()?;
    let keys = match read(path)? {
        Found::Keys(mut keys) => {
            // Another vault's, put here by mistake or on purpose.
            if old.open_with(&keys.main, bound).is_none() {
                keys.others.push(keys.main.duplicate());
            }
            Keys { next: Some(next.duplicate()), ..keys }
        }
        // The vault was opened by another slot; the key that is lost is needed no longer.
        Found::Missing => Keys { main: next.duplicate(), next: None, others: Vec::new() },
        Found::Unreadable => return Err(unreadable(path.to_owned(), vault.to_owned())),
    };
    files::write_private(path, &text(&keys))?;
    Ok(next)
}

/// Forgets, durably, the key that was before the one which opens `slot`; nothing to forget is fine.
pub(super) fn settle(path: &Path, slot: &Slot, bound: Bound<'_>) -> Result<(), Error> {
    let Found::Keys(keys) = read(path)? else { return Ok(()) };
    match keys.next {
        Some(next) if slot.open_with(&next, bound).is_some() => {
            files::write_private(path, &text(&Keys { main: next, next: None, others: keys.others }))
        }
        _ => Ok(()),
    }
}

/// The error for [`Found::Unreadable`].
pub(super) fn unreadable(path: PathBuf, vault: PathBuf) -> Error {
    Error::KeyFile { path, vault, why: "it is not a key file" }
}

fn text(keys: &Keys) -> Zeroizing<Vec<u8>> {
    let next = keys.next.iter().map(|key| (NEXT, key));
    let others = keys.others.iter().map(|key| (OTHER, key));
    let lines: Vec<_> = [("", &keys.main)].into_iter().chain(next).chain(others).collect();
    // Long enough from the start: a growing buffer would leave keys behind.
    let mut text = Zeroizing::new(Vec::with_capacity(FIRST_LINE.len() + 1 + lines.len() * 64));
    text.extend_from_slice(FIRST_LINE.as_bytes());
    text.push(b'\n');
    for (word, key) in lines {
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(key.bytes()));
        for part in [word, &encoded, "\n"] {
            text.extend_from_slice(part.as_bytes());
        }
    }
    text
}

fn parse(bytes: &[u8]) -> Option<Keys> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let mut keys = Keys { main: key_of(lines.next()?)?, next: None, others: Vec::new() };
    // What else a person may have written there was never looked at.
    for line in lines {
        if let Some(next) = line.strip_prefix(NEXT) {
            keys.next = key_of(next);
        } else if let Some(other) = line.strip_prefix(OTHER) {
            keys.others.extend(key_of(other));
        }
    }
    Some(keys)
}

fn key_of(text: &str) -> Option<SymmetricKey> {
    // A little longer than the key, because the decoder estimates in blocks of three.
    let mut decoded = Zeroizing::new([0; SymmetricKey::LENGTH + 4]);
    let length = BASE64_STANDARD.decode_slice(text.trim_end(), decoded.as_mut_slice()).ok()?;
    SymmetricKey::from_slice(&decoded[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_reads_back() {
        let key = || SymmetricKey::random().unwrap();
        let keys = Keys { main: key(), next: Some(key()), others: vec![key(), key()] };
        let written = text(&keys);
        let read = parse(&written).unwrap();
        let all = |keys: &Keys| -> Vec<_> {
            [&keys.main].into_iter().chain(&keys.next).chain(&keys.others).map(|key| *key.bytes()).collect()
        };
        assert_eq!(all(&read), all(&keys));
        assert!(written.capacity() >= written.len() && read.others.len() == 2);
    }

    /// As every keyfob wrote it so far.
    fn alone() -> (SymmetricKey, Zeroizing<Vec<u8>>) {
        let key = SymmetricKey::random().unwrap();
        let keys = Keys { main: key.duplicate(), next: None, others: Vec::new() };
        (key, text(&keys))
    }

    #[test]
    fn a_new_vault_gets_a_new_key_and_the_one_that_was_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let first = make(&path, folder.path()).unwrap();
        let second = make(&path, folder.path()).unwrap();
        assert_ne!(first.bytes(), second.bytes());
        let Found::Keys(keys) = read(&path).unwrap() else { panic!("no keys") };
        assert_eq!(keys.main.bytes(), second.bytes());
        assert_eq!(keys.others[0].bytes(), first.bytes());
    }

    #[test]
    fn the_key_before_is_forgotten_when_the_header_needs_it_no_longer_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let vault = crate::account::Id::random().unwrap();
        let bound = Bound { vault: &vault, key: None };
        let data = SymmetricKey::random().unwrap();
        let key = make(&path, folder.path()).unwrap();
        let old = Slot::wrapping(&key, &data, bound).unwrap();
        let new =
            Slot::wrapping(&make_next(&path, folder.path(), &old, bound).unwrap(), &data, bound).unwrap();
        let opens = |slot: &Slot| {
            let Found::Keys(keys) = read(&path).unwrap() else { panic!("no keys") };
            slot.open(&keys, bound).is_some()
        };
        assert!(opens(&old) && opens(&new));
        settle(&path, &old, bound).unwrap();
        assert!(opens(&old) && opens(&new), "the old header may be all that is on the disk");
        settle(&path, &new, bound).unwrap();
        assert!(!opens(&old) && opens(&new));
    }

    #[test]
    fn a_windows_line_end_from_a_backup_does_no_harm() {
        let (key, text) = alone();
        let text = String::from_utf8(text.to_vec()).unwrap().replace('\n', "\r\n");
        assert_eq!(parse(text.as_bytes()).unwrap().main.bytes(), key.bytes());
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let long = format!("{FIRST_LINE}\n{}\n", BASE64_STANDARD.encode([1; 33]));
        let short = format!("{FIRST_LINE}\n{}\n", BASE64_STANDARD.encode([1; 31]));
        for bad in [
            "",
            "keyfob vault key v1",
            "keyfob vault key v2\nAAAA",
            "keyfob vault key v1\n%%%",
            &long,
            &short,
        ] {
            assert!(parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
