//! The life of personal access tokens (`_apis/tokens/pats` of vssps.dev.azure.com): list with pages, get, create, update, revoke, with
//! the policies that refuse, and with answers that get lost. What is made here opens the [`Forge`] beside it at once, what is
//! revoked does not any more.
//!
//! Who may call: the bearer of a person. A token gets 401 (assumed), an application's bearer a redirect to a sign-in page (sourced).
//! Marks as in [`super::azure_answers`].

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::azure_answers::{self as azure, Denial};
use super::forge::{Condition, Forge, Token};
use super::hostile::Hostile;
use super::http::{Handler, Request, Response, percent_decode};

/// How a policy's refusal comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 200 with `patToken: null` and the violation's name. (Sourced: a client's tests.)
    InJson,
    /// 400 with a message. (Sourced: a client's handling of it.)
    BadRequest,
    /// 403 without a word. (Sourced: a client's handling of it.)
    Forbidden,
}

/// A token as its owner sees it.
#[derive(Clone, Debug)]
pub struct Pat {
    /// Its id.
    pub id: String,
    /// Its organisation.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// Its scopes, with blanks between.
    pub scope: String,
    /// When it ends.
    pub valid_to: String,
    /// Whether it is for all organisations.
    pub global: bool,
    /// `active`, `revoked` or `expired`.
    pub state: &'static str,
    /// The token.
    pub value: String,
}

/// What can change while it serves.
#[derive(Clone, Debug)]
pub struct State {
    /// The bearer of a person, the only one who may call. (Sourced.)
    pub bearer: String,
    /// The bearer of an application, which is sent to a sign-in page. (Sourced: a report.)
    pub application: String,
    /// The tokens. (Sourced: their members, times in steps of 1/300 s, the token shown once, revival by a later end.)
    pub pats: Vec<Pat>,
    /// `fullScopePatPolicyViolation` for `app_token`. (Sourced: the names of all three; which scopes count as full is assumed.)
    pub no_full_scope: bool,
    /// `globalPatPolicyViolation` for `allOrgs`. (Sourced.)
    pub no_global: bool,
    /// `patLifespanPolicyViolation` beyond so many days from now (Unix seconds). (Sourced.)
    pub longest: Option<(i64, i64)>,
    /// This, whatever is asked for. (Sourced: the list of names.)
    pub refuses: Option<&'static str>,
    /// How refusals come. (Sourced: see there.)
    pub refusal: Refusal,
    /// DELETE answers 200 in place of 204. (Sourced: the specification says one, its example the other.)
    pub delete_says_ok: bool,
    /// DELETE answers 503 and does nothing. (Assumed.)
    pub cannot_revoke: bool,
    /// The largest page, whatever is asked for. (Sourced: at most 100; an empty continuation is the end.)
    pub page: usize,
    /// Each answer wants so many seconds without a request. (Sourced: it comes with a 200, too.)
    pub retry_after: Option<u32>,
    /// A create works, and its answer never arrives. (Assumed: networks do that.)
    pub loses_answers: bool,
    /// A create works, and its answer says that nothing was made and nothing went wrong. (Assumed.)
    pub denies_making: bool,
    /// Names are trimmed and cut to so many characters. (Assumed.)
    pub longest_name: usize,
    /// So many entries of each page are none that can be read. (Assumed.)
    pub garbled: usize,
    /// A new token is not taken by anybody. (Assumed.)
    pub makes_duds: bool,
    /// The organisations belong to Microsoft accounts. (Sourced: the tenant of zeros; that this interface refuses is assumed.)
    pub no_tenant: bool,
    /// Does this in place of its work.
    pub hostile: Option<Hostile>,
    /// How often the device code is answered with `authorization_pending`; at the most, once with nothing. (Assumed: RFC 8628.)
    pub pending: usize,
}

/// What happens while a request waits for its answer.
type Meanwhile = Arc<dyn Fn(&Request) + Send + Sync>;

/// The interface.
#[derive(Clone)]
pub struct Pats {
    forge: Forge,
    state: Arc<Mutex<State>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

/// The token that is made as the n-th.
pub fn made(number: usize) -> String {
    format!("s3cretMade{number:04}{}JQQJ99CK{}AZDOfake", "0aB1cD2eF3gH4iJ5kL6".repeat(2), "A".repeat(16))
}

impl Pats {
    /// For the organisations of `forge`, which is Services.
    pub fn new(forge: &Forge, bearer: &str) -> Pats {
        let state = State {
            bearer: bearer.to_owned(),
            application: "bearer-of-an-application".to_owned(),
            pats: Vec::new(),
            no_full_scope: false,
            no_global: false,
            longest: None,
            refuses: None,
            refusal: Refusal::InJson,
            delete_says_ok: false,
            cannot_revoke: false,
            page: 100,
            retry_after: None,
            loses_answers: false,
            denies_making: false,
            longest_name: 128,
            garbled: 0,
            makes_duds: false,
            no_tenant: false,
            hostile: None,
            pending: 0,
        };
        Pats { forge: forge.clone(), state: Arc::new(Mutex::new(state)), meanwhile: Arc::default() }
    }

    /// Reads or changes its state.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Adds a token of contoso that works; its id.
    pub fn add(&self, name: &str, value: &str) -> String {
        let scope = "vso.code_write vso.packaging";
        let pat = self.change(|state| state.keep("contoso", name, scope, "2099-03-01T12:00:00.32Z", value));
        self.open(&pat);
        pat.id
    }

    fn open(&self, pat: &Pat) {
        let realm = if pat.global { "" } else { &pat.organisation };
        self.forge.add(Token::new(realm, "alice@contoso.test", &pat.value));
    }

    /// The tokens that work, by value.
    pub fn working(&self) -> Vec<String> {
        let active = |state: &mut State| {
            let active = state.pats.iter().filter(|pat| pat.state == "active");
            active.map(|pat| pat.value.clone()).collect()
        };
        self.change(active)
    }

    /// It, as a handler for vssps.dev.azure.com.
    pub fn handler(&self) -> Handler {
        let pats = self.clone();
        Arc::new(move |request| {
            let (hostile, pause) = pats.change(|state| (state.hostile, state.retry_after));
            let answer = || match pause {
                Some(seconds) => azure::slowed_down(pats.answer(request), seconds),
                None => pats.answer(request),
            };
            hostile.map_or_else(answer, |hostile| hostile.spoil(request, answer))
        })
    }

    /// Does this at each request, before it is looked at.
    pub fn meanwhile(&self, what: impl Fn(&Request) + Send + Sync + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Arc::new(what));
    }

    fn answer(&self, request: &Request) -> Response {
        let meanwhile = self.meanwhile.lock().unwrap().clone();
        if let Some(meanwhile) = meanwhile {
            meanwhile(request);
        }
        let state = self.change(|state| state.clone());
        let path = request.path().trim_start_matches('/');
        let Some((organisation, "_apis/tokens/pats")) = path.split_once('/') else {
            return Response::with(404, "text/plain", "There is nothing here.\n");
        };
        if state.no_tenant {
            let nobody = "00000000-0000-0000-0000-000000000000";
            return azure::marks(Response::new(401)).header("X-VSS-ResourceTenant", nobody);
        }
        match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            Some(bearer) if bearer == state.bearer => {}
            Some(bearer) if bearer == state.application => return azure::sign_in_redirect(request),
            _ => return azure::services_denial(request, Denial::Anonymous, false),
        }
        let parameter = |name: &str| {
            let pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.into_iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| percent_decode(&value.replace('+', " ")))
        };
        if !parameter("api-version").is_some_and(|version| version.contains("-preview")) {
            return said(400, json!({ "message": "The -preview flag must be supplied in the api-version." }));
        }
        let id = parameter("authorizationId");
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), id) {
            ("GET", Some(id)) => {
                let found = state.pats.iter().find(|pat| pat.organisation == organisation && pat.id == id);
                found.map_or_else(|| failed("authorizationNotFound"), |pat| whole(pat, false))
            }
            ("GET", None) => {
                let filter = parameter("displayFilterOption").unwrap_or_else(|| "active".to_owned());
                let top = parameter("$top").or_else(|| parameter("%24top")).and_then(|top| top.parse().ok());
                let from = parameter("continuationToken").map_or(0, |from| from[3..].parse().unwrap());
                state.page(organisation, &filter, from, top.unwrap_or(100).min(state.page))
            }
            ("POST", None) => self.create(organisation, &body),
            ("PUT", None) => self.update(organisation, &body),
            ("DELETE", Some(id)) => self.revoke(organisation, &id),
            _ => said(405, json!({ "message": "This resource does not support that." })),
        }
    }

    fn create(&self, organisation: &str, body: &Value) -> Response {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let global = body["allOrgs"].as_bool().unwrap_or(false);
        if text("displayName").is_empty() {
            return failed("displayNameRequired");
        }
        let made = self.change(|state| {
            if let Some(refused) = state.refused(&text("scope"), global, &text("validTo")) {
                return Err(refused);
            }
            let value = made(state.pats.len() + 1);
            let (scope, end) = (text("scope"), rounded(&text("validTo")));
            let name: String = text("displayName").trim().chars().take(state.longest_name).collect();
            let mut pat = state.keep(organisation, &name, &scope, &end, &value);
            pat.global = global;
            if state.denies_making {
                return Err(failed("none"));
            }
            Ok((pat, state.loses_answers, state.makes_duds))
        });
        let (pat, lost, dud) = match made {
            Ok(made) => made,
            Err(refused) => return refused,
        };
        if !dud {
            self.open(&pat);
        }
        // The connection ends in the middle of the head.
        if lost { Response::verbatim(200, "HTTP/1.1 200 OK\r\nContent-Le") } else { whole(&pat, true) }
    }

    fn update(&self, organisation: &str, body: &Value) -> Response {
        let id = body["authorizationId"].as_str().unwrap_or_default();
        let changed = self.change(|state| {
            let found = state.pats.iter().position(|pat| pat.organisation == organisation && pat.id == id);
            let at = found.ok_or_else(|| failed("authorizationNotFound"))?;
            let mut pat = state.pats[at].clone();
            if pat.state == "revoked" {
                return Err(failed("invalidToken"));
            }
            if let Some(scope) = body["scope"].as_str() {
                scope.clone_into(&mut pat.scope);
            }
            if let Some(end) = body["validTo"].as_str() {
                // A later end revives one that had ended.
                (pat.valid_to, pat.state) = (rounded(end), "active");
            }
            if let Some(refused) = state.refused(&pat.scope, body["allOrgs"] == true, &pat.valid_to) {
                return Err(refused);
            }
            body["displayName"].as_str().unwrap_or(&pat.name.clone()).clone_into(&mut pat.name);
            state.pats[at] = pat.clone();
            Ok(pat)
        });
        match changed {
            Ok(pat) => {
                self.set(&pat.value, Condition::Active);
                whole(&pat, false)
            }
            Err(refused) => refused,
        }
    }

    fn revoke(&self, organisation: &str, id: &str) -> Response {
        let revoked = self.change(|state| {
            if state.cannot_revoke {
                return Err(azure::marks(Response::new(503)));
            }
            let found = state.pats.iter_mut().find(|pat| pat.organisation == organisation && pat.id == id);
            let pat = found.ok_or_else(|| said(404, json!({ "message": "authorizationNotFound" })))?;
            pat.state = "revoked";
            Ok((pat.value.clone(), if state.delete_says_ok { 200 } else { 204 }))
        });
        match revoked {
            Ok((value, status)) => {
                self.set(&value, Condition::Revoked);
                azure::marks(Response::new(status))
            }
            Err(refused) => refused,
        }
    }

    fn set(&self, value: &str, condition: Condition) {
        self.forge.change(|state| {
            let tokens = state.tokens.iter_mut().filter(|token| token.value == value);
            tokens.for_each(|token| token.condition = condition);
        });
    }
}

impl State {
    fn keep(&mut self, organisation: &str, name: &str, scope: &str, valid_to: &str, value: &str) -> Pat {
        let pat = Pat {
            id: format!("{:08x}-0000-4000-8000-000000000000", 0x4ab5_4050 + self.pats.len()),
            organisation: organisation.to_owned(),
            name: name.to_owned(),
            scope: scope.to_owned(),
            valid_to: valid_to.to_owned(),
            global: false,
            state: "active",
            value: value.to_owned(),
        };
        self.pats.push(pat.clone());
        pat
    }

    fn page(&self, organisation: &str, filter: &str, from: usize, size: usize) -> Response {
        let shown = |pat: &&Pat| pat.organisation == organisation && (filter == "all" || pat.state == filter);
        let all: Vec<Value> = self.pats.iter().filter(shown).map(|pat| described(pat, false)).collect();
        let rest = all.len().saturating_sub(from + size);
        // With signs that mean something in a query.
        let next = if rest > 0 { format!("& ={}", from + size) } else { String::new() };
        let mut page: Vec<Value> = all.into_iter().skip(from).take(size).collect();
        page.extend(
            (0..self.garbled).map(|at| json!({ "displayName": "git #0a1b2c3d", "authorizationId": at })),
        );
        said(200, json!({ "continuationToken": next, "patTokens": page }))
    }

    /// What a policy says against it.
    fn refused(&self, scope: &str, global: bool, valid_to: &str) -> Option<Response> {
        let end = valid_to.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        let too_long = self.longest.zip(end).is_some_and(|((now, days), end)| end > now + days * 86_400);
        let name = match self.refuses {
            Some(name) => name,
            None if scope.is_empty() => return Some(failed("invalidScope")),
            None if end.is_none() => return Some(failed("invalidValidTo")),
            None if self.no_full_scope && scope == "app_token" => "fullScopePatPolicyViolation",
            None if self.no_global && global => "globalPatPolicyViolation",
            None if too_long => "patLifespanPolicyViolation",
            None => return None,
        };
        Some(match self.refusal {
            Refusal::InJson => failed(name),
            Refusal::BadRequest => said(400, json!({ "message": name })),
            Refusal::Forbidden => azure::marks(Response::new(403)),
        })
    }
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
        "validFrom": "2026-09-01T12:00:00.3166667Z",
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

pub(super) fn said(status: u16, body: Value) -> Response {
    azure::marks(Response::with(status, "application/json; charset=utf-8", body.to_string()))
}
