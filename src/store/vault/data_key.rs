//! Which data key: the name that tells a key from the ones before and after it, and gives nothing of it away.
//!
//! ```text
//! key id   the first 16 bytes of HKDF-SHA256(key = data key, info = "keyfob vault key id" + vault id)
//! ```
//!
//! It is worked out of the key, so that nobody can give one key the name of another.

use hkdf::Hkdf;
use sha2::Sha256;

use super::bytes::Bytes;
use super::seal::SymmetricKey;
use crate::account::Id;
use crate::error::Error;

/// The name of a data key.
pub(super) type KeyId = Bytes<16>;

/// The name of this data key in this vault.
pub(super) fn key_id(data: &SymmetricKey, vault: &Id) -> Result<KeyId, Error> {
    let mut id = [0; 16];
    Hkdf::<Sha256>::new(None, data.bytes())
        .expand_multi_info(&[b"keyfob vault key id", vault.as_str().as_bytes()], &mut id)
        .map_err(|_| super::unusable("its key has no name"))?;
    Ok(Bytes(id))
}

/// What something is sealed for: a vault and, from the header's version 2 on, one of its data keys.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    /// The vault's id.
    pub(super) vault: &'a Id,
    /// The data key; `None` in a header of version 1.
    pub(super) key: Option<&'a KeyId>,
}
