//! The lifecycle of personal access tokens of Azure DevOps Services, as its interface has it: requests as values, answers read into
//! values. Only a person's own sign-in (a bearer of Microsoft Entra) may use it, never a token; Azure DevOps Server has no such
//! interface.
//!
//! Everything that comes back is a stranger's: identifiers must be GUIDs before they go into a URL, names are shown and never
//! obeyed, a token is wiped. A refusal comes in many forms (a 200 with `patToken: null` among them); [`Refusal`] has them all, in
//! words, with the way out.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::forge::lifecycle::{
    ApiError, Created, FailureEffect, Page, ScopeTable, SignIn, Site, Token, TokenApi, TokenFilter, TokenId,
    TokenManager, TokenRequest,
};
use crate::http_message::{Auth, Method, Request, Response};
use crate::secret::Secret;
use crate::text::rfc3339;

use super::refusal::Refusal;
use super::{entra, guid, scopes};

/// The host of the interface: of the organisation's realm, and the only one that ever gets the bearer.
const HOST: &str = "vssps.dev.azure.com";

const VERSION: &str = "7.1-preview.1";

/// How many tokens a page has at most.
const PAGE: u32 = 100;

/// The most characters of a name that somebody gave.
const LONGEST_NAME: usize = 300;

/// The interface.
pub(super) struct Pats;

impl TokenApi for Pats {
    fn create(&self, site: &Site<'_>, order: &TokenRequest) -> Request {
        create(site.realm.what(), order)
    }

    fn read_created(&self, answer: &Response, site: &Site<'_>) -> Result<Created, ApiError> {
        let (Token { id, name, scopes, expires, .. }, secret) =
            read_made(answer).map_err(|refusal| refusal.into_error(site))?;
        Ok(Created { secret, id: Some(id), name, scopes, expires })
    }
}

impl TokenManager for Pats {
    fn host(&self) -> &'static str {
        HOST
    }

    fn sign_in(&self) -> &'static SignIn {
        &entra::SIGN_IN
    }

    fn scopes(&self) -> &'static ScopeTable {
        &scopes::SCOPES
    }

    fn list(&self, site: &Site<'_>, filter: TokenFilter, next: Option<&str>) -> Request {
        list(site.realm.what(), filter, next)
    }

    fn read_page(&self, answer: &Response, site: &Site<'_>) -> Result<Page, ApiError> {
        read_page(answer).map_err(|refusal| refusal.into_error(site))
    }

    fn get(&self, site: &Site<'_>, id: &TokenId) -> Request {
        get(site.realm.what(), id)
    }

    fn extend(&self, site: &Site<'_>, id: &TokenId, expires: i64) -> Request {
        extend(site.realm.what(), id, expires)
    }

    fn read_token(&self, answer: &Response, site: &Site<'_>) -> Result<Token, ApiError> {
        match read_made(answer) {
            Ok((token, _)) => Ok(token),
            // A page would tell of the address, not of the token.
            Err(Refusal::NotFound) if answer.is_page() => {
                Err(ApiError { effect: FailureEffect::Nothing, ..Refusal::NotFound.into_error(site) })
            }
            Err(refusal) => Err(refusal.into_error(site)),
        }
    }

    fn revoke(&self, site: &Site<'_>, id: &TokenId) -> Request {
        revoke(site.realm.what(), id)
    }

    fn read_revoked(&self, answer: &Response, site: &Site<'_>) -> Result<(), ApiError> {
        read_revoked(answer).map_err(|refusal| refusal.into_error(site))
    }

    fn unreadable_list(&self, site: &Site<'_>) -> ApiError {
        Refusal::UnexpectedResponse { status: 200 }.into_error(site)
    }
}

/// One page of the list; `next` from the page before, asked for with the same words otherwise.
fn list(organisation: &str, filter: TokenFilter, next: Option<&str>) -> Request {
    let mut query = format!("&displayFilterOption={}&$top={PAGE}", filter.as_str());
    if let Some(next) = next {
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let _ = write!(query, "&continuationToken={encoded}");
    }
    request(Method::Get, organisation, &query, None)
}

/// One token.
fn get(organisation: &str, id: &TokenId) -> Request {
    request(Method::Get, organisation, &format!("&authorizationId={}", id.as_str()), None)
}

/// A new token; never one for all organisations.
fn create(organisation: &str, order: &TokenRequest) -> Request {
    let body = Body {
        authorization_id: None,
        display_name: Some(&order.name),
        scope: Some(order.scopes.join(" ")),
        valid_to: rfc3339(order.expires),
        all_orgs: Some(false),
    };
    request(Method::Post, organisation, "", Some(&body))
}

/// A token that shall end at another time; it stays the same.
fn extend(organisation: &str, id: &TokenId, expires: i64) -> Request {
    let body = Body {
        authorization_id: Some(id.as_str()),
        display_name: None,
        scope: None,
        valid_to: rfc3339(expires),
        all_orgs: None,
    };
    request(Method::Put, organisation, "", Some(&body))
}

/// A token that shall not work any more, for ever.
fn revoke(organisation: &str, id: &TokenId) -> Request {
    request(Method::Delete, organisation, &format!("&authorizationId={}", id.as_str()), None)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_id: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    valid_to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    all_orgs: Option<bool>,
}

fn request(method: Method, organisation: &str, query: &str, body: Option<&Body<'_>>) -> Request {
    let url = format!("https://{HOST}/{organisation}/_apis/tokens/pats?api-version={VERSION}{query}");
    let mut request = Request { method, ..Request::get(url, Auth::Bearer) };
    // Without it, a sign-in that is not taken is sent to a page for people.
    request.headers.push(("X-TFS-FedAuthRedirect", "Suppress"));
    request.json = body.and_then(|body| serde_json::to_vec(body).ok()).map(Secret::new);
    request
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePage {
    #[serde(default)]
    continuation_token: Option<String>,
    pat_tokens: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResult {
    #[serde(default)]
    pat_token: Option<WirePat>,
    #[serde(default)]
    pat_token_error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePat {
    authorization_id: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    valid_from: Option<String>,
    #[serde(default)]
    valid_to: Option<String>,
    #[serde(default)]
    target_accounts: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    token: Option<Zeroizing<String>>,
}

/// Reads a page of the list.
fn read_page(answer: &Response) -> Result<Page, Refusal> {
    let page: WirePage = readable(answer)?;
    let all = page.pat_tokens.len();
    let tokens: Vec<Token> = page
        .pat_tokens
        .into_iter()
        .filter_map(|value| serde_json::from_value::<WirePat>(value).ok()?.token())
        .collect();
    let unread = all - tokens.len();
    Ok(Page { tokens, next: page.continuation_token.filter(|next| !next.is_empty()), unread })
}

/// Reads the answer to a create, an extend or a get.
fn read_made(answer: &Response) -> Result<(Token, Option<Secret>), Refusal> {
    let result: WireResult = readable(answer)?;
    let named = result.pat_token_error.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    if !named.is_empty() && !named.eq_ignore_ascii_case("none") {
        return Err(Refusal::of_error(named));
    }
    let mut wire = result.pat_token.ok_or(Refusal::Nothing)?;
    let token = wire.token.take().filter(|token| !token.is_empty());
    let token = token.map(|token| Secret::copy_of(token.as_bytes()));
    let about = wire.token().ok_or(Refusal::UnexpectedResponse { status: answer.status })?;
    Ok((about, token))
}

/// Reads the answer to a revoke: one that is not known any more is revoked, too.
fn read_revoked(answer: &Response) -> Result<(), Refusal> {
    match answer.status {
        204 => Ok(()),
        // Only a body that says so: a proxy's page comes with a 200, too.
        200 if answer.body.trim_ascii().is_empty()
            || (!answer.is_page() && answer.json::<serde_json::Value>().is_some()) =>
        {
            Ok(())
        }
        _ => match Refusal::of(answer) {
            // A page would tell of the address, not of the token.
            Refusal::NotFound if !answer.is_page() => Ok(()),
            refusal => Err(refusal),
        },
    }
}

/// The body of an answer that is none of the many refusals.
fn readable<T: serde::de::DeserializeOwned>(answer: &Response) -> Result<T, Refusal> {
    if !matches!(answer.status, 200 | 201) || answer.is_page() {
        return Err(Refusal::of(answer));
    }
    answer.json().ok_or(Refusal::UnexpectedResponse { status: answer.status })
}

impl WirePat {
    /// `None` if its id is none.
    fn token(self) -> Option<Token> {
        let scopes = self.scope.unwrap_or_default();
        Some(Token {
            id: TokenId::parse(&guid(&self.authorization_id)?)?,
            name: bounded(self.display_name.unwrap_or_default()),
            scopes: scopes.split_whitespace().map(str::to_owned).collect(),
            created: self.valid_from.as_deref().and_then(time),
            expires: self.valid_to.as_deref().and_then(time),
            global: self.target_accounts.is_none(),
        })
    }
}

/// A name of bounded length: of a long one the middle is left out. Its end may be a tag.
fn bounded(name: String) -> String {
    let length = name.chars().count();
    if length <= LONGEST_NAME {
        return name;
    }
    let half = LONGEST_NAME / 2;
    let (front, back) = (name.chars().take(half), name.chars().skip(length - half + 1));
    front.chain(std::iter::once('…')).chain(back).collect()
}

/// A time of the service: UTC, with or without a fraction and the `Z`. The year 1 and the like mean that there is none.
fn time(text: &str) -> Option<i64> {
    let plain = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse::<Timestamp>().ok().or_else(plain).map(Timestamp::as_second).filter(|at| *at > 0)
}

#[cfg(test)]
mod tests;
