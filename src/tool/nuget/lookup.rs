//! From the URL of a package source to what the wallet says of it, in terms that both of NuGet's protocols and Microsoft's
//! command line can put into their own words.

use crate::error::{NoCredential, target};
use crate::forge;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::wallet::{Credential, Lookup, Note, PromptPolicy, Query, Wallet, renew_variable};

/// From which retry on it is said that the server refuses the token: the first may only be a new connection of a program that
/// runs for long.
pub(super) const REFUSED_AFTER: u32 = 2;

/// What answers to no user name get as one: Microsoft's documents write this one into URLs.
const USER: &str = "VssSessionToken";

/// A question for the credential of a source.
#[derive(Debug)]
pub(super) struct SourceRequest {
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
    Credential { user: String, token: Secret, words: Option<Words> },
    /// Nothing of ours.
    NotOurs,
    /// A place of ours for which we hold nothing.
    Nothing(Option<String>),
    /// The same, and NuGet asks another plugin next, which may hold one.
    LeftToOthers(Option<String>),
    /// We hold something, and may not give it.
    Withheld(Option<String>),
    /// It went wrong.
    Failed(String),
}

/// Words beside a credential.
#[derive(Debug)]
pub(super) enum Words {
    /// The server refuses it, or it expires within a day.
    Warning(String),
    /// Something that need not be read now.
    Note(String),
}

impl Reply {
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Reply::NotOurs => None,
            Reply::Credential { words, .. } => {
                words.as_ref().map(|(Words::Warning(words) | Words::Note(words))| words.as_str())
            }
            Reply::Nothing(words) | Reply::LeftToOthers(words) | Reply::Withheld(words) => words.as_deref(),
            Reply::Failed(words) => Some(words),
        }
    }

    /// How loud the words are, by NuGet's name of the level.
    pub(super) fn level(&self) -> &'static str {
        match self {
            Reply::Credential { words: Some(Words::Note(_)) | None, .. } => "Minimal",
            Reply::LeftToOthers(_) => "Verbose",
            _ => "Warning",
        }
    }

    /// Of a reply that finds nothing, what it is where another plugin is asked next.
    pub(super) fn beside(self, others: impl FnOnce() -> bool) -> Reply {
        match self {
            Reply::Nothing(words) if others() => Reply::LeftToOthers(words),
            reply => reply,
        }
    }
}

/// Asks the wallet. A refusal that the tool speaks of changes nothing there (R7): a second question for the same source may only
/// mean a second connection.
pub(super) fn ask(question: &SourceRequest, stderr_is_terminal: bool, wallet: &dyn Wallet) -> Reply {
    // A folder on a share, or what else a source may be.
    let Ok((remote, user)) = Remote::from_url(&question.url) else { return Reply::NotOurs };
    let query = Query {
        user: user.filter(|user| !user.is_empty()),
        // Who may be asked can also read; NuGet's own processes have no terminal by which that could be told.
        stderr_is_terminal: stderr_is_terminal || !question.in_silence,
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

fn credential(answer: Credential, query: &Query, question: &SourceRequest) -> Reply {
    let home = forge::of_realm(answer.realm.as_str()).home_url(&answer.realm);
    let home = home.unwrap_or_else(|| query.remote.to_string());
    let again = || format!("keyfob add {}", target(&home, answer.account.name()));
    if answer.authtype.is_some() || std::str::from_utf8(answer.token.expose()).is_err() {
        let words =
            format!("what is stored for {} is for git alone; make a token and: {}", answer.realm, again());
        return Reply::Withheld(Some(words));
    }
    let words = if question.retries == REFUSED_AFTER {
        // NuGet gives the token of a feed to hosts that the feed names, too, and does not say which one refused it.
        let who = "the feed, or a host that it sends NuGet to, refuses the token";
        Some(Words::Warning(match answer.variable {
            Some(variable) => {
                format!("{who} in {variable} for {}; {}", answer.realm, renew_variable(variable))
            }
            None => format!(
                "{who} of {}; it is kept as it is; if it has expired, make a new one and: {}",
                answer.realm,
                again()
            ),
        }))
    } else {
        answer.note.as_ref().map(|note| match note {
            Note::Ending { days: ..=0, .. } => Words::Warning(note.words()),
            note => Words::Note(note.words()),
        })
    };
    Reply::Credential { user: user_name(query, &answer), token: answer.token, words }
}

/// The user name that NuGet gets with a token; never blank.
pub(super) fn user_name(query: &Query, answer: &Credential) -> String {
    let unasked = forge::of_realm(answer.realm.as_str()).packages.nuget_user_name;
    let unasked = unasked.filter(|_| query.user.is_none());
    let user = unasked.or(answer.user.as_deref()).filter(|user| !user.trim().is_empty());
    user.unwrap_or(USER).to_owned()
}

/// Of the places that a source names in its service index, the hosts that are not of the source's own realm.
pub(super) fn foreign_hosts(source: &str, urls: &[String]) -> Vec<String> {
    let Ok((source, _)) = Remote::from_url(source) else { return Vec::new() };
    let realm_of = |remote: &Remote| match forge::recognise(remote, None) {
        forge::Recognition::Cloud { realm, .. } => Some(realm),
        _ => None,
    };
    let home = realm_of(&source);
    let is_own =
        |remote: &Remote| remote.host() == source.host() || (home.is_some() && realm_of(remote) == home);
    let remotes = urls.iter().filter_map(|url| Remote::from_url(url).ok());
    remotes.filter(|(remote, _)| !is_own(remote)).map(|(remote, _)| remote.authority()).collect()
}

fn missed(reason: &NoCredential, report: bool, remote: &Remote) -> Reply {
    let words = match reason {
        // In git's words it would be about git's settings.
        NoCredential::NoOrganisation { host } => Some(format!(
            "the URL of the source does not tell the organisation, so no token of {host} can be chosen"
        )),
        NoCredential::NoPath { place, urls } => Some(format!(
            "{place} could be any of {}; give the source's whole URL",
            crate::text::listed(urls)
        )),
        reason => reason.line_for_git(&remote.to_string()),
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
