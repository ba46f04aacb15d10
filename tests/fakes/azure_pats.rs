//! The life of personal access tokens (`_apis/tokens/pats` of vssps.dev.azure.com): list with pages, get, create, update, revoke, with
//! the policies that refuse. What is made here opens the [`Forge`] beside it at once, what is revoked does not any more.
//!
//! Who may call: the bearer of a person. A token gets 401, an application's bearer a redirect to a sign-in page, as at the service.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::azure_answers::{self as azure, Denial};
use super::forge::{Condition, Forge, Token};
use super::http::{Handler, Request, Response};

/// How a policy's refusal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 200 with `patToken: null` and the violation's name.
    InJson,
    /// 400 with a message.
    BadRequest,
    /// 403 without a word.
    Forbidden,
}

/// What can change while it serves.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The bearer of a person.
    pub bearer: String,
    /// The bearer of an application, which is sent to a sign-in page.
    pub application: String,
    /// `fullScopePatPolicyViolation` for `app_token`.
    pub no_full_scope: bool,
    /// `globalPatPolicyViolation` for `allOrgs`.
    pub no_global: bool,
    /// `patLifespanPolicyViolation` beyond so many days from now (Unix seconds).
    pub longest: Option<(i64, i64)>,
    /// How refusals come.
    pub refusal: Refusal,
    /// DELETE answers 200 in place of 204.
    pub delete_says_ok: bool,
    /// The largest page, whatever is asked for.
    pub page: usize,
}

#[derive(Clone, Debug)]
struct Pat {
    id: String,
    organisation: String,
    name: String,
    scope: String,
    valid_to: String,
    global: bool,
    revoked: bool,
    value: String,
}

/// The interface.
#[derive(Clone)]
pub struct Pats {
    forge: Forge,
    rules: Arc<Mutex<Rules>>,
    pats: Arc<Mutex<Vec<Pat>>>,
}

impl Pats {
    /// For the organisations of `forge`, which is Services.
    pub fn new(forge: &Forge, bearer: &str) -> Pats {
        let rules = Rules {
            bearer: bearer.to_owned(),
            application: "bearer-of-an-application".to_owned(),
            no_full_scope: false,
            no_global: false,
            longest: None,
            refusal: Refusal::InJson,
            delete_says_ok: false,
            page: 100,
        };
        Pats { forge: forge.clone(), rules: Arc::new(Mutex::new(rules)), pats: Arc::default() }
    }

    /// Reads or changes its rules.
    pub fn change<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        change(&mut self.rules.lock().unwrap())
    }

    /// It, as a handler for vssps.dev.azure.com.
    pub fn handler(&self) -> Handler {
        let pats = self.clone();
        Arc::new(move |request| pats.answer(request))
    }

    fn answer(&self, request: &Request) -> Response {
        let rules = self.change(|rules| rules.clone());
        let path = request.path().trim_start_matches('/');
        let Some((organisation, "_apis/tokens/pats")) = path.split_once('/') else {
            return Response::with(404, "text/plain", "There is nothing here.\n");
        };
        match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            Some(bearer) if bearer == rules.bearer => {}
            Some(bearer) if bearer == rules.application => return azure::sign_in_redirect(request),
            _ => return azure::services_denial(request, Denial::Anonymous, false),
        }
        let parameter = |name: &str| {
            let pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        if !parameter("api-version").is_some_and(|version| version.contains("-preview")) {
            return said(400, json!({ "message": "The -preview flag must be supplied in the api-version." }));
        }
        let id = parameter("authorizationId");
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), id) {
            ("GET", Some(id)) => self.one(organisation, &id),
            ("GET", None) => {
                let filter = parameter("displayFilterOption").unwrap_or_else(|| "active".to_owned());
                let top = parameter("$top").or_else(|| parameter("%24top")).and_then(|top| top.parse().ok());
                let from = parameter("continuationToken").and_then(|from| from.parse().ok()).unwrap_or(0);
                self.page(organisation, &filter, from, top.unwrap_or(100).min(rules.page))
            }
            ("POST", None) => self.create(organisation, &body, &rules),
            ("PUT", None) => self.update(organisation, &body, &rules),
            ("DELETE", Some(id)) => self.revoke(organisation, &id, &rules),
            _ => said(405, json!({ "message": "This resource does not support that." })),
        }
    }

    fn one(&self, organisation: &str, id: &str) -> Response {
        let pats = self.pats.lock().unwrap();
        let found = pats.iter().find(|pat| pat.organisation == organisation && pat.id == id);
        found.map_or_else(|| failed("authorizationNotFound"), |pat| whole(pat, false))
    }

    fn page(&self, organisation: &str, filter: &str, from: usize, size: usize) -> Response {
        let pats = self.pats.lock().unwrap();
        let shown = |pat: &&Pat| {
            let expired = self.condition(&pat.value) == Some(Condition::Expired);
            pat.organisation == organisation
                && match filter {
                    "active" => !pat.revoked && !expired,
                    "revoked" => pat.revoked,
                    "expired" => expired,
                    _ => true,
                }
        };
        let all: Vec<Value> = pats.iter().filter(shown).map(|pat| described(pat, false)).collect();
        let rest = all.len().saturating_sub(from + size);
        let next = if rest > 0 { (from + size).to_string() } else { String::new() };
        let page: Vec<Value> = all.into_iter().skip(from).take(size).collect();
        said(200, json!({ "continuationToken": next, "patTokens": page }))
    }

    fn condition(&self, value: &str) -> Option<Condition> {
        self.forge.change(|state| state.tokens.iter().find(|token| token.value == value).map(|t| t.condition))
    }

    fn create(&self, organisation: &str, body: &Value, rules: &Rules) -> Response {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let global = body["allOrgs"].as_bool().unwrap_or(false);
        if text("displayName").is_empty() {
            return failed("displayNameRequired");
        }
        if let Some(refused) = refused(&text("scope"), global, &text("validTo"), rules) {
            return refused;
        }
        let mut pats = self.pats.lock().unwrap();
        let number = pats.len() + 1;
        let pat = Pat {
            id: format!("{number:08x}-0000-4000-8000-000000000000"),
            organisation: organisation.to_owned(),
            name: text("displayName"),
            scope: text("scope"),
            valid_to: rounded(&text("validTo")),
            global,
            revoked: false,
            value: format!("{}{number:04}JQQJ99CK{}AZDOfake", "0aB1cD2eF3gH".repeat(4), "A".repeat(16)),
        };
        let realm = if global { "" } else { organisation };
        self.forge.add(Token::new(realm, "alice@contoso.test", &pat.value));
        let answer = whole(&pat, true);
        pats.push(pat);
        answer
    }

    fn update(&self, organisation: &str, body: &Value, rules: &Rules) -> Response {
        let id = body["authorizationId"].as_str().unwrap_or_default();
        let mut pats = self.pats.lock().unwrap();
        let Some(pat) = pats.iter_mut().find(|pat| pat.organisation == organisation && pat.id == id) else {
            return failed("authorizationNotFound");
        };
        if pat.revoked {
            return failed("invalidToken");
        }
        let scope = body["scope"].as_str().unwrap_or(&pat.scope).to_owned();
        let valid_to = body["validTo"].as_str().map_or_else(|| pat.valid_to.clone(), rounded);
        if let Some(refused) = refused(&scope, body["allOrgs"] == true, &valid_to, rules) {
            return refused;
        }
        pat.name = body["displayName"].as_str().unwrap_or(&pat.name).to_owned();
        (pat.scope, pat.valid_to) = (scope, valid_to);
        // A later end revives one that had ended.
        self.forge.change(|state| state.token(&pat.value).condition = Condition::Active);
        whole(pat, false)
    }

    fn revoke(&self, organisation: &str, id: &str, rules: &Rules) -> Response {
        let mut pats = self.pats.lock().unwrap();
        let Some(pat) = pats.iter_mut().find(|pat| pat.organisation == organisation && pat.id == id) else {
            return said(404, json!({ "message": "authorizationNotFound" }));
        };
        pat.revoked = true;
        self.forge.change(|state| state.token(&pat.value).condition = Condition::Revoked);
        azure::marks(Response::new(if rules.delete_says_ok { 200 } else { 204 }))
    }
}

/// What a policy says against it.
fn refused(scope: &str, global: bool, valid_to: &str, rules: &Rules) -> Option<Response> {
    let end = valid_to.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    let too_long = rules.longest.zip(end).is_some_and(|((now, days), end)| end > now + days * 86_400);
    let name = match () {
        () if scope.is_empty() => return Some(failed("invalidScope")),
        () if end.is_none() => return Some(failed("invalidValidTo")),
        () if rules.no_full_scope && scope == "app_token" => "fullScopePatPolicyViolation",
        () if rules.no_global && global => "globalPatPolicyViolation",
        () if too_long => "patLifespanPolicyViolation",
        () => return None,
    };
    Some(match rules.refusal {
        Refusal::InJson => failed(name),
        Refusal::BadRequest => said(400, json!({ "message": name })),
        Refusal::Forbidden => azure::marks(Response::new(403)),
    })
}

/// The service keeps times in steps of 1/300 s.
fn rounded(time: &str) -> String {
    time.parse::<jiff::Timestamp>().map_or_else(
        |_| time.to_owned(),
        |time| {
            let steps = (i64::from(time.subsec_nanosecond()) * 300 + 500_000_000) / 1_000_000_000;
            let nanoseconds = steps * 1_000_000_000 / 300;
            let whole = jiff::Timestamp::from_second(time.as_second()).unwrap();
            (whole + jiff::SignedDuration::from_nanos(nanoseconds)).to_string()
        },
    )
}

fn described(pat: &Pat, with_token: bool) -> Value {
    json!({
        "displayName": pat.name,
        "validTo": pat.valid_to,
        "scope": pat.scope,
        "targetAccounts": if pat.global { Value::Null } else { json!(["99999999-9999-9999-9999-999999999999"]) },
        "validFrom": "2026-01-01T00:00:00Z",
        "authorizationId": pat.id,
        "token": with_token.then_some(&pat.value),
    })
}

fn whole(pat: &Pat, with_token: bool) -> Response {
    said(200, json!({ "patToken": described(pat, with_token), "patTokenError": "none" }))
}

/// A refusal with the status of a success.
fn failed(name: &str) -> Response {
    said(200, json!({ "patToken": null, "patTokenError": name }))
}

fn said(status: u16, body: Value) -> Response {
    azure::marks(Response::with(status, "application/json; charset=utf-8", body.to_string()))
}
