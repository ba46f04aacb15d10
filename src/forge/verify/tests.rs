//! Answers as services give them, and what is concluded from each.

use zeroize::Zeroizing;

use super::*;
use crate::forge;
use crate::http_message::Auth;

const TOKEN: &[u8] = b"s3cret-token";

/// Asks the forge of `realm` about a token and reads this answer.
fn verdict(realm: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
    with_account(realm, None, status, headers, body)
}

fn with_account(
    realm: &str,
    account: Option<&str>,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Verdict {
    let realm = Realm::from_text(realm).unwrap();
    let forge = forge::named(realm.forge()).unwrap();
    let token = Secret::copy_of(TOKEN);
    let target = Target { realm: &realm, home: "https://home".to_owned(), account, token: &token };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let answer = Response { status, headers, body: Zeroizing::new(body.as_bytes().to_vec()) };
    (forge.check.unwrap().read)(&answer, &target)
}

fn problem(verdict: &Verdict) -> (Outcome, Option<&'static str>) {
    (verdict.outcome, verdict.problem.as_ref().map(Problem::as_str))
}

fn request(realm: &str, home: &str, account: Option<&str>, token: &str) -> Request {
    let realm = Realm::from_text(realm).unwrap();
    let token = Secret::copy_of(token.as_bytes());
    let target = Target { realm: &realm, home: home.to_owned(), account, token: &token };
    (forge::named(realm.forge()).unwrap().check.unwrap().request)(&target)
}

#[test]
fn each_service_is_asked_at_its_own_address() {
    let at = |realm: &str, home: &str| {
        let request = request(realm, home, None, "t");
        assert!(request.json.is_none());
        request.url
    };
    assert_eq!(
        at("azure-devops/contoso", "https://dev.azure.com/contoso"),
        "https://dev.azure.com/contoso/_apis/connectionData?api-version=7.1-preview.1"
    );
    assert_eq!(
        at("azure-devops-server/https://s:8443/tfs/main", "https://s:8443/tfs/Main"),
        "https://s:8443/tfs/Main/_apis/connectionData?api-version=3.0-preview.1"
    );
    assert_eq!(at("github/github.com", "https://github.com"), "https://api.github.com/user");
    assert_eq!(at("github/contoso.ghe.com", "https://contoso.ghe.com"), "https://api.contoso.ghe.com/user");
    assert_eq!(at("github/https://ghe.corp", "https://ghe.corp"), "https://ghe.corp/api/v3/user");
    assert_eq!(
        at("gitlab/gitlab.com", "https://gitlab.com"),
        "https://gitlab.com/api/v4/personal_access_tokens/self"
    );
    assert_eq!(at("gitea/codeberg.org", "https://codeberg.org"), "https://codeberg.org/api/v1/user");
}

#[test]
fn every_request_goes_to_the_realm_whose_token_it_carries() {
    for example in forge::ALL.iter().flat_map(|forge| forge.examples) {
        let Some(realm) = example.realm else { continue };
        let realm = Realm::from_text(realm).unwrap();
        let forge = forge::named(realm.forge()).unwrap();
        let Some(home) = forge.home_url(&realm).filter(|_| forge.check.is_some()) else { continue };
        let request = request(realm.as_str(), &home, None, "t");
        let (remote, _) = crate::remote::Remote::from_url(&request.url).unwrap();
        let place = forge::recognise(&remote, None);
        assert!(
            matches!(place, forge::Recognition::Cloud { realm: reached, .. } if reached == realm),
            "{} leaves {realm}",
            request.url
        );
    }
}

#[test]
fn a_bitbucket_token_is_shown_by_its_kind() {
    let auth =
        |account, token| request("bitbucket/bitbucket.org", "https://bitbucket.org", account, token).auth;
    assert_eq!(auth(None, "ATCTT3x"), Auth::Bearer);
    assert_eq!(auth(Some("me@example.com"), "ATATT3x"), Auth::Basic("me@example.com".to_owned()));
    let told = with_account("bitbucket/bitbucket.org", None, 401, &[], "");
    assert_eq!(problem(&told), (Outcome::Unclear, Some("wants-email")));
    let told = with_account("bitbucket/bitbucket.org", Some("me@example.com"), 401, &[], "");
    assert_eq!(problem(&told), (Outcome::Refused, Some("not-accepted")));
}

const CONTOSO: &str = "azure-devops/contoso";
const SERVER: &str = "azure-devops-server/https://s/tfs/c";

fn connection(id: &str, name: &str, account: &str) -> String {
    serde_json::json!({ "authenticatedUser": {
        "id": id, "providerDisplayName": name,
        "properties": { "Account": { "$type": "System.String", "$value": account } },
    }})
    .to_string()
}

#[test]
fn azure_accepts_a_token_only_as_somebody() {
    let somebody = connection("66666666-6666-6666-6666-666666666666", "Alice", "alice@contoso.test");
    let told = verdict(CONTOSO, 200, &[], &somebody);
    assert_eq!(
        (problem(&told), told.who.as_deref()),
        ((Outcome::Accepted, None), Some("alice@contoso.test"))
    );
    for nobody in [
        connection("00000000-0000-0000-0000-000000000000", "Alice", "a"),
        connection("66666666-6666-6666-6666-666666666666", "Anonymous", "a"),
        connection("", "Alice", "a"),
    ] {
        assert_eq!(problem(&verdict(CONTOSO, 200, &[], &nobody)), (Outcome::Refused, Some("anonymous")));
    }
}

#[test]
fn whatever_azure_has_in_place_of_a_no_is_a_no() {
    let page = "<!DOCTYPE html>\n<html><title>Sign In</title></html>";
    for (status, headers, body) in [
        (203, &[("content-type", "text/html")][..], page),
        (200, &[("content-type", "text/html; charset=utf-8")], page),
        (200, &[], page),
        (302, &[("location", "https://spsprodweu1.vssps.visualstudio.com/_signin")], "Object moved"),
    ] {
        let told = verdict(CONTOSO, status, headers, body);
        assert_eq!(problem(&told), (Outcome::Refused, Some("sign-in-page")), "{status}");
    }
    let denied =
        [("x-tfs-serviceerror", "TF400813%3A%20Resource%20not%20available%20for%20anonymous%20access.")];
    let told = verdict(CONTOSO, 401, &denied, "");
    assert_eq!(problem(&told), (Outcome::Refused, Some("not-accepted")));
    assert_eq!(told.reason.unwrap(), "TF400813: Resource not available for anonymous access.");
    let ended = [(
        "x-tfs-serviceerror",
        "Access%20Denied%3A%20The%20Personal%20Access%20Token%20used%20has%20expired.",
    )];
    assert_eq!(problem(&verdict(CONTOSO, 401, &ended, "")), (Outcome::Refused, Some("expired")));
}

#[test]
fn a_caller_who_is_named_was_accepted_whatever_the_status() {
    let user = [("x-vss-userdata", "66666666-6666-6666-6666-666666666666:alice@contoso.test")];
    for status in [400, 401, 403] {
        let told = verdict(CONTOSO, status, &user, "");
        assert_eq!(problem(&told), (Outcome::Accepted, Some("missing-scope")), "{status}");
        assert_eq!(told.who.as_deref(), Some("alice@contoso.test"));
    }
    let nobody = [("x-vss-userdata", "00000000-0000-0000-0000-000000000000:")];
    assert_eq!(verdict(CONTOSO, 401, &nobody, "").outcome, Outcome::Refused);
}

#[test]
fn basic_of_iis_itself_is_told_from_the_servers_own() {
    let lines = |realm: &'static str| {
        [("www-authenticate", "Bearer"), ("www-authenticate", realm), ("www-authenticate", "NTLM")]
    };
    let told = verdict(SERVER, 401, &lines("Basic realm=\"server\""), "<html>");
    assert_eq!(problem(&told), (Outcome::Unclear, Some("iis-basic")));
    let told = verdict(SERVER, 401, &[("www-authenticate", "Bearer, NTLM, Basic realm=\"server\"")], "");
    assert_eq!(problem(&told), (Outcome::Unclear, Some("iis-basic")));
    // However it is written, beside the server's own, and where Windows' schemes are off.
    for headers in [
        &[("www-authenticate", "Negotiate"), ("www-authenticate", "basic realm=server")][..],
        &[
            ("x-tfs-processid", "1"),
            ("www-authenticate", "Bearer"),
            ("www-authenticate", "Basic realm=\"s\""),
        ],
        &[
            ("www-authenticate", "Basic realm=\"http://server:8080/tfs\""),
            ("www-authenticate", "NTLM"),
            ("www-authenticate", "Basic realm=\"server\""),
        ],
    ] {
        assert_eq!(
            problem(&verdict(SERVER, 401, headers, "")),
            (Outcome::Unclear, Some("iis-basic")),
            "{headers:?}"
        );
    }
    let told = verdict(SERVER, 401, &lines("Basic realm=\"http://server:8080/tfs\""), "<html>");
    assert_eq!(problem(&told), (Outcome::Refused, Some("not-accepted")));
}

#[test]
fn what_a_service_leaves_empty_of_a_person_keeps_no_token_out() {
    for rest in [
        "",
        ",\"providerDisplayName\":null,\"properties\":null",
        ",\"properties\":{\"Account\":null}",
        ",\"properties\":{\"Account\":\"me\"}",
    ] {
        let id = "11111111-2222-3333-4444-555555555555";
        let told =
            verdict(CONTOSO, 200, &[], &format!("{{\"authenticatedUser\":{{\"id\":\"{id}\"{rest}}}}}"));
        assert_eq!(problem(&told), (Outcome::Accepted, None), "{rest}");
    }
}

#[test]
fn a_bad_minute_of_a_service_says_nothing_of_the_token() {
    for realm in [CONTOSO, "github/github.com", "gitlab/gitlab.com", "gitea/codeberg.org"] {
        for (status, headers, body, expected) in [
            (500, &[][..], "oh", "server-error"),
            (503, &[], "<html>down</html>", "server-error"),
            (429, &[("retry-after", "7")], "TF400733", "rate-limit"),
            (404, &[], "", "odd-answer"),
            (403, &[], "", "odd-answer"),
            (403, &[("content-type", "text/plain")], "Blocked by policy.", "odd-answer"),
            (200, &[], "not json", "odd-answer"),
            (200, &[], "{}", "odd-answer"),
            (403, &[], "{\"message\":\"You have exceeded a secondary rate limit.\"}", "rate-limit"),
            (200, &[], "{}", "odd-answer"),
        ] {
            if realm.starts_with("gitlab") && body == "{}" || realm == CONTOSO && status == 404 {
                continue;
            }
            let told = verdict(realm, status, headers, body);
            assert_eq!(problem(&told), (Outcome::Unclear, Some(expected)), "{realm} {status}");
        }
    }
    let limited = verdict("github/github.com", 403, &[("x-ratelimit-remaining", "0")], "{}");
    assert_eq!(problem(&limited), (Outcome::Unclear, Some("rate-limit")));
}

#[test]
fn what_github_tells_in_its_headers_is_read() {
    let headers = [
        ("x-oauth-scopes", "repo, read:packages"),
        ("github-authentication-token-expiration", "2027-01-31 12:00:00 UTC"),
    ];
    let told = verdict("github/github.com", 200, &headers, "{\"login\":\"alice\"}");
    assert_eq!((told.who.as_deref(), told.scopes.len()), (Some("alice"), 2));
    assert_eq!(crate::text::rfc3339(told.expires.unwrap()), "2027-01-31T12:00:00Z");
    let offset = [("github-authentication-token-expiration", "2027-01-31 12:00:00 -0100")];
    let told = verdict("github/github.com", 200, &offset, "{\"login\":\"alice\"}");
    assert_eq!(crate::text::rfc3339(told.expires.unwrap()), "2027-01-31T13:00:00Z");
    let told = verdict("github/github.com", 401, &[], "{\"message\":\"Bad credentials\"}");
    assert_eq!((told.outcome, told.reason.as_deref()), (Outcome::Refused, Some("Bad credentials")));
    let told =
        verdict("github/github.com", 403, &[], "{\"message\":\"Resource not accessible by integration\"}");
    assert_eq!(problem(&told), (Outcome::Accepted, Some("missing-scope")));
}

#[test]
fn a_403_about_the_account_or_the_place_is_no_missing_scope() {
    let said = |message: &str| serde_json::json!({ "message": message }).to_string();
    let (github, gitlab, gitea) = ("github/github.com", "gitlab/gitlab.com", "gitea/codeberg.org");
    let blocked = (Outcome::Refused, Some("account-blocked"));
    let unfinished = (Outcome::Unclear, Some("account-incomplete"));
    let barred = (Outcome::Unclear, Some("barred-here"));
    for (realm, message, expected) in [
        (github, "Sorry. Your account was suspended.", blocked),
        (github, "Your account is suspended. Please check with your installation administrator.", blocked),
        (
            github,
            "Although you appear to have the correct authorization credentials, the `contoso` organization has an IP allow \
             list enabled, and your IP address is not permitted to access this resource.",
            barred,
        ),
        (gitlab, "403 Forbidden - Your account has been blocked.", blocked),
        (
            gitlab,
            "403 Forbidden - Your account is pending approval from your administrator and hence blocked.",
            blocked,
        ),
        (
            gitlab,
            "403 Forbidden - Your account has been deactivated by your administrator. Please log back in.",
            unfinished,
        ),
        (gitlab, "403 Forbidden - You (@a) must accept the Terms of Service in order to", unfinished),
        (gitlab, "403 Forbidden - Your primary email address is not confirmed.", unfinished),
        (
            gitlab,
            "403 Forbidden - Your password expired. Please access GitLab from a web browser",
            unfinished,
        ),
        (
            gitea,
            "This account is prohibited from signing in, please contact your site administrator.",
            blocked,
        ),
        (gitea, "This account is not activated.", unfinished),
        (gitea, "You must change your password. Change it at: https://x/user/change_password", unfinished),
        // Words of another service mean nothing here.
        (gitea, "Your account has been blocked.", (Outcome::Accepted, Some("missing-scope"))),
        (github, "Must have admin rights to Repository.", (Outcome::Accepted, Some("missing-scope"))),
    ] {
        let told = verdict(realm, 403, &[], &said(message));
        assert_eq!(problem(&told), expected, "{realm}: {message}");
        assert_eq!(told.reason.as_deref(), Some(message.trim()), "the service's own words are shown");
    }
    let rule =
        "VS403463: The conditional access policy defined by your Microsoft Entra administrator has failed.";
    for status in [401, 403] {
        assert_eq!(problem(&verdict(CONTOSO, status, &[], &said(rule))), barred, "{status}");
        let header =
            [("x-tfs-serviceerror", "VS403463%3A%20The%20conditional%20access%20policy%20has%20failed.")];
        assert_eq!(problem(&verdict(CONTOSO, status, &header, "")), barred, "{status}");
    }
}

#[test]
fn an_organisation_that_was_renamed_or_is_gone_has_a_sentence_and_a_hint_of_its_own() {
    for (realm, body) in [
        (CONTOSO, ""),
        (CONTOSO, "{\"message\":\"VS800075: The project does not exist.\"}"),
        (SERVER, "TF400324"),
    ] {
        let told = verdict(realm, 404, &[], body);
        assert_eq!(problem(&told), (Outcome::Unclear, Some("not-found")), "{realm} {body}");
    }
    let gone = Problem::Gone;
    assert!(gone.words("dev.azure.com").contains("has another name now, or is gone"));
    assert!(gone.hint("URL").unwrap().contains("keyfob move URL NEW-URL"));
    // A page may be that of something on the way.
    let page = verdict(CONTOSO, 404, &[("content-type", "text/html")], "<html>");
    assert_eq!(problem(&page), (Outcome::Unclear, Some("odd-answer")));
}

#[test]
fn conditional_access_in_whatever_words_is_no_missing_scope() {
    let said = |message: &str| serde_json::json!({ "message": message }).to_string();
    let barred = (Outcome::Unclear, Some("barred-here"));
    for message in [
        "AADSTS53003: Access has been blocked by policies.",
        "Access has been blocked by Conditional Access policies.",
        "TF400813: not authorized due to conditional access policy.",
    ] {
        for headers in [&[][..], &[("x-vss-userdata", "66666666-6666-6666-6666-666666666666:a@contoso.test")]]
        {
            assert_eq!(problem(&verdict(CONTOSO, 403, headers, &said(message))), barred, "{message}");
        }
    }
    // Only of a caller whom the service names is it known that the token is accepted.
    let told = verdict(CONTOSO, 403, &[], &said("TF401019: no."));
    assert_eq!(problem(&told), (Outcome::Unclear, Some("odd-answer")));
}

#[test]
fn the_reason_in_a_header_is_shown_whatever_the_body_is() {
    let header = ("x-tfs-serviceerror", "TF400409%3A%20You%20do%20not%20have%20licensing%20rights.");
    let user = ("x-vss-userdata", "66666666-6666-6666-6666-666666666666:alice@contoso.test");
    for (headers, body) in [
        (&[header][..], ""),
        (&[header], "Access denied."),
        (&[header, ("content-type", "text/plain")], "no"),
        (&[header, user], ""),
        (&[header, user], "no"),
    ] {
        let told = verdict(CONTOSO, 403, headers, body);
        assert_eq!(told.reason.as_deref(), Some("TF400409: You do not have licensing rights."), "{body}");
    }
}

#[test]
fn a_token_that_single_sign_on_wants_authorised_says_so_without_the_address_that_does_it() {
    let sign_on =
        [("x-github-sso", "required; url=https://github.com/orgs/contoso/sso?authorization_request=s3cret")];
    let body = "{\"message\":\"Resource protected by organization SAML enforcement.\"}";
    let told = verdict("github/github.com", 403, &sign_on, body);
    assert_eq!(problem(&told), (Outcome::Unclear, Some("single-sign-on")));
    let words = format!("{:?} {}", told, told.problem.clone().unwrap().words("api.github.com"));
    assert!(!words.contains("s3cret"), "{words}");
    // Results that some organisations left out are an answer all the same.
    let partial = [("x-github-sso", "partial-results; organizations=21955855")];
    let told = verdict("github/github.com", 200, &partial, "{\"login\":\"alice\"}");
    assert_eq!(problem(&told), (Outcome::Accepted, None));
}

#[test]
fn what_gitlab_tells_of_a_token_is_read() {
    let body = "{\"user_id\":42,\"scopes\":[\"api\"],\"active\":true,\"revoked\":false,\"expires_at\":\"2027-01-31\"}";
    let told = verdict("gitlab/gitlab.com", 200, &[], body);
    assert_eq!((told.who.as_deref(), told.scopes.as_slice()), (Some("user 42"), &["api".to_owned()][..]));
    assert_eq!(crate::text::rfc3339(told.expires.unwrap()), "2027-01-31T00:00:00Z");
    let revoked = verdict("gitlab/gitlab.com", 200, &[], "{\"user_id\":42,\"revoked\":true}");
    assert_eq!(revoked.outcome, Outcome::Refused);
}

#[test]
fn bitbucket_data_center_accepts_only_whom_it_names() {
    let realm = "bitbucket-data-center/https://b";
    let told = verdict(realm, 200, &[("x-ausername", "alice")], "{}");
    assert_eq!((told.outcome, told.who.as_deref()), (Outcome::Accepted, Some("alice")));
    assert_eq!(verdict(realm, 200, &[], "{}").outcome, Outcome::Unclear);
}

#[test]
fn a_services_words_come_as_one_line_of_bounded_length() {
    let body = serde_json::json!({ "message": format!("a\r\nb {}", "x".repeat(5000)) }).to_string();
    let reason = verdict("gitea/codeberg.org", 401, &[], &body).reason.unwrap();
    assert!(reason.starts_with("a b xx") && reason.chars().count() == 300);
}
