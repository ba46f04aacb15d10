//! The vault: an embedded store for every system, with nothing to install and nothing that has to run.
//!
//! ```text
//! DATA/vault/               0700, ours alone
//!     header.json           format version, the vault's random id, its slots (header.rs)
//!     <id of the secret>    one sealed file per secret (sealed_file.rs)
//! DATA/vault.key            the key of the key-file slot (key_file.rs); beside the folder, never inside
//! DATA/vault.lock           held while the header is written
//! ```
//!
//! One random data key seals every secret. It exists on disk only wrapped, once per *slot*; opening any one slot
//! opens the vault: `key-file` (the default, unattended), `passphrase`, whose opened key may rest in the kernel's
//! keyring for a while, and `ssh-agent`. All formats carry a version, and docs/stores/vault.md tells the same for
//! people.
//!
//! Reading ([`Store::get`]) is the hot path: the header, the key file and the one sealed file are opened, no folder
//! is listed and no lock is taken, because files are replaced whole and a secret's file is never rewritten. Writing
//! a secret needs no lock either: its id is random. Only what writes the header takes the lock: the first
//! [`Store::put`], and the management of slots (slots.rs). The key file is durable before the header that needs it,
//! and is removed only after the header that no longer does.
//!
//! A key is never replaced silently: when the header or the key file is gone while sealed files are there, that is
//! an error, since a new key would make what is there unreadable for good. Deliberately absent: sealing everything
//! anew under another data key; so removing a slot does not lock out who has kept an old header together with its
//! key.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use crate::account::{Id, Key};
use crate::error::Error;
use crate::files::{self, StagedFile};
use crate::secret::Secret;

use super::{Availability, Health, Store, StoreContext, StoreRecord};
pub use header::SlotName;
use header::{Header, Slot};
use passphrase::Cost;
pub use slots::{AgentKey, SlotInfo};
pub use unlock::UnlockCache;
use unlock::{UnlockMethods, Unlocked};

mod header;
mod kernel_keyring;
mod key_file;
mod passphrase;
mod seal;
mod sealed_file;
mod slots;
mod ssh_agent;
#[cfg(test)]
mod tests;
mod unlock;
mod wrapping;

const NAME: &str = "vault";

/// How long the passphrase need not be asked for again, when [`Store::unlock`] is not told.
const UNLOCKED_FOR: u64 = 8 * 60 * 60;

/// All that is known of the vault.
pub static STORE: StoreRecord = StoreRecord {
    name: NAME,
    place: "a folder of sealed files in keyfob's own data",
    claim: "with its key file: as safe as a private file or an SSH key without passphrase; the vault folder alone is \
            useless, and changes are noticed, but it does not stop root, your own programs, or a copy of folder and \
            key; if the key is lost, so are the tokens. With a passphrase instead: also stops a stolen disk or \
            backup. With the ssh-agent: the same, but whoever reaches the agent and the vault can unlock it",
    rank: Some(30),
    availability,
    open: Some(|context| Box::new(Vault::new(context))),
};

/// The vault in [`StoreContext::data`].
pub struct Vault<'a> {
    context: StoreContext<'a>,
    /// What a new passphrase slot costs; tests choose less.
    cost: Cost,
    /// The data key, once a slot gave it: a process that reads several tokens asks once.
    unlocked: RefCell<Option<Rc<Unlocked>>>,
}

/// What [`Vault::survey`] found.
#[derive(Debug, Default)]
pub struct Survey {
    /// The keys of all secrets that open.
    pub keys: Vec<Key>,
    /// The sealed files that do not, and why.
    pub broken: Vec<Error>,
}

impl<'a> Vault<'a> {
    /// The vault in `opening.data`; nothing is read yet.
    #[must_use]
    pub fn new(context: StoreContext<'a>) -> Vault<'a> {
        Vault::with_cost(context, Cost::NEW)
    }

    fn with_cost(context: StoreContext<'a>, cost: Cost) -> Vault<'a> {
        Vault { context, cost, unlocked: RefCell::new(None) }
    }

    fn folder(&self) -> PathBuf {
        self.context.data.join("vault")
    }

    fn header_path(&self) -> PathBuf {
        self.folder().join("header.json")
    }

    fn sealed_path(&self, id: &Id) -> PathBuf {
        self.folder().join(id.as_str())
    }

    fn key_path(&self) -> PathBuf {
        self.context.data.join("vault.key")
    }

    fn lock_path(&self) -> PathBuf {
        self.context.data.join("vault.lock")
    }

    /// The header; `None` if there is no vault yet.
    fn header(&self) -> Result<Option<Header>, Error> {
        if !files::check_folder(&self.folder())? {
            return Ok(None);
        }
        let path = self.header_path();
        files::read_private(&path)?.map(|bytes| Header::parse(&path, &bytes)).transpose()
    }

    /// The error for sealed files without a header.
    fn headless(&self) -> Error {
        let why = "it is missing, and the sealed tokens beside it cannot be opened without it";
        Error::Damaged { path: self.header_path(), why }
    }

    /// The ids of all sealed files.
    fn sealed_ids(&self) -> Result<Vec<Id>, Error> {
        let folder = self.folder();
        let entries = std::fs::read_dir(&folder).map_err(Error::io("list", &folder))?;
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::io("list", &folder))?.file_name();
            ids.extend(name.to_str().and_then(Id::parse));
        }
        Ok(ids)
    }

    /// Opens every sealed file and says which are broken, for `doctor`. Also sweeps away what crashes left.
    ///
    /// # Errors
    /// As [`Store::get`]; a single broken file is no error here.
    pub fn survey(&self) -> Result<Survey, Error> {
        let mut survey = Survey::default();
        let Some(header) = self.header()? else {
            // A folder without a header is fine as long as nothing is in it.
            let lonely = self.folder().is_dir() && !self.sealed_ids()?.is_empty();
            return if lonely { Err(self.headless()) } else { Ok(survey) };
        };
        let unlocked = self.open(&header, &UnlockMethods::ALL)?;
        files::sweep(&self.folder());
        for id in self.sealed_ids()? {
            let path = self.sealed_path(&id);
            let held = files::read_private(&path).and_then(|bytes| {
                // One that vanished since the listing was removed by another process.
                bytes
                    .map(|bytes| sealed_file::read(&unlocked.key, &unlocked.id, &id, &path, &bytes))
                    .transpose()
            });
            match held {
                Ok(held) => survey.keys.extend(held.map(|(key, _)| key)),
                Err(error) => survey.broken.push(error),
            }
        }
        Ok(survey)
    }
}

impl Store for Vault<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        let path = self.sealed_path(&key.id);
        let Some(header) = self.header()? else {
            return if path.exists() { Err(self.headless()) } else { Ok(None) };
        };
        let unlocked = self.open(&header, &UnlockMethods::ALL)?;
        let Some(bytes) = files::read_private(&path)? else { return Ok(None) };
        let (held, secret) = sealed_file::read(&unlocked.key, &unlocked.id, &key.id, &path, &bytes)?;
        if held != *key {
            return Err(Error::Damaged { path, why: "it holds the token of another account" });
        }
        Ok(Some(secret))
    }

    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        self.stage(key, secret)?.commit()
    }

    fn put_staged(&self, key: &Key, secret: &Secret) -> Result<Option<StagedFile>, Error> {
        self.stage(key, secret).map(Some)
    }

    /// Needs no key: destroying what is sealed takes no more than removing its file.
    fn delete(&self, key: &Key) -> Result<(), Error> {
        if files::check_folder(&self.folder())? { files::remove(&self.sealed_path(&key.id)) } else { Ok(()) }
    }

    /// Broken files are left out, so that one of them does not keep the others from being found again; see
    /// [`Vault::survey`].
    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        Ok(Some(self.survey()?.keys))
    }

    fn unlock(&self, for_seconds: Option<u64>) -> Result<(), Error> {
        if for_seconds == Some(0) {
            return Err(Error::usage("a vault cannot be unlocked for 0 seconds", "keyfob lock closes it"));
        }
        let Some(header) = self.header()? else { return Ok(()) };
        if header.key_file().is_some() && self.by_key_file(&header).is_ok() {
            return Ok(());
        }
        if !kernel_keyring::available() {
            return Err(kernel_keyring::nowhere());
        }
        let unlocked =
            self.open(&header, &UnlockMethods::ALL).map_err(|error| self.say_who_is_missing(error))?;
        kernel_keyring::keep(&header.id, &unlocked.key, for_seconds.unwrap_or(UNLOCKED_FOR))
    }

    fn lock(&self) -> Result<(), Error> {
        *self.unlocked.borrow_mut() = None;
        if let Some(kept) = self.context.unlocked {
            kept.forget();
        }
        let Some(header) = self.header()? else { return Ok(()) };
        kernel_keyring::forget(&header.id)?;
        if header.key_file().is_some() {
            return Err(Error::Unsupported {
                store: NAME,
                what: "be locked while its key file opens it unattended",
            });
        }
        Ok(())
    }

    fn health(&self) -> Health {
        let not_usable = |words| Health { usable: false, words };
        let header = match self.header() {
            Ok(Some(header)) => header,
            Ok(None) => match could_be_made(&self.context) {
                Availability::Yes => {
                    return Health {
                        usable: true,
                        words: "not made yet; the first token makes it".to_owned(),
                    };
                }
                Availability::No(why) => return not_usable(why),
            },
            Err(error) => return not_usable(error.to_string()),
        };
        let names: Vec<String> = header.slots.iter().map(|slot| slot.name().to_string()).collect();
        let state = self.state(&header);
        let mut words = match &state {
            Ok(state) | Err(state) => format!("{state}; slots: {}", names.join(", ")),
        };
        if header.key_file().is_none() && self.key_path().exists() {
            words.push_str("; vault.key beside it no longer opens it");
        }
        Health { usable: state.is_ok(), words }
    }
}

impl Vault<'_> {
    /// A sealed file for a new id. Nobody looks for it before it is in its place, so it may go there before it is on the disk.
    fn stage(&self, key: &Key, secret: &Secret) -> Result<StagedFile, Error> {
        let unlocked = self.open_or_create()?;
        let bytes = sealed_file::write(&unlocked.key, &unlocked.id, key, secret)?;
        StagedFile::write(&self.sealed_path(&key.id), &bytes)
    }

    /// Whether the vault would open now (`Ok`), in words, without asking or changing anything.
    fn state(&self, header: &Header) -> Result<String, String> {
        let mut trouble = "locked, unlock with: keyfob unlock".to_owned();
        if header.key_file().is_some() {
            match self.by_key_file(header) {
                Ok(_) => return Ok("unlocked by its key file".to_owned()),
                Err(error) if header.passphrase().is_none() => trouble = error.to_string(),
                Err(Error::KeyFile { why, .. }) => trouble = format!("{trouble} (its key file: {why})"),
                // `get` stops here too.
                Err(error) => return Err(error.to_string()),
            }
        }
        if header.slots.iter().any(|slot| !matches!(slot, Slot::KeyFile(_)))
            && kernel_keyring::recall(&header.id).is_some()
        {
            return Ok("unlocked for a while, its key rests in the kernel keyring".to_owned());
        }
        if self.agent_holds_a_key_of(header) {
            return Ok("unlocked by the ssh-agent".to_owned());
        }
        Err(trouble)
    }
}

/// It serves wherever the data folder can be written.
fn availability(context: &StoreContext<'_>) -> Availability {
    let data = &context.data;
    let writable = match files::check_folder(data) {
        Ok(true) => writable(data),
        Ok(false) => Err(Error::io("find", data)(std::io::ErrorKind::NotFound.into())),
        Err(error) => Err(error),
    };
    match writable {
        Ok(()) => Availability::Yes,
        Err(error) => Availability::No(error.to_string()),
    }
}

/// Whether the first token could make a vault. Before it there is no data folder either, so the nearest folder that is there counts.
fn could_be_made(context: &StoreContext<'_>) -> Availability {
    match files::check_folder(&context.data) {
        Ok(false) => match context.data.ancestors().find(|folder| folder.exists()).map(writable) {
            Some(Err(error)) => Availability::No(error.to_string()),
            _ => Availability::Yes,
        },
        _ => availability(context),
    }
}

#[cfg(unix)]
fn writable(folder: &std::path::Path) -> Result<(), Error> {
    use rustix::fs::Access;
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| Error::io("write to", folder)(error.into()))
}

#[cfg(not(unix))]
fn writable(folder: &std::path::Path) -> Result<(), Error> {
    let about = std::fs::metadata(folder).map_err(Error::io("look at", folder))?;
    if about.permissions().readonly() {
        return Err(Error::io("write to", folder)(std::io::ErrorKind::PermissionDenied.into()));
    }
    Ok(())
}

fn unusable(why: impl Into<String>) -> Error {
    Error::Unavailable { store: NAME, why: why.into() }
}
