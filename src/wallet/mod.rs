//! The core: get, store, erase, and what a person does with the wallet. All policy is here (rules R1 to R9 and R13 of
//! docs/design.md), and only here are forges and stores called.
//!
//! [`Wallet`] is what a tool sees (`api`); [`LocalWallet`] is the one on this machine, also of a process that has no
//! folder for one. `get` is the hot path: where does the remote belong ([`resolve`]), one record file, which account
//! ([`choose`]), one secret. What a person does is in [`manage`]. The wallet is its parts; each call is a function in the module
//! whose job it is, and takes the parts, or just the records or the settings where that is all it needs. Deliberately absent:
//! any tool's wire format, printing, prompting, the network.

use std::path::{Path, PathBuf};

use crate::config::{Config, LazyConfig};
use crate::environment::Environment;
use crate::error::Error;
use crate::folders::NoFolders;
use crate::records::Records;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store::payload::Payload;

pub use api::{
    Credential, Erased, LoggedOut, Lookup, NewCredential, Note, PromptPolicy, Query, Stored, Wallet,
    renew_variable,
};

use stores::Stores;

mod api;
pub mod choose;
mod env_tokens;
mod erase;
pub mod get;
mod logout;
pub mod manage;
pub mod pending;
pub mod resolve;
mod secrets;
mod store;
pub mod stores;
#[cfg(test)]
pub(crate) mod tests;

/// Seconds for which a suspect token is withheld (R7).
pub const SUSPECT_SECONDS: i64 = 60;

/// Days before a token's end from which on it is worth a hint (R8).
pub const HINT_DAYS: i64 = 14;

/// Seconds after which what a tool stored and a server refused is swept (R7).
pub const KEEP_ASIDE_SECONDS: i64 = 30 * DAY;

/// A day in seconds.
pub const DAY: i64 = 86_400;

/// The wallet of this machine: its parts. What is done with them is in the modules, one function for each call.
pub struct LocalWallet<'a> {
    records: Records,
    stores: &'a dyn Stores,
    environment: &'a Environment,
    config: LazyConfig,
    now: i64,
}

impl<'a> LocalWallet<'a> {
    /// A wallet below `data`, which need not exist yet. `config` is the file of the settings, `environment` may have tokens (R13),
    /// `now` is in Unix seconds.
    #[must_use]
    pub fn new(
        data: &Path,
        config: PathBuf,
        stores: &'a dyn Stores,
        environment: &'a Environment,
        now: i64,
    ) -> LocalWallet<'a> {
        LocalWallet { records: Records::new(data), stores, environment, config: LazyConfig::new(config), now }
    }

    /// The wallet of a process that has no folder for one: the environment answers (R13), every other call says why. A tool's
    /// protocol has words for that; a program that just ends, some tools take for a reason to stop altogether.
    #[must_use]
    pub fn homeless(
        why: NoFolders,
        stores: &'a dyn Stores,
        environment: &'a Environment,
        now: i64,
    ) -> LocalWallet<'a> {
        LocalWallet { records: Records::nowhere(why), stores, environment, config: LazyConfig::none(), now }
    }

    /// The account records.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The settings, which may not have been read yet.
    #[must_use]
    pub fn settings(&self) -> &LazyConfig {
        &self.config
    }

    /// The settings, read.
    ///
    /// # Errors
    /// Those of [`Config::read`].
    pub fn config(&self) -> Result<&Config, Error> {
        self.config.get()
    }
}

/// How often a call begins anew because another process changed what it had read.
const ATTEMPTS: usize = 5;

/// Does `work`, and does it again from the start when it says [`Error::Changing`]: reading takes no lock, so a secret may
/// have been moved or removed between the look at its record and the look into its store.
fn retry_on_conflict<T>(work: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
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
        retry_on_conflict(|| get::get(self, query, &mut |_| {}))
    }

    fn store(&self, query: &Query, new: NewCredential) -> Result<Stored, Error> {
        let NewCredential { token, refresh, authtype, expires } = new;
        let payload = Payload { token, refresh, authtype };
        retry_on_conflict(|| store::store(self, query, &payload, expires))
    }

    fn erase(&self, query: &Query, rejected: Option<&Secret>) -> Result<Erased, Error> {
        retry_on_conflict(|| erase::erase(self, query, rejected))
    }

    fn logout(&self, query: &Query) -> Result<LoggedOut, Error> {
        logout::logout(self, query)
    }

    fn displace(&self, query: &Query) -> Result<(), Error> {
        logout::displace(self, query)
    }

    fn places(&self) -> Result<Vec<(String, Remote)>, Error> {
        manage::places::for_tools(self)
    }
}
