//! `header.json`: which vault this is, and its slots, each of which holds the data key wrapped in its own way.
//!
//! ```json
//! {
//!   "version": 1,
//!   "id": "32 hex digits",
//!   "slots": [
//!     { "kind": "key-file", "wrapped": "base64" },
//!     { "kind": "passphrase", "memory_kib": 65536, "passes": 3, "lanes": 1, "salt": "base64", "wrapped": "base64" },
//!     { "kind": "ssh-agent", "public_key": "base64", "comment": "ana@laptop", "salt": "base64", "wrapped": "base64" }
//!   ]
//! }
//! ```
//!
//! `wrapped` is the sealed data key: nonce, ciphertext and tag under the slot's wrapping key. Its associated data is
//! "keyfob vault slot v1", the vault's id, the kind, and the slot's parameters (all but the comment), so that a slot
//! works in its own vault and with its own parameters only. A new kind of slot is a new version: an older keyfob
//! then says so, instead of writing a header from which that slot has vanished. Deliberately absent: how the
//! wrapping keys come about; that is each slot's own file.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::seal::{OVERHEAD, SymmetricKey, seal, unseal};
use super::{key_file, passphrase, ssh_agent};
use crate::account::Id;
use crate::error::Error;
use crate::secret::fill_random;

/// The format of header that is written, and the latest one that is read.
const VERSION: u64 = 1;

/// What every wrapped key and every signed message begins with: nothing sealed or signed for another purpose fits.
pub(super) const DOMAIN: &[u8] = b"keyfob vault slot v1";

/// The header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    version: u64,
    /// The vault's own random id: part of everything that is sealed for it.
    #[serde(with = "id_text")]
    pub(super) id: Id,
    /// The ways to open it; never none.
    pub(super) slots: Vec<Slot>,
}

/// One way to come by the data key.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Slot {
    /// A random key in a file beside the vault.
    KeyFile(key_file::Slot),
    /// A passphrase.
    Passphrase(passphrase::Slot),
    /// A signature by a key in the ssh-agent.
    SshAgent(ssh_agent::Slot),
}

impl Header {
    /// The header of a new vault.
    pub(super) fn new(id: Id, first: Slot) -> Header {
        Header { version: VERSION, id, slots: vec![first] }
    }

    /// Reads it.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Header, Error> {
        let damaged = |why| Error::Damaged { path: path.to_owned(), why };
        match serde_json::from_slice::<Header>(bytes) {
            Ok(header) if header.version == VERSION && !header.slots.is_empty() => Ok(header),
            Ok(header) if header.version == VERSION => Err(damaged("it has no slots")),
            _ => match serde_json::from_slice::<Version>(bytes) {
                Ok(Version { version }) if version > VERSION => {
                    Err(Error::Newer { path: path.to_owned(), found: version, known: VERSION })
                }
                _ => Err(damaged("it is not the header of a vault")),
            },
        }
    }

    /// Its text.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        // Without blanks, which every get would read over.
        let mut text =
            serde_json::to_vec(self).map_err(|_| super::unusable("its header cannot be written as JSON"))?;
        text.push(b'\n');
        Ok(text)
    }

    pub(super) fn key_file(&self) -> Option<&key_file::Slot> {
        self.slots.iter().find_map(|slot| if let Slot::KeyFile(slot) = slot { Some(slot) } else { None })
    }

    pub(super) fn passphrase(&self) -> Option<&passphrase::Slot> {
        self.slots.iter().find_map(|slot| if let Slot::Passphrase(slot) = slot { Some(slot) } else { None })
    }

    #[cfg(unix)]
    pub(super) fn ssh_agent(&self) -> impl Iterator<Item = &ssh_agent::Slot> {
        self.slots.iter().filter_map(|slot| if let Slot::SshAgent(slot) = slot { Some(slot) } else { None })
    }
}

/// The part of any later header that we can count on.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The data key, sealed under a slot's wrapping key.
pub(super) type Wrapped = Bytes<{ SymmetricKey::LENGTH + OVERHEAD }>;

/// Wraps `data` for a slot of this kind and these parameters.
pub(super) fn wrap(
    wrapping: &SymmetricKey,
    data: &SymmetricKey,
    vault: &Id,
    kind: &str,
    parameters: &[u8],
) -> Result<Wrapped, Error> {
    let mut wrapped = Vec::new();
    seal(wrapping, &context(vault, kind, parameters), data.bytes(), &mut wrapped)?;
    // Sealing adds a fixed number of bytes, so this always fits.
    Bytes::from_slice(&wrapped).ok_or_else(|| super::unusable("its key was not wrapped as expected"))
}

/// Unwraps what [`wrap`] wrapped; `None` if anything differs.
pub(super) fn unwrap(
    wrapping: &SymmetricKey,
    wrapped: &Wrapped,
    vault: &Id,
    kind: &str,
    parameters: &[u8],
) -> Option<SymmetricKey> {
    let data = unseal(wrapping, &context(vault, kind, parameters), &wrapped.0)?;
    SymmetricKey::from_slice(&data)
}

fn context(vault: &Id, kind: &str, parameters: &[u8]) -> Vec<u8> {
    // The id has a fixed length and a kind has no NUL, so the parts cannot be taken for each other.
    [DOMAIN, vault.as_str().as_bytes(), kind.as_bytes(), &[0], parameters].concat()
}

/// Exactly `N` bytes that are no secret, in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Bytes<N> {
    /// Random ones, for a salt.
    pub(super) fn random() -> Result<Bytes<N>, Error> {
        let mut bytes = [0; N];
        fill_random(&mut bytes)?;
        Ok(Bytes(bytes))
    }

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Bytes<N>> {
        bytes.try_into().ok().map(Bytes)
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes<N>, D::Error> {
        struct Text<const N: usize>;
        impl<const N: usize> de::Visitor<'_> for Text<N> {
            type Value = Bytes<N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes in base64")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes<N>, E> {
                let bytes = BASE64_STANDARD.decode(text).ok();
                bytes.and_then(|bytes| Bytes::from_slice(&bytes)).ok_or_else(|| E::custom("other bytes"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// An [`Id`] as its text.
mod id_text {
    use super::{Deserialize, Deserializer, Id, Serializer, de};

    pub(super) fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(id.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let text = String::deserialize(deserializer)?;
        Id::parse(&text).ok_or_else(|| de::Error::custom("not an id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Header, SymmetricKey, SymmetricKey) {
        let (wrapping, data) = (SymmetricKey::random().unwrap(), SymmetricKey::random().unwrap());
        let id = Id::random().unwrap();
        let slot = key_file::Slot::wrapping(&wrapping, &data, &id).unwrap();
        (Header::new(id, Slot::KeyFile(slot)), wrapping, data)
    }

    #[test]
    fn a_header_reads_back_and_its_slot_opens() {
        let (header, wrapping, data) = sample();
        let read = Header::parse(Path::new("h"), &header.to_bytes().unwrap()).unwrap();
        assert_eq!(read.id, header.id);
        let opened = read.key_file().unwrap().open(&wrapping, &read.id).unwrap();
        assert_eq!(opened.bytes(), data.bytes());
    }

    #[test]
    fn a_slot_of_another_vault_or_kind_does_not_open() {
        let (header, wrapping, _) = sample();
        let slot = header.key_file().unwrap();
        assert!(slot.open(&wrapping, &Id::random().unwrap()).is_none());
        assert!(slot.open(&SymmetricKey::random().unwrap(), &header.id).is_none());
    }

    #[test]
    fn a_later_version_is_called_so_whatever_else_is_in_it() {
        for text in [r#"{"version":2,"id":7}"#, r#"{"version":3,"slots":[{"kind":"tpm"}],"id":"x"}"#] {
            let error = Header::parse(Path::new("h"), text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::Newer { known: 1, .. }), "{error}");
        }
    }

    #[test]
    fn what_is_not_a_header_is_refused() {
        let id = "00112233445566778899aabbccddeeff";
        for text in [
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            format!(r#"{{"version":1,"id":"{id}","slots":[]}}"#),
            r#"{"version":1,"id":"../../x","slots":[{"kind":"key-file","wrapped":""}]}"#.to_owned(),
            format!(r#"{{"version":1,"id":"{id}","slots":[{{"kind":"key-file","wrapped":"AAAA"}}]}}"#),
            format!(r#"{{"version":1,"id":"{id}","slots":[{{"kind":"nonsense"}}]}}"#),
        ] {
            let error = Header::parse(Path::new("h"), text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{text}: {error}");
        }
    }
}
