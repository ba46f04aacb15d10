//! The sign-in by device code at login.microsoftonline.com, which gives a person's bearer for the life of tokens. (Assumed: RFC 8628,
//! with the names that Microsoft documents.)

use std::sync::Arc;

use serde_json::json;

use super::azure_pats::{Pats, said};
use super::http::{Handler, Response};

impl Pats {
    /// `login.microsoftonline.com`, for the client id `our-client`: gives the person's bearer.
    pub fn entra(&self) -> Handler {
        let fake = self.clone();
        Arc::new(move |request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            if !body.contains("client_id=our-client") {
                let words = "AADSTS700016: no such application.";
                return said(400, json!({ "error": "unauthorized_client", "error_description": words }));
            }
            if request.path().ends_with("/devicecode") {
                let begun = json!({
                    "device_code": "s3cret-device-code", "user_code": "ABCD-1234", "interval": 1, "expires_in": 900,
                    "verification_uri": "https://microsoft.com/devicelogin", "message": "x",
                });
                return said(200, begun);
            }
            let known = body.ends_with("device_code=s3cret-device-code");
            fake.change(|state| match state.pending {
                _ if !known => said(400, json!({ "error": "bad_verification_code" })),
                // The connection ends in the middle of the head.
                usize::MAX => {
                    state.pending = 0;
                    Response::verbatim(200, "HTTP/1.1 400 Bad Requ")
                }
                0 => said(200, json!({ "access_token": state.bearer, "token_type": "Bearer" })),
                _ => {
                    state.pending -= 1;
                    said(400, json!({ "error": "authorization_pending" }))
                }
            })
        })
    }
}
