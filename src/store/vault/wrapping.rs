//! The data key, wrapped for a slot: sealed under the slot's wrapping key, bound to the vault, from version 2 on to the data key's id,
//! and to the kind of slot and its parameters.

use super::bytes::Bytes;
use super::data_key::Bound;
use super::seal::{OVERHEAD, SymmetricKey, seal, unseal};
use crate::error::Error;

/// What every wrapped key of version 1 and every signed message begins with: nothing sealed or signed for another purpose fits.
pub(super) const DOMAIN: &[u8] = b"keyfob vault slot v1";

/// What every wrapped key of version 2 begins with.
const DOMAIN_2: &[u8] = b"keyfob vault slot v2";

/// A key, sealed under a slot's wrapping key.
pub(super) type Wrapped = Bytes<{ SymmetricKey::LENGTH + OVERHEAD }>;

/// In a slot for which nothing is sealed yet.
pub(super) fn nothing() -> Wrapped {
    Bytes([0; SymmetricKey::LENGTH + OVERHEAD])
}

/// The error for a slot of version 1 where one of version 2 is needed.
pub(super) fn too_old() -> Error {
    super::unusable("a slot of its header is of an older form than the header")
}

/// Wraps `data` for a slot of this kind and these parameters.
pub(super) fn wrap(
    wrapping: &SymmetricKey,
    data: &SymmetricKey,
    bound: Bound<'_>,
    kind: &str,
    parameters: &[u8],
) -> Result<Wrapped, Error> {
    let mut wrapped = Vec::new();
    seal(wrapping, &context(bound, kind, parameters), data.bytes(), &mut wrapped)?;
    // Sealing adds a fixed number of bytes, so this always fits.
    Bytes::from_slice(&wrapped).ok_or_else(|| super::unusable("its key was not wrapped as expected"))
}

/// Unwraps what [`wrap`] wrapped; `None` if anything differs.
pub(super) fn unwrap(
    wrapping: &SymmetricKey,
    wrapped: &Wrapped,
    bound: Bound<'_>,
    kind: &str,
    parameters: &[u8],
) -> Option<SymmetricKey> {
    let data = unseal(wrapping, &context(bound, kind, parameters), &wrapped.0)?;
    SymmetricKey::from_slice(&data)
}

fn context(Bound { vault, key }: Bound<'_>, kind: &str, parameters: &[u8]) -> Vec<u8> {
    // Ids have fixed lengths and a kind has no NUL, so the parts cannot be taken for each other.
    let vault = vault.as_str().as_bytes();
    match key {
        None => [DOMAIN, vault, kind.as_bytes(), &[0], parameters].concat(),
        Some(key) => [DOMAIN_2, vault, &key.0, kind.as_bytes(), &[0], parameters].concat(),
    }
}
