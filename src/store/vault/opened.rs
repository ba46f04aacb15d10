//! A sealed file, opened with the key that it says it is sealed under.

use std::path::Path;

use super::data_key::Bound;
use super::header::Header;
use super::seal::SymmetricKey;
use super::sealed_file::{self, SealedUnder};
use crate::account::{Id, Key};
use crate::error::Error;
use crate::files;
use crate::secret::Secret;

/// Opens one sealed file; `None` if there is none, or no more: another process may have removed it.
pub(super) fn read_sealed(
    path: &Path,
    header: &Header,
    data: &SymmetricKey,
    id: &Id,
) -> Result<Option<(Key, Secret)>, Error> {
    let Some(bytes) = files::read_private(path)? else { return Ok(None) };
    let read = |key, bound| sealed_file::read(key, bound, id, path, &bytes).map(Some);
    let under = match sealed_file::sealed_under(&bytes) {
        Some(SealedUnder::Named(key)) => Some(key),
        // What is no sealed file is called so by whoever reads it.
        Some(SealedUnder::Unnamed) | None => None,
    };
    if under == header.key {
        return read(data, header.bound());
    }
    let vault = &header.id;
    match (header.open_previous(data), under) {
        (Some(before), None) => read(&before, Bound { vault, key: None }),
        (Some(before), Some(key)) if header.previous() == Some(&key) => {
            read(&before, Bound { vault, key: Some(&key) })
        }
        (_, None) if sealed_file::sealed_under(&bytes).is_none() => read(data, header.bound()),
        _ => {
            let why = "it is sealed under another key than the vault's present one, so it or the vault is an older copy";
            Err(Error::Damaged { path: path.to_owned(), why })
        }
    }
}
