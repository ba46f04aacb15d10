//! Answers that are not errors, in the same voice: the wallet looked, and hands out nothing.

use std::path::Path;

use crate::text::shell_word;

use super::Error;

/// An answer that hands out nothing. Not an error: the wallet looked and this is what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCredential {
    /// No forge and no entry knows this place. Silence.
    NotOurs,
    /// The place is known, but not as one organisation: `dev.azure.com` with neither path nor user name (R2).
    NoOrganisation {
        /// The host, for the hint.
        host: String,
    },
    /// A known forge, or a held realm, but no account that may answer.
    NoAccount {
        /// The realm in text.
        realm: String,
        /// The realm's own URL, for the hint.
        url: String,
        /// The user name that was asked for, where it means somebody.
        asked: Option<String>,
    },
    /// There are accounts that a person added, but the recorded scopes of none cover what the tool needs (R4).
    Uncovered {
        /// The realm in text.
        realm: String,
        /// The realm's own URL, for the hint.
        url: String,
        /// What the tool needs, by its name in records.
        need: &'static str,
    },
    /// Several accounts could answer; none is guessed (R4).
    Ambiguous {
        /// The realm in text.
        realm: String,
        /// The realm's own URL, for the hint.
        url: String,
        /// The accounts that could be meant.
        names: Vec<String>,
        /// Whether tools stored them: then none of them can be preferred.
        stored: bool,
    },
    /// The request has no path, and its host has several realms (R3).
    NoPath {
        /// The remote in text.
        place: String,
        /// What could be meant.
        urls: Vec<String>,
    },
    /// The environment has several different tokens for one place (R13).
    Variables {
        /// The realm in text.
        realm: String,
        /// The variables.
        names: Vec<String>,
    },
    /// The chosen token was refused and is set aside, or waits for its second chance (R7).
    Rejected {
        /// The realm in text.
        realm: String,
        /// The realm's own URL, for the hint.
        url: String,
        /// The account's name, if it has one.
        account: Option<String>,
        /// Seconds until it is offered once more; `None` when it is set aside until restored.
        again_in: Option<i64>,
    },
    /// The chosen token has ended (R8).
    Expired {
        /// The realm in text.
        realm: String,
        /// The realm's own URL, for the hint.
        url: String,
        /// The account's name, if it has one.
        account: Option<String>,
        /// When, in Unix seconds.
        at: i64,
    },
    /// Plain http to a place for which that was never allowed (R1).
    PlainHttp {
        /// The remote in text.
        place: String,
    },
}

impl NoCredential {
    /// The hint for a tool that is not git, which has a setting of its own for sending more of the URL.
    #[must_use]
    pub fn words_elsewhere(&self, url: &str) -> Option<String> {
        Some(match self {
            NoCredential::NoOrganisation { host } => format!(
                "{host} alone does not tell the organisation, so no token can be chosen; the tool has to ask with it in the URL"
            ),
            NoCredential::NoPath { place, urls } => format!(
                "{place} could be any of {}; the tool has to ask with the path in the URL",
                urls.join(", ")
            ),
            _ => return self.words(url),
        })
    }

    /// What was found and how to go on, in one line for stderr; `url` is the remote that was asked about. `None` where
    /// silence is right.
    #[must_use]
    pub fn words(&self, url: &str) -> Option<String> {
        Some(match self {
            NoCredential::NotOurs => return None,
            NoCredential::NoOrganisation { host } => format!(
                "the URL does not tell the organisation, so no token of {host} can be chosen; let git send it: \
                 git config --global credential.https://{host}.useHttpPath true"
            ),
            NoCredential::NoAccount { realm, url, asked } => format!(
                "no token for {}; add one: keyfob add {}",
                whose(realm, asked.as_deref()),
                target(url, asked.as_deref())
            ),
            NoCredential::Uncovered { realm, url, need } => format!(
                "no token of {realm} has a scope for {need} on record; add one that has: keyfob add {url} --account NAME"
            ),
            NoCredential::Ambiguous { realm, url, names, stored: true } => format!(
                "{realm} has several that tools stored, and no user name is asked for: {}; to make one your own, which comes \
                 first: keyfob add {url} --account NAME",
                names.join(", ")
            ),
            NoCredential::Ambiguous { realm, url, names, stored: false } => format!(
                "{realm} has several that could answer, and none is preferred: {}; choose one: keyfob prefer {url} --account NAME",
                names.join(", ")
            ),
            NoCredential::NoPath { place, urls } => format!(
                "{place} could be any of {}; let git send the path: git config --global credential.{place}.useHttpPath true",
                urls.join(", ")
            ),
            NoCredential::Variables { realm, names } => {
                format!(
                    "{realm} has several tokens in the environment, in {}; keep one of them",
                    names.join(", ")
                )
            }
            NoCredential::Rejected { realm, url, account, again_in: Some(seconds) } => format!(
                "the server refused the token of {} just now, so it is withheld for {seconds} s; at once again: \
                 keyfob restore {}",
                whose(realm, account.as_deref()),
                target(url, account.as_deref())
            ),
            NoCredential::Rejected { realm, url, account, again_in: None } => {
                let (whose, target) = (whose(realm, account.as_deref()), target(url, account.as_deref()));
                format!(
                    "the server refused the token of {whose}, so it is set aside; a new one: keyfob add {target}; this one \
                     again: keyfob restore {target}"
                )
            }
            NoCredential::Expired { realm, url, account, at } => format!(
                "the token of {} ended on {}; make a new one and: keyfob add {}",
                whose(realm, account.as_deref()),
                crate::text::date(*at),
                target(url, account.as_deref())
            ),
            NoCredential::PlainHttp { place } => format!(
                "a token for {place} would travel in clear text; use https, or accept it: keyfob add {url} --allow-http"
            ),
        })
    }

    /// For a person's command, which ends with it: what, how to go on, and the exit code of its kind.
    #[must_use]
    pub fn into_error(self, url: &str) -> Error {
        let none = |what: String, hint: String| Error::NoSuchCredential { what, hint: Some(hint) };
        match self {
            NoCredential::NotOurs => {
                none(format!("the wallet holds nothing for {url}"), format!("keyfob add {url}"))
            }
            NoCredential::NoOrganisation { host } => none(
                format!("the URL does not tell the organisation, so no token of {host} can be chosen"),
                format!("git config --global credential.https://{host}.useHttpPath true"),
            ),
            NoCredential::NoAccount { realm, url, asked } => none(
                format!(
                    "no account of {realm} answers{}",
                    asked.as_ref().map(|name| format!(" for {name}")).unwrap_or_default()
                ),
                format!("keyfob add {}", target(&url, asked.as_deref())),
            ),
            NoCredential::Uncovered { realm, url, need } => none(
                format!("no account of {realm} has a scope for {need} on record"),
                format!("keyfob add {url} --account NAME takes a token that has"),
            ),
            NoCredential::Ambiguous { realm, url, names, stored: true } => Error::Ambiguous {
                what: format!(
                    "{realm} has several that tools stored, and no user name is asked for: {}",
                    names.join(", ")
                ),
                hint: format!("keyfob add {url} --account NAME makes one your own, which comes first"),
            },
            NoCredential::Ambiguous { realm, url, names, stored: false } => Error::Ambiguous {
                what: format!(
                    "{realm} has several that could answer, and none is preferred: {}",
                    names.join(", ")
                ),
                hint: format!("keyfob prefer {url} --account NAME"),
            },
            NoCredential::NoPath { place, urls } => Error::Ambiguous {
                what: format!("{place} could be any of {}", urls.join(", ")),
                hint: format!(
                    "give the whole URL; git sends it after: git config --global credential.{place}.useHttpPath true"
                ),
            },
            NoCredential::Variables { realm, names } => Error::Ambiguous {
                what: format!("{realm} has several tokens in the environment, in {}", names.join(", ")),
                hint: "keep one of them".to_owned(),
            },
            NoCredential::Rejected { realm, url, account, again_in: Some(seconds) } => Error::NotUsable {
                what: format!(
                    "the server refused the token of {} just now; it is withheld for {seconds} s",
                    whose(&realm, account.as_deref())
                ),
                hint: format!("keyfob restore {} offers it again at once", target(&url, account.as_deref())),
            },
            NoCredential::Rejected { realm, url, account, again_in: None } => Error::NotUsable {
                what: format!(
                    "the server refused the token of {}, so it is set aside",
                    whose(&realm, account.as_deref())
                ),
                hint: format!(
                    "keyfob add {0} takes a new one, keyfob restore {0} this one again",
                    target(&url, account.as_deref())
                ),
            },
            NoCredential::Expired { realm, url, account, at } => Error::NotUsable {
                what: format!(
                    "the token of {} ended on {}",
                    whose(&realm, account.as_deref()),
                    crate::text::date(at)
                ),
                hint: format!("make a new one and: keyfob add {}", target(&url, account.as_deref())),
            },
            NoCredential::PlainHttp { place } => none(
                format!("a token for {place} would travel in clear text"),
                format!("use https, or accept it: keyfob add {url} --allow-http"),
            ),
        }
    }
}

/// A realm and, where it has a name, the account in it.
fn whose(realm: &str, account: Option<&str>) -> String {
    account.map_or_else(|| realm.to_owned(), |account| format!("{realm} ({account})"))
}

/// A URL and an account as a command takes them. With the name left out, a new token would become another account.
#[must_use]
pub fn target(url: &str, account: Option<&str>) -> String {
    match account.filter(|name| !name.is_empty()) {
        // Behind a blank it would be an option.
        Some(name) if name.starts_with('-') => format!("{url} --account={}", shell_word(Path::new(name))),
        Some(name) => format!("{url} --account {}", shell_word(Path::new(name))),
        None => url.to_owned(),
    }
}
