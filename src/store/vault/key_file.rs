//! The key-file slot: a random key in a file of its own, `vault.key`, for a vault that opens unattended.
//!
//! ```text
//! keyfob vault key v1
//! (32 bytes in base64)
//! ```
//!
//! It lies beside the vault's folder, never inside, so that a copy of the folder alone is useless. An existing one is
//! never replaced: it may be all that opens a vault which is only out of reach just now.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::SymmetricKey;
use super::wrapping::{self, Wrapped};
use crate::account::Id;
use crate::error::Error;
use crate::files;

const FIRST_LINE: &str = "keyfob vault key v1";
const KIND: &str = "key-file";

/// The slot in the header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    wrapped: Wrapped,
}

impl Slot {
    /// A slot that opens with `wrapping`, the key in the file.
    pub(super) fn wrapping(wrapping: &SymmetricKey, data: &SymmetricKey, vault: &Id) -> Result<Slot, Error> {
        Ok(Slot { wrapped: wrapping::wrap(wrapping, data, vault, KIND, &[])? })
    }

    /// The data key; `None` if this is not the right key.
    pub(super) fn open(&self, wrapping: &SymmetricKey, vault: &Id) -> Option<SymmetricKey> {
        wrapping::unwrap(wrapping, &self.wrapped, vault, KIND, &[])
    }
}

/// What is where the key file should be.
pub(super) enum Found {
    /// Nothing.
    Missing,
    /// Something that is not a key file.
    Unreadable,
    /// A key.
    Key(SymmetricKey),
}

/// Looks at the key file.
pub(super) fn read(path: &Path) -> Result<Found, Error> {
    let Some(bytes) = files::read_private(path)?.map(Zeroizing::new) else { return Ok(Found::Missing) };
    Ok(parse(&bytes).map_or(Found::Unreadable, Found::Key))
}

/// The key in the file, or a new one that was durably written there.
pub(super) fn read_or_make(path: &Path, vault: &Path) -> Result<SymmetricKey, Error> {
    let key = match read(path)? {
        Found::Key(key) => key,
        Found::Missing => SymmetricKey::random()?,
        Found::Unreadable => return Err(unreadable(path.to_owned(), vault.to_owned())),
    };
    // Also when it was there: the crash that left it may have come before it was durable.
    files::write_private(path, &text(&key))?;
    Ok(key)
}

/// The error for [`Found::Unreadable`].
pub(super) fn unreadable(path: PathBuf, vault: PathBuf) -> Error {
    Error::KeyFile { path, vault, why: "it is not a key file" }
}

fn text(key: &SymmetricKey) -> Zeroizing<Vec<u8>> {
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(key.bytes()));
    let mut text = Zeroizing::new(Vec::with_capacity(FIRST_LINE.len() + encoded.len() + 2));
    for part in [FIRST_LINE, "\n", &encoded, "\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    text
}

fn parse(bytes: &[u8]) -> Option<SymmetricKey> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    // A little longer than the key, because the decoder estimates in blocks of three.
    let mut decoded = Zeroizing::new([0; SymmetricKey::LENGTH + 4]);
    let length = BASE64_STANDARD.decode_slice(lines.next()?.trim_end(), decoded.as_mut_slice()).ok()?;
    SymmetricKey::from_slice(&decoded[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_reads_back() {
        let key = SymmetricKey::random().unwrap();
        assert_eq!(parse(&text(&key)).unwrap().bytes(), key.bytes());
    }

    #[test]
    fn a_windows_line_end_from_a_backup_does_no_harm() {
        let key = SymmetricKey::random().unwrap();
        let text = String::from_utf8(text(&key).to_vec()).unwrap().replace('\n', "\r\n");
        assert_eq!(parse(text.as_bytes()).unwrap().bytes(), key.bytes());
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
