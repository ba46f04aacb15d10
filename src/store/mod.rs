//! Places where secrets lie. One file (or folder) each; a store knows nothing of forges, tools or policy: it holds
//! bytes under a [`Key`] and says honestly whether it could look.
//!
//! To add one: write its file with a `STORE` record and put a line into [`ALL`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::account::Key;
use crate::environment::Environment;
use crate::error::Error;
use crate::files::StagedFile;
use crate::secret::Secret;

pub mod environment;
#[cfg(any(target_os = "macos", windows))]
pub mod keychain;
// The names of its entries, and what they say of themselves, are plain text work, tested on every system.
#[cfg(all(test, not(target_os = "macos")))]
#[path = "keychain/attributes.rs"]
mod keychain_attributes;
#[cfg(all(test, not(any(target_os = "macos", windows))))]
#[path = "keychain/names.rs"]
mod keychain_names;
#[cfg(test)]
pub(crate) mod memory;
pub mod payload;
#[cfg(all(unix, not(target_os = "macos")))]
pub mod secret_service;
pub mod vault;

/// One place for secrets, opened.
///
/// The four calls must keep R9: *locked is not absent*. `Ok(None)` from [`Store::get`] means that the store was open,
/// looked, and has nothing under this key. Anything else that went wrong is an error, and no call lasts longer
/// than [`StoreContext::timeout`] (or `StoreContext::prompt_timeout` while a person is being asked).
pub trait Store {
    /// The secret under `key`, or `None` if the store is open and has none.
    ///
    /// # Errors
    /// Locked, silent, broken, or unsafe to read.
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error>;

    /// Keeps `secret` under `key`, durably, before it returns. A key is never written twice (its id is random).
    ///
    /// # Errors
    /// As [`Store::get`]; also when the secret is too long for this store. Then nothing has changed.
    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error>;

    /// As [`Store::put`], but where that means to write a file, waits for no disk: the secret is kept when the file that is returned
    /// was committed. `None` where it is kept already.
    ///
    /// # Errors
    /// As [`Store::put`].
    fn put_staged(&self, key: &Key, secret: &Secret) -> Result<Option<StagedFile>, Error> {
        self.put(key, secret).map(|()| None)
    }

    /// Destroys the secret under `key`; one that is not there is no error.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn delete(&self, key: &Key) -> Result<(), Error>;

    /// All keys that carry our marks, so that `doctor --repair` can rebuild records. `None` where the store cannot tell.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn keys(&self) -> Result<Option<Vec<Key>>, Error>;

    /// Opens the store for use, asking the person through [`StoreContext::ask`] if it must. `for_seconds`: how long it may
    /// stay open without asking again, where the store can limit that (`None`: the store's own rule).
    ///
    /// # Errors
    /// As [`Store::get`], or no person could be asked.
    fn unlock(&self, for_seconds: Option<u64>) -> Result<(), Error>;

    /// Closes it, so that the next use asks again.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where a store has nothing to lock.
    fn lock(&self) -> Result<(), Error>;

    /// One line for `keyfob storage` and `doctor`: state in words (`unlocked`, `locked, unlock with: …`, `not answering`).
    fn health(&self) -> Health;
}

/// What a look at a store found, without changing anything and without asking anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it would answer now.
    pub usable: bool,
    /// In words, lower case, no full stop.
    pub words: String,
}

/// What a store is given: folder, time limits, environment, whom to ask. Everything that comes from outside is in here, so that
/// tests can choose it.
#[derive(Clone)]
pub struct StoreContext<'a> {
    /// The folder of keyfob's data (records lie in it too); exists and is ours.
    pub data: PathBuf,
    /// The longest that one call may take (R9; `KEYFOB_TIMEOUT`, 3 s).
    pub timeout: Duration,
    /// The longest that one call may take while a person is being asked (60 s).
    pub prompt_timeout: Duration,
    /// The environment, as main saw it.
    pub environment: &'a Environment,
    /// The person, if one can be asked.
    pub ask: &'a dyn Prompter,
    /// Where a vault that the person opened stays open for the rest of the process, so that no passphrase is typed twice, and one
    /// mistyped between two steps does not stop what is half done. `None` for a tool: its process may live long, and `keyfob lock`
    /// would not reach it.
    pub unlocked: Option<&'a vault::UnlockCache>,
    /// How long a vault stays unlocked for every process of the user, where the system can hold its key, after a person typed its
    /// passphrase for this one. `None`: not at all, as for a command, which asks once anyway.
    pub stays_unlocked: Option<Duration>,
}

/// How long a vault stays unlocked after a person typed its passphrase for a tool: git alone runs a helper twice for each of its
/// commands.
pub const STAYS_UNLOCKED: Duration = Duration::from_secs(15 * 60);

/// The longest that a call may take while a person is being asked (R9).
pub const PROMPT_TIMEOUT: Duration = Duration::from_secs(60);

impl<'a> StoreContext<'a> {
    /// With the time limit that the person set (`KEYFOB_TIMEOUT`, in seconds), else three seconds (R9).
    #[must_use]
    pub fn new(data: &Path, environment: &'a Environment, ask: &'a dyn Prompter) -> StoreContext<'a> {
        let wish = environment.text("KEYFOB_TIMEOUT").and_then(|text| text.parse::<f64>().ok());
        let seconds = wish.filter(|seconds| (0.05..=600.0).contains(seconds)).unwrap_or(3.0);
        StoreContext {
            data: data.to_owned(),
            timeout: Duration::from_secs_f64(seconds),
            prompt_timeout: PROMPT_TIMEOUT,
            environment,
            ask,
            unlocked: None,
            stays_unlocked: None,
        }
    }
}

/// Asks the person for a passphrase.
pub trait Prompter {
    /// Whether a person can answer at all: never in CI, without a terminal, or when git forbids it.
    fn possible(&self) -> bool;

    /// Asks for a passphrase, hidden, and returns it; `None` when nobody answered within this time, or it was refused.
    fn passphrase(&self, prompt: &str, within: Duration) -> Option<Secret>;

    /// Whether a store may ask in a window of its own, if somebody is there to see it.
    fn by_window(&self) -> bool {
        true
    }
}

/// No person can be asked, unless a store has a window of its own.
pub struct NoTerminal;

impl Prompter for NoTerminal {
    fn possible(&self) -> bool {
        false
    }
    fn passphrase(&self, _prompt: &str, _within: Duration) -> Option<Secret> {
        None
    }
}

/// No person may be asked: the tool forbids it.
pub struct NoPrompt;

impl Prompter for NoPrompt {
    fn possible(&self) -> bool {
        false
    }
    fn passphrase(&self, _prompt: &str, _within: Duration) -> Option<Secret> {
        None
    }
    fn by_window(&self) -> bool {
        false
    }
}

/// Whether a store can be chosen on this machine, found out once, at the first `add`, `setup` or `store`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can hold secrets here and now.
    Yes,
    /// It cannot; why, in words.
    No(String),
}

/// All that is known of a store.
pub struct StoreRecord {
    /// Its name in records, configuration and `KEYFOB_STORE`. Never changes.
    pub name: &'static str,
    /// One line: where it keeps secrets.
    pub place: &'static str,
    /// What it protects from and what it does not: told by setup, storage and doctor.
    pub claim: &'static str,
    /// Whether it may be chosen without being asked for by name, and in which order (lower first). `None`: only by name.
    pub rank: Option<u8>,
    /// Whether it can serve here; may take up to a second.
    pub availability: fn(&StoreContext<'_>) -> Availability,
    /// Opens it; cheap, nothing is read before the first call. `None` for one that holds no keys (the environment).
    pub open: Option<OpenFn>,
}

impl StoreRecord {
    /// The first sentence of the claim: what holds for a store as it is chosen. `keyfob storage` shows all of it.
    #[must_use]
    pub fn claim_in_short(&self) -> &'static str {
        self.claim.split(". ").next().unwrap_or(self.claim)
    }
}

impl std::fmt::Debug for StoreRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Opens a store.
pub type OpenFn = for<'a> fn(StoreContext<'a>) -> Box<dyn Store + 'a>;

/// Every store. The order is the one in which `keyfob storage` shows them.
pub static ALL: &[&StoreRecord] = &[
    #[cfg(any(target_os = "macos", windows))]
    &keychain::STORE,
    #[cfg(all(unix, not(target_os = "macos")))]
    &secret_service::STORE,
    &vault::STORE,
    &environment::STORE,
];

/// The store of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static StoreRecord> {
    ALL.iter().copied().find(|record| record.name == name)
}
