//! A registry of npm packages as Azure Artifacts has it, below `pkgs.dev.azure.com/ORGANISATION/_packaging/FEED/npm/registry/`: one
//! package, `greeting`, whose download is a redirect to blob storage, which takes no token. And one that is open to all.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha512};

use super::archive::tar_gz;
use super::http::{Handler, Request, Response};
use super::log;

/// The package of the registry.
pub const PACKAGE: &str = "greeting";

/// One that lets these tokens in, each into its organisation, which is the first segment of the path or the first label of the
/// host.
pub fn npm_registry(tokens: &[(&str, &str)]) -> Handler {
    let tokens: Vec<(String, String)> =
        tokens.iter().map(|&(organisation, token)| (organisation.to_owned(), token.to_owned())).collect();
    Arc::new(move |request| {
        let host = request.host_name();
        let organisation = match host.strip_suffix(".pkgs.visualstudio.com") {
            Some(label) => label,
            None => request.path().split('/').nth(1).unwrap_or_default(),
        };
        let shown = request.header("authorization").and_then(log::basic).map(|(_, password)| password);
        let opens = |(org, token): &(String, String)| {
            org.eq_ignore_ascii_case(organisation) && Some(token) == shown.as_ref()
        };
        if !tokens.iter().any(opens) {
            return Response::with(401, "application/json", "{\"message\":\"You need a token.\"}")
                .header("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.com/1")
                .header("WWW-Authenticate", "Basic realm=\"https://pkgsprodweu1.pkgs.visualstudio.com/\"");
        }
        answer(request, PACKAGE)
    })
}

/// The storage, for `*.blob.core.windows.net`: whoever shows it a token is refused.
pub fn npm_storage() -> Handler {
    Arc::new(|request| match request.header("authorization") {
        Some(_) => Response::with(403, "application/xml", "<Error><Code>AuthenticationFailed</Code></Error>"),
        None => Response::with(200, "application/octet-stream", tarball(PACKAGE)),
    })
}

/// A registry for everyone, with one package; whoever shows it a token is refused.
pub fn open_registry(package: &'static str) -> Handler {
    Arc::new(move |request| match request.header("authorization") {
        Some(_) => Response::with(403, "application/json", "{}"),
        None if request.path().ends_with(".tgz") => {
            Response::with(200, "application/octet-stream", tarball(package))
        }
        None => answer(request, package),
    })
}

fn answer(request: &Request, package: &str) -> Response {
    let path = request.path();
    if request.method == "PUT" {
        return Response::with(201, "application/json", "{\"success\":true}");
    }
    if path.ends_with(&format!("/{package}-1.0.0.tgz")) {
        return Response::new(303)
            .header("Location", format!("https://x1.blob.core.windows.net/b-1/{package}-1.0.0.tgz"));
    }
    if !path.ends_with(&format!("/{package}")) {
        return Response::with(404, "application/json", "{}");
    }
    let sum = BASE64.encode(Sha512::digest(tarball(package)));
    let about = serde_json::json!({
        "name": package,
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": {
            "name": package,
            "version": "1.0.0",
            "dist": {
                "tarball": format!("{}{path}/-/{package}-1.0.0.tgz", request.origin()),
                "integrity": format!("sha512-{sum}"),
            },
        } },
    });
    Response::with(200, "application/json", about.to_string())
}

fn tarball(package: &str) -> Vec<u8> {
    let about = format!("{{\"name\":\"{package}\",\"version\":\"1.0.0\"}}");
    tar_gz(&[("package/package.json", &about), ("package/index.js", "module.exports = 'hello';\n")])
}
