//! Tokens that stand in the environment, for pipelines: read-only, nothing on disk (R13). Each is bound to its URL. A value that is
//! no token, or an entry of a list that is odd, gives none and takes nothing else with it; why is kept, so that whoever gets no token
//! can be told. Which realm a URL belongs to is the wallet's business.

use crate::environment::Environment;
use crate::error::Unusable;
use crate::forge::{Need, Recognition, recognise};
use crate::remote::Remote;
use crate::secret::Secret;

use super::Record;
use list::{Entry, Names, entries};

mod list;

/// The environment.
pub static STORE: Record = Record {
    name: "environment",
    place: "environment variables of the process (KEYFOB_URL with KEYFOB_TOKEN, KEYFOB_TOKENS, and those of pipelines)",
    claim: "nothing on disk; whoever can read the environment of the process can read the token",
    rank: None,
    availability: |_| super::Availability::No("it is read-only: set the variables".to_owned()),
    open: None,
};

/// A token from the environment.
pub struct EnvironmentToken {
    /// The place it is for.
    pub remote: Remote,
    /// The user name that was given with it.
    pub user: Option<String>,
    /// The token.
    pub token: Secret,
    /// The variable that it came from.
    pub from: &'static str,
    /// What it may be used for, where the variable says so.
    pub need: Option<Need>,
    /// Whether the URL is one endpoint, and not the beginning of many.
    pub is_endpoint: bool,
}

/// A variable that is set, or an entry of it, that gives no token.
pub struct UnusableToken {
    /// The variable.
    pub from: &'static str,
    /// Why it gives none.
    pub why: Unusable,
    /// The place it would be for, where that can be seen.
    pub remote: Option<Remote>,
    /// The user name that goes with it.
    pub user: Option<String>,
    /// What it could be used for, where the variable says so.
    pub need: Option<Need>,
}

impl UnusableToken {
    /// In words, without the value.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} is ignored: {}", self.from, self.why)
    }
}

/// All that the environment has for keyfob.
#[derive(Default)]
pub struct Given {
    /// The tokens.
    pub tokens: Vec<EnvironmentToken>,
    /// What is set and gives no token.
    pub unusable: Vec<UnusableToken>,
}

/// Variables that hold a token, with those that hold its URL (the first that is set counts).
const PAIRS: &[(&str, &[&str])] = &[
    ("KEYFOB_TOKEN", &["KEYFOB_URL"]),
    ("SYSTEM_ACCESSTOKEN", &["SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"]),
    (
        "AZURE_DEVOPS_EXT_PAT",
        &["AZURE_DEVOPS_ORG_URL", "AZURE_DEVOPS_ORGANIZATION_URL", "SYSTEM_COLLECTIONURI"],
    ),
];

/// The variable of a list of tokens of keyfob's own.
const LIST: &str = "KEYFOB_TOKENS";

/// Variables that hold Microsoft's list of feeds; the newer name first.
const ENDPOINTS: &[&str] =
    &["ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS", "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"];

/// The variable of a sign-in to Microsoft Entra, for the life of tokens; it opens no repository.
pub const ENTRA: &str = "KEYFOB_ENTRA_TOKEN";

/// Variables that hold one token for package feeds, with those that hold the beginnings of the feeds' URLs, separated by
/// semicolons; the newer names first.
const PREFIXES: &[(&str, &str)] = &[
    ("ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN", "ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES"),
    ("VSS_NUGET_ACCESSTOKEN", "VSS_NUGET_URI_PREFIXES"),
];

/// The variable that names hosts whose tokens of the environment may travel over plain http.
pub const ALLOW_HTTP: &str = "KEYFOB_ALLOW_HTTP";

/// All that the environment has for keyfob.
#[must_use]
pub fn read(environment: &Environment) -> Given {
    let mut reader = Reader { environment, given: Given::default() };
    for &(variable, urls) in PAIRS {
        reader.pair(variable, urls);
    }
    let own = Names { url: "url", token: "token", without: ["has no url", "has no token"] };
    reader.list(&[LIST], None, &own, "a JSON list of objects with url and token");
    let theirs =
        Names { url: "endpoint", token: "password", without: ["has no endpoint", "has no password"] };
    reader.list(ENDPOINTS, Some("endpointCredentials"), &theirs, "JSON with endpointCredentials");
    reader.prefixes();
    reader.given
}

struct Reader<'e> {
    environment: &'e Environment,
    given: Given,
}

impl Reader<'_> {
    /// The value of a variable, be it empty; `None` where it is not set.
    fn value(&mut self, variable: &'static str) -> Option<String> {
        match self.environment.given(variable)?.into_string() {
            Ok(text) => Some(text),
            Err(_) => {
                self.ignore(variable, Unusable::NotText, None);
                None
            }
        }
    }

    fn pair(&mut self, variable: &'static str, urls: &[&'static str]) {
        let Some(token) = self.value(variable) else { return };
        match urls.iter().find_map(|name| self.environment.text(name)) {
            Some(url) => {
                let named = || self.environment.text("KEYFOB_USERNAME");
                let user = (variable == "KEYFOB_TOKEN").then(named).flatten();
                self.add(variable, &url, user, Secret::new(token.into_bytes()), None, false);
            }
            // Set by others for their own use, often without a URL: only keyfob's own is worth a word.
            None if variable == "KEYFOB_TOKEN" && !token.is_empty() => {
                drop(Secret::new(token.into_bytes()));
                self.ignore(variable, Unusable::NoUrl("KEYFOB_URL"), None);
            }
            None => drop(Secret::new(token.into_bytes())),
        }
    }

    /// A list, in the first of these variables that has something in it.
    fn list(&mut self, variables: &[&'static str], below: Option<&str>, names: &Names, form: &'static str) {
        let need = below.map(|_| Need::Packages);
        let mut set =
            variables.iter().filter_map(|&name| Some((name, self.value(name)?))).collect::<Vec<_>>();
        set.sort_by_key(|(_, text)| text.trim().is_empty());
        let Some((variable, text)) = set.into_iter().next() else { return };
        let why = match entries(&text, below, names) {
            Some(list) => {
                for entry in list {
                    match entry {
                        Ok(Entry { url, user, token: Ok(token) }) => {
                            self.add(variable, &url, user, token, need, below.is_some());
                        }
                        Ok(Entry { url, user, token: Err(why) }) => {
                            let remote = Remote::from_url(&url).ok().map(|(remote, _)| remote);
                            self.refuse(variable, why, remote, user, need);
                        }
                        Err(why) => self.ignore(variable, why, need),
                    }
                }
                return;
            }
            None => Unusable::of(text.trim().as_bytes()).filter(|why| !matches!(why, Unusable::NotToken)),
        };
        self.ignore(variable, why.unwrap_or(Unusable::Form(form)), need);
    }

    fn prefixes(&mut self) {
        for &(variable, urls) in PREFIXES {
            // One without the other is set by nobody who means keyfob.
            let Some(urls) = self.environment.text(urls) else { continue };
            let Some(token) = self.value(variable) else { continue };
            let token = Secret::new(token.into_bytes());
            for url in urls.split(';').map(str::trim).filter(|url| !url.is_empty()) {
                self.add(variable, url, None, token.duplicate(), Some(Need::Packages), false);
            }
            return;
        }
    }

    fn add(
        &mut self,
        from: &'static str,
        url: &str,
        user: Option<String>,
        token: Secret,
        need: Option<Need>,
        is_endpoint: bool,
    ) {
        let Ok((remote, in_url)) = Remote::from_url(url) else {
            return self.refuse(from, Unusable::BadUrl, None, user, need);
        };
        // An organisation in the URL's user part is kept in the path-less case; see R2.
        let user = user.or(in_url).filter(|user| !user.is_empty());
        let token = token.trimmed();
        if let Some(why) = Unusable::of(token.expose()).or_else(|| self.must_not_travel(&remote)) {
            return self.refuse(from, why, Some(remote), user, need);
        }
        self.given.tokens.push(EnvironmentToken { remote, user, token, from, need, is_endpoint });
    }

    /// Why a token must not go to this place: plain http that nobody allowed (R1).
    fn must_not_travel(&self, remote: &Remote) -> Option<Unusable> {
        if remote.is_https() || remote.is_loopback() {
            return None;
        }
        match recognise(remote, None) {
            Recognition::Never => Some(Unusable::PlainHttpToCloud),
            _ if allows_http(self.environment, remote) => None,
            _ => Some(Unusable::PlainHttp),
        }
    }

    fn ignore(&mut self, from: &'static str, why: Unusable, need: Option<Need>) {
        self.refuse(from, why, None, None, need);
    }

    fn refuse(
        &mut self,
        from: &'static str,
        why: Unusable,
        remote: Option<Remote>,
        user: Option<String>,
        need: Option<Need>,
    ) {
        self.given.unusable.push(UnusableToken { from, why, remote, user, need });
    }
}

/// Whether [`ALLOW_HTTP`] names the host, alone or with its port.
#[must_use]
pub fn allows_http(environment: &Environment, remote: &Remote) -> bool {
    let hosts = environment.text(ALLOW_HTTP).unwrap_or_default();
    let separates = |c: char| c == ',' || c == ';' || c.is_whitespace();
    let mut hosts = hosts.split(separates).filter(|host| !host.is_empty());
    hosts.any(|host| {
        // As a URL, so that it is compared as every other host is.
        let given = Remote::from_url(&format!("http://{}", host.trim_start_matches("http://")));
        given.is_ok_and(|(given, _)| {
            given.host() == remote.host() && (given.port().is_none() || given.port() == remote.port())
        })
    })
}

#[cfg(test)]
mod tests;
