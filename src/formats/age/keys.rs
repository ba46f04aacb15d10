//! What wraps the key of a file: a passphrase (scrypt), or a recipient's key (X25519).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Nonce, Tag};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::{Secret, fill_random};

use super::header::Stanza;
use super::{DecryptError, DecryptWith, FileKey, MOST_WORK, TAG, cipher, derived};

pub(super) const SCRYPT: &str = "scrypt";
const X25519: &str = "X25519";

const SCRYPT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";

/// Somebody's public key, `age1…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// Its secret half, `AGE-SECRET-KEY-1…`.
pub struct Identity(Zeroizing<[u8; 32]>);

impl Recipient {
    /// Reads `age1…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Recipient> {
        bech32_decoded("age", text)?.as_slice().try_into().ok().map(Recipient)
    }

    pub(super) fn wrap(&self, key: &FileKey) -> Result<Stanza, Error> {
        let once = Identity::random()?;
        let share = once.recipient().0;
        let shared = shared(&once, &self.0).ok_or(Error::Randomness)?;
        let wrapping = derived(&[share, self.0].concat(), &*shared, X25519_LABEL);
        let words = vec![X25519.to_owned(), BASE64.encode(share)];
        Ok(Stanza { words, body: wrap(key, &wrapping)? })
    }
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Identity> {
        let bytes = bech32_decoded("age-secret-key-", text)?;
        let mut key = Zeroizing::new([0; 32]);
        (bytes.len() == key.len()).then(|| key.copy_from_slice(&bytes))?;
        Some(Identity(key))
    }

    /// The identities in a file of `age-keygen`: one a line, `#` begins a comment. `None` if a line is something else.
    #[must_use]
    pub fn parse_file(bytes: &[u8]) -> Option<Vec<Identity>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Identity::parse).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    }

    pub(super) fn random() -> Result<Identity, Error> {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(&mut *key)?;
        Ok(Identity(key))
    }

    /// Its public half.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(x25519(*self.0, X25519_BASEPOINT_BYTES))
    }

    #[cfg(test)]
    pub(super) fn copy(&self) -> Identity {
        Identity(self.0.clone())
    }

    fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, DecryptError> {
        let [_, share] = stanza.words.as_slice() else { return Err(DecryptError::Header) };
        let share: [u8; 32] = decoded(share)?;
        let shared = shared(self, &share).ok_or(DecryptError::Header)?;
        let wrapping = derived(&[share, self.recipient().0].concat(), &*shared, X25519_LABEL);
        unwrap_body(&stanza.body, &wrapping)
    }
}

/// The shared secret; `None` for a point of low order, which would make it known to all.
fn shared(own: &Identity, other: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = Zeroizing::new(x25519(*own.0, *other));
    shared.iter().any(|byte| *byte != 0).then_some(shared)
}

pub(super) fn wrap_with_passphrase(key: &FileKey, passphrase: &Secret, work: u8) -> Result<Stanza, Error> {
    let mut salt = [0; 16];
    fill_random(&mut salt)?;
    let wrapping = stretched(passphrase, &salt, work).ok_or(Error::Randomness)?;
    let words = vec![SCRYPT.to_owned(), BASE64.encode(salt), work.to_string()];
    Ok(Stanza { words, body: wrap(key, &wrapping)? })
}

fn stretched(passphrase: &Secret, salt: &[u8; 16], work: u8) -> Option<Zeroizing<[u8; 32]>> {
    let parameters = scrypt::Params::new(work, 8, 1).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    let salt = [SCRYPT_LABEL, salt].concat();
    scrypt::scrypt(passphrase.expose(), &salt, &parameters, &mut *key).ok()?;
    Some(key)
}

/// The file's key, by whatever opens it.
pub(super) fn unwrap(stanzas: &[Stanza], with: &DecryptWith) -> Result<FileKey, DecryptError> {
    let by_passphrase = stanzas.iter().any(|stanza| stanza.kind() == SCRYPT);
    // A passphrase stands alone: otherwise whoever knows it could not tell who else can open the file.
    if by_passphrase && stanzas.len() > 1 {
        return Err(DecryptError::Header);
    }
    match with {
        DecryptWith::Passphrase(passphrase) if by_passphrase => {
            let stanza = stanzas.first().ok_or(DecryptError::Header)?;
            let [_, salt, work] = stanza.words.as_slice() else { return Err(DecryptError::Header) };
            let plain = |work: &&String| !work.starts_with('0') && work.bytes().all(|b| b.is_ascii_digit());
            let number = Some(work).filter(plain).and_then(|work| work.parse::<u16>().ok());
            let work = u8::try_from(number.ok_or(DecryptError::Header)?).unwrap_or(u8::MAX);
            if work > MOST_WORK {
                return Err(DecryptError::TooCostly);
            }
            let wrapping = stretched(passphrase, &decoded(salt)?, work).ok_or(DecryptError::Header)?;
            unwrap_body(&stanza.body, &wrapping)?.ok_or(DecryptError::Passphrase)
        }
        DecryptWith::Identities(identities) if !by_passphrase => {
            for stanza in stanzas.iter().filter(|stanza| stanza.kind() == X25519) {
                for identity in identities {
                    if let Some(key) = identity.unwrap(stanza)? {
                        return Ok(key);
                    }
                }
            }
            Err(DecryptError::NotForUs)
        }
        _ => Err(DecryptError::NotForUs),
    }
}

/// Under a key that is used once, so the nonce is zero.
fn wrap(key: &FileKey, wrapping: &Zeroizing<[u8; 32]>) -> Result<Vec<u8>, Error> {
    let mut body = Vec::with_capacity(key.len() + TAG);
    body.extend_from_slice(&**key);
    let tag = cipher(wrapping)
        .encrypt_inout_detached(&Nonce::default(), b"", body.as_mut_slice().into())
        .map_err(|_| Error::Randomness)?;
    body.extend_from_slice(&tag);
    Ok(body)
}

fn unwrap_body(body: &[u8], wrapping: &Zeroizing<[u8; 32]>) -> Result<Option<FileKey>, DecryptError> {
    let (sealed, tag) = body.split_last_chunk::<TAG>().ok_or(DecryptError::Header)?;
    let mut key: FileKey = Zeroizing::default();
    // Another length would let one file be made that opens differently under different keys.
    (sealed.len() == key.len()).then(|| key.copy_from_slice(sealed)).ok_or(DecryptError::Header)?;
    let opened = cipher(wrapping).decrypt_inout_detached(
        &Nonce::default(),
        b"",
        key.as_mut_slice().into(),
        &Tag::from(*tag),
    );
    Ok(opened.is_ok().then_some(key))
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N], DecryptError> {
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(DecryptError::Header)
}

/// The bytes of a key in Bech32 (BIP 173); `None` if the prefix, the checksum, the padding or a single character is wrong.
fn bech32_decoded(prefix: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    let wanted = Hrp::parse(prefix).ok()?;
    // BIP 173's rule for padding, which the crate names after its first user.
    let plain = checked.hrp() == wanted && checked.validate_segwit_padding().is_ok();
    // Reserved first: a growing buffer leaves unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    plain.then(|| bytes.extend(checked.byte_iter()))?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_of_bech32_are_read() {
        assert!(bech32_decoded("a", "A12UEL5L").unwrap().is_empty());
        let all = "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw";
        assert_eq!(bech32_decoded("abcdef", all).unwrap()[..4], [0x00, 0x44, 0x32, 0x14]);
    }

    #[test]
    fn a_single_wrong_letter_of_a_key_is_noticed() {
        let text = bech32::encode::<Bech32>(Hrp::parse("age").unwrap(), &[9; 32]).unwrap();
        assert_eq!(*bech32_decoded("age", &text).unwrap(), [9; 32]);
        assert_eq!(*bech32_decoded("age", &text.to_uppercase()).unwrap(), [9; 32]);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'q' { b'p' } else { b'q' };
            assert!(bech32_decoded("age", std::str::from_utf8(&changed).unwrap()).is_none(), "{at}");
        }
        for bad in ["", "age", "age1", "age1q", "Age1qqqqqqqq", "äge1qqqqqqqq", "agé1qqqqqq"] {
            assert!(bech32_decoded("age", bad).is_none(), "{bad}");
        }
    }
}
