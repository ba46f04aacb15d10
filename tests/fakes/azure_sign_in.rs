//! The services around the sign-in of a person, which keyfob does not use: who one is, one's organisations, and the older way by
//! which Git Credential Manager makes tokens. They are here so that a token that strays there is seen, and refused as the service
//! refuses it.

use std::sync::Arc;

use serde_json::json;

use super::azure_answers::{self as azure, Denial};
use super::http::{Handler, Request, Response};

fn said(body: &serde_json::Value) -> Response {
    azure::marks(Response::with(200, "application/json; charset=utf-8", body.to_string()))
}

/// For `app.vssps.visualstudio.com` and `dev.azure.com`: opened by the bearer of a person only, an organisation's token gets 401.
/// (Sourced: specifications, client sources, and reports of that 401.)
pub fn handler(bearer: &str) -> Handler {
    let bearer = format!("Bearer {bearer}");
    Arc::new(move |request: &Request| {
        if request.header("authorization") != Some(&bearer) {
            return azure::services_denial(request, Denial::Anonymous, false);
        }
        let path = request.path();
        let location = "/_apis/ServiceDefinitions/LocationService2/951917AC-A960-4999-8464-E3F0AA25B381";
        match request.method.as_str() {
            "GET" if path.ends_with("/_apis/profile/profiles/me") => said(&json!({
                "displayName": "Alice", "publicAlias": "66666666-6666-6666-6666-666666666666",
                "emailAddress": "alice@contoso.test", "coreRevision": 1, "timeStamp": "2026-01-01T00:00:00Z",
                "id": "66666666-6666-6666-6666-666666666666", "revision": 1,
            })),
            "GET" if path.ends_with("/_apis/accounts") => said(&json!({
                "count": 1,
                "value": [{
                    "accountId": "99999999-9999-9999-9999-999999999999", "accountName": "contoso",
                    "accountUri": "https://vssps.dev.azure.com:443/contoso/", "properties": {},
                }],
            })),
            "GET" if path.ends_with(location) => {
                said(&json!({ "location": "https://vssps.dev.azure.com/contoso/" }))
            }
            "POST" if path.ends_with("/_apis/token/sessiontokens") => {
                said(&json!({ "token": super::azure_pats::made(0), "validTo": "2027-01-01T00:00:00Z" }))
            }
            _ => azure::marks(Response::with(404, "text/plain", "There is nothing here.\n")),
        }
    })
}
