//! The fake of the tokens' life behaves as the service does.

use serde_json::{Value, json};

use super::*;
use crate::fakes::azure_pats::{Pats, Refusal};

const BEARER: &str = "bearer-of-alice";

struct Life {
    pats: Pats,
    forge: Forge,
    server: Server,
    _stage: Stage,
}

impl Life {
    fn new() -> Life {
        let stage = Stage::new();
        let forge = Forge::services(&stage.repositories);
        let pats = Pats::new(&forge, BEARER);
        let server = Server::start(pats.handler());
        Life { pats, forge, server, _stage: stage }
    }

    /// Status and body.
    fn ask(&self, method: &str, query: &str, authorization: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} /contoso/_apis/tokens/pats?api-version=7.1-preview.1{query} HTTP/1.1\r\nHost: x\r\n\
             Authorization: {authorization}\r\nX-TFS-FedAuthRedirect: Suppress\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = raw(&self.server, &head);
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn call(&self, method: &str, query: &str, body: &Value) -> (u16, Value) {
        self.ask(method, query, &format!("Bearer {BEARER}"), body)
    }

    fn create(&self, name: &str, scope: &str) -> (u16, Value) {
        let wish = json!({ "displayName": name, "scope": scope, "validTo": "2027-01-01T23:46:23.319Z", "allOrgs": false });
        self.call("POST", "", &wish)
    }
}

#[test]
fn a_token_is_shown_once_opens_its_organisation_and_does_not_after_it_is_revoked() {
    let life = Life::new();
    let (status, made) = life.create("ci", "vso.code");
    assert_eq!((status, made["patTokenError"].as_str()), (200, Some("none")));
    let token = made["patToken"]["token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 84);
    let id = made["patToken"]["authorizationId"].as_str().unwrap().to_owned();
    // Rounded to 1/300 s.
    assert_eq!(made["patToken"]["validTo"], "2027-01-01T23:46:23.32Z");
    let (_, again) = life.call("GET", &format!("&authorizationId={id}"), &Value::Null);
    assert_eq!(again["patToken"]["token"], Value::Null);
    let condition = || life.forge.change(|state| state.token(&token).condition);
    assert_eq!(condition(), Condition::Active);
    assert_eq!(life.call("DELETE", &format!("&authorizationId={id}"), &Value::Null).0, 204);
    assert_eq!(condition(), Condition::Revoked);
    life.pats.change(|rules| rules.delete_says_ok = true);
    assert_eq!(life.call("DELETE", &format!("&authorizationId={id}"), &Value::Null).0, 200);
    let (_, update) =
        life.call("PUT", "", &json!({ "authorizationId": id, "validTo": "2027-02-01T00:00:00Z" }));
    assert_eq!(update["patToken"], Value::Null, "what is revoked stays so");
}

#[test]
fn lists_come_in_pages_and_by_state() {
    let life = Life::new();
    for n in 0..5 {
        life.create(&format!("t{n}"), "vso.code");
    }
    let (_, first) = life.call("GET", "&displayFilterOption=all&$top=2", &Value::Null);
    assert_eq!(
        (first["patTokens"].as_array().unwrap().len(), first["continuationToken"].as_str()),
        (2, Some("& =2"))
    );
    let (_, last) =
        life.call("GET", "&displayFilterOption=all&$top=2&continuationToken=%26%20%3D4", &Value::Null);
    assert_eq!(
        (last["patTokens"].as_array().unwrap().len(), last["continuationToken"].as_str()),
        (1, Some(""))
    );
    let id = first["patTokens"][0]["authorizationId"].as_str().unwrap();
    life.call("DELETE", &format!("&authorizationId={id}"), &Value::Null);
    let count = |filter: &str| {
        let (_, page) = life.call("GET", &format!("&displayFilterOption={filter}"), &Value::Null);
        page["patTokens"].as_array().unwrap().len()
    };
    assert_eq!((count("active"), count("revoked"), count("expired"), count("all")), (4, 1, 0, 5));
}

#[test]
fn only_a_persons_bearer_may_call() {
    let life = Life::new();
    let ask = |authorization: &str| life.ask("GET", "", authorization, &Value::Null).0;
    assert_eq!(ask(&format!("Basic {}", base64(&format!(":{TOKEN}")))), 401);
    assert_eq!(ask("Bearer bearer-of-an-application"), 302);
    assert_eq!(ask(&format!("Bearer {BEARER}")), 200);
}

#[test]
fn policies_refuse_in_each_of_their_ways() {
    let life = Life::new();
    let now = "2026-12-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    life.pats.change(|rules| (rules.no_full_scope, rules.longest) = (true, Some((now, 90))));
    let (status, refused) = life.create("all", "app_token");
    assert_eq!((status, &refused["patToken"]), (200, &Value::Null));
    assert_eq!(refused["patTokenError"], "fullScopePatPolicyViolation");
    assert_eq!(life.create("ci", "vso.code").1["patTokenError"], "none");
    life.pats.change(|rules| (rules.longest, rules.refusal) = (Some((now, 7)), Refusal::BadRequest));
    let (status, refused) = life.create("ci", "vso.code");
    assert_eq!((status, refused["message"].as_str()), (400, Some("patLifespanPolicyViolation")));
    life.pats.change(|rules| rules.refusal = Refusal::Forbidden);
    assert_eq!(life.create("ci", "vso.code"), (403, Value::Null));
}
