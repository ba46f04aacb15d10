//! The keychain that the system itself has: macOS Keychain, Windows Credential Manager.
//!
//! One entry for each secret, under a name that tells realm, account and id (`names.rs`). The calls of both systems wait
//! as long as they like (macOS shows a window and waits for the person), so each runs on a thread that we stop waiting
//! for when its time is over; what it may still do then is done to an id that no record names.
//! Deliberately absent: the iCloud keychain and roaming Windows credentials. Tokens stay on the machine.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyring::Entry;
use keyring::api::CredentialStoreApi;

use crate::account::Key;
use crate::error::Error;
use crate::secret::Secret;

use super::{Availability, Health, Store, StoreContext, StoreRecord};

#[cfg(target_os = "macos")]
mod attributes;
pub mod foreign;
mod names;

/// The system's keychain as a place for secrets.
pub static STORE: StoreRecord = StoreRecord {
    name: NAME,
    place: if cfg!(windows) { "Windows Credential Manager" } else { "the macOS login keychain" },
    claim: if cfg!(windows) {
        "encrypted with your Windows login: it stops a stolen disk or backup and other users, not your own programs or \
         an administrator"
    } else {
        "encrypted with your login password: it stops a stolen disk or backup and other users, and macOS asks before \
         another program reads a token"
    },
    rank: Some(10),
    availability,
    open: Some(|context| Box::new(Keychain { context })),
};

const NAME: &str = "keychain";

/// The longest that a mere look may take.
const LOOK: Duration = Duration::from_secs(1);

/// What fits into one Windows credential (CRED_MAX_CREDENTIAL_BLOB_SIZE).
const WINDOWS_LIMIT: usize = 2560;

struct Keychain<'a> {
    context: StoreContext<'a>,
}

impl Store for Keychain<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        let key = key.clone();
        within(limit(&self.context), move || {
            found(entry(&key)?.get_secret()).map(|found| found.map(Secret::new))
        })
    }

    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        if cfg!(windows) && secret.len() > WINDOWS_LIMIT {
            return Err(Error::TooLong { store: NAME, length: secret.len(), limit: WINDOWS_LIMIT });
        }
        let (key, secret) = (key.clone(), Secret::copy_of(secret.expose()));
        within(limit(&self.context), move || entry(&key)?.set_secret(secret.expose()))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let key = key.clone();
        within(limit(&self.context), move || found(entry(&key)?.delete_credential()).map(|_| ()))
    }

    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        within(limit(&self.context), all_keys).map(Some)
    }

    /// The system opens it, at login or in a window of its own; here it is only seen whether it answers.
    fn unlock(&self, _for_seconds: Option<u64>) -> Result<(), Error> {
        look(limit(&self.context))
    }

    fn lock(&self) -> Result<(), Error> {
        Err(Error::Unsupported { store: NAME, what: "be locked from here: the system does it" })
    }

    fn health(&self) -> Health {
        match look(self.context.timeout.min(LOOK)) {
            Ok(()) => Health { usable: true, words: "answering".to_owned() },
            Err(error) => Health { usable: false, words: words(error) },
        }
    }
}

fn availability(context: &StoreContext<'_>) -> Availability {
    look(context.timeout.min(LOOK))
        .map_or_else(|error| Availability::No(words(error)), |()| Availability::Yes)
}

/// Looks for an entry that nobody has.
fn look(limit: Duration) -> Result<(), Error> {
    within(limit, || found(probe()?.get_secret()).map(|_| ()))
}

fn words(error: Error) -> String {
    match error {
        Error::Unavailable { why, .. } => why,
        Error::Silent { .. } => "not answering".to_owned(),
        other => other.to_string(),
    }
}

/// How long a call may take: macOS may show a window, unless nobody may be asked.
fn limit(context: &StoreContext<'_>) -> Duration {
    if cfg!(windows) || context.environment.forbids_asking() {
        context.timeout
    } else {
        context.prompt_timeout
    }
}

/// Runs `call` on a thread of its own and waits for it no longer than `limit`.
fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let started = thread::Builder::new().spawn(move || {
        // Nobody listens any more when the time was over; then what it found is wiped by being dropped.
        let _ = sender.send(call().map_err(explain));
    });
    started.map_err(|_| unavailable("no thread can be started"))?;
    match receiver.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::Silent { store: NAME, waited: limit }),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(unavailable("the call broke off")),
    }
}

/// "No such entry" is an answer, not an error.
fn found<T>(outcome: keyring::Result<T>) -> keyring::Result<Option<T>> {
    match outcome {
        Err(keyring::Error::NoEntry) => Ok(None),
        other => other.map(Some),
    }
}

/// Our words for the system's. Some of its errors carry the secret's bytes, so they are never formatted as they are.
fn explain(error: keyring::Error) -> Error {
    match error {
        keyring::Error::NoStorageAccess(cause) => unavailable(&format!("the system said: {cause}")),
        // Not allowed to ask, asked in vain, or refused: what macOS reports of a locked keychain has no kind of its own.
        keyring::Error::PlatformFailure(_) if cfg!(target_os = "macos") => Error::Locked {
            store: NAME,
            how: Some("security unlock-keychain; when macOS asks, allow keyfob".to_owned()),
        },
        keyring::Error::PlatformFailure(cause) => unavailable(&format!("the system said: {cause}")),
        keyring::Error::TooLong(..) => unavailable("the account's name is too long for it"),
        keyring::Error::Invalid(..) => unavailable("it does not take the account's name"),
        _ => unavailable("it refused the call"),
    }
}

fn unavailable(why: &str) -> Error {
    Error::Unavailable { store: NAME, why: why.to_owned() }
}

#[cfg(target_os = "macos")]
fn entry(key: &Key) -> keyring::Result<Entry> {
    let (service, account) = names::service_and_account(key);
    apple_native_keyring_store::keychain::Store::new()?.build(&service, &account, None)
}

#[cfg(target_os = "macos")]
fn probe() -> keyring::Result<Entry> {
    apple_native_keyring_store::keychain::Store::new()?.build(names::PREFIX, "probe", None)
}

/// A service cannot be searched by its beginning, so this reads the names of all items; no secret is read and nobody asked.
#[cfg(target_os = "macos")]
fn all_keys() -> keyring::Result<Vec<Key>> {
    let items = apple_native_keyring_store::keychain::Store::new()?.search(&HashMap::new())?;
    let names = items.iter().filter_map(Entry::get_specifiers);
    Ok(names.filter_map(|(service, account)| names::key_of_item(&service, &account)).collect())
}

#[cfg(windows)]
fn entry(key: &Key) -> keyring::Result<Entry> {
    at_target(&names::target(key))
}

#[cfg(windows)]
fn probe() -> keyring::Result<Entry> {
    at_target(&format!("{}probe", names::PREFIX))
}

/// Persistence `LocalWallet`: it stays on this machine, where the default would let it roam with the profile.
#[cfg(windows)]
fn at_target(target: &str) -> keyring::Result<Entry> {
    let modifiers = HashMap::from([("target", target), ("persistence", "LocalWallet")]);
    windows_native_keyring_store::Store::new()?.build("", "", Some(&modifiers))
}

#[cfg(windows)]
fn all_keys() -> keyring::Result<Vec<Key>> {
    let pattern = format!("^{}", names::PREFIX);
    let entries = windows_native_keyring_store::Store::new()?
        .search(&HashMap::from([("pattern", pattern.as_str())]))?;
    let mut keys = Vec::new();
    for entry in entries {
        let attributes = found(entry.get_attributes())?;
        let target = attributes.as_ref().and_then(|attributes| attributes.get("target_name"));
        keys.extend(target.and_then(|target| names::key_of_target(target)));
    }
    Ok(keys)
}
