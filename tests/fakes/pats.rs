//! The life of personal access tokens as Azure DevOps Services has it: `vssps.dev.azure.com/ORGANISATION/_apis/tokens/pats`, and the
//! sign-in by device code at `login.microsoftonline.com`. A token that is made here opens the [`Forge`] behind it, one that is
//! revoked does not.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::azure_answers::{marks, sign_in_page, sign_in_redirect};
use super::forge::{Condition, Forge, Token};
use super::http::{Handler, Request, Response, percent_decode};

/// A token as its owner sees it.
#[derive(Clone, Debug)]
pub struct Pat {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scopes, with blanks between.
    pub scope: String,
    /// When it ends.
    pub valid_to: String,
    /// The token.
    pub value: String,
    /// `active`, `revoked` or `expired`.
    pub state: &'static str,
    /// Whether it is for all organisations.
    pub global: bool,
}

/// What can change while it serves.
#[derive(Clone, Default)]
pub struct State {
    /// Who may come in: bearers of people.
    pub people: Vec<String>,
    /// Bearers of applications, which are sent to a sign-in page.
    pub applications: Vec<String>,
    /// The tokens.
    pub pats: Vec<Pat>,
    /// The next token that is made refuses to say this (a `patTokenError`), with status 200.
    pub policy: Option<&'static str>,
    /// A create is refused with this status and message.
    pub refusal: Option<(u16, &'static str)>,
    /// How many tokens a page has.
    pub page: usize,
    /// A create works and its answer never arrives.
    pub loses_answers: bool,
    /// A revoke is answered with 503.
    pub cannot_revoke: bool,
    /// A new token is not taken by anybody.
    pub makes_duds: bool,
    /// The organisation belongs to Microsoft accounts.
    pub no_tenant: bool,
    /// How often the device code is answered with `authorization_pending`.
    pub pending: usize,
    /// How many tokens were made.
    made: usize,
}

/// The fake.
#[derive(Clone)]
pub struct Pats {
    organisation: String,
    forge: Forge,
    state: Arc<Mutex<State>>,
}

impl Pats {
    /// For one organisation, whose tokens open `forge`.
    pub fn new(organisation: &str, forge: &Forge) -> Pats {
        let state = State { page: 100, ..State::default() };
        Pats {
            organisation: organisation.to_owned(),
            forge: forge.clone(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Reads or changes its state.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Adds a token that works.
    pub fn add(&self, name: &str, value: &str) -> String {
        let id = self.change(|state| {
            let id = state.next_id();
            state.pats.push(Pat {
                id: id.clone(),
                name: name.to_owned(),
                scope: "vso.code_write vso.packaging".to_owned(),
                valid_to: "2099-03-01T12:00:00.3199999Z".to_owned(),
                value: value.to_owned(),
                state: "active",
                global: false,
            });
            id
        });
        self.forge.add(Token::new(&self.organisation, "alice@contoso.test", value));
        id
    }

    /// The tokens that work, by value.
    pub fn working(&self) -> Vec<String> {
        self.change(|state| {
            let active = state.pats.iter().filter(|pat| pat.state == "active");
            active.map(|pat| pat.value.clone()).collect()
        })
    }

    /// The interface, as a handler.
    pub fn handler(&self) -> Handler {
        let fake = self.clone();
        Arc::new(move |request| fake.answer(request))
    }

    fn answer(&self, request: &Request) -> Response {
        let authorization = request.header("authorization").unwrap_or_default();
        let bearer = authorization.strip_prefix("Bearer ").unwrap_or_default().to_owned();
        let (person, application, no_tenant) = self.change(|state| {
            (state.people.contains(&bearer), state.applications.contains(&bearer), state.no_tenant)
        });
        if request.path() != format!("/{}/_apis/tokens/pats", self.organisation) {
            return Response::with(404, "text/plain", "There is nothing here.\n");
        }
        if no_tenant {
            return marks(Response::new(401))
                .header("X-VSS-ResourceTenant", "00000000-0000-0000-0000-000000000000");
        }
        if application {
            return sign_in_redirect(request);
        }
        if !person {
            return if request.method == "GET" { sign_in_page(request) } else { marks(Response::new(401)) };
        }
        if !request.query().contains("api-version=7.1-preview.1") {
            return Response::with(400, "application/json", "{\"message\":\"no version\"}");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match request.method.as_str() {
            "GET" => self.look(request),
            "POST" => self.make(&body),
            "PUT" => self.update(&body),
            "DELETE" => self.revoke(request),
            _ => Response::new(405),
        }
    }

    fn look(&self, request: &Request) -> Response {
        let word = |name: &str| query(request, name);
        self.change(|state| {
            if let Some(id) = word("authorizationId") {
                return match state.pats.iter().find(|pat| pat.id == id) {
                    Some(pat) => result(&pat.json(None), "none"),
                    None => result(&Value::Null, "authorizationNotFound"),
                };
            }
            let filter = word("displayFilterOption").unwrap_or_else(|| "active".to_owned());
            let fits = |pat: &&Pat| filter == "all" || pat.state == filter;
            let from: usize = word("continuationToken").map_or(0, |token| token[5..].parse().unwrap());
            let all: Vec<&Pat> = state.pats.iter().filter(fits).collect();
            let page: Vec<Value> = all.iter().skip(from).take(state.page).map(|pat| pat.json(None)).collect();
            let next = from + page.len();
            let next = if next < all.len() { format!("next {next}") } else { String::new() };
            json_of(200, &json!({ "continuationToken": next, "patTokens": page }))
        })
    }

    fn make(&self, body: &Value) -> Response {
        let (pat, lost, dud) = match self.change(|state| state.make(body)) {
            Ok(pat) => pat,
            Err(response) => return response,
        };
        if !dud {
            self.forge.add(Token::new(&self.organisation, "alice@contoso.test", &pat.value));
        }
        // The connection ends in the middle of the head.
        if lost {
            return Response::verbatim(200, "HTTP/1.1 200 OK\r\nContent-Le");
        }
        result(&pat.json(Some(&pat.value)), "none")
    }

    fn update(&self, body: &Value) -> Response {
        self.change(|state| {
            let id = body["authorizationId"].as_str().unwrap_or_default();
            let Some(pat) = state.pats.iter_mut().find(|pat| pat.id == id && pat.state != "revoked") else {
                return result(&Value::Null, "authorizationNotFound");
            };
            if let Some(to) = body["validTo"].as_str() {
                to.clone_into(&mut pat.valid_to);
                pat.state = "active";
            }
            result(&pat.json(None), "none")
        })
    }

    fn revoke(&self, request: &Request) -> Response {
        let id = query(request, "authorizationId").unwrap_or_default();
        let value = self.change(|state| {
            if state.cannot_revoke {
                return Err(503_u16);
            }
            let pat = state.pats.iter_mut().find(|pat| pat.id == id).ok_or(404_u16)?;
            pat.state = "revoked";
            Ok(pat.value.clone())
        });
        match value {
            Ok(value) => {
                self.forge.change(|state| {
                    let tokens = state.tokens.iter_mut().filter(|token| token.value == value);
                    tokens.for_each(|token| token.condition = Condition::Revoked);
                });
                marks(Response::new(204))
            }
            Err(status) => marks(Response::new(status)),
        }
    }

    /// `login.microsoftonline.com`, for the client id `our-client`: gives the first person's bearer.
    pub fn entra(&self) -> Handler {
        let fake = self.clone();
        Arc::new(move |request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            if !body.contains("client_id=our-client") {
                let error = json!({ "error": "unauthorized_client", "error_description": "AADSTS700016: no such application." });
                return json_of(400, &error);
            }
            if request.path().ends_with("/devicecode") {
                let begun = json!({
                    "device_code": "s3cret-device-code", "user_code": "ABCD-1234", "interval": 1, "expires_in": 900,
                    "verification_uri": "https://microsoft.com/devicelogin", "message": "x",
                });
                return json_of(200, &begun);
            }
            let known = body.ends_with("device_code=s3cret-device-code");
            fake.change(|state| {
                if !known {
                    return json_of(400, &json!({ "error": "bad_verification_code" }));
                }
                if state.pending > 0 {
                    state.pending -= 1;
                    return json_of(400, &json!({ "error": "authorization_pending" }));
                }
                json_of(200, &json!({ "access_token": state.people[0], "token_type": "Bearer" }))
            })
        })
    }
}

impl State {
    fn next_id(&mut self) -> String {
        self.made += 1;
        format!("{:08x}-4d48-4b92-9f08-4d4d3a5a0e5f", 0x4ab5_4050 + self.made)
    }

    fn make(&mut self, body: &Value) -> Result<(Pat, bool, bool), Response> {
        if let Some(error) = self.policy {
            return Err(result(&Value::Null, error));
        }
        if let Some((status, message)) = self.refusal {
            return Err(match message {
                "" => marks(Response::new(status)),
                text => json_of(status, &json!({ "$id": "1", "message": text })),
            });
        }
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if text("displayName").is_empty() {
            return Err(result(&Value::Null, "displayNameRequired"));
        }
        assert_eq!(body["allOrgs"], false, "a token for all organisations was asked for");
        let id = self.next_id();
        let pat = Pat {
            value: format!("s3cret-made-{}", self.made),
            id,
            name: text("displayName"),
            scope: text("scope"),
            valid_to: text("validTo"),
            state: "active",
            global: false,
        };
        self.pats.push(pat.clone());
        Ok((pat, self.loses_answers, self.makes_duds))
    }
}

impl Pat {
    fn json(&self, token: Option<&str>) -> Value {
        let accounts = json!(["38aaa865-2c70-4bf7-a308-0c6539c38c1a"]);
        json!({
            "displayName": self.name, "validTo": self.valid_to, "scope": self.scope, "token": token,
            "targetAccounts": if self.global { Value::Null } else { accounts },
            "validFrom": "2026-09-01T12:00:00.3166667Z", "authorizationId": self.id,
        })
    }
}

fn query(request: &Request, name: &str) -> Option<String> {
    let pair = request.query().split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_decode(&pair.replace('+', " ")))
}

fn result(pat: &Value, error: &str) -> Response {
    json_of(200, &json!({ "patToken": pat, "patTokenError": error }))
}

fn json_of(status: u16, body: &Value) -> Response {
    marks(Response::with(status, "application/json; charset=utf-8", body.to_string()))
}
