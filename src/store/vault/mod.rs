//! The vault: an embedded store for every system, with nothing to install and nothing that has to run.
//!
//! ```text
//! DATA/vault/               0700, ours alone
//!     header.json           format version, the vault's random id, its slots (header.rs)
//!     <id of the secret>    one sealed file per secret (sealed_file.rs)
//! DATA/vault.key            the key of the key-file slot (key_file.rs); beside the folder, never inside
//! DATA/vault.latest         which data key is the latest (latest.rs)
//! DATA/vault.lock           held while the header is written, shared while a sealed file comes or goes
//! ```
//!
//! One random data key seals every secret, until a new one takes its place (reseal.rs). It exists on disk only wrapped, once per *slot*; opening any one slot
//! opens the vault: `key-file` (the default, unattended), `passphrase`, whose opened key may rest in the kernel's
//! keyring for a while, and `ssh-agent`. All formats carry a version, and docs/stores/vault.md tells the same for
//! people.
//!
//! Reading ([`Store::get`]) is the hot path: the header, the key file and the one sealed file are opened, no folder
//! is listed and no lock is taken, because files are replaced whole. If the files that it found do not belong together, another
//! process may have sealed everything anew in between; then the header has changed, and it looks again. A secret's file comes or
//! goes under a share of the lock, so that it does not escape a new data key. Only what writes the header takes the lock alone: the
//! first [`Store::put`], and the management of slots (slots.rs). The key file is durable before the header that needs it, and is
//! removed only after the header that no longer does.
//!
//! A key is never replaced silently: when the header or the key file is gone while sealed files are there, that is
//! an error, since a new key would make what is there unreadable for good.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use crate::account::{Id, Key};
use crate::error::Error;
use crate::files::{self, StagedFile};
use crate::secret::Secret;

use super::{Availability, Health, Store, StoreContext, StoreRecord};
use availability::{availability, could_be_made};
use data_key::Bound;
pub use header::SlotName;
use header::{Header, Slot};
use opened::read_sealed;
use passphrase::Cost;
pub use slots::{AgentKey, SlotInfo};
pub use unlock::UnlockCache;
use unlock::{UnlockMethods, Unlocked};

mod availability;
mod bytes;
mod data_key;
mod header;
mod kernel_keyring;
mod key_file;
mod latest;
mod opened;
mod passphrase;
mod recipient;
mod reseal;
mod seal;
mod sealed_file;
mod slots;
mod ssh_agent;
#[cfg(test)]
mod tests;
mod unlock;
mod wrapping;

const NAME: &str = "vault";

/// How many headers in a row one call looks at, each written by another process meanwhile.
const MOST_HEADERS: usize = 5;

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

    fn latest_path(&self) -> PathBuf {
        self.context.data.join("vault.latest")
    }

    fn check_latest(&self, header: &Header, unlocked: &Unlocked) -> Result<(), Error> {
        latest::check(&self.latest_path(), header, || self.header_path(), &unlocked.key)
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

    /// Opens every sealed file and says which are broken, for `doctor`. Also sweeps away what crashes left, and ends a new sealing
    /// that was broken off.
    ///
    /// # Errors
    /// As [`Store::get`]; a single broken file is no error here.
    pub fn survey(&self) -> Result<Survey, Error> {
        let Some(header) = self.header()? else {
            // A folder without a header is fine as long as nothing is in it.
            let lonely = self.folder().is_dir() && !self.sealed_ids()?.is_empty();
            return if lonely { Err(self.headless()) } else { Ok(Survey::default()) };
        };
        let surveyed = self.with_header(header, |header| {
            let unlocked = self.open(header, &UnlockMethods::ALL)?;
            let carried_on = reseal::carry_on(self, &unlocked);
            files::sweep(&self.folder());
            let broken = carried_on.err().into_iter().collect();
            let mut survey = Survey { keys: Vec::new(), broken };
            for id in self.sealed_ids()? {
                match read_sealed(&self.sealed_path(&id), header, &unlocked.key, &id) {
                    Ok(held) => survey.keys.extend(held.map(|(key, _)| key)),
                    Err(error) => survey.broken.push(error),
                }
            }
            // What does not open may be sealed anew by another process just now.
            if survey.broken.is_empty() || self.is_still(header)? { Ok(survey) } else { Err(Error::Changing) }
        });
        surveyed.map(|(_, survey)| survey)
    }

    /// What `work` makes of the header; of the next one too, if it failed and another process has written that meanwhile.
    fn with_header<T>(
        &self,
        mut header: Header,
        mut work: impl FnMut(&Header) -> Result<T, Error>,
    ) -> Result<(Header, T), Error> {
        for _ in 0..MOST_HEADERS {
            let error = match work(&header) {
                Ok(done) => return Ok((header, done)),
                Err(error) => error,
            };
            match self.header()? {
                Some(now) if !now.is_like(&header) => header = now,
                _ => return Err(error),
            }
        }
        Err(Error::Changing)
    }

    fn is_still(&self, header: &Header) -> Result<bool, Error> {
        Ok(self.header()?.is_some_and(|now| now.is_like(header)))
    }
}

impl Store for Vault<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        let path = self.sealed_path(&key.id);
        let Some(header) = self.header()? else {
            return if path.exists() { Err(self.headless()) } else { Ok(None) };
        };
        let (_, found) = self.with_header(header, |header| {
            let unlocked = self.open(header, &UnlockMethods::ALL)?;
            read_sealed(&path, header, &unlocked.key, &key.id)
        })?;
        match found {
            Some((held, _)) if held != *key => {
                Err(Error::Damaged { path, why: "it holds the token of another account" })
            }
            found => Ok(found.map(|(_, secret)| secret)),
        }
    }

    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        self.stage(key, secret)?.commit()
    }

    fn put_staged(&self, key: &Key, secret: &Secret) -> Result<Option<StagedFile>, Error> {
        self.stage(key, secret).map(Some)
    }

    /// Needs no key: destroying what is sealed takes no more than removing its file.
    fn delete(&self, key: &Key) -> Result<(), Error> {
        if !files::check_folder(&self.folder())? {
            return Ok(());
        }
        let _share = files::share(&self.lock_path())?;
        files::remove(&self.sealed_path(&key.id))
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
        // Another process that seals everything anew does so for its own.
        let _ = reseal::carry_on(self, &unlocked);
        kernel_keyring::keep(header.bound(), &unlocked.key, for_seconds.unwrap_or(UNLOCKED_FOR))
    }

    fn lock(&self) -> Result<(), Error> {
        *self.unlocked.borrow_mut() = None;
        if let Some(kept) = self.context.unlocked {
            kept.forget();
        }
        let Some(header) = self.header()? else { return Ok(()) };
        for key in [None, header.previous(), header.key.as_ref()] {
            kernel_keyring::forget(Bound { vault: &header.id, key })?;
        }
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
        if header.previous().is_some() {
            words.push_str("; its tokens are being sealed anew, or that was broken off");
        }
        if latest::is_older(&self.latest_path(), &header) {
            words.push_str("; it is older than the vault that keyfob last wrote here");
        }
        Health { usable: state.is_ok(), words }
    }
}

impl Vault<'_> {
    /// A sealed file for a new id. Nobody looks for it before it is in its place, so it may go there before it is on the disk.
    fn stage(&self, key: &Key, secret: &Secret) -> Result<StagedFile, Error> {
        for _ in 0..MOST_HEADERS {
            // This may ask somebody, so it comes before the lock.
            let unlocked = self.open_or_create()?;
            if self.header()?.is_some_and(|header| header.previous().is_some()) {
                let _ = reseal::carry_on(self, &unlocked);
            }
            let share = files::share(&self.lock_path())?;
            let Some(header) = self.header()?.filter(|header| unlocked.fits(header)) else { continue };
            self.check_latest(&header, &unlocked)?;
            let bytes = sealed_file::write(&unlocked.key, header.bound(), key, secret)?;
            return Ok(StagedFile::write(&self.sealed_path(&key.id), &bytes)?.holding(share));
        }
        Err(Error::Changing)
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
            && kernel_keyring::recall(header.bound()).is_some()
        {
            return Ok("unlocked for a while, its key rests in the kernel keyring".to_owned());
        }
        if self.agent_holds_a_key_of(header) {
            return Ok("unlocked by the ssh-agent".to_owned());
        }
        Err(trouble)
    }
}

fn unusable(why: impl Into<String>) -> Error {
    Error::Unavailable { store: NAME, why: why.into() }
}
