//! A feed of packages as its clients see it: files below a path, behind Basic. What is there is given, or redirected to storage,
//! which takes no token; what is sent is accepted. The kind of package is a matter of which files there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::http::{Handler, Request, Response};
use super::log;

/// A feed.
#[derive(Clone)]
pub struct Feed {
    prefix: String,
    token: Option<String>,
    /// What a login gives for later requests.
    session: Option<String>,
    files: Files,
}

/// Answers by path.
type Files = Arc<Mutex<BTreeMap<String, Response>>>;

impl Feed {
    /// Below `prefix` (`/contoso/_packaging/feed`, or nothing), opened by this token whatever the user name.
    pub fn new(prefix: &str, token: &str) -> Feed {
        Feed {
            prefix: prefix.to_owned(),
            token: Some(token.to_owned()),
            session: None,
            files: Files::default(),
        }
    }

    /// One that is open to all, and shut to whoever shows a token, as storage is.
    pub fn public(prefix: &str) -> Feed {
        Feed { prefix: prefix.to_owned(), token: None, session: None, files: Files::default() }
    }

    /// Takes this as a Bearer, too.
    #[must_use]
    pub fn session(self, session: &str) -> Feed {
        Feed { session: Some(session.to_owned()), ..self }
    }

    /// Has this file.
    pub fn hold(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> &Feed {
        self.answer(path, Response::with(200, content_type, body))
    }

    /// Answers with this.
    pub fn answer(&self, path: &str, response: Response) -> &Feed {
        self.files.lock().unwrap().insert(path.to_owned(), response);
        self
    }

    /// The front door.
    pub fn handler(&self) -> Handler {
        let feed = self.clone();
        Arc::new(move |request| feed.respond(request))
    }

    fn opens(&self, shown: Option<&str>, token: &str) -> bool {
        let session = self.session.as_ref().map(|session| format!("Bearer {session}"));
        shown.is_some_and(|shown| Some(shown) == session.as_deref())
            || shown.and_then(log::basic).is_some_and(|(_, password)| password == token)
    }

    fn respond(&self, request: &Request) -> Response {
        let shown = request.header("authorization");
        match &self.token {
            None if shown.is_some() => return Response::with(403, "text/plain", "No tokens here.\n"),
            Some(token) if !self.opens(shown, token) => {
                return Response::with(401, "text/plain", "You need a token.\n").header(
                    "WWW-Authenticate",
                    "Basic realm=\"https://pkgsprodweu1.pkgs.visualstudio.com/\"",
                );
            }
            _ => {}
        }
        let Some(path) = request.path().strip_prefix(&self.prefix) else {
            return Response::with(404, "text/plain", "There is nothing here.\n");
        };
        match request.method.as_str() {
            "GET" | "HEAD" => {
                let path = super::http::percent_decode(path);
                let held = self.files.lock().unwrap().get(&path).cloned();
                held.unwrap_or_else(|| Response::with(404, "text/plain", "There is nothing here.\n"))
            }
            _ => Response::with(201, "application/json", "{}"),
        }
    }
}
