//! docker's `config.json`: logins that stand in it in clear, because no credential helper was set up. What a helper keeps is
//! that helper's, and is said to be.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::formats::json_edit;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// docker's logins.
pub static SOURCE: Source = Source {
    name: "docker",
    title: "docker's config.json",
    places: "~/.docker/config.json",
    read,
    ..Source::OF_FILES
};

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Login>>>,
    #[serde(rename = "credsStore", default)]
    helper: Option<String>,
    #[serde(rename = "credHelpers", default)]
    helpers: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Login {
    #[serde(default)]
    auth: Option<Zeroizing<String>>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<Zeroizing<String>>,
    #[serde(rename = "identitytoken", default)]
    identity: Option<Zeroizing<String>>,
}

/// What docker keeps of a login to Docker Hub in the browser, beside the login itself: with these it ends it at logout.
const DOCKERS_OWN: [&str; 2] =
    ["https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"];

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let folder = outside.folders().named("DOCKER_CONFIG").or_else(|| outside.at_home(".docker").pop());
    let usual = folder.map(|folder| folder.join("config.json"));
    let mut reading = Reading::default();
    file::read(outside, usual, &mut reading, |file, text, reading| parse(file, text, reading, outside.now))?;
    Ok(reading)
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let config = serde_json::from_str::<Config>(text).ok().filter(|_| json_edit::is_object(text));
    let Some(config) = config else {
        return reading.skip(&file.shown, "the whole file", "it is not what docker writes there");
    };
    let Config { auths, helper, helpers } = config;
    let mut helpers = helpers.unwrap_or_default();
    for (registry, login) in auths.unwrap_or_default() {
        let Login { auth, username, password, identity } = login.unwrap_or_default();
        let at = file.shown.clone();
        if identity.is_some_and(|identity| !identity.is_empty()) {
            reading.skip(at, &registry, "it is a token of a sign-in, which docker exchanges for others");
            continue;
        }
        if DOCKERS_OWN.contains(&registry.as_str()) {
            reading.skip(at, &registry, "docker keeps it for itself, to end a login with");
            continue;
        }
        let pair = match (auth.filter(|auth| !auth.is_empty()), username, password) {
            (Some(auth), ..) => pair(&auth),
            (None, Some(user), Some(password)) => Some((user, Secret::copy_of(password.as_bytes()))),
            // A helper has it: docker leaves the name behind.
            _ => {
                if let Some(helper) = helper.as_ref().filter(|helper| !helper.is_empty()) {
                    // One for this registry goes before the one for all.
                    helpers.entry(registry).or_insert_with(|| helper.clone());
                }
                continue;
            }
        };
        let url = if registry.contains("://") { registry.clone() } else { format!("https://{registry}") };
        match pair {
            None => reading.skip(at, &url, "it is not a user name and a token in base64"),
            Some((user, token)) => {
                let location = SourceLocation::Member(file.path.clone(), vec!["auths".to_owned(), registry]);
                reading.add(Entry { at, url, user: Some(user), token, expires: None, location }, now);
            }
        }
    }
    for (registry, helper) in helpers {
        if helper != "keyfob" {
            let why = format!("docker-credential-{} keeps it", crate::text::visible(&helper));
            reading.skip(&file.shown, &registry, why);
        }
    }
}

fn pair(auth: &str) -> Option<(String, Secret)> {
    let pair = Zeroizing::new(BASE64.decode(auth.trim()).ok()?);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let token = pair[colon + 1..].strip_suffix(b"\0").unwrap_or(&pair[colon + 1..]);
    Some((std::str::from_utf8(&pair[..colon]).ok()?.to_owned(), Secret::copy_of(token)))
}
