//! Answers as the service gives them, and as somebody hostile would.

use zeroize::Zeroizing;

use super::super::refusal::Policy;
use super::*;
use crate::remote::Realm;

const ID: &str = "4ab5405f-4d48-4b92-9f08-4d4d3a5a0e5f";

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: Zeroizing::new(body.as_bytes().to_vec()) }
}

fn json(status: u16, body: &serde_json::Value) -> Response {
    answer(status, &[("content-type", "application/json")], &body.to_string())
}

fn pat(id: &str, token: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "displayName": "git on laptop", "validTo": "2026-12-01T23:46:23.32Z", "scope": "vso.code_write vso.packaging",
        "targetAccounts": ["38aaa865-2c70-4bf7-a308-0c6539c38c1a"], "validFrom": "2026-09-01T23:46:23.3166667Z",
        "authorizationId": id, "token": token,
    })
}

fn result(pat: &serde_json::Value, error: &str) -> serde_json::Value {
    serde_json::json!({ "patToken": pat, "patTokenError": error })
}

fn body(request: &Request) -> serde_json::Value {
    serde_json::from_slice(request.json.as_ref().unwrap().expose()).unwrap()
}

#[test]
fn every_request_goes_to_the_one_host_with_the_sign_in_as_bearer() {
    let id = TokenId::parse(ID).unwrap();
    let order =
        TokenRequest { name: "n".to_owned(), scopes: vec!["vso.code".to_owned()], expires: 1_800_000_000 };
    let base = "https://vssps.dev.azure.com/contoso/_apis/tokens/pats?api-version=7.1-preview.1";
    let requests = [
        (list("contoso", TokenFilter::All, None), Method::Get, "&displayFilterOption=all&$top=100"),
        (
            list("contoso", TokenFilter::Active, Some("a&b=c d")),
            Method::Get,
            "&displayFilterOption=active&$top=100&continuationToken=a%26b%3Dc+d",
        ),
        (get("contoso", &id), Method::Get, "&authorizationId=4ab5405f-4d48-4b92-9f08-4d4d3a5a0e5f"),
        (create("contoso", &order), Method::Post, ""),
        (extend("contoso", &id, 1_800_000_000), Method::Put, ""),
        (revoke("contoso", &id), Method::Delete, "&authorizationId=4ab5405f-4d48-4b92-9f08-4d4d3a5a0e5f"),
    ];
    for (request, method, query) in requests {
        assert_eq!((request.method, &request.auth), (method, &Auth::Bearer));
        assert_eq!(request.url, format!("{base}{query}"));
        assert!(request.headers.contains(&("X-TFS-FedAuthRedirect", "Suppress")));
    }
    let made = body(&create("contoso", &order));
    assert_eq!(
        made,
        serde_json::json!({ "displayName": "n", "scope": "vso.code", "validTo": "2027-01-15T08:00:00Z", "allOrgs": false })
    );
    let longer = body(&extend("contoso", &id, 1_800_000_000));
    assert_eq!(longer, serde_json::json!({ "authorizationId": ID, "validTo": "2027-01-15T08:00:00Z" }));
}

#[test]
fn a_page_is_read_and_tells_whether_there_is_another() {
    let page = serde_json::json!({ "continuationToken": "next", "patTokens": [pat(ID, None)] });
    let page = read_page(&json(200, &page)).unwrap();
    assert_eq!(page.next.as_deref(), Some("next"));
    let [one] = &page.tokens[..] else { panic!("{page:?}") };
    assert_eq!((one.name.as_str(), one.id.as_str(), one.global), ("git on laptop", ID, false));
    assert_eq!(one.scopes, ["vso.code_write", "vso.packaging"]);
    assert_eq!(rfc3339(one.expires.unwrap()), "2026-12-01T23:46:23Z");
    assert_eq!(rfc3339(one.created.unwrap()), "2026-09-01T23:46:23Z");
    for last in [serde_json::json!(""), serde_json::Value::Null] {
        let page = serde_json::json!({ "continuationToken": last, "patTokens": [] });
        assert_eq!(read_page(&json(200, &page)).unwrap().next, None);
    }
}

#[test]
fn a_token_for_all_organisations_is_known_by_its_missing_list() {
    let mut global = pat(ID, None);
    global["targetAccounts"] = serde_json::Value::Null;
    assert!(read_made(&json(200, &result(&global, "none"))).unwrap().0.global);
}

#[test]
fn a_new_token_comes_once_and_an_extended_one_not_at_all() {
    let made = read_made(&json(200, &result(&pat(ID, Some("s3cret")), "none"))).unwrap();
    assert!(made.1.unwrap().same_as(&Secret::copy_of(b"s3cret")));
    let extended = read_made(&json(200, &result(&pat(ID, None), "none"))).unwrap();
    assert!(extended.1.is_none());
}

#[test]
fn every_form_of_a_refusal_is_understood() {
    let null = serde_json::Value::Null;
    let page = "<!DOCTYPE html>\n<title>Sign In</title>";
    let message = |text: &str| serde_json::json!({ "$id": "1", "message": text });
    for (answer, refusal) in [
        (json(200, &result(&null, "patLifespanPolicyViolation")), Refusal::Policy(Policy::Lifespan)),
        (json(200, &result(&null, "FULLSCOPEPATPOLICYVIOLATION")), Refusal::Policy(Policy::FullScope)),
        (json(200, &result(&null, "globalPatPolicyViolation")), Refusal::Policy(Policy::Global)),
        (json(200, &result(&null, "invalidScope")), Refusal::Scope),
        (json(200, &result(&null, "newKindOfTrouble")), Refusal::Named("newKindOfTrouble".to_owned())),
        (json(200, &result(&null, "none")), Refusal::Nothing),
        (
            answer(403, &[("x-tfs-serviceerror", "TF400409%3A%20No%20rights.")], ""),
            Refusal::Denied(Some("TF400409: No rights.".to_owned())),
        ),
        (json(400, &message("FailedToReadTenantPolicy")), Refusal::Policy(Policy::Unreadable)),
        (json(400, &message("invalidDisplayName: too long")), Refusal::Name),
        (json(400, &message("Something else.")), Refusal::Named("Something else.".to_owned())),
        (
            json(400, &message("The request failed: patLifespanPolicyViolation.")),
            Refusal::Policy(Policy::Lifespan),
        ),
        (json(400, &result(&null, "fullScopePatPolicyViolation")), Refusal::Policy(Policy::FullScope)),
        (json(403, &result(&null, "newKindOfTrouble")), Refusal::Named("newKindOfTrouble".to_owned())),
        (json(403, &message("Ask Bob.")), Refusal::Denied(Some("Ask Bob.".to_owned()))),
        (answer(403, &[], ""), Refusal::Denied(None)),
        (
            json(403, &message("VS403463: The conditional access policy has failed.")),
            Refusal::BlockedByPolicy,
        ),
        (
            json(401, &message("VS403463: The conditional access policy has failed.")),
            Refusal::BlockedByPolicy,
        ),
        (json(404, &message("x")), Refusal::NotFound),
        (answer(302, &[("location", "https://spsprod.vssps.visualstudio.com/_signin")], ""), Refusal::SignIn),
        (answer(203, &[("content-type", "text/html")], page), Refusal::SignIn),
        (answer(200, &[("content-type", "text/html")], page), Refusal::SignIn),
        (answer(401, &[], ""), Refusal::SignIn),
        (
            answer(401, &[("x-vss-resourcetenant", "00000000-0000-0000-0000-000000000000")], ""),
            Refusal::NoTenant,
        ),
        (answer(429, &[("retry-after", "7")], ""), Refusal::Limited { seconds: Some(7) }),
        (answer(503, &[], "down"), Refusal::Broken { status: 503, seconds: None }),
    ] {
        assert_eq!(read_made(&answer).unwrap_err(), refusal, "{answer:?}");
    }
}

#[test]
fn every_refusal_has_words_in_the_voice_of_the_house() {
    let all = [
        Refusal::SignIn,
        Refusal::NoTenant,
        Refusal::Policy(Policy::Global),
        Refusal::Policy(Policy::FullScope),
        Refusal::Policy(Policy::Lifespan),
        Refusal::Policy(Policy::Unreadable),
        Refusal::Name,
        Refusal::Scope,
        Refusal::End,
        Refusal::Denied(None),
        Refusal::Denied(Some("ask Bob".to_owned())),
        Refusal::BlockedByPolicy,
        Refusal::NotFound,
        Refusal::Limited { seconds: None },
        Refusal::Broken { status: 500, seconds: None },
        Refusal::Named("it said so".to_owned()),
        Refusal::UnexpectedResponse { status: 418 },
    ];
    let realm = Realm::from_text("azure-devops/contoso").unwrap();
    let site = Site { realm: &realm, home: "https://dev.azure.com/contoso" };
    for refusal in all {
        let error = refusal.into_error(&site);
        for text in [error.what, error.hint] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{text}");
        }
    }
}

#[test]
fn a_revoked_token_is_known_by_both_answers_and_by_its_absence() {
    assert_eq!(read_revoked(&answer(204, &[], "")), Ok(()));
    assert_eq!(read_revoked(&answer(200, &[], "")), Ok(()));
    assert_eq!(read_revoked(&answer(200, &[("content-type", "application/json")], "null")), Ok(()));
    assert_eq!(read_revoked(&answer(404, &[], "")), Ok(()));
    assert_eq!(
        read_revoked(&answer(200, &[("content-type", "text/html")], "<html>portal")),
        Err(Refusal::SignIn)
    );
    let page = answer(404, &[("content-type", "text/html")], "<html>no such organisation");
    assert_eq!(read_revoked(&page), Err(Refusal::NotFound));
    assert_eq!(read_revoked(&answer(200, &[], "hello")), Err(Refusal::UnexpectedResponse { status: 200 }));
    assert_eq!(read_revoked(&answer(500, &[], "")), Err(Refusal::Broken { status: 500, seconds: None }));
}

#[test]
fn an_id_that_is_none_never_gets_into_a_url() {
    for bad in [
        "",
        "me&all=true",
        "4ab5405f-4d48-4b92-9f08-4d4d3a5a0e5",
        "4ab5405f-4d48-4b92-9f08-4d4d3a5a0e5g",
        "4ab5405f/4d48-4b92-9f08-4d4d3a5a0e5f",
        "4ab5405f4d484b929f084d4d3a5a0e5f0000",
        "00000000-0000-0000-0000-000000000000",
    ] {
        assert_eq!(guid(bad), None, "{bad}");
        // One entry that cannot be read hides none of the others, and is counted.
        let page =
            serde_json::json!({ "continuationToken": "", "patTokens": [pat(bad, None), pat(ID, None), 7] });
        let page = read_page(&json(200, &page)).unwrap();
        assert_eq!((page.tokens.len(), page.unread), (1, 2));
        assert!(read_made(&json(200, &result(&pat(bad, Some("s3cret")), "none"))).is_err());
    }
    assert_eq!(guid(&ID.to_ascii_uppercase()).unwrap(), ID);
}

#[test]
fn hostile_answers_are_refusals_and_nothing_worse() {
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "null",
        "7",
        "{",
        "{}",
        "{\"patTokens\":{}}",
        "{\"patToken\":7}",
        "{\"patToken\":[]}",
        "{\"patToken\":{\"authorizationId\":7}}",
        "\u{0}\u{1}",
        deep.as_str(),
    ] {
        let answer = answer(200, &[("content-type", "application/json")], body);
        assert!(read_page(&answer).is_err() && read_made(&answer).is_err(), "{body:.20}");
    }
    let mut odd = pat(ID, None);
    odd["displayName"] = serde_json::json!("x".repeat(100_000));
    odd["validTo"] = serde_json::json!("99999-99-99");
    odd["validFrom"] = serde_json::json!("0001-01-01T00:00:00");
    let read = read_made(&json(200, &result(&odd, "none"))).unwrap().0;
    assert_eq!((read.name.chars().count(), read.expires, read.created), (300, None, None));
}

#[test]
fn times_are_read_with_and_without_fraction_and_zone() {
    for (text, at) in [
        ("2026-12-01T23:46:23.319Z", Some(1_796_168_783)),
        ("2026-12-01T23:46:23.3199999Z", Some(1_796_168_783)),
        ("2026-12-01T23:46:23", Some(1_796_168_783)),
        ("2026-12-01T23:46:23+00:00", Some(1_796_168_783)),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
    ] {
        assert_eq!(time(text), at, "{text}");
    }
}

#[test]
fn a_name_without_end_is_cut_in_its_middle_because_its_end_may_be_a_mark() {
    let mut token = pat(ID, None);
    token["displayName"] = format!("{} #0a1b2c3d", "ü".repeat(5000)).into();
    let page = serde_json::json!({ "continuationToken": "", "patTokens": [token] });
    let name = read_page(&json(200, &page)).unwrap().tokens.remove(0).name;
    assert!(name.starts_with("üü") && name.ends_with("ü #0a1b2c3d") && name.chars().count() == 300, "{name}");
}
