//! A Go module proxy behind Basic (<https://go.dev/ref/mod#goproxy-protocol>), with one module, `example.test/greeting`.

use std::sync::Arc;

use super::archive::zip;
use super::http::{Handler, Response};
use super::log;

/// The module and its version.
pub const MODULE: &str = "example.test/greeting@v1.0.0";

/// One below `prefix` that lets in `user` with `token`.
pub fn go_proxy(prefix: &str, user: &str, token: &str) -> Handler {
    let (prefix, user, token) = (prefix.to_owned(), user.to_owned(), token.to_owned());
    Arc::new(move |request| {
        if request.header("authorization").and_then(log::basic) != Some((user.clone(), token.clone())) {
            return Response::with(401, "text/plain", "Who are you?\n")
                .header("WWW-Authenticate", "Basic realm=\"modules\"");
        }
        let text = |text: &str| Response::with(200, "text/plain", text);
        let module = "module example.test/greeting\n\ngo 1.20\n";
        match request
            .path()
            .strip_prefix(&prefix)
            .and_then(|path| path.strip_prefix("/example.test/greeting/@v/"))
        {
            Some("list") => text("v1.0.0\n"),
            Some("v1.0.0.info") => text("{\"Version\":\"v1.0.0\",\"Time\":\"2026-01-01T00:00:00Z\"}"),
            Some("v1.0.0.mod") => text(module),
            Some("v1.0.0.zip") => {
                let name = |file: &str| format!("{MODULE}/{file}");
                let files = [(name("go.mod"), module), (name("greeting.go"), "package greeting\n")];
                let files: Vec<(&str, &str)> =
                    files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
                Response::with(200, "application/zip", zip(&files))
            }
            _ => Response::with(404, "text/plain", "There is no such module.\n"),
        }
    })
}
