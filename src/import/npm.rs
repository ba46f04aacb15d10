//! npm's `.npmrc` (pnpm and yarn 1 read it too): for each registry a user name and a base64 password, or both in `_auth`, or a
//! Bearer token (<https://docs.npmjs.com/cli/configuring-npm/npmrc>).

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::forge::{self, Place, Scheme};
use crate::remote::Remote;
use crate::secret::Secret;

use super::file::{self, TextFile, lines};
use super::{Entry, Hold, Outside, Reading, SESSION, Source};

/// npm's settings.
pub static SOURCE: Source =
    Source { name: "npm", title: "npm's .npmrc", places: "~/.npmrc", read, ..Source::OF_FILES };

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let named = outside
        .folders()
        .named("NPM_CONFIG_USERCONFIG")
        .or_else(|| outside.folders().named("npm_config_userconfig"));
    let path = outside.file.clone().or(named).or_else(|| outside.at_home(".npmrc").pop());
    let mut reading = Reading::default();
    if let Some(path) = path {
        file::read(outside, &path, &mut reading, |file, text, reading| {
            parse(file, text, reading, outside.now)
        })?;
    }
    Ok(reading)
}

/// What stands there for one registry.
#[derive(Default)]
struct Registry<'f> {
    user: Option<(&'f str, Range<usize>)>,
    secret: Option<(&'f str, &'f str, usize, Range<usize>)>,
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let mut registries: BTreeMap<&str, Registry<'_>> = BTreeMap::new();
    for line in lines(file, text) {
        let words = line.text.trim();
        let Some((key, value)) = words.split_once('=').filter(|_| !words.starts_with(['#', ';'])) else {
            continue;
        };
        let (key, value) = (key.trim(), unquoted(value.trim()));
        let (registry, name) = key.rsplit_once(':').unwrap_or(("", key));
        match name {
            "username" if !registry.is_empty() => {
                registries.entry(registry).or_default().user = Some((value, line.range));
            }
            "_password" | "_auth" | "_authToken" if registry.starts_with("//") => {
                registries.entry(registry).or_default().secret = Some((name, value, line.number, line.range));
            }
            "_password" | "_auth" | "_authToken" => {
                reading.leave(file.at(line.number), name, "it is for every registry; a token belongs to one");
            }
            _ => {}
        }
    }
    for (registry, Registry { user, secret }) in registries {
        let Some((name, value, line, range)) = secret else { continue };
        let (at, url) = (file.at(line), format!("https:{}", registry.trim_end_matches('/')));
        if value.contains("${") {
            reading.leave(at, &url, "it is taken from a variable when npm runs");
            continue;
        }
        let mut ranges = vec![range];
        let decoded = || BASE64.decode(value).ok().map(Zeroizing::new);
        let pair = match name {
            "_authToken" => match bearer(&url, value) {
                Ok(()) => Some((None, Secret::copy_of(value.as_bytes()))),
                Err(why) => {
                    reading.leave(at, &url, why);
                    continue;
                }
            },
            "_password" => decoded().map(|token| {
                let name = user.as_ref().map(|(name, _)| (*name).to_owned());
                // Neither works without the other.
                ranges.extend(user.map(|(_, range)| range));
                (name, Secret::copy_of(&token))
            }),
            _ => decoded().and_then(|pair| {
                let colon = pair.iter().position(|byte| *byte == b':')?;
                let user = std::str::from_utf8(&pair[..colon]).ok()?.to_owned();
                Some((Some(user), Secret::copy_of(&pair[colon + 1..])))
            }),
        };
        match pair {
            None => reading.leave(at, &url, "it is not base64, as npm wants it"),
            Some((user, token)) => {
                let hold = Hold::Text(file.path.clone(), ranges);
                reading.add(Entry { at, url, user, token, expires: None, hold }, now);
            }
        }
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Whether a Bearer token of npm's is a personal access token: where the service is one that keyfob knows, and takes it as one.
fn bearer(url: &str, token: &str) -> Result<(), &'static str> {
    let place = Remote::from_url(url).map(|(remote, _)| forge::place(&remote, None));
    match place {
        Ok(Place::Cloud { forge, .. }) if forge.packages.scheme == Scheme::Bearer => Ok(()),
        // The service takes a personal access token as a password only.
        Ok(Place::Cloud { .. }) => Err(SESSION),
        _ if token.starts_with("eyJ") => Err(SESSION),
        _ => Err("it is a token of that registry's own, which only npm can present"),
    }
}
