//! A registry of Terraform modules behind Bearer (<https://developer.hashicorp.com/terraform/internals/module-registry-protocol>),
//! with one module, `acme/greeting/test`. Its download takes no token.

use std::sync::Arc;

use super::archive::tar_gz;
use super::http::{Handler, Response};

/// The module, behind the host.
pub const MODULE: &str = "acme/greeting/test";

/// One that lets this token in.
pub fn terraform_registry(token: &str) -> Handler {
    let header = format!("Bearer {token}");
    Arc::new(move |request| {
        let json = |text: &str| Response::with(200, "application/json", text);
        if request.path() == "/files/greeting.tgz" {
            let files = tar_gz(&[("main.tf", "output \"text\" {\n  value = \"hello\"\n}\n")]);
            return Response::with(200, "application/x-gzip", files);
        }
        if request.path() == "/.well-known/terraform.json" {
            return json("{\"modules.v1\":\"/modules/v1/\"}");
        }
        if request.header("authorization") != Some(&header) {
            return Response::with(401, "application/json", "{\"errors\":[\"Unauthorized\"]}");
        }
        match request.path().strip_prefix("/modules/v1/acme/greeting/test/") {
            Some("versions") => json("{\"modules\":[{\"versions\":[{\"version\":\"1.0.0\"}]}]}"),
            Some("1.0.0/download") => {
                let url = format!("{}/files/greeting.tgz", request.origin());
                Response::new(204).header("X-Terraform-Get", url)
            }
            _ => Response::with(404, "application/json", "{}"),
        }
    })
}
