//! Azure DevOps, Services and Server: `connectionData` says who the caller is. It answers strangers, too, where projects are
//! public, as `Anonymous`; a bad token gets 401, 203 with a sign-in page, or a redirect to one. Only "expired" is ever named.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::http_message::{Auth, Request, Response};

use crate::forge::verify::{
    self, Check, Obstacles, Problem, Target, Verdict, is_limit, message, obstacle, shortened,
};

/// For Services.
pub(super) static SERVICES: Check = Check { request: |target| request(target, "7.1-preview.1"), read };

/// For Server; every one since 2017 knows this version.
pub(super) static SERVER: Check = Check { request: |target| request(target, "3.0-preview.1"), read };

/// Conditional access of Microsoft Entra, which may look at a token's network, too.
pub(super) const OBSTACLES: Obstacles = &[
    ("VS403463", Problem::BlockedByPolicy),
    // The same in Entra's own words, which come through at times; whatever the first letters.
    ("AADSTS53003", Problem::BlockedByPolicy),
    ("onditional access", Problem::BlockedByPolicy),
    ("onditional Access", Problem::BlockedByPolicy),
];

fn request(target: &Target<'_>, version: &str) -> Request {
    let url = format!("{}/_apis/connectionData?api-version={version}", target.home);
    let mut request = Request::get(url, Auth::Basic(String::new()));
    // Without it, a bad token is sent to a sign-in page. Microsoft's own clients say so, too.
    request.headers.push(("X-TFS-FedAuthRedirect", "Suppress"));
    request
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionData {
    authenticated_user: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    id: String,
    #[serde(default)]
    provider_display_name: Option<String>,
    #[serde(default)]
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct Properties {
    /// `{"$type": "System.String", "$value": "me@example.com"}`.
    #[serde(rename = "Account")]
    account: Option<serde_json::Value>,
}

fn read(answer: &Response, _: &Target<'_>) -> Verdict {
    let said = service_error(answer);
    // Every answer to a caller who was recognised says whom: `GUID:ACCOUNT`.
    let recognised = answer.header("x-vss-userdata").and_then(|user| user.split_once(':'));
    let recognised = recognised.filter(|(id, _)| is_somebody(id)).map(|(_, account)| account.to_owned());
    let named = || said.clone().or_else(|| message(answer)).and_then(|said| obstacle(&said, OBSTACLES));
    let mut verdict = match (answer.status, recognised) {
        (401 | 403, _) if let Some(problem) = named() => Verdict::problem(problem, answer),
        (401, _) if is_expired(answer, said.as_deref()) => Verdict::problem(Problem::Expired, answer),
        (401, _) if is_iis_basic(answer) => Verdict::problem(Problem::IisBasic, answer),
        // Of an address that is not there, an answer in the service's own form or none at all. A page may be anybody's.
        (404, _) if !answer.is_page() => Verdict::problem(Problem::Gone, answer),
        // Whom it lacks a scope for, the service names. A rule that lets nobody in comes in the same form.
        (403, None) if is_limit(answer).is_none() => {
            Verdict::problem(Problem::UnexpectedResponse { status: 403 }, answer)
        }
        (400 | 401 | 403, Some(account)) => {
            Verdict { who: shortened(&account), ..Verdict::problem(Problem::MissingScope, answer) }
        }
        _ => verify::read(answer, OBSTACLES, |answer| {
            let user = answer.json::<ConnectionData>()?.authenticated_user;
            let name = user.provider_display_name;
            if !is_somebody(&user.id) || name.as_deref() == Some("Anonymous") {
                return Some(Verdict::problem(Problem::Anonymous, answer));
            }
            let account = user.properties.and_then(|properties| properties.account);
            let account = account.and_then(|account| Some(account.get("$value")?.as_str()?.to_owned()));
            Some(Verdict::accepted(account.or(name)))
        }),
    };
    if verdict.problem.is_some() {
        verdict.reason = said.or(verdict.reason);
    }
    verdict
}

/// An id that is not empty and not all zeros.
fn is_somebody(id: &str) -> bool {
    id.bytes().any(|byte| byte != b'0' && byte.is_ascii_hexdigit())
}

fn is_expired(answer: &Response, said: Option<&str>) -> bool {
    let names_it = |text: &str| text.contains("Personal Access Token used has expired");
    said.is_some_and(names_it) || names_it(&String::from_utf8_lossy(&answer.body))
}

/// The server's own Basic names a URL as its realm, that of IIS a bare host, beside Windows' own schemes or in an answer that the
/// server's headers show to be its.
fn is_iis_basic(answer: &Response) -> bool {
    // Names of schemes fold case (RFC 9110, 11.1).
    let challenges: Vec<String> =
        answer.headers_of("www-authenticate").map(str::to_ascii_lowercase).collect();
    let windows = challenges.iter().any(|line| line.contains("ntlm") || line.contains("negotiate"));
    let is_servers = ["x-tfs-processid", "x-vss-e2eid"].iter().any(|name| answer.header(name).is_some());
    let mut realms =
        challenges.iter().filter_map(|line| line.split_once("basic realm=")?.1.split(',').next());
    (windows || is_servers) && realms.any(|realm| !realm.contains("://"))
}

/// What the service says of itself, percent-encoded in a header.
pub(super) fn service_error(answer: &Response) -> Option<String> {
    let value = answer.header("x-tfs-serviceerror")?;
    shortened(&percent_decode_str(value).decode_utf8_lossy())
}
