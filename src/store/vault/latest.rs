//! `vault.latest`: which data key this machine used last, so that an older vault that is put back shows.
//!
//! ```text
//! keyfob vault latest key v1
//! (vault id, 32 hex digits) (key id, 32 hex digits)
//! ```
//!
//! It lies beside the vault's folder, and is written whenever everything was sealed anew. An older copy of the folder is whole in
//! itself: a backup that is put back, or what somebody puts there who knows a key that no longer counts. Tokens are still read from
//! it, but nothing is sealed under its key before a person says `keyfob storage reseal`.

use std::path::{Path, PathBuf};

use super::bytes::Bytes;
use super::data_key::{KeyId, key_id};
use super::header::Header;
use super::seal::SymmetricKey;
use crate::account::Id;
use crate::error::Error;
use crate::files;

const FIRST_LINE: &str = "keyfob vault latest key v1";

/// Notes at `path` that this data key is the one in force.
pub(super) fn note(path: &Path, vault: &Id, key: &KeyId) -> Result<(), Error> {
    let text = format!("{FIRST_LINE}\n{} {}\n", vault.as_str(), key.hex());
    files::write_private(path, text.as_bytes())
}

/// Refuses to seal anything under a data key that was in force before the latest one. `header_path`: the file that holds `header`.
pub(super) fn check(
    path: &Path,
    header: &Header,
    header_path: impl Fn() -> PathBuf,
    data: &SymmetricKey,
) -> Result<(), Error> {
    let key = key_id(data, &header.id)?;
    if header.key.is_some_and(|named| named != key) {
        let why = "the key in its slots is not the one that it names";
        return Err(Error::Damaged { path: header_path(), why });
    }
    // Broken off in the middle: the new key is in force, and not noted yet.
    let before = header.open_previous(data).and_then(|_| header.previous().copied());
    match latest(path, &header.id)? {
        Some(latest) if latest != key && before != Some(latest) => Err(Error::Foreign {
            path: header_path(),
            why: "it is older than the one that keyfob last wrote here, so an older copy of the vault was put back",
            fix: "if you did that: keyfob storage reseal".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The same by what the header says, where its key is not known: good for words, not for a decision.
pub(super) fn is_older(path: &Path, header: &Header) -> bool {
    let latest = latest(path, &header.id).ok().flatten();
    latest.is_some_and(|latest| header.key != Some(latest) && header.previous() != Some(&latest))
}

/// Whether everything in this vault was ever sealed anew here.
pub(super) fn was_resealed(path: &Path, header: &Header) -> bool {
    latest(path, &header.id).is_ok_and(|latest| latest.is_some())
}

/// What is noted for this vault. Another vault's does not count, and what cannot be read is no key.
fn latest(path: &Path, vault: &Id) -> Result<Option<KeyId>, Error> {
    let Some(bytes) = files::read_private(path)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let words = text.strip_prefix(FIRST_LINE).unwrap_or_default().trim();
    match words.split_once(' ') {
        Some((id, _)) if id != vault.as_str() && Id::parse(id).is_some() => Ok(None),
        Some((_, key)) => Ok(Some(from_hex(key).unwrap_or(Bytes([0; 16])))),
        None => Ok(Some(Bytes([0; 16]))),
    }
}

fn from_hex(text: &str) -> Option<KeyId> {
    let id = Id::parse(text)?;
    Some(Bytes(u128::from_str_radix(id.as_str(), 16).ok()?.to_be_bytes()))
}
