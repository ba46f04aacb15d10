//! A feed of Python packages as Azure Artifacts has it: the simple index and uploads below
//! `pkgs.dev.azure.com/ORGANISATION/_packaging/FEED/pypi/`, downloads by a redirect to blob storage, which takes no token.
//! The feed holds one package, `greeting`, which the test provides as a wheel.

use std::sync::{Arc, Mutex};

use super::http::{Handler, Request, Response};
use super::log;

/// The wheel's file name.
pub const WHEEL: &str = "greeting-1.0-py3-none-any.whl";

/// A feed service.
#[derive(Clone)]
pub struct PythonIndex {
    wheel: Vec<u8>,
    /// Organisation and token.
    tokens: Vec<(String, String)>,
    uploads: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl PythonIndex {
    /// One with this wheel that lets these tokens in, each into its organisation.
    pub fn new(wheel: Vec<u8>, tokens: &[(&str, &str)]) -> PythonIndex {
        let tokens = tokens.iter().map(|&(org, token)| (org.to_owned(), token.to_owned())).collect();
        PythonIndex { wheel, tokens, uploads: Arc::default() }
    }

    /// The front door, for `pkgs.dev.azure.com`.
    pub fn handler(&self) -> Handler {
        let index = self.clone();
        Arc::new(move |request| index.answer(request))
    }

    /// The storage, for `*.blob.core.windows.net`: whoever shows it a token is refused.
    pub fn storage(&self) -> Handler {
        let wheel = self.wheel.clone();
        Arc::new(move |request| {
            if request.header("authorization").is_some() {
                return Response::with(
                    403,
                    "application/xml",
                    "<Error><Code>AuthenticationFailed</Code></Error>",
                );
            }
            Response::with(200, "application/octet-stream", wheel.clone())
        })
    }

    /// What was uploaded, each as it came.
    pub fn uploads(&self) -> Vec<Vec<u8>> {
        self.uploads.lock().unwrap().clone()
    }

    fn answer(&self, request: &Request) -> Response {
        let mut segments = request.path().trim_matches('/').split('/');
        let organisation = segments.next().unwrap_or_default();
        let shown = request.header("authorization").and_then(log::basic).map(|(_, password)| password);
        let opens = |(org, token): &(String, String)| org == organisation && Some(token) == shown.as_ref();
        if !self.tokens.iter().any(opens) {
            return Response::with(401, "text/plain", "You need a token.\n")
                .header(
                    "WWW-Authenticate",
                    "Bearer authorization_uri=https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111",
                )
                .header("WWW-Authenticate", "Basic realm=\"https://pkgsprodweu1.pkgs.visualstudio.com/\"")
                .header("WWW-Authenticate", "TFS-Federated");
        }
        match (request.method.as_str(), segments.collect::<Vec<_>>().as_slice()) {
            ("GET", ["_packaging", _, "pypi", "simple"]) => page("greeting/"),
            ("GET", ["_packaging", _, "pypi", "simple", "greeting"]) => {
                page(&format!("../../download/greeting/1.0/{WHEEL}"))
            }
            ("GET" | "HEAD", ["_packaging", _, "pypi", "download", "greeting", "1.0", WHEEL]) => {
                Response::new(303).header("Location", format!("https://x1.blob.core.windows.net/b-1/{WHEEL}"))
            }
            ("POST", ["_packaging", _, "pypi", "upload"]) => {
                self.uploads.lock().unwrap().push(request.body.clone());
                Response::with(202, "text/plain", "")
            }
            _ => Response::with(404, "text/plain", "There is nothing here.\n"),
        }
    }
}

fn page(link: &str) -> Response {
    let name = link.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let body = format!("<!DOCTYPE html><html><body><a href=\"{link}\">{name}</a></body></html>\n");
    Response::with(200, "text/html", body)
}
