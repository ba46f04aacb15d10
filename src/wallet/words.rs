//! What a tool's adapter and the wallet say to each other: questions, answers, and what became of a store, an erase, a forget.
//! Values only; the policy behind them is in the other files.

use crate::account::Account;
use crate::error::Miss;
use crate::forge::{Need, Presentation};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::store::payload::Payload;

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
    /// How a person may be asked for it (R9).
    pub asking: Asking,
}

/// How a store may ask a person, where one is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asking {
    /// As it can.
    #[default]
    Anyhow,
    /// In a window of its own: the terminal is the tool's.
    ByWindow,
    /// Not at all: the tool forbids it.
    Never,
}

impl Query {
    /// A question without any preference.
    #[must_use]
    pub fn new(remote: Remote, need: Need) -> Query {
        Query {
            remote,
            user: None,
            need,
            takes_authtype: false,
            person_watches: false,
            asking: Asking::Anyhow,
        }
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
    /// Whether a tool stored it, and not a person.
    pub by_tool: bool,
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

impl From<Secret> for Given {
    /// A token of which nothing else is known.
    fn from(token: Secret) -> Given {
        Given { payload: Payload::plain(token), expires: None }
    }
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

impl Erased {
    /// Both together: of two hints the first.
    #[must_use]
    pub fn and(self, other: Erased) -> Erased {
        Erased { changed: self.changed + other.changed, note: self.note.or(other.note) }
    }
}

/// What a forget did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many accounts that tools stored are gone.
    pub destroyed: usize,
    /// The token that a person added and that is set aside now, if there is one: its realm's URL and its account, as a command
    /// takes them.
    pub set_aside: Option<String>,
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
        /// The URL for the command, with the account where it has a name.
        url: String,
    },
    /// A server on premises refused what an older git made of the token (R5): the token is not to blame.
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
            Note::NeedsNewerGit { realm } => format!(
                "the server of {realm} refused NTLM, which this git chose although a token needs Basic; the token is kept as \
                 it is: install git 2.46 or newer, which lets keyfob choose Basic"
            ),
        }
    }
}

fn in_days(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}
