//! Tokens that stand in the environment, for pipelines: read-only, nothing on disk (R13). Each is bound to its URL; one
//! without a URL is ignored, and `doctor` says so. Which realm a URL belongs to is the wallet's business.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::forge::Need;
use crate::remote::Remote;
use crate::secret::Secret;

use super::Record;

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
}

/// One of `KEYFOB_TOKENS`.
#[derive(Deserialize)]
struct Listed {
    url: String,
    #[serde(default)]
    username: Option<String>,
    token: String,
}

/// Microsoft's list of feeds.
#[derive(Deserialize)]
struct Endpoints {
    #[serde(rename = "endpointCredentials")]
    credentials: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    endpoint: String,
    #[serde(default)]
    username: Option<String>,
    password: String,
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

/// All usable tokens of the environment; and for each variable that is set but cannot be used, why.
#[must_use]
pub fn tokens(environment: &Environment) -> (Vec<EnvironmentToken>, Vec<String>) {
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    // In place of a URL: why there is none.
    type Url<'u> = Result<&'u str, &'static str>;
    let mut add =
        |from: &'static str, url: Url<'_>, user: Option<String>, token: String, need: Option<Need>| {
            let token = Secret::new(token.into_bytes());
            let url = match url {
                Ok(url) => url,
                Err(why) => return notes.push(format!("{from} is ignored: {why}")),
            };
            match Remote::from_url(url) {
                _ if token.is_empty() || token.expose().iter().any(u8::is_ascii_control) => {
                    notes.push(format!("{from} is ignored: what stands there is not a token"));
                }
                Ok((remote, in_url)) if remote.is_https() || remote.is_loopback() => {
                    // An organisation in the URL's user part is kept in the path-less case; see R2.
                    let user = user.or(in_url).filter(|user| !user.is_empty());
                    found.push(EnvironmentToken { remote, user, token, from, need });
                }
                Ok(_) => notes.push(format!("{from} is ignored: its URL is plain http")),
                Err(_) => notes.push(format!("{from} is ignored: its URL is not a usable one")),
            }
        };
    for &(variable, urls) in PAIRS {
        if let Some(token) = environment.text(variable) {
            match urls.iter().find_map(|name| environment.text(name)) {
                Some(url) => {
                    let user =
                        (variable == "KEYFOB_TOKEN").then(|| environment.text("KEYFOB_USERNAME")).flatten();
                    add(variable, Ok(&url), user, token.trim().to_owned(), None);
                }
                // Set by others for their own use, often without a URL: only ours is worth a word.
                None if variable == "KEYFOB_TOKEN" => {
                    add(
                        variable,
                        Err("KEYFOB_URL, which says where it belongs, is not set"),
                        None,
                        token,
                        None,
                    );
                }
                None => {}
            }
        }
    }
    if let Some(text) = environment.text("KEYFOB_TOKENS") {
        match serde_json::from_str::<Vec<Listed>>(&text) {
            Ok(list) => list
                .into_iter()
                .for_each(|one| add("KEYFOB_TOKENS", Ok(&one.url), one.username, one.token, None)),
            // The text is not shown.
            Err(_) => {
                let why = "it is not a JSON list of objects with url and token";
                add("KEYFOB_TOKENS", Err(why), None, String::new(), None);
            }
        }
    }
    if let Some((variable, text)) = ENDPOINTS.iter().find_map(|name| Some((*name, environment.text(name)?))) {
        match serde_json::from_str::<Endpoints>(&text) {
            Ok(list) => list.credentials.into_iter().for_each(|one| {
                add(variable, Ok(&one.endpoint), one.username, one.password, Some(Need::Packages));
            }),
            Err(_) => {
                add(variable, Err("it is not JSON with endpointCredentials"), None, String::new(), None)
            }
        }
    }
    let mut prefixes = PREFIXES.iter().filter_map(|&(variable, urls)| {
        // One without the other is set by nobody who means us.
        Some((variable, environment.text(variable)?, environment.text(urls)?))
    });
    if let Some((variable, token, urls)) = prefixes.next() {
        let token = Zeroizing::new(token);
        for url in urls.split(';').map(str::trim).filter(|url| !url.is_empty()) {
            add(variable, Ok(url), None, token.trim().to_owned(), Some(Need::Packages));
        }
    }
    (found, notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::TOKEN_VARIABLES;
    use std::collections::BTreeSet;

    fn read(pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let environment = Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())));
        let (found, notes) = tokens(&environment);
        let shown = |t: &EnvironmentToken| {
            let token = String::from_utf8_lossy(t.token.expose()).into_owned();
            format!("{} {} {} {token}", t.from, t.remote, t.user.as_deref().unwrap_or("-"))
        };
        (found.iter().map(shown).collect(), notes)
    }

    #[test]
    fn each_variable_gives_its_token_bound_to_its_url() {
        let (found, notes) = read(&[
            ("KEYFOB_URL", "https://dev.azure.com/contoso"),
            ("KEYFOB_TOKEN", "one"),
            ("KEYFOB_TOKENS", r#"[{"url":"https://github.com","token":"two","username":"me"}]"#),
            ("SYSTEM_ACCESSTOKEN", "three"),
            ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/fabrikam/"),
            (
                "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
                r#"{"endpointCredentials":[{"endpoint":"https://s/C/_packaging/f/nuget/v3/index.json","password":"four"}]}"#,
            ),
        ]);
        let expected = [
            "KEYFOB_TOKEN https://dev.azure.com/contoso - one",
            "SYSTEM_ACCESSTOKEN https://dev.azure.com/fabrikam - three",
            "KEYFOB_TOKENS https://github.com me two",
            "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS https://s/C/_packaging/f/nuget/v3/index.json - four",
        ];
        assert_eq!(found, expected);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn one_token_for_several_feeds_is_bound_to_each_and_the_newer_name_counts() {
        let (old, new) =
            (("VSS_NUGET_ACCESSTOKEN", "old"), ("ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN", "new"));
        let feeds = " https://pkgs.dev.azure.com/contoso/ ;;https://contoso.pkgs.visualstudio.com/;";
        let old_feeds = ("VSS_NUGET_URI_PREFIXES", feeds);
        let new_feeds = ("ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES", "https://tfs.example/tfs/One");
        let both = [
            "VSS_NUGET_ACCESSTOKEN https://pkgs.dev.azure.com/contoso - old",
            "VSS_NUGET_ACCESSTOKEN https://contoso.pkgs.visualstudio.com - old",
        ];
        let newer = ["ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN https://tfs.example/tfs/One - new"];
        assert_eq!(read(&[old, old_feeds]).0, both);
        assert_eq!(read(&[old, old_feeds, new, new_feeds]).0, newer);
        // Each name goes with its own.
        assert_eq!(read(&[old, new_feeds]), (Vec::new(), Vec::new()));
        assert_eq!(read(&[new, old_feeds]), (Vec::new(), Vec::new()));
        let (found, notes) = read(&[old, ("VSS_NUGET_URI_PREFIXES", "http://h/;https://h")]);
        assert_eq!((found.len(), notes.len()), (1, 1), "{notes:?}");
    }

    #[test]
    fn what_holds_a_token_is_on_the_list_of_what_no_child_inherits() {
        for name in [
            "KEYFOB_TOKEN",
            "KEYFOB_TOKENS",
            "SYSTEM_ACCESSTOKEN",
            "AZURE_DEVOPS_EXT_PAT",
            "ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS",
            "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
            "ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN",
            "VSS_NUGET_ACCESSTOKEN",
        ] {
            assert!(TOKEN_VARIABLES.contains(&name), "{name}");
        }
        let pairs = PAIRS.iter().map(|(variable, _)| *variable);
        let prefixes = PREFIXES.iter().map(|(variable, _)| *variable);
        let read = pairs.chain(["KEYFOB_TOKENS", ENTRA]).chain(ENDPOINTS.iter().copied()).chain(prefixes);
        assert_eq!(read.collect::<BTreeSet<_>>(), TOKEN_VARIABLES.iter().copied().collect());
    }

    #[test]
    fn a_token_without_a_usable_url_is_ignored_and_said_without_its_value() {
        for (pairs, why) in [
            (&[("KEYFOB_TOKEN", "s3cret")][..], "KEYFOB_URL, which says where it belongs, is not set"),
            (&[("KEYFOB_TOKEN", "s3cret"), ("KEYFOB_URL", "not a url")], "its URL is not a usable one"),
            (
                &[("KEYFOB_TOKEN", "s3cret"), ("KEYFOB_URL", "http://dev.azure.com/x")],
                "its URL is plain http",
            ),
            (&[("KEYFOB_TOKENS", "s3cret")], "it is not a JSON list of objects with url and token"),
            (
                &[("KEYFOB_TOKENS", r#"[{"url":"https://x","token":"s3cret\n"}]"#)],
                "what stands there is not a token",
            ),
            (&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "s3cret")], "it is not JSON with endpointCredentials"),
        ] {
            let (found, notes) = read(pairs);
            assert!(found.is_empty(), "{found:?}");
            assert_eq!(notes, [format!("{} is ignored: {why}", pairs[0].0)]);
        }
        assert_eq!(read(&[("SYSTEM_ACCESSTOKEN", "x")]), (Vec::new(), Vec::new()));
    }
}
