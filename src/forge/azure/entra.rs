//! Signing in to Microsoft Entra, as values: what is asked, and what the answers mean. The sign-in is only for managing tokens
//! ([`super::pats`]).
//!
//! Everything goes to one fixed host; what an answer names is shown to the person and never asked. Deliberately absent: any
//! client id. Those of Microsoft's own programs are theirs; whoever wants this registers one of his own.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::forge::lifecycle::{DeviceCode, Poll, SignIn, Tenant};
use crate::forge::verify::shortened;
use crate::http_message::{Auth, Method, Request, Response};
use crate::remote::Remote;
use crate::secret::Secret;

use super::guid;
use super::refusal::Refusal;

/// The only host that is asked.
const HOST: &str = "login.microsoftonline.com";

/// Azure DevOps, as Entra knows it.
const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// Signing in to Microsoft Entra.
pub(super) static SIGN_IN: SignIn = SignIn {
    provider: "Microsoft Entra",
    service: "Azure DevOps",
    host: HOST,
    guide: "keyfob help azure-devops",
    program_name: "the Azure CLI",
    program: "az",
    arguments: &[
        "account",
        "get-access-token",
        "--resource",
        RESOURCE,
        "--query",
        "accessToken",
        "--output",
        "tsv",
    ],
    tenant_option: "--tenant",
    any_tenant: "organizations",
    ask_tenant: |site| ask_tenant(site.realm.what()),
    read_tenant,
    no_tenant: |site| Refusal::NoTenant.into_error(site).into(),
    begin,
    read_begun,
    ask,
    read_poll,
};

/// Where a person enters the code, when the answer names no place that could be shown.
const PAGE: &str = "https://microsoft.com/devicelogin";

/// Asks an organisation for its tenant, as nobody.
fn ask_tenant(organisation: &str) -> Request {
    let url = format!("https://dev.azure.com/{organisation}/_apis/connectionData?api-version=7.1-preview.1");
    let mut request = Request::get(url, Auth::None);
    request.headers.push(("X-TFS-FedAuthRedirect", "Suppress"));
    request
}

/// Reads what it says.
fn read_tenant(answer: &Response) -> Tenant {
    let Some(said) = answer.header("x-vss-resourcetenant").map(str::trim) else { return Tenant::Unknown };
    match guid(said) {
        Some(id) => Tenant::Of(id),
        None if said.bytes().all(|byte| byte == b'0' || byte == b'-') && said.len() == 36 => Tenant::None,
        None => Tenant::Unknown,
    }
}

/// Begins a sign-in.
fn begin(client: &str, tenant: &str) -> Request {
    let scope: String =
        url::form_urlencoded::byte_serialize(format!("{RESOURCE}/.default").as_bytes()).collect();
    post(tenant, "devicecode", format!("client_id={client}&scope={scope}"))
}

/// Asks whether the person is done; shows the code of [`DeviceCode`].
fn ask(client: &str, tenant: &str) -> Request {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    post(tenant, "token", format!("grant_type={kind}&client_id={client}&device_code="))
}

fn post(tenant: &str, what: &str, form: String) -> Request {
    let url = format!("https://{HOST}/{tenant}/oauth2/v2.0/{what}");
    Request { method: Method::Post, ..Request::get(url, Auth::InForm(form)) }
}

#[derive(Deserialize)]
struct WireBegun {
    device_code: Zeroizing<String>,
    user_code: String,
    #[serde(default)]
    verification_uri: String,
    #[serde(default = "interval")]
    interval: u64,
    #[serde(default = "lasts")]
    expires_in: u64,
}

fn interval() -> u64 {
    5
}

fn lasts() -> u64 {
    900
}

#[derive(Deserialize)]
struct WireToken {
    access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct WireError {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Reads what began; an error is why nothing did, in the service's words.
fn read_begun(answer: &Response) -> Result<DeviceCode, String> {
    let begun = match (answer.status, answer.json::<WireBegun>()) {
        (200, Some(begun)) if !begun.device_code.is_empty() && !begun.user_code.is_empty() => begun,
        _ => return Err(said(answer)),
    };
    let plain = |c: char| c.is_ascii_graphic();
    let page = begun.verification_uri;
    let shown = page.len() <= 100 && page.chars().all(plain) && is_microsofts(&page);
    Ok(DeviceCode {
        code: Secret::copy_of(begun.device_code.as_bytes()),
        user_code: begun.user_code.chars().filter(|c| plain(*c)).take(40).collect(),
        page: if shown { page } else { PAGE.to_owned() },
        interval: begun.interval.clamp(1, 60),
        lasts: begun.expires_in.clamp(1, 1800),
    })
}

/// Whether a person may be sent there to sign in: whoever got between us and the service would name a page of his own.
fn is_microsofts(page: &str) -> bool {
    let Ok((remote, None)) = Remote::from_url(page) else { return false };
    let within = |domain: &str| {
        remote.host().strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    remote.is_https()
        && remote.port().is_none()
        && ["microsoft.com", "microsoftonline.com"].into_iter().any(within)
}

/// Reads what came of a question.
fn read_poll(answer: &Response) -> Poll {
    if answer.status == 200 {
        return match answer.json::<WireToken>().filter(|token| !token.access_token.is_empty()) {
            Some(token) => Poll::Done(Secret::copy_of(token.access_token.as_bytes())),
            None => Poll::Over("its answer cannot be read".to_owned()),
        };
    }
    let Some(WireError { error, .. }) = answer.json::<WireError>() else {
        // A bad minute: the person may still be typing.
        return match answer.status {
            429 => Poll::Slower,
            500.. => Poll::Wait,
            _ => Poll::Over(said(answer)),
        };
    };
    match error.as_str() {
        "authorization_pending" => Poll::Wait,
        "slow_down" => Poll::Slower,
        "authorization_declined" | "access_denied" => Poll::Over("it was declined".to_owned()),
        "expired_token" | "code_expired" => Poll::Over("the code was not entered in time".to_owned()),
        _ => Poll::Over(said(answer)),
    }
}

/// The service's words, without the trace ids behind the first sentence's line.
fn said(answer: &Response) -> String {
    let error = answer.json::<WireError>();
    let words = error.as_ref().map(|error| {
        let first = error.error_description.lines().next().unwrap_or_default();
        if first.is_empty() { error.error.as_str() } else { first }
    });
    words.and_then(shortened).unwrap_or_else(|| format!("its answer cannot be read ({})", answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: Zeroizing::new(body.as_bytes().to_vec()) }
    }

    #[test]
    fn everything_goes_to_the_one_host_and_the_code_only_into_the_body() {
        let tenant = "11111111-1111-1111-1111-111111111111";
        let (first, next) = (begin("client", tenant), ask("client", tenant));
        for request in [&first, &next] {
            assert!(
                request.url.starts_with(&format!("https://{HOST}/{tenant}/oauth2/v2.0/")),
                "{}",
                request.url
            );
            assert!(matches!(request.auth, Auth::InForm(_)) && request.method == Method::Post);
        }
        let Auth::InForm(form) = first.auth else { panic!() };
        assert_eq!(form, "client_id=client&scope=499b84ac-1321-427f-aa17-267ca6975798%2F.default");
        assert_eq!(ask_tenant("contoso").auth, Auth::None);
    }

    #[test]
    fn what_begins_a_sign_in_is_bounded_and_shown_only_if_it_is_harmless() {
        let body = |uri: &str, interval: u64| {
            serde_json::json!({
                "device_code": "d", "user_code": "AB\u{1b}CD", "verification_uri": uri, "interval": interval,
                "expires_in": 99_999, "message": "x",
            })
            .to_string()
        };
        let begun = read_begun(&answer(200, &[], &body("https://login.microsoft.com/device", 0))).unwrap();
        assert_eq!((begun.interval, begun.lasts, begun.user_code.as_str()), (1, 1800, "ABCD"));
        assert_eq!(begun.page, "https://login.microsoft.com/device");
        for odd in [
            "http://evil.test",
            "",
            "https://x\u{1b}[2J",
            "javascript:1",
            "https://evil.test/device",
            "https://evilmicrosoft.com/device",
            "https://microsoft.com.evil.test",
            "https://microsoft.com@evil.test",
            "https://me@microsoft.com",
            "http://microsoft.com/devicelogin",
        ] {
            assert_eq!(read_begun(&answer(200, &[], &body(odd, 5))).unwrap().page, PAGE, "{odd}");
        }
        let error = "{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: no such application.\\r\\nTrace ID: 1\"}";
        let why = read_begun(&answer(400, &[], error)).unwrap_err();
        assert_eq!(why, "AADSTS700016: no such application.");
        for bad in ["", "{}", "[]", "<html>", "{\"device_code\":\"\",\"user_code\":\"\"}"] {
            assert!(read_begun(&answer(200, &[], bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_question_is_repeated_only_while_the_person_is_not_done() {
        let poll = |error: &str| read_poll(&answer(400, &[], &format!("{{\"error\":\"{error}\"}}")));
        assert!(matches!(poll("authorization_pending"), Poll::Wait));
        let slower = poll("slow_down");
        assert_eq!((slower.pause(5), slower.pause(58), Poll::Wait.pause(5)), (10, 60, 5));
        for over in ["authorization_declined", "expired_token", "bad_verification_code", "invalid_grant", ""]
        {
            assert!(matches!(poll(over), Poll::Over(_)), "{over}");
        }
        assert!(matches!(read_poll(&answer(503, &[], "down")), Poll::Wait));
        assert!(matches!(read_poll(&answer(429, &[], "")), Poll::Slower));
        assert!(matches!(read_poll(&answer(302, &[], "")), Poll::Over(_)));
        let Poll::Done(bearer) = read_poll(&answer(200, &[], "{\"access_token\":\"ey\"}")) else { panic!() };
        assert!(bearer.same_as(&Secret::copy_of(b"ey")));
        assert!(matches!(read_poll(&answer(200, &[], "{\"access_token\":\"\"}")), Poll::Over(_)));
    }

    #[test]
    fn an_organisation_names_its_tenant_or_that_it_has_none() {
        let tenant = |value: &str| read_tenant(&answer(401, &[("x-vss-resourcetenant", value)], ""));
        let id = "11111111-1111-1111-1111-111111111111";
        assert_eq!(tenant(id), Tenant::Of(id.to_owned()));
        assert_eq!(tenant("00000000-0000-0000-0000-000000000000"), Tenant::None);
        for odd in ["", "evil.test/x", "../..", "0"] {
            assert_eq!(tenant(odd), Tenant::Unknown, "{odd}");
        }
        assert_eq!(read_tenant(&answer(200, &[], "")), Tenant::Unknown);
    }
}
