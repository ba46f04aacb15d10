//! One secret in one file.
//!
//! ```text
//! "keyfob" 00        magic, 7 bytes
//! 01 or 02           version, 1 byte: as the header's
//! key id             16 bytes, not in version 1: which data key (data_key.rs)
//! nonce              24 bytes
//! ciphertext + tag   XChaCha20-Poly1305 under the data key
//!
//! plain text:        length of the realm (u32, big endian), realm,
//!                    00 (unnamed) or 01 (named), length of the account (u32), account,
//!                    the token: all the rest
//! associated data:   "keyfob sealed secret", version (1 byte), vault id (32 hex digits), id of the secret (32 hex digits), key id
//! ```
//!
//! Realm and account stand inside, not in the clear and not in the associated data, for two reasons: the vault
//! folder alone then names nobody, and `doctor --repair` can rebuild the records from the files, which it could not
//! if it had to know realm and account before it may open one. What is inside is authenticated just as well: a file
//! is good only for the vault, the id and so the file name under which it was sealed, and the store compares the
//! whole key inside with the one that was asked for. The one thing that the folder gives away is the length of it
//! all.

use std::path::Path;

use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::data_key::{Bound, KeyId};
use super::seal::{OVERHEAD, SymmetricKey, seal, unseal};
use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::remote::Realm;
use crate::secret::Secret;

const MAGIC: &[u8; 7] = b"keyfob\0";
/// Under the only data key that a vault with a header of version 1 ever had.
const UNNAMED_KEY: u8 = 1;
/// Under the data key that it names.
const NAMED_KEY: u8 = 2;
/// How long the name of a data key is.
const KEY_ID: usize = 16;
const DOMAIN: &[u8] = b"keyfob sealed secret";

/// Under which data key a file says it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealedUnder {
    /// The only one, of a header of version 1.
    Unnamed,
    /// This one.
    Named(KeyId),
}

/// What the file says; `None` if it is no sealed token of a version that we know.
pub(super) fn sealed_under(bytes: &[u8]) -> Option<SealedUnder> {
    match bytes.strip_prefix(MAGIC)?.split_first()? {
        (&UNNAMED_KEY, _) => Some(SealedUnder::Unnamed),
        (&NAMED_KEY, rest) => Some(SealedUnder::Named(Bytes(*rest.first_chunk()?))),
        _ => None,
    }
}

/// The bytes of the file that holds `secret`.
pub(super) fn write(
    data_key: &SymmetricKey,
    bound: Bound<'_>,
    key: &Key,
    secret: &Secret,
) -> Result<Vec<u8>, Error> {
    let (realm, account) = (key.realm.as_str(), key.account.name());
    let account_text = account.unwrap_or_default();
    let length = realm.len() + account_text.len() + secret.len() + 9;
    let limit = u32::MAX as usize;
    // Checked once, so that the lengths below fit.
    if length > limit {
        return Err(Error::TooLong { store: super::NAME, length: secret.len(), limit });
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    put_text(&mut plain, realm);
    plain.push(u8::from(account.is_some()));
    put_text(&mut plain, account_text);
    plain.extend_from_slice(secret.expose());

    let mut file = Vec::with_capacity(MAGIC.len() + 1 + KEY_ID + plain.len() + OVERHEAD);
    file.extend_from_slice(MAGIC);
    match bound.key {
        None => file.push(UNNAMED_KEY),
        Some(id) => {
            file.push(NAMED_KEY);
            file.extend_from_slice(&id.0);
        }
    }
    seal(data_key, &context(bound, &key.id), &plain, &mut file)?;
    Ok(file)
}

/// Opens the file at `path`, whose content is `bytes`, whose name is `id`, and which says that it is sealed under the key of `bound`.
pub(super) fn read(
    data_key: &SymmetricKey,
    bound: Bound<'_>,
    id: &Id,
    path: &Path,
    bytes: &[u8],
) -> Result<(Key, Secret), Error> {
    let damaged = |why| Error::Damaged { path: path.to_owned(), why };
    let not_one = || damaged("it is not a sealed token");
    let (version, mut sealed) =
        bytes.strip_prefix(MAGIC).and_then(<[u8]>::split_first).ok_or_else(not_one)?;
    if bound.key.is_some() {
        sealed = sealed.split_at_checked(KEY_ID).ok_or_else(not_one)?.1;
    }
    // Opened before the version is believed: a flipped bit in it is damage, not a later keyfob.
    let written = if bound.key.is_some() { NAMED_KEY } else { UNNAMED_KEY };
    let plain = match (unseal(data_key, &context(bound, id), sealed), *version) {
        (Some(plain), version) if version == written => plain,
        (None, found) if found > NAMED_KEY => {
            return Err(Error::Newer {
                path: path.to_owned(),
                found: u64::from(found),
                known: u64::from(NAMED_KEY),
            });
        }
        _ => return Err(damaged("the seal is broken, or it belongs to another token or vault")),
    };
    take_apart(&plain, id).ok_or_else(|| damaged("there is no token in it"))
}

fn context(Bound { vault, key }: Bound<'_>, id: &Id) -> Vec<u8> {
    // All parts have fixed lengths, so no two of them can be taken for each other.
    let (vault, id) = (vault.as_str().as_bytes(), id.as_str().as_bytes());
    match key {
        None => [DOMAIN, &[UNNAMED_KEY], vault, id].concat(),
        Some(key) => [DOMAIN, &[NAMED_KEY], vault, id, &key.0].concat(),
    }
}

fn take_apart(plain: &[u8], id: &Id) -> Option<(Key, Secret)> {
    let (realm, rest) = take_text(plain)?;
    let (named, rest) = rest.split_first()?;
    let (account, token) = take_text(rest)?;
    let account = match (named, account) {
        (0, "") => Account::Unnamed,
        (1, name) => Account::Named(name.to_owned()),
        _ => return None,
    };
    let key = Key { realm: Realm::from_text(realm)?, account, id: id.clone() };
    Some((key, Secret::copy_of(token)))
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    // Lengths were checked by the caller.
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(account: Account) -> Key {
        Key { realm: Realm::from_text("azure-devops/contoso").unwrap(), account, id: Id::random().unwrap() }
    }

    const KEY: KeyId = Bytes([5; KEY_ID]);

    /// Of both versions.
    fn both(vault: &Id) -> [Bound<'_>; 2] {
        [Bound { vault, key: None }, Bound { vault, key: Some(&KEY) }]
    }

    #[test]
    fn every_kind_of_account_and_token_comes_back() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        for account in
            [Account::Unnamed, Account::Named(String::new()), Account::Named("ana@exämple".to_owned())]
        {
            for token in [&b""[..], b"token", &[0, 255, 10, 13], &[7; 5000]] {
                for bound in both(&vault) {
                    let key = key(account.clone());
                    let file = write(&data_key, bound, &key, &Secret::copy_of(token)).unwrap();
                    let says = bound.key.map_or(SealedUnder::Unnamed, |id| SealedUnder::Named(*id));
                    assert_eq!(sealed_under(&file), Some(says));
                    let (held, secret) = read(&data_key, bound, &key.id, Path::new("x"), &file).unwrap();
                    assert_eq!(held, key);
                    assert_eq!(secret.expose(), token);
                }
            }
        }
    }

    #[test]
    fn the_file_shows_neither_realm_nor_account_nor_token() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let key = key(Account::Named("hidden-account".to_owned()));
        let file = write(&data_key, both(&vault)[1], &key, &Secret::copy_of(b"hidden-token")).unwrap();
        let text = String::from_utf8_lossy(&file);
        assert!(!text.contains("contoso") && !text.contains("hidden"));
    }

    #[test]
    fn even_with_the_same_data_key_a_file_is_good_for_its_own_vault_and_id_only() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let key = key(Account::Unnamed);
        for (version, bound) in both(&vault).into_iter().enumerate() {
            let file = write(&data_key, bound, &key, &Secret::copy_of(b"t")).unwrap();
            let other = Id::random().unwrap();
            for (vault, id) in [(&other, &key.id), (&vault, &other), (&key.id, &vault)] {
                let bound = Bound { vault, ..bound };
                let error = read(&data_key, bound, id, Path::new("x"), &file).map(|_| ()).unwrap_err();
                assert!(matches!(error, Error::Damaged { .. }), "{error}");
            }
            let other = both(&vault)[1 - version];
            assert!(read(&data_key, other, &key.id, Path::new("x"), &file).is_err(), "the other version");
            assert!(read(&data_key, bound, &key.id, Path::new("x"), &file).is_ok());
        }
    }

    #[test]
    fn a_later_version_is_called_so_and_a_flipped_bit_in_the_version_is_damage() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let key = key(Account::Unnamed);
        let bound = both(&vault)[1];
        let mut file = write(&data_key, bound, &key, &Secret::copy_of(b"t")).unwrap();
        let read =
            |file: &[u8]| read(&data_key, bound, &key.id, Path::new("x"), file).map(|_| ()).unwrap_err();
        file[7] = 3;
        assert!(matches!(read(&file), Error::Damaged { .. }));
        file[40] ^= 1;
        assert!(matches!(read(&file), Error::Newer { found: 3, known: 2, .. }));
    }

    #[test]
    fn lengths_that_lie_are_refused_without_harm() {
        let id = Id::random().unwrap();
        for plain in [
            &b""[..],
            &[0, 0, 0],
            &[255, 255, 255, 255, 1],
            &[0, 0, 0, 3, b'a', b'/', b'b'],
            &[0, 0, 0, 3, b'a', b'/', b'b', 0, 0, 0, 0, 1, b'x'],
        ] {
            assert!(take_apart(plain, &id).is_none(), "{plain:?}");
        }
    }
}
