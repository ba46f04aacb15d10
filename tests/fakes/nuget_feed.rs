//! A feed of NuGet packages, protocol version 3, as Azure Artifacts has it: everything below
//! `/ORGANISATION-OR-COLLECTION/_packaging/FEED/nuget/v3/`, packages by a redirect to storage, which takes no token. The feed holds
//! one package, `Greeting` 1.0.0, which the test provides.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::http::{Handler, Request, Response};
use super::log;

/// A feed service.
#[derive(Clone)]
pub struct NugetFeed {
    package: Vec<u8>,
    /// The path before `_packaging`, and the token that opens it.
    tokens: Vec<(String, String)>,
    /// Where packages lie; nowhere else but in the feed itself, if this is nothing.
    storage: Arc<Mutex<Option<String>>>,
    /// What it offers beside Basic.
    offers: Vec<&'static str>,
    /// Whether somebody has tried Basic with nothing.
    tried: Arc<Mutex<bool>>,
}

impl NugetFeed {
    /// One with this package that lets these tokens in, each below its path.
    pub fn new(package: Vec<u8>, tokens: &[(&str, &str)]) -> NugetFeed {
        let tokens = tokens.iter().map(|&(path, token)| (path.to_owned(), token.to_owned())).collect();
        NugetFeed { package, tokens, storage: Arc::default(), offers: Vec::new(), tried: Arc::default() }
    }

    /// The same as a server on premises has it, which offers Windows authentication before Basic. mono first tries every offer
    /// without a credential, and fails at that one before anybody is asked; so it is only offered to those who have tried
    /// Basic with nothing, which is when a credential comes into play.
    pub fn on_premises(mut self) -> NugetFeed {
        self.offers = vec!["NTLM", "Negotiate"];
        self
    }

    fn refusal(&self, request: &Request) -> Response {
        let basic = format!("Basic realm=\"{}/\"", request.origin());
        let mut tried = self.tried.lock().unwrap();
        let offers = self.offers.iter().filter(|_| *tried).map(|offer| (*offer).to_owned());
        let all: Vec<String> = offers.chain([basic]).collect();
        *tried |= request.header("authorization") == Some("Basic Og==");
        let refusal = Response::with(401, "text/plain", "You need a token.\n");
        all.into_iter().fold(refusal, |refusal, offer| refusal.header("WWW-Authenticate", offer))
    }

    /// Sends those who want a package there.
    pub fn store_at(&self, url: &str) {
        *self.storage.lock().unwrap() = Some(url.to_owned());
    }

    /// The front door.
    pub fn handler(&self) -> Handler {
        let feed = self.clone();
        Arc::new(move |request| feed.answer(request))
    }

    /// The storage: whoever shows it a token is refused.
    pub fn storage(&self) -> Handler {
        let package = self.package.clone();
        Arc::new(move |request| {
            if request.header("authorization").is_some() {
                let words = "<Error><Code>AuthenticationFailed</Code></Error>";
                return Response::with(403, "application/xml", words);
            }
            Response::with(200, "application/octet-stream", package.clone())
        })
    }

    fn answer(&self, request: &Request) -> Response {
        let (place, rest) = request.path().split_once("/_packaging/").unwrap_or((request.path(), ""));
        let place = place.trim_matches('/');
        let shown = request.header("authorization").and_then(log::basic).map(|(_, password)| password);
        let opens = |(path, token): &(String, String)| path == place && Some(token) == shown.as_ref();
        if !self.tokens.iter().any(opens) {
            return self.refusal(request);
        }
        *self.tried.lock().unwrap() = false;
        let (feed, rest) = rest.split_once("/nuget/v3/").unwrap_or_default();
        let base = format!("{}/{place}/_packaging/{feed}/nuget/v3", request.origin());
        let file = "greeting/1.0.0/greeting.1.0.0.nupkg";
        let content = format!("{base}/flat2/{file}");
        let json = |value: serde_json::Value| Response::with(200, "application/json", value.to_string());
        match rest {
            "index.json" => json(json!({ "version": "3.0.0", "resources": [
                { "@id": format!("{base}/flat2/"), "@type": "PackageBaseAddress/3.0.0" },
                { "@id": format!("{base}/registrations/"), "@type": "RegistrationsBaseUrl" },
                { "@id": format!("{base}/registrations/"), "@type": "RegistrationsBaseUrl/3.4.0" },
            ] })),
            "registrations/greeting/index.json" => json(json!({
                "@id": format!("{base}/registrations/greeting/index.json"),
                "count": 1,
                "items": [{
                    "@id": format!("{base}/registrations/greeting/index.json#page"),
                    "count": 1, "lower": "1.0.0", "upper": "1.0.0",
                    "items": [{
                        "@id": format!("{base}/registrations/greeting/1.0.0.json"),
                        "packageContent": content,
                        "catalogEntry": {
                            "@id": format!("{base}/catalog/greeting.json"),
                            "id": "Greeting", "version": "1.0.0", "listed": true, "dependencyGroups": [],
                        },
                    }],
                }],
            })),
            "flat2/greeting/index.json" => json(json!({ "versions": ["1.0.0"] })),
            _ if rest.strip_prefix("flat2/") == Some(file) => match &*self.storage.lock().unwrap() {
                Some(url) => Response::new(303).header("Location", format!("{url}/b-1/greeting.1.0.0.nupkg")),
                None => Response::with(200, "application/octet-stream", self.package.clone()),
            },
            _ => Response::with(404, "text/plain", "There is nothing here.\n"),
        }
    }
}
