//! What a tool and the wallet say to each other: the [`Wallet`] trait with its questions and answers. Plain values only, so that
//! a wallet may also be another process behind a socket, or one that asks the user first. Deliberately absent: policy, which is
//! in the other files, and everything about how this machine keeps things.

use crate::account::Account;
use crate::error::{Error, NoCredential, target};
use crate::forge::{Need, Presentation};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;

/// The wallet, as a tool sees it.
pub trait Wallet {
    /// Looks the credential for a query up.
    ///
    /// # Errors
    /// The store is locked, silent, broken or unsafe (R9). That is never an empty answer.
    fn get(&self, query: &Query) -> Result<Lookup, Error>;

    /// Stores a credential that worked (R6).
    ///
    /// # Errors
    /// As [`Wallet::get`]; then nothing has changed.
    fn store(&self, query: &Query, new: NewCredential) -> Result<Stored, Error>;

    /// Notes that a server rejected a credential (R7). `rejected` is `None` when the tool does not say which.
    ///
    /// # Errors
    /// As [`Wallet::get`]; then nothing has changed.
    fn erase(&self, query: &Query, rejected: Option<&Secret>) -> Result<Erased, Error>;

    /// Logs out, because the user asked the tool for it: credentials that tools stored are destroyed, one that the user added is
    /// set aside for the query's need (R7).
    ///
    /// # Errors
    /// As [`Wallet::get`]; a secret that its store could not delete is no longer referred to.
    fn logout(&self, query: &Query) -> Result<LoggedOut, Error>;

    /// After a store by a tool that has one login for a place: other credentials that tools stored there no longer answer the
    /// query's need, so that the new one does. Nothing is destroyed.
    ///
    /// # Errors
    /// As [`Wallet::get`]; then nothing has changed.
    fn displace(&self, query: &Query) -> Result<(), Error>;

    /// Lists the places that the wallet may have a credential for, each with its realm in text.
    ///
    /// # Errors
    /// Returns an error if the records as a whole cannot be listed.
    fn places(&self) -> Result<Vec<(String, Remote)>, Error>;
}

/// What a tool asks about.
#[derive(Clone, Debug)]
pub struct Query {
    /// The name of the tool that asks, from the tool's own record; `keyfob` for a command.
    pub tool: &'static str,
    /// Where.
    pub remote: Remote,
    /// As whom; `None` when the tool does not say.
    pub user: Option<String>,
    /// What for.
    pub need: Need,
    /// Whether the tool can carry an `authtype` with a `credential`.
    pub takes_authtype: bool,
    /// Whether the user sees what the tool writes to stderr, so that a hint may come beside an answer (R14).
    pub stderr_is_terminal: bool,
    /// How a store may ask the user for it (R9).
    pub prompts: PromptPolicy,
}

/// How a store may ask the user, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PromptPolicy {
    /// In any way.
    #[default]
    Any,
    /// Only in a window of its own: the terminal is the tool's.
    Window,
    /// Not at all: the tool forbids it.
    Never,
}

impl Query {
    /// A query without any preference.
    #[must_use]
    pub fn new(tool: &'static str, remote: Remote, need: Need) -> Query {
        Query {
            tool,
            remote,
            user: None,
            need,
            takes_authtype: false,
            stderr_is_terminal: false,
            prompts: PromptPolicy::Any,
        }
    }
}

/// What a get found.
#[derive(Debug)]
pub enum Lookup {
    /// A credential.
    Found(Box<Credential>),
    /// None.
    None {
        /// Why.
        reason: NoCredential,
        /// Whether the tool reports it with a hint: the realm is a named forge's, or holds what the user added (R14).
        report: bool,
    },
}

impl Lookup {
    /// None, with a hint.
    pub(super) fn reported(reason: NoCredential) -> Lookup {
        Lookup::None { reason, report: true }
    }

    /// None, without a word.
    pub(super) fn silent(reason: NoCredential) -> Lookup {
        Lookup::None { reason, report: false }
    }
}

/// A credential, and how it is presented: a tool need not ask a forge.
#[derive(Debug)]
pub struct Credential {
    /// The realm that it opens.
    pub realm: Realm,
    /// Whose it is.
    pub account: Account,
    /// The store that it came from.
    pub store: String,
    /// The variable that it came from, for one of the environment.
    pub variable: Option<&'static str>,
    /// Whether a tool stored it, and not the user.
    pub by_tool: bool,
    /// The user name for the wire; `None` only for a pair that a tool stored without one.
    pub user: Option<String>,
    /// The token.
    pub token: Secret,
    /// git's refresh token, as it was stored.
    pub refresh: Option<Secret>,
    /// When it expires, in Unix seconds, if that is certain (R8).
    pub expires: Option<i64>,
    /// How it is shown to the server.
    pub presentation: Presentation,
    /// The `authtype` that it was stored with; then `token` is the `credential` and both go back verbatim.
    pub authtype: Option<String>,
    /// A hint for a user who watches.
    pub note: Option<Note>,
}

/// A credential as a tool hands it over.
#[derive(Debug)]
pub struct NewCredential {
    /// The token; with an `authtype`, the `credential` that belongs to it.
    pub token: Secret,
    /// git's refresh token.
    pub refresh: Option<Secret>,
    /// The `authtype` to present it with.
    pub authtype: Option<String>,
    /// When it expires, in Unix seconds, as the tool says (R8: hard).
    pub expires: Option<i64>,
}

impl From<Secret> for NewCredential {
    /// A token of which nothing else is known.
    fn from(token: Secret) -> NewCredential {
        NewCredential { token, refresh: None, authtype: None, expires: None }
    }
}

/// What a store did.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    /// The wallet holds exactly this; nothing was written.
    Unchanged,
    /// The wallet holds exactly this, and a rejection was cleared.
    Cleared,
    /// It was written.
    Written {
        /// The store that was chosen just now, for the first time on this machine; to be reported.
        chosen: Option<String>,
    },
    /// It was not stored, and that is right: a place that never gets a token.
    NotOurs,
    /// It was not stored, because the organisation cannot be seen (R6).
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

impl Erased {
    /// Both together: of two hints the first.
    #[must_use]
    pub fn and(self, other: Erased) -> Erased {
        Erased { changed: self.changed + other.changed, note: self.note.or(other.note) }
    }
}

/// What a logout did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LoggedOut {
    /// How many accounts that tools stored are gone.
    pub destroyed: usize,
    /// The token that the user added and that is set aside now, if there is one: its realm's URL and its account, as a command
    /// takes them.
    pub set_aside: Option<String>,
}

/// A hint beside an answer or after an erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The token expires soon, or expired by a date that is not certain.
    Ending {
        /// The realm in text.
        realm: String,
        /// Whole days left; negative after the end.
        days: i64,
        /// The URL for the command, with the account where it has a name.
        url: String,
    },
    /// The server refused a token just now (R7).
    Refused {
        /// The place, as people write it.
        place: String,
        /// The realm's URL.
        url: String,
        /// The account's name, if it has one.
        account: Option<String>,
        /// Whether a tool stored it, and not the user.
        by_tool: bool,
        /// Whether it is set aside now; else it is offered once more after a minute.
        set_aside: bool,
    },
    /// The server refused a token that came from a variable: nothing in the wallet can change that.
    VariableRefused {
        /// The variable.
        variable: &'static str,
    },
    /// A server on premises rejected what an older git made of the token (R5): the token is not to blame.
    NeedsNewerGit {
        /// The realm in text.
        realm: String,
    },
}

impl Note {
    /// In words, for one line.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Note::Ending { realm, days, url } if *days < 0 => format!(
                "by its recorded date the token of {realm} ended {} ago; a new one: keyfob rotate {url}",
                in_days(-days)
            ),
            Note::Ending { realm, days, url } => {
                format!("the token of {realm} ends in {}; a new one: keyfob rotate {url}", in_days(*days))
            }
            Note::Refused { place, url, account, by_tool, set_aside } => {
                let whose = match (account, by_tool) {
                    (Some(name), true) => format!("of {name}, which a tool stored"),
                    (None, true) => "that a tool stored".to_owned(),
                    (Some(name), false) => format!("of account {name}"),
                    (None, false) => "in the wallet".to_owned(),
                };
                let aside = if *set_aside { ", so it is set aside" } else { "" };
                let target = target(url, account.as_deref());
                match by_tool {
                    true => format!(
                        "{place} refused the token {whose}{aside}; add a new one: keyfob add {target}"
                    ),
                    false => format!(
                        "{place} refused the token {whose}{aside}; find out why: keyfob check {target}; replace it: keyfob \
                         rotate {target}"
                    ),
                }
            }
            Note::VariableRefused { variable } => {
                format!("the server refused the token in {variable}; {}", renew_variable(variable))
            }
            Note::NeedsNewerGit { realm } => format!(
                "the server of {realm} refused NTLM, which this git chose although a token needs Basic; the token is kept as \
                 it is: install git 2.46 or newer, which lets keyfob choose Basic"
            ),
        }
    }
}

/// What helps where the token of a variable is refused.
#[must_use]
pub fn renew_variable(variable: &str) -> String {
    format!("renew it where {variable} is set, or unset the variable")
}

fn in_days(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}
