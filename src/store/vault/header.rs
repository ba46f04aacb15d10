//! `header.json`: which vault this is, and its slots, each of which holds the data key wrapped in its own way.
//!
//! ```json
//! {
//!   "version": 2,
//!   "id": "32 hex digits",
//!   "key": "base64",
//!   "previous": { "key": "base64", "wrapped": "base64" },
//!   "authority": "base64",
//!   "slots": [
//!     { "kind": "key-file", "wrapped": "base64" },
//!     { "kind": "passphrase", "memory_kib": 65536, "passes": 3, "lanes": 1, "salt": "base64",
//!       "recipient": { "public": "base64", "private": "base64", "share": "base64" }, "wrapped": "base64" },
//!     { "kind": "ssh-agent", "public_key": "base64", "comment": "ana@laptop", "salt": "base64",
//!       "recipient": { … }, "wrapped": "base64" }
//!   ],
//!   "seal": "base64"
//! }
//! ```
//!
//! `key` names the data key (data_key.rs). `previous` is there while everything is sealed anew: the data key before this one, wrapped
//! under this one. `authority` is the key that sealing for a slot takes (recipient.rs), wrapped under the data key; it is there when
//! such a slot is. `seal` is an empty message sealed under the data key, with all that stands above it as associated data
//! ([`Header::covered`]): before a data key is sealed for slots, it is known that whoever wrote them had the present one.
//!
//! `wrapped` in a slot is the sealed data key: nonce, ciphertext and tag under the slot's wrapping key. Its associated data is
//! "keyfob vault slot v2", the vault's id, the data key's id, the kind, and the slot's parameters (all but the comment), so that a
//! slot works in its own vault, for its own data key and with its own parameters only. In version 1 there was one data key for good:
//! no `key`, `previous`, `authority`, `recipient` and `seal`, and the associated data begins with "keyfob vault slot v1" and has no
//! key's id. A new kind of slot is a new version: an older keyfob then says so, instead of writing a header from which that slot has
//! vanished. Deliberately absent: how the wrapping keys come about; that is each slot's own file.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::data_key::{Bound, KeyId, key_id};
use super::seal::{SymmetricKey, seal, unseal};
use super::wrapping::{self, Wrapped};
use super::{key_file, passphrase, ssh_agent};
use crate::account::Id;
use crate::error::Error;

/// The format of header that is written, and the latest one that is read.
const VERSION: u64 = 2;

/// The format before, with one data key for good. It is read, and never written.
const ONE_KEY: u64 = 1;

/// For the key before, wrapped under the one after it, and the authority key.
const PREVIOUS: &str = "previous";
const AUTHORITY: &str = "authority";

/// The header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    version: u64,
    /// The vault's own random id: part of everything that is sealed for it.
    #[serde(with = "id_text")]
    pub(super) id: Id,
    /// Which data key the slots hold; `None` in version 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<KeyId>,
    /// The data key before, while files may be sealed under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<Wrapped>,
    /// The ways to open it; never none.
    pub(super) slots: Vec<Slot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<Sealed>,
}

/// What seals a header, as its text: readers have no need of it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Sealed(String);

/// The data key before.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Previous {
    /// Its name.
    pub(super) key: KeyId,
    wrapped: Wrapped,
    /// Whether a key file opened it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    key_file: bool,
}

/// One way to come by the data key.
#[derive(Clone, Serialize, Deserialize)]
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

    /// Seals `data` for whoever has its secret. A key file's slot is made anew instead: its key is.
    pub(super) fn seal(
        &mut self,
        data: &SymmetricKey,
        bound: Bound<'_>,
        authority: &SymmetricKey,
    ) -> Result<(), Error> {
        match self {
            Slot::KeyFile(_) => Ok(()),
            Slot::Passphrase(slot) => slot.seal(data, bound, authority),
            Slot::SshAgent(slot) => slot.seal(data, bound, authority),
        }
    }

    /// Whether it is of the form that this version of header has.
    fn is_of(&self, version: u64) -> bool {
        match self {
            Slot::KeyFile(_) => true,
            Slot::Passphrase(slot) => slot.is_recipient() == (version == VERSION),
            Slot::SshAgent(slot) => slot.is_recipient() == (version == VERSION),
        }
    }

    /// All that a seal over the header covers of it.
    fn covered(&self) -> Vec<u8> {
        let (kind, bytes) = match self {
            Slot::KeyFile(slot) => (1, slot.bytes()),
            Slot::Passphrase(slot) => (2, slot.bytes()),
            Slot::SshAgent(slot) => (3, slot.bytes()),
        };
        [&[kind][..], &length(bytes.len()), &bytes].concat()
    }
}

/// A length as it is covered.
fn length(length: usize) -> [u8; 8] {
    u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes()
}

impl Header {
    /// A header of this vault for a new data key. `previous`: the one before, and whether a key file opened it.
    pub(super) fn new(
        id: Id,
        data: &SymmetricKey,
        slots: Vec<Slot>,
        authority: Option<&SymmetricKey>,
        previous: Option<(&SymmetricKey, bool)>,
    ) -> Result<Header, Error> {
        let key = key_id(data, &id)?;
        let bound = Bound { vault: &id, key: Some(&key) };
        let wrap = |what: &SymmetricKey, kind| wrapping::wrap(data, what, bound, kind, &[]);
        let authority = authority.map(|authority| wrap(authority, AUTHORITY)).transpose()?;
        let previous = match previous {
            Some((before, key_file)) => {
                Some(Previous { key: key_id(before, &id)?, wrapped: wrap(before, PREVIOUS)?, key_file })
            }
            None => None,
        };
        let key = Some(key);
        let mut header = Header { version: VERSION, id, key, previous, authority, slots, seal: None };
        header.seal(data)?;
        Ok(header)
    }

    /// Reads it.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Header, Error> {
        let damaged = |why| Error::Damaged { path: path.to_owned(), why };
        let is_whole = |header: &Header| match header.version {
            ONE_KEY => {
                let later = [header.authority.is_some(), header.seal.is_some(), header.previous.is_some()];
                header.key.is_none() && later == [false; 3]
            }
            VERSION => header.key.is_some() && header.seal.is_some(),
            _ => false,
        };
        match serde_json::from_slice::<Header>(bytes) {
            Ok(header) if is_whole(&header) && header.slots.is_empty() => Err(damaged("it has no slots")),
            Ok(header) if is_whole(&header) && header.slots.iter().all(|slot| slot.is_of(header.version)) => {
                Ok(header)
            }
            _ => match serde_json::from_slice::<Version>(bytes) {
                Ok(Version { version }) if version > VERSION => {
                    Err(Error::Newer { path: path.to_owned(), found: version, known: VERSION })
                }
                _ => Err(damaged("it is not the header of a vault")),
            },
        }
    }

    /// Whether the same keys are in force, and the same slots.
    pub(super) fn is_like(&self, other: &Header) -> bool {
        self.id == other.id && self.covered() == other.covered()
    }

    /// What is sealed for this vault and its present data key.
    pub(super) fn bound(&self) -> Bound<'_> {
        Bound { vault: &self.id, key: self.key.as_ref() }
    }

    /// The name of the data key before, while files may be sealed under it.
    pub(super) fn previous(&self) -> Option<&KeyId> {
        self.previous.as_ref().map(|previous| &previous.key)
    }

    /// Whether a key file opened the data key before and none opens this one.
    pub(super) fn has_lost_its_key_file(&self) -> bool {
        self.key_file().is_none() && self.previous.as_ref().is_some_and(|previous| previous.key_file)
    }

    /// The data key before, by the present one; `None` if there is none or it does not fit its name.
    pub(super) fn open_previous(&self, data: &SymmetricKey) -> Option<SymmetricKey> {
        let Previous { key, wrapped, .. } = self.previous.as_ref()?;
        let before = wrapping::unwrap(data, wrapped, self.bound(), PREVIOUS, &[])?;
        (key_id(&before, &self.id).ok()? == *key).then_some(before)
    }

    /// Nothing is sealed under the key before any more.
    pub(super) fn forget_previous(&mut self, data: &SymmetricKey) -> Result<(), Error> {
        self.previous = None;
        self.seal(data)
    }

    /// The key that sealing for a slot takes, if there is such a slot.
    pub(super) fn open_authority(&self, data: &SymmetricKey) -> Option<SymmetricKey> {
        wrapping::unwrap(data, self.authority.as_ref()?, self.bound(), AUTHORITY, &[])
    }

    /// Adds a slot for which something is sealed.
    pub(super) fn add(
        &mut self,
        slot: Slot,
        data: &SymmetricKey,
        authority: Option<&SymmetricKey>,
    ) -> Result<(), Error> {
        if let Some(authority) = authority {
            self.authority = Some(wrapping::wrap(data, authority, self.bound(), AUTHORITY, &[])?);
        }
        self.slots.push(slot);
        self.seal(data)
    }

    /// Whether somebody wrote it who had this data key, which its slots hold. Headers of version 1 were not sealed.
    pub(super) fn is_sealed_with(&self, data: &SymmetricKey) -> bool {
        let seal = self.seal.as_ref().and_then(|Sealed(text)| BASE64_STANDARD.decode(text).ok());
        let sealed = seal.and_then(|seal| unseal(data, &self.covered(), &seal));
        sealed.is_some() && key_id(data, &self.id).ok() == self.key
    }

    fn seal(&mut self, data: &SymmetricKey) -> Result<(), Error> {
        let mut sealed = Vec::new();
        seal(data, &self.covered(), b"", &mut sealed)?;
        self.seal = Some(Sealed(BASE64_STANDARD.encode(&sealed)));
        Ok(())
    }

    /// "keyfob vault header v2", vault id, key id, 00 or 01 and the previous key's id, its wrapping and 00 or 01 for its key file, 00 or 01 and the wrapped authority
    /// key, and for each slot its kind (1 key file, 2 passphrase, 3 ssh-agent), its length (64 bits, big endian) and its fields in their
    /// order; numbers have 32 bits, and behind the others stands the comment's length (64 bits) and text.
    fn covered(&self) -> Vec<u8> {
        let mut covered = b"keyfob vault header v2".to_vec();
        covered.extend_from_slice(self.id.as_str().as_bytes());
        covered.extend(self.key.iter().flat_map(|key| key.0));
        covered.push(u8::from(self.previous.is_some()));
        if let Some(Previous { key, wrapped, key_file }) = &self.previous {
            covered.extend_from_slice(&key.0);
            covered.extend_from_slice(&wrapped.0);
            covered.push(u8::from(*key_file));
        }
        covered.push(u8::from(self.authority.is_some()));
        covered.extend(self.authority.iter().flat_map(|wrapped| wrapped.0));
        covered.extend(self.slots.iter().flat_map(Slot::covered));
        covered
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

    pub(super) fn has_recipients(&self) -> bool {
        self.slots.iter().any(|slot| !matches!(slot, Slot::KeyFile(_)))
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
    use super::*;

    const CHEAP: passphrase::Cost = passphrase::Cost { memory_kib: 16, passes: 1, lanes: 1 };

    fn phrase() -> crate::secret::Secret {
        crate::secret::Secret::copy_of(b"p")
    }

    /// A header with a slot for [`phrase`], its data key, and the one before.
    fn sample() -> (Header, SymmetricKey, SymmetricKey) {
        let key = || SymmetricKey::random().unwrap();
        let (data, before, authority, id) = (key(), key(), key(), Id::random().unwrap());
        let named = key_id(&data, &id).unwrap();
        let mut slot = passphrase::Slot::new(&phrase(), CHEAP, &id, &authority).unwrap();
        slot.seal(&data, Bound { vault: &id, key: Some(&named) }, &authority).unwrap();
        let slots = vec![Slot::Passphrase(slot)];
        (Header::new(id, &data, slots, Some(&authority), Some((&before, true))).unwrap(), data, before)
    }

    fn parse(text: &[u8]) -> Result<Header, Error> {
        Header::parse(Path::new("h"), text)
    }

    #[test]
    fn a_header_reads_back_and_its_slot_opens() {
        let (header, data, before) = sample();
        let read = parse(&header.to_bytes().unwrap()).unwrap();
        assert_eq!((&read.id, read.key), (&header.id, header.key));
        let opened = read.passphrase().unwrap().open(&phrase(), read.bound()).unwrap();
        assert_eq!(opened.bytes(), data.bytes());
        assert!(read.is_sealed_with(&data) && !read.is_sealed_with(&before));
        assert_eq!(read.open_previous(&data).unwrap().bytes(), before.bytes());
        assert!(read.open_authority(&data).is_some() && read.open_authority(&before).is_none());
    }

    #[test]
    fn the_seal_is_broken_by_any_change() {
        let (header, data, _) = sample();
        let text: serde_json::Value = serde_json::from_slice(&header.to_bytes().unwrap()).unwrap();
        let mut changed = 0;
        for pointer in [
            "/id",
            "/key",
            "/previous/key",
            "/previous/wrapped",
            "/authority",
            "/slots/0/memory_kib",
            "/slots/0/passes",
            "/slots/0/lanes",
            "/slots/0/salt",
            "/slots/0/recipient/public",
            "/slots/0/recipient/private",
            "/slots/0/recipient/share",
            "/slots/0/wrapped",
            "/seal",
        ] {
            let mut other = text.clone();
            let field = other.pointer_mut(pointer).unwrap();
            *field = match field.as_u64() {
                Some(number) => (number + 8).into(),
                // The first character of hex and base64 alike.
                None => {
                    let mut word = field.as_str().unwrap().to_owned();
                    word.replace_range(..1, if word.starts_with('0') { "1" } else { "0" });
                    word.into()
                }
            };
            let read = parse(other.to_string().as_bytes()).unwrap();
            assert!(!read.is_sealed_with(&data), "{pointer}");
            changed += 1;
        }
        for gone in ["previous", "authority"] {
            let mut other = text.clone();
            other.as_object_mut().unwrap().remove(gone).unwrap();
            assert!(!parse(other.to_string().as_bytes()).unwrap().is_sealed_with(&data), "{gone}");
        }
        let mut twice = text.clone();
        let slot = text["slots"][0].clone();
        twice["slots"].as_array_mut().unwrap().push(slot);
        assert!(!parse(twice.to_string().as_bytes()).unwrap().is_sealed_with(&data));
        assert_eq!(changed, 14);
    }

    #[test]
    fn what_is_of_both_versions_is_of_none() {
        let (header, ..) = sample();
        let text = String::from_utf8(header.to_bytes().unwrap()).unwrap();
        let one = text.replace("\"version\":2", "\"version\":1");
        for bad in [one, text.replace("\"seal\"", "\"sael\""), text.replace("\"key\"", "\"kye\"")] {
            assert!(matches!(parse(bad.as_bytes()), Err(Error::Damaged { .. })), "{bad}");
        }
    }

    #[test]
    fn a_later_version_is_called_so_whatever_else_is_in_it() {
        for text in [r#"{"version":3,"id":7}"#, r#"{"version":4,"slots":[{"kind":"tpm"}],"id":"x"}"#] {
            let error = parse(text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::Newer { known: 2, .. }), "{error}");
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
