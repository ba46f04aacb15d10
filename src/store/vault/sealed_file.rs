//! One secret in one file.
//!
//! ```text
//! "keyfob" 00        magic, 7 bytes
//! 01                 version, 1 byte
//! nonce              24 bytes
//! ciphertext + tag   XChaCha20-Poly1305 under the data key
//!
//! plain text:        length of the realm (u32, big endian), realm,
//!                    00 (unnamed) or 01 (named), length of the account (u32), account,
//!                    the token: all the rest
//! associated data:   "keyfob sealed secret", version (1 byte), vault id (32 hex digits), id of the secret (32 hex digits)
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

use super::seal::{OVERHEAD, SymmetricKey, seal, unseal};
use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::remote::Realm;
use crate::secret::Secret;

const MAGIC: &[u8; 7] = b"keyfob\0";
const VERSION: u8 = 1;
const DOMAIN: &[u8] = b"keyfob sealed secret";

/// The bytes of the file that holds `secret`.
pub(super) fn write(
    data_key: &SymmetricKey,
    vault: &Id,
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

    let mut file = Vec::with_capacity(MAGIC.len() + 1 + plain.len() + OVERHEAD);
    file.extend_from_slice(MAGIC);
    file.push(VERSION);
    seal(data_key, &context(vault, &key.id), &plain, &mut file)?;
    Ok(file)
}

/// Opens the file at `path`, whose content is `bytes` and whose name is `id`.
pub(super) fn read(
    data_key: &SymmetricKey,
    vault: &Id,
    id: &Id,
    path: &Path,
    bytes: &[u8],
) -> Result<(Key, Secret), Error> {
    let damaged = |why| Error::Damaged { path: path.to_owned(), why };
    let (version, sealed) = bytes
        .strip_prefix(MAGIC)
        .and_then(<[u8]>::split_first)
        .ok_or_else(|| damaged("it is not a sealed token"))?;
    // Opened before the version is believed: a flipped bit in it is damage, not a later keyfob.
    let plain = match (unseal(data_key, &context(vault, id), sealed), *version) {
        (Some(plain), VERSION) => plain,
        (None, found) if found > VERSION => {
            return Err(Error::Newer {
                path: path.to_owned(),
                found: u64::from(found),
                known: u64::from(VERSION),
            });
        }
        _ => return Err(damaged("the seal is broken, or it belongs to another token or vault")),
    };
    take_apart(&plain, id).ok_or_else(|| damaged("there is no token in it"))
}

fn context(vault: &Id, id: &Id) -> Vec<u8> {
    // All parts have fixed lengths, so no two of them can be taken for each other.
    [DOMAIN, &[VERSION], vault.as_str().as_bytes(), id.as_str().as_bytes()].concat()
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

    #[test]
    fn every_kind_of_account_and_token_comes_back() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        for account in
            [Account::Unnamed, Account::Named(String::new()), Account::Named("ana@exämple".to_owned())]
        {
            for token in [&b""[..], b"token", &[0, 255, 10, 13], &[7; 5000]] {
                let key = key(account.clone());
                let file = write(&data_key, &vault, &key, &Secret::copy_of(token)).unwrap();
                let (held, secret) = read(&data_key, &vault, &key.id, Path::new("x"), &file).unwrap();
                assert_eq!(held, key);
                assert_eq!(secret.expose(), token);
            }
        }
    }

    #[test]
    fn the_file_shows_neither_realm_nor_account_nor_token() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let key = key(Account::Named("hidden-account".to_owned()));
        let file = write(&data_key, &vault, &key, &Secret::copy_of(b"hidden-token")).unwrap();
        let text = String::from_utf8_lossy(&file);
        assert!(!text.contains("contoso") && !text.contains("hidden"));
    }

    #[test]
    fn even_with_the_same_data_key_a_file_is_good_for_its_own_vault_and_id_only() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let key = key(Account::Unnamed);
        let file = write(&data_key, &vault, &key, &Secret::copy_of(b"t")).unwrap();
        let other = Id::random().unwrap();
        for (vault, id) in [(&other, &key.id), (&vault, &other), (&key.id, &vault)] {
            let error = read(&data_key, vault, id, Path::new("x"), &file).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
        assert!(read(&data_key, &vault, &key.id, Path::new("x"), &file).is_ok());
    }

    #[test]
    fn a_later_version_is_called_so_and_a_flipped_bit_in_the_version_is_damage() {
        let (data_key, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let key = key(Account::Unnamed);
        let mut file = write(&data_key, &vault, &key, &Secret::copy_of(b"t")).unwrap();
        let read =
            |file: &[u8]| read(&data_key, &vault, &key.id, Path::new("x"), file).map(|_| ()).unwrap_err();
        file[7] = 3;
        assert!(matches!(read(&file), Error::Damaged { .. }));
        file[40] ^= 1;
        assert!(matches!(read(&file), Error::Newer { found: 3, known: 1, .. }));
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
