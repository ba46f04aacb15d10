//! The core: get, store, erase, and what a person does with the wallet. All policy is here (rules R1 to R9 and R13 of
//! docs/design.md), and only here are forges and stores called.
//!
//! [`Wallet`] is what a tool sees (`api`); [`LocalWallet`] is the one on this machine, [`UnavailableWallet`] the one of a process
//! that has none. `get` is the hot path: where does the remote belong ([`resolve`]), one record file, which account
//! ([`choose`]), one secret. Deliberately absent: any tool's wire format, printing, prompting, the network.

use std::cell::OnceCell;
use std::path::PathBuf;

use crate::account::{Account, Id, Key};
use crate::config::Config;
use crate::environment::Environment;
use crate::error::Error;
use crate::records::{AccountRecord, Group, RealmRecord, Records};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::store::Store;
use crate::store::payload::Payload;

pub use api::{
    Credential, Erased, LoggedOut, Lookup, NewCredential, Note, PromptPolicy, Query, Stored, Wallet,
};
pub use unavailable::UnavailableWallet;

use stores::Chosen;

mod api;
pub mod choose;
mod erase;
mod get;
mod logout;
pub mod pending;
pub mod person;
pub mod resolve;
mod store;
pub mod stores;
#[cfg(test)]
pub(crate) mod tests;
mod unavailable;

/// Seconds for which a suspect token is withheld (R7).
pub const SUSPECT_SECONDS: i64 = 60;

/// Days before a token's end from which on it is worth a hint (R8).
pub const HINT_DAYS: i64 = 14;

/// Seconds after which what a tool stored and a server refused is swept (R7).
pub const KEEP_ASIDE_SECONDS: i64 = 30 * DAY;

/// A day in seconds.
pub const DAY: i64 = 86_400;

/// The wallet of this machine.
pub struct LocalWallet<'a> {
    /// The account records.
    pub records: Records,
    /// Opens stores and knows which one is chosen.
    pub stores: &'a dyn stores::Stores,
    /// The environment, for its tokens (R13).
    pub environment: &'a Environment,
    /// Where the settings are.
    pub config_path: PathBuf,
    /// Unix seconds.
    pub now: i64,
    config: OnceCell<Config>,
}

impl<'a> LocalWallet<'a> {
    /// A wallet below `data`, which need not exist yet.
    #[must_use]
    pub fn new(
        data: &std::path::Path,
        config_path: PathBuf,
        stores: &'a dyn stores::Stores,
        environment: &'a Environment,
        now: i64,
    ) -> LocalWallet<'a> {
        LocalWallet {
            records: Records::new(data),
            stores,
            environment,
            config_path,
            now,
            config: OnceCell::new(),
        }
    }

    /// The settings, read when first needed.
    ///
    /// # Errors
    /// Those of [`Config::read`].
    pub fn config(&self) -> Result<&Config, Error> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::read(&self.config_path)?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The secret in force of an account.
    fn payload(&self, group: &str, realm: &RealmRecord, account: &AccountRecord) -> Result<Payload, Error> {
        self.payload_in(&*self.stores.open(&account.store)?, group, realm, account)
    }

    /// The same out of a store that is open.
    fn payload_in(
        &self,
        store: &dyn Store,
        group: &str,
        realm: &RealmRecord,
        account: &AccountRecord,
    ) -> Result<Payload, Error> {
        let secret = store.get(&realm.key(account)?)?;
        secret
            .as_ref()
            .map(Payload::unpack)
            .ok_or_else(|| self.missing(group, realm, &account.store, &account.id))
    }

    /// What it means that a store does not hold a secret of which we read: it is lost if the record still speaks of it;
    /// otherwise another process has moved or removed it since ([`Error::Changing`]).
    fn missing(&self, group: &str, realm: &RealmRecord, store: &str, id: &str) -> Error {
        match self.records.read(group) {
            Ok(group) if group.ids().any(|held| held == id) => {
                Error::Lost { store: store.to_owned(), realm: realm.realm.clone() }
            }
            Ok(_) => Error::Changing,
            Err(error) => error,
        }
    }

    /// Keeps a new secret in the store for new ones: first the secret, then what `place` writes into its group, so that a
    /// crash leaves what was there or what is new.
    fn keep<T>(
        &self,
        group: &str,
        realm: &Realm,
        account: Account,
        secret: &Secret,
        place: impl FnOnce(&mut Group, &str, &Key) -> Result<T, Error>,
    ) -> Result<(T, Chosen), Error> {
        let chosen = self.stores.for_new(self.config()?.store.as_deref())?;
        let key = Key { realm: realm.clone(), account, id: Id::random()? };
        let store = self.stores.open(chosen.name)?;
        // Both files are written before either is waited for; the secret's is in its place first.
        let ahead = store.put_ahead(&key, secret)?;
        let placed =
            self.records.change_after(ahead, group, |group| Ok((place(group, chosen.name, &key)?, true)));
        if placed.is_err() {
            self.discard(group, chosen.name, &key);
        }
        Ok((placed?, chosen))
    }

    /// Destroys a secret whose record could not be written. But writing may fail after the record is in place (its folder could
    /// not be synced), so it is read again; if it cannot be, the secret stays: doctor finds one that nothing refers to,
    /// nobody finds one that is gone.
    fn discard(&self, group: &str, store: &str, key: &Key) {
        let unrecorded = |group: Group| !group.ids().any(|id| id == key.id.as_str());
        if self.records.read(group).is_ok_and(unrecorded) {
            let _ = self.destroy(group, &[(store.to_owned(), key.clone())]);
        }
    }

    /// Puts a copy of a secret into a store and reads it back: only what the store gives back may take the other's place.
    fn put_copy(
        &self,
        group: &str,
        (name, store): (&str, &dyn Store),
        key: &Key,
        secret: &Secret,
    ) -> Result<(), Error> {
        store.put(key, secret)?;
        if store.get(key)?.is_some_and(|back| back.same_as(secret)) {
            return Ok(());
        }
        let _ = self.destroy(group, &[(name.to_owned(), key.clone())]);
        Err(Error::Lost { store: name.to_owned(), realm: key.realm.to_string() })
    }

    /// Destroys secrets that a group does not speak of any more, and returns what failed. `doctor --repair` may have found one
    /// between the writing of the record and this, and taken it for one that lost its record: that is taken back, so that
    /// no record speaks of what is gone. (It looks into the store under the lock, so one of the two sees the other.) An empty
    /// record goes last: while it is there, what a crash leaves in a store is an orphan, and not a secret that lost its record.
    fn destroy(&self, group: &str, secrets: &[(String, Key)]) -> Vec<Error> {
        let mut errors = Vec::new();
        let mut gone = Vec::new();
        for (store, key) in secrets {
            match self.stores.open(store).and_then(|store| store.delete(key)) {
                Ok(()) => gone.push(key.id.as_str()),
                Err(error) => errors.push(error),
            }
        }
        let speaks_of = |group: &Group| group.ids().any(|id| gone.contains(&id));
        if !gone.is_empty() && self.records.read(group).is_ok_and(|group| speaks_of(&group)) {
            let forgotten = self.records.change(group, |group| {
                gone.iter().for_each(|id| group.forget(id));
                Ok(((), true))
            });
            errors.extend(forgotten.err());
        }
        // If it cannot be cleared, it stays, and tells nothing.
        if errors.is_empty() && !secrets.is_empty() {
            let _ = self.records.clear(group);
        }
        errors
    }

    /// Whether an account's secret in force is this token. One that the store lost is none.
    fn holds(
        &self,
        group: &str,
        realm: &RealmRecord,
        account: &AccountRecord,
        token: &Secret,
    ) -> Result<bool, Error> {
        match self.payload(group, realm, account) {
            Ok(held) => Ok(held.token.same_as(token)),
            Err(Error::Lost { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// How often a call begins anew because another process changed what it had read.
const ATTEMPTS: usize = 5;

/// Does `work`, and does it again from the start when it says [`Error::Changing`]: reading takes no lock, so a secret may
/// have been moved or removed between the look at its record and the look into its store.
fn settled<T>(work: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match work() {
            Err(Error::Changing) => {}
            done => return done,
        }
    }
    work()
}

impl Wallet for LocalWallet<'_> {
    fn get(&self, query: &Query) -> Result<Lookup, Error> {
        settled(|| self.get_traced(query, &mut |_| {}))
    }

    fn store(&self, query: &Query, new: NewCredential) -> Result<Stored, Error> {
        let NewCredential { token, refresh, authtype, expires } = new;
        let payload = Payload { token, refresh, authtype };
        settled(|| self.store_from_tool(query, &payload, expires))
    }

    fn erase(&self, query: &Query, refused: Option<&Secret>) -> Result<Erased, Error> {
        settled(|| self.erase_from_tool(query, refused))
    }

    fn logout(&self, query: &Query) -> Result<LoggedOut, Error> {
        self.log_out(query)
    }

    fn displace(&self, query: &Query) -> Result<(), Error> {
        self.displace_others(query)
    }

    fn places(&self) -> Result<Vec<(String, Remote)>, Error> {
        self.places_for_tools()
    }
}
