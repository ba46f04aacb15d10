//! Why Azure DevOps does not do what was asked about a token, in words and with the way out. It says so in many forms: a status,
//! a sign-in page, the name of an error in an answer that looks like success, a message that begins with one.

use serde::Deserialize;

use crate::forge::lifecycle::{ApiError, FailureEffect, Site};
use crate::forge::verify::{message, obstacle, shortened};
use crate::http_message::Response;

use super::verify::{OBSTACLES, service_error};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Whoever is signed in is not taken: the sign-in has ended, or is not a person's.
    SignIn,
    /// The organisation belongs to Microsoft accounts, not to an Entra tenant.
    NoTenant,
    /// A rule that an administrator made.
    Policy(Policy),
    /// A conditional access rule lets nobody in from here.
    BlockedByPolicy,
    /// The name is missing or not taken.
    Name,
    /// A scope that does not exist, or that this person may not give.
    Scope,
    /// The end is in the past, or too far away.
    End,
    /// Whoever is signed in may not do this here; the service's words, if it has some.
    Denied(Option<String>),
    /// No such token, or none of this person's.
    NotFound,
    /// Too many requests.
    Limited {
        /// For how long the service wants to be left alone, if it says.
        seconds: Option<u64>,
    },
    /// The service has trouble of its own.
    Broken {
        /// The status.
        status: u16,
        /// How long to wait, if it was said.
        seconds: Option<u64>,
    },
    /// Named, but not known here. A stranger's words.
    Named(String),
    /// An answer that looks like success, without a token and without a reason.
    Nothing,
    /// An answer that cannot be read.
    UnexpectedResponse {
        /// The status.
        status: u16,
    },
}

/// Rules that administrators make for a tenant or an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// No token for all organisations.
    Global,
    /// No token with full access.
    FullScope,
    /// No token that lasts as long.
    Lifespan,
    /// What the rules are could not be found out.
    Unreadable,
}

/// The errors that the service names, in lower case.
static NAMED: &[(&str, Refusal)] = &[
    ("globalpatpolicyviolation", Refusal::Policy(Policy::Global)),
    ("fullscopepatpolicyviolation", Refusal::Policy(Policy::FullScope)),
    ("patlifespanpolicyviolation", Refusal::Policy(Policy::Lifespan)),
    ("failedtoreadtenantpolicy", Refusal::Policy(Policy::Unreadable)),
    ("displaynamerequired", Refusal::Name),
    ("invaliddisplayname", Refusal::Name),
    ("invalidscope", Refusal::Scope),
    ("invalidvalidto", Refusal::End),
    ("accessdenied", Refusal::Denied(None)),
    ("invaliduserid", Refusal::Denied(None)),
    ("invalidusertype", Refusal::Denied(None)),
    ("useridrequired", Refusal::Denied(None)),
    ("invalidclient", Refusal::SignIn),
    ("invalidclienttype", Refusal::SignIn),
    ("invalidclientid", Refusal::SignIn),
    ("invalidaudience", Refusal::SignIn),
    ("invalidsubject", Refusal::SignIn),
    ("hostauthorizationnotfound", Refusal::NotFound),
    ("authorizationnotfound", Refusal::NotFound),
    ("invalidauthorizationid", Refusal::NotFound),
    ("tokennotfound", Refusal::NotFound),
];

/// Where an answer has the name of an error, whatever its status.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    pat_token_error: Option<String>,
}

impl Refusal {
    /// What an answer that brought no result means.
    pub(super) fn of(answer: &Response) -> Refusal {
        let nobody = |tenant: &str| tenant.bytes().all(|byte| byte == b'0' || byte == b'-');
        if answer.status == 401 && answer.header("x-vss-resourcetenant").is_some_and(nobody) {
            return Refusal::NoTenant;
        }
        let said = message(answer).or_else(|| service_error(answer));
        // A name has its own place, stands alone, or is a word of the message.
        let name = answer.json::<Name>().and_then(|name| name.pat_token_error);
        let name = name.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"));
        let word = || said.as_deref()?.split(|c: char| !c.is_ascii_alphanumeric()).find_map(known);
        let named = name.as_deref().map(Refusal::of_error).or_else(word);
        let is_blocked = || said.as_deref().is_some_and(|said| obstacle(said, OBSTACLES).is_some());
        match answer.status {
            401 | 403 if is_blocked() => Refusal::BlockedByPolicy,
            203 | 300..=399 | 401 => Refusal::SignIn,
            429 => Refusal::Limited { seconds: answer.limit_ends() },
            500.. => {
                named.unwrap_or(Refusal::Broken { status: answer.status, seconds: answer.retry_after() })
            }
            200 | 403 if answer.is_page() => Refusal::SignIn,
            403 => named.unwrap_or(Refusal::Denied(said)),
            404 => Refusal::NotFound,
            status => {
                named.or_else(|| said.map(Refusal::Named)).unwrap_or(Refusal::UnexpectedResponse { status })
            }
        }
    }

    /// What an error that the service names means.
    pub(super) fn of_error(name: &str) -> Refusal {
        known(name).unwrap_or_else(|| Refusal::Named(shortened(name).unwrap_or_default()))
    }

    /// In words.
    pub(super) fn into_error(self, site: &Site<'_>) -> ApiError {
        let organisation = site.realm.what();
        let effect = match self {
            Refusal::NotFound => FailureEffect::NotFound,
            Refusal::Nothing => FailureEffect::Unproven,
            Refusal::Broken { .. } | Refusal::UnexpectedResponse { .. } => FailureEffect::Unknown,
            _ => FailureEffect::Nothing,
        };
        let page = format!("https://dev.azure.com/{organisation}/_usersSettings/tokens");
        let again = |seconds: u64| format!("try again in {seconds} s");
        let (what, hint) = match self {
            Refusal::SignIn => (
                "Azure DevOps does not take this sign-in for the life of tokens: it has ended, or it is none of a person's own".to_owned(),
                format!(
                    "az login, as yourself: a service principal, a managed identity and a personal access token may not make \
                     tokens; or make one by hand: keyfob add https://dev.azure.com/{organisation} --open"
                ),
            ),
            Refusal::NoTenant => (
                format!("{organisation} belongs to personal Microsoft accounts, and its tokens can only be made by hand"),
                format!("keyfob add https://dev.azure.com/{organisation} --open"),
            ),
            Refusal::Policy(Policy::Global) => (
                format!("the rules of {organisation} allow no token for all organisations"),
                "make one for each organisation: keyfob pat create ORGANISATION --for git".to_owned(),
            ),
            Refusal::Policy(Policy::FullScope) => (
                format!("the rules of {organisation} allow no token with full access"),
                "say what it is for: --for git,packages".to_owned(),
            ),
            Refusal::Policy(Policy::Lifespan) => (
                format!("the rules of {organisation} allow no token that lasts as long"),
                "ask for less, for example --expires 30d or --expires 7d".to_owned(),
            ),
            Refusal::Policy(Policy::Unreadable) => (
                "Azure DevOps could not find out what the rules of the tenant are".to_owned(),
                "try again later; if it stays so, sign in to the tenant of the organisation: az login --tenant TENANT".to_owned(),
            ),
            Refusal::BlockedByPolicy => (
                format!("{organisation} lets nobody manage tokens from here: a conditional access rule allows other networks or devices only"),
                "go by way of a network that is allowed, or ask your administrator".to_owned(),
            ),
            Refusal::Name => (
                "Azure DevOps does not take this name for a token".to_owned(),
                "give another one with --name".to_owned(),
            ),
            Refusal::Scope => (
                format!("Azure DevOps does not give one of these scopes in {organisation}"),
                "an administrator may allow only packages: --for packages; keyfob pat create --help lists the tasks".to_owned(),
            ),
            Refusal::End => (
                "Azure DevOps does not take this end: it is past, or more than a year away".to_owned(),
                "for example --expires 90d".to_owned(),
            ),
            Refusal::Denied(said) => (
                format!(
                    "whoever is signed in may not manage tokens in {organisation}{}",
                    said.map(|said| format!("; Azure DevOps says: {said}")).unwrap_or_default()
                ),
                format!(
                    "ask an administrator whether the making of tokens is restricted there; what you may do shows {page}"
                ),
            ),
            Refusal::NotFound => (
                format!("{organisation} knows no such token of yours"),
                format!("keyfob pat list {organisation} --all"),
            ),
            Refusal::Limited { seconds } => (
                "Azure DevOps wants to be left alone for a while".to_owned(),
                seconds.map_or_else(|| "try again in some minutes".to_owned(), again),
            ),
            Refusal::Broken { status, seconds } => (
                format!("Azure DevOps has trouble of its own ({status})"),
                seconds.map_or_else(|| "try again later".to_owned(), again),
            ),
            Refusal::Named(said) => (format!("Azure DevOps refused: {said}"), format!("see what its page says: {page}")),
            Refusal::Nothing => (
                "Azure DevOps answered as if all was well, but without a token, and gave no reason".to_owned(),
                format!("try again; if it stays so, see whether its page makes one: {page}"),
            ),
            Refusal::UnexpectedResponse { status } => (
                format!("Azure DevOps gave an answer that keyfob cannot read ({status})"),
                format!("see what its page shows: {page}"),
            ),
        };
        ApiError { what, hint, effect }
    }
}

fn known(name: &str) -> Option<Refusal> {
    NAMED.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, refusal)| refusal.clone())
}
