//! From the URL of a package source to what the wallet says of it, in terms that both of NuGet's protocols and Microsoft's
//! command line can put into their own words.

use crate::error::{NoCredential, target};
use crate::forge;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::wallet::{Credential, Lookup, PromptPolicy, Query, Wallet, renew_variable};

/// From which retry on it is said that the server refuses the token: the first may only be a new connection of a program that
/// runs for long.
pub(super) const REFUSED_AFTER: u32 = 2;

/// What answers to no user name get as one: Microsoft's documents write this one into URLs.
const USER: &str = "VssSessionToken";

/// A question for the credential of a source.
#[derive(Debug)]
pub(super) struct Question {
    /// The id of the request that it came in; empty where there is but one.
    pub(super) id: String,
    /// The URL of the source, as it came.
    pub(super) url: String,
    /// How often in a row it was asked again because what we gave was not taken.
    pub(super) retries: u32,
    /// Whether nobody may be asked anything.
    pub(super) in_silence: bool,
}

/// What the wallet says. The words are for people.
#[derive(Debug)]
pub(super) enum Reply {
    /// A credential; the user name is never blank.
    Credential { user: String, token: Secret, words: Option<String> },
    /// Nothing of ours.
    NotOurs,
    /// A place of ours for which we hold nothing.
    Nothing(Option<String>),
    /// We hold something, and may not give it.
    Withheld(Option<String>),
    /// It went wrong.
    Failed(String),
}

impl Reply {
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Reply::NotOurs => None,
            Reply::Credential { words, .. } | Reply::Nothing(words) | Reply::Withheld(words) => {
                words.as_deref()
            }
            Reply::Failed(words) => Some(words),
        }
    }
}

/// Asks the wallet. A refusal that the tool speaks of changes nothing there (R7): a second question for the same source may only
/// mean a second connection.
pub(super) fn ask(question: &Question, stderr_is_terminal: bool, wallet: &dyn Wallet) -> Reply {
    // A folder on a share, or what else a source may be.
    let Ok((remote, user)) = Remote::from_url(&question.url) else { return Reply::NotOurs };
    let query = Query {
        user: user.filter(|user| !user.is_empty()),
        stderr_is_terminal,
        // The terminal is NuGet's, and so is standard input.
        prompts: if question.in_silence { PromptPolicy::Never } else { PromptPolicy::Window },
        ..Query::new(super::PROTOCOL.name, remote, super::PROTOCOL.need)
    };
    match wallet.get(&query) {
        Ok(Lookup::Found(answer)) => credential(*answer, &query, question),
        Ok(Lookup::None { reason, report }) => missed(&reason, report, &query.remote),
        Err(error) => Reply::Failed(error.in_one_line()),
    }
}

fn credential(answer: Credential, query: &Query, question: &Question) -> Reply {
    let again = || format!("keyfob add {}", target(&query.remote.to_string(), answer.account.name()));
    if answer.authtype.is_some() || std::str::from_utf8(answer.token.expose()).is_err() {
        let words =
            format!("what is stored for {} is for git alone; make a token and: {}", answer.realm, again());
        return Reply::Withheld(Some(words));
    }
    let words = if question.retries == REFUSED_AFTER {
        Some(match answer.variable {
            Some(variable) => format!(
                "the server refuses the token in {variable} for {}; {}",
                answer.realm,
                renew_variable(variable)
            ),
            None => format!(
                "the server refuses the token of {}; it is kept as it is; if it has ended, make a new one and: {}",
                answer.realm,
                again()
            ),
        })
    } else {
        answer.note.as_ref().map(crate::wallet::Note::words)
    };
    let unasked = forge::of_realm(answer.realm.as_str()).packages.nuget_user_name;
    let unasked = unasked.filter(|_| query.user.is_none()).map(str::to_owned);
    let user = unasked.or(answer.user).filter(|user| !user.trim().is_empty());
    Reply::Credential { user: user.unwrap_or_else(|| USER.to_owned()), token: answer.token, words }
}

fn missed(reason: &NoCredential, report: bool, remote: &Remote) -> Reply {
    let words = match reason {
        // In git's words it would be about git's settings.
        NoCredential::NoOrganisation { host } => Some(format!(
            "the URL of the source does not tell the organisation, so no token of {host} can be chosen"
        )),
        NoCredential::NoPath { place, urls } => {
            Some(format!("{place} could be any of {}; give the source's whole URL", urls.join(", ")))
        }
        reason => reason.words(&remote.to_string()),
    };
    let words = words.filter(|_| report);
    match reason {
        NoCredential::NotOurs => Reply::NotOurs,
        NoCredential::NoAccount { .. }
        | NoCredential::Uncovered { .. }
        | NoCredential::NoOrganisation { .. }
        | NoCredential::Unusable { .. } => Reply::Nothing(words),
        NoCredential::Ambiguous { .. }
        | NoCredential::NoPath { .. }
        | NoCredential::Variables { .. }
        | NoCredential::Rejected { .. } => Reply::Withheld(words),
        NoCredential::Expired { .. } | NoCredential::PlainHttp { .. } => Reply::Withheld(words),
    }
}
