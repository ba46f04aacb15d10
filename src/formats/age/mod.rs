//! The age file format, version 1, as far as an export needs it: one recipient of the scrypt kind, or any number of the
//! X25519 kind. What is written here opens with `age -d`, and what `age` wrote opens here.
//!
//! Own code over the primitives' crates, because the `age` crate costs more than everything else that keyfob links, and most of
//! it is for what an export does not need. Deliberately absent: plugins, SSH keys, the armoured form, reading a
//! file in pieces: an export is small, is checked to its last byte before any of it is believed, and is
//! wiped.
//!
//! Format: <https://c2sp.org/age>.

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::{Secret, fill_random};

pub use keys::{Identity, Recipient};

pub mod armor;
mod header;
mod keys;

/// What every file of this format begins with.
pub const INTRO: &[u8] = b"age-encryption.org/v1\n";

/// The cost of a passphrase that `age` itself takes: about a second, 256 MiB.
const WORK: u8 = 18;

/// The highest cost that is accepted: a file must not be able to eat the machine.
const MOST_WORK: u8 = 20;

/// The payload is sealed in pieces of this length.
const CHUNK: usize = 64 * 1024;

const TAG: usize = 16;

/// The key of one file: it seals the payload, and each recipient's stanza holds it wrapped.
type FileKey = Zeroizing<[u8; 16]>;

/// For whom a file is sealed.
pub enum EncryptTo {
    /// Whoever knows this passphrase.
    Passphrase(Secret),
    /// Whoever has the identity of one of these.
    Recipients(Vec<Recipient>),
}

/// With what a file is opened.
pub enum DecryptWith {
    /// The passphrase.
    Passphrase(Secret),
    /// Identities, of which one fits.
    Identities(Vec<Identity>),
}

/// Why a file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptError {
    /// It is not of this format, or damaged in what tells how to open it.
    Header,
    /// It is for somebody else.
    NotForUs,
    /// The passphrase is not the right one.
    Passphrase,
    /// The passphrase's cost is beyond reason.
    TooCostly,
    /// It was cut off or changed.
    Altered,
}

impl DecryptError {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            DecryptError::Header => "it does not begin as an age file does",
            DecryptError::NotForUs => "no identity fits: it was made for somebody else",
            DecryptError::Passphrase => "the passphrase is not the right one",
            DecryptError::TooCostly => "its passphrase would cost more than 1 GiB of memory to try",
            DecryptError::Altered => "it is cut off or was changed",
        }
    }
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Whether a passphrase opens the file; otherwise an identity does.
///
/// # Errors
/// [`DecryptError::Header`].
pub fn wants_passphrase(file: &[u8]) -> Result<bool, DecryptError> {
    let (header, _) = header::read(file)?;
    Ok(header.stanzas.iter().any(|stanza| stanza.kind() == keys::SCRYPT))
}

/// Seals `plain`.
///
/// # Errors
/// [`Error::Randomness`].
pub fn seal(plain: &[u8], to: &EncryptTo) -> Result<Vec<u8>, Error> {
    seal_at(plain, to, WORK)
}

fn seal_at(plain: &[u8], to: &EncryptTo, work: u8) -> Result<Vec<u8>, Error> {
    let mut key: FileKey = Zeroizing::default();
    fill_random(&mut *key)?;
    let mut file = INTRO.to_vec();
    match to {
        EncryptTo::Passphrase(passphrase) => {
            keys::wrap_with_passphrase(&key, passphrase, work)?.write(&mut file);
        }
        EncryptTo::Recipients(recipients) => {
            for recipient in recipients {
                recipient.wrap(&key)?.write(&mut file);
            }
        }
    }
    header::finish(&mut file, &key);
    let mut nonce = [0; 16];
    fill_random(&mut nonce)?;
    file.extend_from_slice(&nonce);
    let cipher = payload_cipher(&key, &nonce);
    // Reserved first: the plain text is sealed in this buffer, and a growing one would leave it behind in the clear.
    file.reserve_exact(plain.len() + TAG * (plain.len() / CHUNK + 1));
    let mut rest = plain;
    for counter in 0_u64.. {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        let start = file.len();
        file.extend_from_slice(chunk);
        let nonce = chunk_nonce(counter, after.is_empty());
        let sealed = cipher.encrypt_inout_detached(&nonce, b"", (&mut file[start..]).into());
        file.extend_from_slice(&sealed.map_err(|_| Error::Randomness)?);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    Ok(file)
}

/// Opens a file whole; nothing of it comes out before all of it was found to be as it was made.
///
/// # Errors
/// [`DecryptError`].
pub fn open(file: &[u8], with: &DecryptWith) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let (header, payload) = header::read(file)?;
    let key = keys::unwrap(&header.stanzas, with)?;
    header.check(&key)?;
    let (nonce, sealed) = payload.split_first_chunk::<16>().ok_or(DecryptError::Header)?;
    let cipher = payload_cipher(&key, nonce);
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut rest = sealed;
    for counter in 0_u64.. {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK + TAG));
        let (chunk, tag) = chunk.split_last_chunk::<TAG>().ok_or(DecryptError::Altered)?;
        // Only a file that is empty altogether has an empty piece.
        if chunk.is_empty() && counter > 0 {
            return Err(DecryptError::Altered);
        }
        let start = plain.len();
        plain.extend_from_slice(chunk);
        let nonce = chunk_nonce(counter, after.is_empty());
        cipher
            .decrypt_inout_detached(&nonce, b"", (&mut plain[start..]).into(), &Tag::from(*tag))
            .map_err(|_| DecryptError::Altered)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    Ok(plain)
}

/// The STREAM construction: eleven bytes of counter, one that says whether this is the last piece.
fn chunk_nonce(counter: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&counter.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::from(nonce)
}

fn payload_cipher(key: &FileKey, nonce: &[u8; 16]) -> ChaCha20Poly1305 {
    cipher(&derived(nonce, &**key, b"payload"))
}

fn cipher(key: &Zeroizing<[u8; 32]>) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(<&Key>::from(&**key))
}

/// HKDF-SHA-256 to 32 bytes.
fn derived(salt: &[u8], key: &[u8], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // It fails for more than 8,160 bytes.
    let _ = Hkdf::<Sha256>::new(Some(salt), key).expand(label, &mut *out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: u8 = 4;

    fn passphrase(text: &str) -> Secret {
        Secret::copy_of(text.as_bytes())
    }

    fn identity() -> Identity {
        Identity::random().unwrap()
    }

    #[test]
    fn what_is_sealed_opens_again_whatever_its_length() {
        let identity = identity();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5] {
            let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let file = seal(&plain, &EncryptTo::Recipients(vec![identity.recipient()])).unwrap();
            assert!(!wants_passphrase(&file).unwrap());
            let with = DecryptWith::Identities(vec![Identity::random().unwrap(), identity.copy()]);
            assert!(*open(&file, &with).unwrap() == plain, "{length}");
        }
        let file = seal_at(b"token", &EncryptTo::Passphrase(passphrase("open sesame")), LIGHT).unwrap();
        assert!(wants_passphrase(&file).unwrap());
        assert_eq!(*open(&file, &DecryptWith::Passphrase(passphrase("open sesame"))).unwrap(), b"token");
    }

    #[test]
    fn the_wrong_key_opens_nothing() {
        let file = seal(b"token", &EncryptTo::Recipients(vec![identity().recipient()])).unwrap();
        let stranger = DecryptWith::Identities(vec![Identity::random().unwrap()]);
        assert_eq!(open(&file, &stranger).unwrap_err(), DecryptError::NotForUs);
        assert_eq!(
            open(&file, &DecryptWith::Passphrase(passphrase("x"))).unwrap_err(),
            DecryptError::NotForUs
        );
        let file = seal_at(b"token", &EncryptTo::Passphrase(passphrase("one")), LIGHT).unwrap();
        assert_eq!(
            open(&file, &DecryptWith::Passphrase(passphrase("two"))).unwrap_err(),
            DecryptError::Passphrase
        );
        assert_eq!(open(&file, &stranger).unwrap_err(), DecryptError::NotForUs);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let identity = identity();
        let file = seal(b"token", &EncryptTo::Recipients(vec![identity.recipient()])).unwrap();
        let with = DecryptWith::Identities(vec![identity]);
        for bit in 0..file.len() * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&changed, &with).is_err(), "bit {bit} of {}", String::from_utf8_lossy(&file));
        }
        for length in 0..file.len() {
            assert!(open(&file[..length], &with).is_err(), "cut to {length}");
        }
        assert!(open(&[&file[..], b"x"].concat(), &with).is_err());
    }

    #[test]
    fn a_piece_that_is_left_out_or_moved_is_noticed() {
        let identity = identity();
        let plain = vec![7; 3 * CHUNK];
        let file = seal(&plain, &EncryptTo::Recipients(vec![identity.recipient()])).unwrap();
        let with = DecryptWith::Identities(vec![identity]);
        let piece = CHUNK + TAG;
        let start = file.len() - 3 * piece;
        let part = |n: usize| &file[start + n * piece..start + (n + 1) * piece];
        for order in [&[0, 1][..], &[0, 2], &[1, 0, 2], &[0, 1, 2, 2]] {
            let mut changed = file[..start].to_vec();
            order.iter().for_each(|&n| changed.extend_from_slice(part(n)));
            assert_eq!(open(&changed, &with).unwrap_err(), DecryptError::Altered, "{order:?}");
        }
    }

    #[test]
    fn a_file_that_would_eat_the_machine_is_refused_before_it_does() {
        let file = seal_at(b"token", &EncryptTo::Passphrase(passphrase("x")), LIGHT).unwrap();
        let text = String::from_utf8_lossy(&file[..120]).into_owned();
        let line = text.lines().nth(1).unwrap();
        let costly = line.replace(" 4", " 40");
        let at = INTRO.len();
        let changed = [INTRO, costly.as_bytes(), &file[at + line.len()..]].concat();
        assert_eq!(
            open(&changed, &DecryptWith::Passphrase(passphrase("x"))).unwrap_err(),
            DecryptError::TooCostly
        );
    }

    #[test]
    fn what_is_no_age_file_is_said_to_be_none() {
        let hostile: [&[u8]; 9] = [
            b"",
            b"age-encryption.org/v2\n",
            b"age-encryption.org/v1",
            INTRO,
            b"age-encryption.org/v1\n-> \n\n--- \n",
            b"age-encryption.org/v1\n-> X25519\n\n---\n",
            b"age-encryption.org/v1\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
            b"age-encryption.org/v1\r\n-> scrypt a 1\r\n",
            b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        ];
        for file in hostile {
            let with = DecryptWith::Passphrase(passphrase("x"));
            assert!(open(file, &with).is_err(), "{}", String::from_utf8_lossy(file));
        }
    }
}
