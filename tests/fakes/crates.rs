//! A registry of crates as cargo sees it: a sparse index that asks for a token, downloads, and publishing, all of it in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::http::{Handler, Request, Response};

/// What was published: the lines of the index and the files, by name.
type Crates = Arc<Mutex<BTreeMap<String, (String, Vec<u8>)>>>;

/// One below `prefix` (`/contoso/_packaging/feed/Cargo`, or nothing), for which exactly this Authorization header is good.
pub fn crates(prefix: &str, authorization: &str) -> Handler {
    let (prefix, authorization) = (prefix.to_owned(), authorization.to_owned());
    let held = Crates::default();
    Arc::new(move |request| {
        let Some(path) = request.path().strip_prefix(&prefix) else {
            return Response::with(404, "text/plain", "There is nothing here.\n");
        };
        if request.header("authorization") != Some(&authorization) {
            return Response::with(401, "text/plain", "Who are you?\n")
                .header("WWW-Authenticate", "Cargo login_url=\"https://registry.example.test/me\"");
        }
        answer(request, path, &format!("{}{prefix}", request.origin()), &held)
    })
}

fn answer(request: &Request, path: &str, url: &str, held: &Crates) -> Response {
    let mut held = held.lock().unwrap();
    if path == "/index/config.json" {
        let text = format!(r#"{{"dl":"{url}/dl/{{crate}}/{{version}}","api":"{url}","auth-required":true}}"#);
        return Response::with(200, "application/json", text);
    }
    if request.method == "PUT" && path == "/api/v1/crates/new" {
        let (about, file) = parts(&request.body);
        let about: serde_json::Value = serde_json::from_slice(about).unwrap();
        let sum = Sha256::digest(file).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let name = about["name"].as_str().unwrap();
        let line = serde_json::json!({
            "name": name, "vers": about["vers"], "deps": [], "cksum": sum, "features": {}, "yanked": false,
        });
        held.insert(name.to_owned(), (format!("{line}\n"), file.to_vec()));
        return Response::with(200, "application/json", "{}");
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let found = match path.split('/').nth(1) {
        Some("index") => held.get(&name(path)).map(|(line, _)| line.clone().into_bytes()),
        Some("dl") => held.get(path.split('/').nth(2).unwrap_or_default()).map(|(_, file)| file.clone()),
        _ => None,
    };
    match found {
        Some(bytes) => Response::with(200, "application/octet-stream", bytes),
        None => Response::with(404, "text/plain", "There is no such crate.\n"),
    }
}

/// What a publication says of the crate, and the crate: each behind its length.
fn parts(body: &[u8]) -> (&[u8], &[u8]) {
    let take = |body: &[u8]| u32::from_le_bytes(body[..4].try_into().unwrap()) as usize;
    let (about, rest) = body[4..].split_at(take(body));
    (about, &rest[4..4 + take(rest)])
}
