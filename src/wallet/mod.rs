//! The core: get, store, erase, and what a person does with the wallet. All policy is here (rules R1 to R9 and R13 of
//! docs/design.md), and only here are forges and stores called.
//!
//! [`Wallet`] is what a tool's adapter sees; [`Local`] is the one on this machine. `get` is the hot path: where does the
//! remote belong ([`spot`]), one record file, which account ([`choose`]), one secret. Deliberately absent: any tool's
//! wire format, printing, prompting, the network.

use std::cell::OnceCell;
use std::path::PathBuf;

use crate::config::Config;
use crate::credential::{Account, Key, Secret};
use crate::environment::Environment;
use crate::error::{Error, Miss};
use crate::forge::{Need, Presentation};
use crate::records::{AccountRecord, Group, RealmRecord, Records};
use crate::remote::{Realm, Remote};
use crate::store::Store;
use crate::store::payload::Payload;

pub mod choose;
mod erase;
mod get;
pub mod person;
pub mod spot;
mod store;
pub mod stores;
#[cfg(test)]
pub(crate) mod tests;

/// Seconds for which a suspect token is withheld (R7).
pub const SUSPECT_SECONDS: i64 = 60;

/// Seconds after which what a tool stored and a server refused is swept (R7).
pub const KEEP_ASIDE_SECONDS: i64 = 30 * DAY;

/// A day in seconds.
pub const DAY: i64 = 86_400;

/// What a tool asks about.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where.
    pub remote: Remote,
    /// As whom; `None` when the tool does not say.
    pub user: Option<String>,
    /// What for.
    pub need: Need,
    /// Whether the tool can carry an `authtype` with a `credential`.
    pub takes_authtype: bool,
    /// Whether a person sees what the tool writes to stderr, so that a hint beside an answer may be given (R14).
    pub person_watches: bool,
}

impl Query {
    /// A question without any preference.
    #[must_use]
    pub fn new(remote: Remote, need: Need) -> Query {
        Query { remote, user: None, need, takes_authtype: false, person_watches: false }
    }
}

/// What a get found.
#[derive(Debug)]
pub enum Found {
    /// A credential.
    Answer(Box<Answer>),
    /// None, and why.
    Miss {
        /// Why.
        miss: Miss,
        /// Whether a hint belongs to it: the realm is a named forge's or holds what a person added (R14).
        loud: bool,
    },
}

/// A credential, and how it is presented: a tool need not ask a forge.
#[derive(Debug)]
pub struct Answer {
    /// The realm that it opens.
    pub realm: Realm,
    /// Whose it is.
    pub account: Account,
    /// The store that it came from.
    pub store: String,
    /// The user name for the wire; `None` only for a pair that a tool stored without one.
    pub user: Option<String>,
    /// The token.
    pub token: Secret,
    /// git's refresh token, as it was stored.
    pub refresh: Option<Secret>,
    /// When it ends, in Unix seconds, if that is certain (R8).
    pub expires: Option<i64>,
    /// How it is shown to the server.
    pub presentation: Presentation,
    /// The `authtype` that it was stored with; then `token` is the `credential` and both go back verbatim.
    pub authtype: Option<String>,
    /// A hint for a person who watches.
    pub note: Option<Note>,
}

/// A credential as a tool hands it over.
#[derive(Debug)]
pub struct Given {
    /// Token, refresh token, authtype.
    pub payload: Payload,
    /// When it ends, as the tool says (R8: hard).
    pub expires: Option<i64>,
}

/// What a store did.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    /// We hold exactly this; nothing was written.
    Same,
    /// We hold exactly this, and a refusal was cleared.
    Cleared,
    /// It was written.
    Kept {
        /// The store that was chosen just now, for the first time on this machine; to be said aloud.
        chosen: Option<&'static str>,
    },
    /// It was not kept, and that is right: a place that never gets a token.
    NotOurs,
    /// It was not kept, because the organisation cannot be seen (R6).
    NoOrganisation {
        /// The host, for the hint.
        host: String,
    },
}

/// What an erase did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many accounts changed their state.
    pub changed: usize,
    /// A hint, if one is due.
    pub note: Option<Note>,
}

/// What a forget did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many accounts that tools had stored are gone with their secrets.
    pub destroyed: usize,
    /// How many that a person added are not handed out any more, until they are restored.
    pub set_aside: usize,
}

/// A hint beside an answer or after an erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The token ends soon, or ended by a date that is not certain.
    Ending {
        /// The realm in text.
        realm: String,
        /// Whole days left; negative after the end.
        days: i64,
        /// The URL for the command.
        url: String,
    },
    /// A server on premises refused what an older git made of the token (R5): the token is not to blame.
    NeedsNewerGit {
        /// The realm in text.
        realm: String,
    },
}

/// The wallet, as a tool's adapter sees it. A trait, so that it can be this process's own or, later, one behind a socket.
pub trait Wallet {
    /// The credential for a question, or why there is none.
    ///
    /// # Errors
    /// Locked, silent, broken, unsafe (R9): never "none".
    fn get(&self, query: &Query) -> Result<Found, Error>;

    /// Takes a credential that worked (R6).
    ///
    /// # Errors
    /// As [`Wallet::get`]; then nothing has changed.
    fn store(&self, query: &Query, given: Given) -> Result<Stored, Error>;

    /// Hears that a credential was refused (R7). `refused` is `None` when the tool does not say which.
    ///
    /// # Errors
    /// As [`Wallet::get`]; then nothing has changed.
    fn erase(&self, query: &Query, refused: Option<&Secret>) -> Result<Erased, Error>;

    /// Does what a person means who tells a tool to log out (R7): destroys what tools stored, sets aside what the person
    /// added.
    ///
    /// # Errors
    /// As [`Wallet::get`]; then nothing has changed.
    fn forget(&self, query: &Query) -> Result<Forgotten, Error>;
}

/// The wallet of this machine.
pub struct Local<'a> {
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

impl<'a> Local<'a> {
    /// A wallet below `data`, which need not exist yet.
    #[must_use]
    pub fn new(
        data: &std::path::Path,
        config_path: PathBuf,
        stores: &'a dyn stores::Stores,
        environment: &'a Environment,
        now: i64,
    ) -> Local<'a> {
        Local { records: Records::new(data), stores, environment, config_path, now, config: OnceCell::new() }
    }

    /// The settings, read when first needed.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Io`].
    pub fn config(&self) -> Result<&Config, Error> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::read(&self.config_path)?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The secret in force of an account.
    fn payload(&self, realm: &RealmRecord, account: &AccountRecord) -> Result<Payload, Error> {
        let secret = self.stores.open(&account.store)?.get(&realm.key(account)?)?;
        let lost = || Error::Lost { store: account.store.clone(), realm: realm.realm.clone() };
        secret.as_ref().map(Payload::unpack).ok_or_else(lost)
    }

    /// Destroys a secret whose record could not be written. But writing may fail after the record is in place (its folder could
    /// not be synced), so it is read again; if it cannot be, the secret stays: doctor finds one that nothing refers to,
    /// nobody finds one that is gone.
    fn discard(&self, group: &str, store: &dyn Store, key: &Key) {
        let refers = |account: &AccountRecord| account.id == key.id.as_str();
        let unrecorded = |group: Group| !group.realms.iter().flat_map(|realm| &realm.accounts).any(refers);
        if self.records.read(group).is_ok_and(unrecorded) {
            let _ = store.delete(key);
        }
    }

    /// Whether an account's secret in force is this token. One that the store lost is none.
    fn holds(&self, realm: &RealmRecord, account: &AccountRecord, token: &Secret) -> Result<bool, Error> {
        match self.payload(realm, account) {
            Ok(held) => Ok(held.token.same_as(token)),
            Err(Error::Lost { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Wallet for Local<'_> {
    fn get(&self, query: &Query) -> Result<Found, Error> {
        self.get_traced(query, &mut |_| {})
    }

    fn store(&self, query: &Query, given: Given) -> Result<Stored, Error> {
        self.store_from_tool(query, given)
    }

    fn erase(&self, query: &Query, refused: Option<&Secret>) -> Result<Erased, Error> {
        self.erase_from_tool(query, refused)
    }

    fn forget(&self, query: &Query) -> Result<Forgotten, Error> {
        self.forget_for_tool(query)
    }
}
