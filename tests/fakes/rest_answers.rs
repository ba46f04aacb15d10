//! The one REST call of each forge beside Azure DevOps that tells whether a token is good, in that forge's own words.

use std::sync::Arc;

use serde_json::json;

use super::http::{Handler, Request, Response};

fn json(status: u16, body: &serde_json::Value) -> Response {
    Response::with(status, "application/json; charset=utf-8", body.to_string())
}

/// api.github.com: `user`, for this classic token.
pub fn github(token: &str) -> Handler {
    let token = token.to_owned();
    Arc::new(move |request: &Request| {
        if request.header("authorization") != Some(&format!("Bearer {token}")) {
            return json(401, &json!({ "message": "Bad credentials" }));
        }
        match request.path() {
            "/user" | "/api/v3/user" => json(200, &json!({ "login": "alice", "id": 1 }))
                .header("X-OAuth-Scopes", "repo, read:packages")
                .header("GitHub-Authentication-Token-Expiration", "2099-01-31 12:00:00 UTC"),
            _ => json(404, &json!({ "message": "Not Found" })),
        }
    })
}

/// gitlab.com: the token's own description.
pub fn gitlab(token: &str) -> Handler {
    let token = token.to_owned();
    Arc::new(move |request: &Request| {
        if request.header("private-token") != Some(&token) {
            return json(401, &json!({ "message": "401 Unauthorized" }));
        }
        match request.path() {
            "/api/v4/personal_access_tokens/self" => json(
                200,
                &json!({
                    "id": 7, "name": "ci", "user_id": 42, "active": true, "revoked": false,
                    "scopes": ["read_repository"], "expires_at": "2099-01-31",
                }),
            ),
            _ => json(404, &json!({ "error": "404 Not Found" })),
        }
    })
}

/// codeberg.org and other Giteas: `user`.
pub fn gitea(token: &str) -> Handler {
    let token = token.to_owned();
    Arc::new(move |request: &Request| {
        if request.header("authorization") != Some(&format!("token {token}")) {
            return json(401, &json!({ "message": "user does not exist [uid: 0, name: ]" }));
        }
        match request.path() {
            "/api/v1/user" => json(200, &json!({ "login": "alice", "id": 1 })),
            _ => json(404, &json!({ "message": "Not Found" })),
        }
    })
}

/// api.bitbucket.org: `user`, for an API token beside its account's address.
pub fn bitbucket(account: &str, token: &str) -> Handler {
    let expected = (account.to_owned(), token.to_owned());
    Arc::new(move |request: &Request| {
        let given = request.header("authorization").and_then(super::log::basic);
        if given.as_ref() != Some(&expected) {
            return Response::with(401, "text/plain", "");
        }
        json(200, &json!({ "username": "alice", "type": "user" }))
            .header("X-OAuth-Scopes", "read:user:bitbucket")
    })
}
