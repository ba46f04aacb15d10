//! What a tool asks of the wallet.

use crate::forge::Need;
use crate::remote::Remote;

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
