//! A container registry as a client sees it: one image in one repository, behind Basic. It can be pulled; it takes no pushes.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::http::{Handler, Request, Response};
use super::log;

/// The repository and tag of the image.
pub const IMAGE: &str = "team/app:1";

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// A gzip stream with nothing in it, as the only layer: an empty archive.
const EMPTY: &[u8] = &[31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// One that lets in `user` with `token`.
pub fn registry(user: &str, token: &str) -> Handler {
    let (user, token) = (user.to_owned(), token.to_owned());
    Arc::new(move |request| {
        let let_in =
            request.header("authorization").and_then(log::basic) == Some((user.clone(), token.clone()));
        if let_in { answer(request) } else { denial() }
    })
}

fn denial() -> Response {
    let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    Response::with(401, "application/json", body)
        .header("Docker-Distribution-Api-Version", "registry/2.0")
        .header("WWW-Authenticate", "Basic realm=\"registry\"")
}

fn answer(request: &Request) -> Response {
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        digest(b"")
    );
    let part = |kind: &str, bytes: &[u8]| {
        format!(r#"{{"mediaType":"{kind}","size":{},"digest":"{}"}}"#, bytes.len(), digest(bytes))
    };
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        part(CONFIG, config.as_bytes()),
        part(LAYER, EMPTY)
    );
    let blob = |kind: &str, bytes: &[u8]| {
        Response::with(200, kind, bytes).header("Docker-Content-Digest", digest(bytes))
    };
    let response = match request.path().trim_end_matches('/').strip_prefix("/v2") {
        Some("") => Response::with(200, "application/json", "{}"),
        Some("/team/app/manifests/1") => blob(MANIFEST, manifest.as_bytes()),
        Some("/team/app/tags/list") => {
            Response::with(200, "application/json", r#"{"name":"team/app","tags":["1"]}"#)
        }
        Some(path) => {
            match path.strip_prefix("/team/app/blobs/").or(path.strip_prefix("/team/app/manifests/")) {
                Some(name) if name == digest(manifest.as_bytes()) => blob(MANIFEST, manifest.as_bytes()),
                Some(name) if name == digest(config.as_bytes()) => blob(CONFIG, config.as_bytes()),
                Some(name) if name == digest(EMPTY) => blob(LAYER, EMPTY),
                _ => Response::with(404, "application/json", r#"{"errors":[{"code":"NOT_FOUND"}]}"#),
            }
        }
        None => Response::with(404, "text/plain", "There is nothing here.\n"),
    };
    response.header("Docker-Distribution-Api-Version", "registry/2.0")
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
