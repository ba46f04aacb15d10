//! Why a token did not get its successor, for services where it asks for that itself: in words, with the way out.

use crate::text::visible;

use super::{ApiError, FailureEffect, Site};

/// Why a token was not replaced by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationError {
    /// It is not accepted.
    Refused,
    /// It lacks a scope for that; which, in words.
    Scope(&'static str),
    /// The token is known, and its account is not let in; the service's words.
    Account(String),
    /// The service is too old for it.
    TooOld,
    /// The expiry is not accepted; the service's words, if it has some.
    Expiry(Option<String>),
    /// Too many requests, or trouble of the service's own. Nothing has happened.
    Later,
    /// A page for people came: from something on the way, or from another server. The service's own answers are none.
    Page {
        /// The status.
        status: u16,
    },
    /// Something happened, but what is not known.
    Unclear,
}

impl RotationError {
    /// In words.
    #[must_use]
    pub fn into_error(self, site: &Site<'_>) -> ApiError {
        let url = site.home;
        let by_hand = format!("keyfob rotate {url} --by-hand --open");
        let is_open = matches!(self, RotationError::Unclear | RotationError::Page { .. });
        let (what, hint) = match self {
            RotationError::Refused => {
                ("the service does not take the token, so it cannot renew itself".to_owned(), by_hand)
            }
            RotationError::Scope(needs) => {
                (format!("the token may not renew itself: for that it needs {needs}"), by_hand)
            }
            RotationError::Account(said) => (
                format!(
                    "the service knows the token, but does not let its account in; it says: {}",
                    visible(&said)
                ),
                format!("keyfob check {url} says how to go on; nothing was changed"),
            ),
            RotationError::TooOld => ("this server cannot renew tokens yet".to_owned(), by_hand),
            RotationError::Expiry(said) => {
                let said = said.map(|said| format!("; it says: {}", visible(&said))).unwrap_or_default();
                (format!("the service does not take this end{said}"), "for example --expires 30d".to_owned())
            }
            RotationError::Later => (
                "the service wants to be left alone for a while".to_owned(),
                "try again in some minutes".to_owned(),
            ),
            RotationError::Page { status } => (
                format!(
                    "a page for people came in place of an answer ({status}): something on the way to the service sent it"
                ),
                format!(
                    "keyfob check {url} shows whether the service is reached; nothing was changed that is known of"
                ),
            ),
            RotationError::Unclear => (
                "the service gave no clear answer, so whether the token was renewed is not known".to_owned(),
                format!("do not try it again blindly: keyfob rotate {url} finds out first"),
            ),
        };
        ApiError { what, hint, effect: if is_open { FailureEffect::Unknown } else { FailureEffect::Nothing } }
    }
}
