//! Answers that are not errors, in the same voice: the wallet looked, and hands out nothing.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::text::{listed, shell_word};

use super::{Error, Unusable};

/// Why a token is no longer handed out. Its names are in records (`src/records`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectionReason {
    /// A tool logged out.
    LoggedOut,
    /// keyfob revoked it at the service: it never works again.
    Revoked,
    /// A later login of a tool that has one login for a place.
    Replaced,
    /// A server refused it. Also what a record without a reason means, and a reason that this version does not know.
    #[default]
    #[serde(other)]
    Refused,
}

impl RejectionReason {
    /// Whether this is the usual reason, which records leave out.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        *self == RejectionReason::Refused
    }

    /// What happened to the token, for the middle of a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            RejectionReason::Refused => "was refused by the server",
            RejectionReason::LoggedOut => "was set aside by a logout in a tool",
            RejectionReason::Revoked => "was revoked",
            RejectionReason::Replaced => "was replaced by a later login in a tool",
        }
    }
}

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
    /// A variable would have the token, but its value is none (R13).
    Unusable {
        /// The realm in text, or the host.
        place: String,
        /// The variable.
        variable: &'static str,
        /// Why its value is no token.
        why: Unusable,
        /// The host that was asked about.
        host: String,
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
        /// Why.
        reason: RejectionReason,
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

/// Who reads an answer: it decides who can do something about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Somebody who called a command.
    Person,
    /// Somebody who called git.
    Git,
    /// Somebody who called another tool, which has a setting of its own for sending more of the URL.
    Tool,
}

impl NoCredential {
    /// What was found and how to go on, in one line for stderr; `url` is the remote that was asked about. `None` where
    /// silence is right.
    #[must_use]
    pub fn line_for_git(&self, url: &str) -> Option<String> {
        self.line(url, Reader::Git)
    }

    /// The same for a tool that is not git.
    #[must_use]
    pub fn line_for_tool(&self, url: &str) -> Option<String> {
        self.line(url, Reader::Tool)
    }

    fn line(&self, url: &str, reader: Reader) -> Option<String> {
        let (what, hint) = self.parts(url, reader);
        (*self != NoCredential::NotOurs).then(|| format!("{what}; {hint}"))
    }

    /// For a person's command, which ends with it: what, how to go on, and the exit code of its kind.
    #[must_use]
    pub fn into_error(self, url: &str) -> Error {
        let (what, hint) = self.parts(url, Reader::Person);
        match self {
            NoCredential::NotOurs
            | NoCredential::NoOrganisation { .. }
            | NoCredential::NoAccount { .. }
            | NoCredential::Uncovered { .. }
            | NoCredential::Unusable { .. }
            | NoCredential::PlainHttp { .. } => Error::NoSuchCredential { what, hint: Some(hint) },
            NoCredential::Ambiguous { .. } | NoCredential::NoPath { .. } | NoCredential::Variables { .. } => {
                Error::Ambiguous { what, hint }
            }
            NoCredential::Rejected { .. } | NoCredential::Expired { .. } => Error::NotUsable { what, hint },
        }
    }

    /// What was found, and how to go on: a command alone for a person, with words before it in a line.
    fn parts(&self, url: &str, reader: Reader) -> (String, String) {
        let alone = reader == Reader::Person;
        let hint =
            |before: &str, command: String| if alone { command } else { format!("{before}: {command}") };
        match self {
            NoCredential::NotOurs => {
                // Without it, add refuses a URL of plain http.
                let allow = if url.starts_with("http://") { " --allow-http" } else { "" };
                (format!("the wallet holds nothing for {url}"), format!("keyfob add {url}{allow}"))
            }
            NoCredential::NoOrganisation { host } if reader == Reader::Tool => (
                format!("{host} alone does not tell the organisation, so no token can be chosen"),
                "the tool has to ask with it in the URL".to_owned(),
            ),
            NoCredential::NoOrganisation { host } => (
                format!("the URL does not tell the organisation, so no token of {host} can be chosen"),
                hint(
                    "let git send it",
                    format!("git config --global credential.https://{host}.useHttpPath true"),
                ),
            ),
            NoCredential::NoAccount { realm, url, asked } => (
                match asked {
                    _ if !alone => format!("no token for {}", whose(realm, asked.as_deref())),
                    Some(name) => format!("no account of {realm} answers for {name}"),
                    None => format!("no account of {realm} answers"),
                },
                hint("add one", format!("keyfob add {}", target(url, asked.as_deref()))),
            ),
            NoCredential::Uncovered { realm, url, need } => {
                let kind = if alone { "account" } else { "token" };
                let add = format!("keyfob add {url} --account NAME");
                (
                    format!("no {kind} of {realm} has a scope for {need} on record"),
                    if alone {
                        format!("{add} takes a token that has")
                    } else {
                        format!("add one that has: {add}")
                    },
                )
            }
            NoCredential::Ambiguous { realm, url, names, stored: true } => {
                let add = format!("keyfob add {url} --account NAME");
                (
                    format!(
                        "{realm} has several that tools stored, and no user name is asked for: {}",
                        listed(names)
                    ),
                    match alone {
                        true => format!("{add} makes one your own, which comes first"),
                        false => format!("to make one your own, which comes first: {add}"),
                    },
                )
            }
            NoCredential::Ambiguous { realm, url, names, stored: false } => (
                format!("{realm} has several that could answer, and none is preferred: {}", listed(names)),
                hint("choose one", format!("keyfob prefer {url} --account NAME")),
            ),
            NoCredential::NoPath { place, urls } => {
                let set = format!("git config --global credential.{place}.useHttpPath true");
                (
                    format!("{place} could be any of {}", listed(urls)),
                    match reader {
                        Reader::Person => format!("give the whole URL; git sends it after: {set}"),
                        Reader::Git => format!("let git send the path: {set}"),
                        Reader::Tool => "the tool has to ask with the path in the URL".to_owned(),
                    },
                )
            }
            NoCredential::Variables { realm, names } => (
                format!("{realm} has several tokens in the environment, in {}", listed(names)),
                "keep one of them, or give each the URL of what it is for".to_owned(),
            ),
            NoCredential::Unusable { place, variable, why, host } => {
                (format!("no token for {place}: {variable} is set, but {why}"), why.hint(variable, host))
            }
            NoCredential::Rejected { realm, url, account, again_in: Some(seconds), .. } => {
                let so = if alone { "; it" } else { ", so it" };
                let restore = format!("keyfob restore {}", target(url, account.as_deref()));
                (
                    format!(
                        "the server refused the token of {} just now{so} is withheld for {seconds} s",
                        whose(realm, account.as_deref())
                    ),
                    match alone {
                        true => format!("{restore} offers it again at once"),
                        false => format!("at once again: {restore}"),
                    },
                )
            }
            NoCredential::Rejected { realm, url, account, again_in: None, reason } => {
                let target = target(url, account.as_deref());
                let whose = whose(realm, account.as_deref());
                match reason {
                    RejectionReason::Refused => {}
                    RejectionReason::Revoked => {
                        return (
                            format!("the token of {whose} was revoked with keyfob and never works again"),
                            hint("create a new one and", format!("keyfob add {target}")),
                        );
                    }
                    RejectionReason::LoggedOut => {
                        return (
                            format!("a tool logged out of {whose}, so its token is set aside"),
                            hint("to use it again", format!("keyfob restore {target}")),
                        );
                    }
                    RejectionReason::Replaced => {
                        return (
                            format!("a later login in a tool replaced the credential of {whose}"),
                            hint("to use this one again", format!("keyfob restore {target}")),
                        );
                    }
                }
                (
                    format!("the server refused the token of {whose}, so it is set aside"),
                    match alone {
                        true => {
                            format!(
                                "keyfob add {target} takes a new one, keyfob restore {target} this one again"
                            )
                        }
                        false => {
                            format!("a new one: keyfob add {target}; this one again: keyfob restore {target}")
                        }
                    },
                )
            }
            NoCredential::Expired { realm, url, account, at } => (
                format!(
                    "the token of {} ended on {}",
                    whose(realm, account.as_deref()),
                    crate::text::date(*at)
                ),
                format!("make a new one and: keyfob add {}", target(url, account.as_deref())),
            ),
            NoCredential::PlainHttp { place } => (
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
