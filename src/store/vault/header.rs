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
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{key_file, passphrase, ssh_agent};
use crate::account::Id;
use crate::error::Error;

/// The format of header that is written, and the latest one that is read.
const VERSION: u64 = 1;

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
    SshAgent(ssh_agent::slot::Slot),
}

/// What a slot is called: its kind, and for the ssh-agent which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotName {
    /// The key file beside the vault.
    KeyFile,
    /// The passphrase.
    Passphrase,
    /// The ssh-agent's key with this fingerprint (`SHA256:…`).
    SshAgent(String),
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlotName::KeyFile => f.write_str("key-file"),
            SlotName::Passphrase => f.write_str("passphrase"),
            SlotName::SshAgent(fingerprint) => write!(f, "ssh-agent:{fingerprint}"),
        }
    }
}

impl FromStr for SlotName {
    type Err = Error;

    fn from_str(text: &str) -> Result<SlotName, Error> {
        match text {
            "key-file" => Ok(SlotName::KeyFile),
            "passphrase" => Ok(SlotName::Passphrase),
            _ => text
                .strip_prefix("ssh-agent:")
                .map(|fingerprint| SlotName::SshAgent(fingerprint.to_owned()))
                .ok_or_else(|| {
                    let why = "a slot is named key-file, passphrase or ssh-agent:FINGERPRINT";
                    Error::usage(why, "keyfob storage shows the vault and its slots")
                }),
        }
    }
}

impl Slot {
    pub(super) fn name(&self) -> SlotName {
        match self {
            Slot::KeyFile(_) => SlotName::KeyFile,
            Slot::Passphrase(_) => SlotName::Passphrase,
            Slot::SshAgent(slot) => SlotName::SshAgent(slot.fingerprint()),
        }
    }
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
    pub(super) fn ssh_agent(&self) -> impl Iterator<Item = &ssh_agent::slot::Slot> {
        self.slots.iter().filter_map(|slot| if let Slot::SshAgent(slot) = slot { Some(slot) } else { None })
    }
}

/// The part of any later header that we can count on.
#[derive(Deserialize)]
struct Version {
    version: u64,
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
    use super::super::seal::SymmetricKey;
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
