//! npm's `.npmrc` (pnpm and yarn 1 read it too): for each registry a user name and a base64 password, or both in `_auth`, or a
//! Bearer token (<https://docs.npmjs.com/cli/configuring-npm/npmrc>).

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::forge::{self, Recognition, Scheme};
use crate::formats::npmrc::plain;
use crate::remote::Remote;
use crate::secret::Secret;

use super::file::{self, TextFile, lines};
use super::{Entry, Outside, Reading, SESSION, Source, SourceLocation};

/// npm's settings.
pub static SOURCE: Source =
    Source { name: "npm", title: "npm's .npmrc", places: "~/.npmrc", read, ..Source::OF_FILES };

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let named = outside
        .folders()
        .named("NPM_CONFIG_USERCONFIG")
        .or_else(|| outside.folders().named("npm_config_userconfig"));
    let usual = named.or_else(|| outside.at_home(".npmrc").pop());
    let mut reading = Reading::default();
    file::read(outside, usual, &mut reading, |file, text, reading| parse(file, text, reading, outside.now))?;
    Ok(reading)
}

/// A value, the number of its line, and the line's place.
struct Value {
    text: Zeroizing<String>,
    line: usize,
    range: Range<usize>,
}

/// What stands there for one registry; of a key that stands there twice, the last counts.
#[derive(Default)]
struct Registry {
    user: Option<Value>,
    token: Option<Value>,
    auth: Option<Value>,
    password: Option<Value>,
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let mut registries: BTreeMap<String, Registry> = BTreeMap::new();
    // Sections are none of npm's settings.
    for line in lines(file, text).into_iter().take_while(|line| !line.text.trim_start().starts_with('[')) {
        let words = line.text.trim();
        let Some((key, value)) = words.split_once('=').filter(|_| !words.starts_with(['#', ';'])) else {
            continue;
        };
        let (key, value) = (plain(key), Zeroizing::new(plain(value)));
        let (registry, name) = key.rsplit_once(':').unwrap_or(("", &key));
        if !["username", "_password", "_auth", "_authToken"].contains(&name) {
            continue;
        }
        if !registry.starts_with("//") {
            if name != "username" {
                reading.skip(file.at(line.number), name, "it is for every registry; a token belongs to one");
            }
            continue;
        }
        // npm takes an empty value for none.
        let value =
            (!value.is_empty()).then_some(Value { text: value, line: line.number, range: line.range });
        let known = registries.entry(registry.trim_end_matches('/').to_owned()).or_default();
        match name {
            "username" => known.user = value,
            "_authToken" => known.token = value,
            "_auth" => known.auth = value,
            _ => known.password = value,
        }
    }
    for (registry, known) in registries {
        one(file, &format!("https:{registry}"), known, reading, now);
    }
}

/// What npm would send to one registry: a token, else `_auth`, else user name and password.
fn one(file: &TextFile, url: &str, known: Registry, reading: &mut Reading, now: i64) {
    let Registry { user, token, auth, password } = known;
    let leave = |value: &Value, why: &str, reading: &mut Reading| reading.skip(file.at(value.line), url, why);
    let is_variable = |value: &Value| value.text.contains("${");
    const VARIABLE: &str = "it is taken from a variable when npm runs";
    const NO_BASE64: &str = "it is not base64, as npm wants it";
    const SECOND: &str = "npm does not use it: another setting for this registry comes first";
    let mut unused = Vec::new();
    let (value, pair, mut ranges) = if let Some(token) = token {
        unused.extend(auth.into_iter().chain(password));
        let pair = match bearer(url, &token.text) {
            _ if is_variable(&token) => Err(VARIABLE),
            Ok(()) => Ok((None, Secret::copy_of(token.text.as_bytes()))),
            Err(why) => Err(why),
        };
        (token, pair, Vec::new())
    } else if let Some(auth) = auth {
        unused.extend(password);
        let pair = decoded(&auth.text).and_then(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':')?;
            let user = std::str::from_utf8(&pair[..colon]).ok()?.to_owned();
            Some((Some(user), Secret::copy_of(&pair[colon + 1..])))
        });
        let pair = if is_variable(&auth) { Err(VARIABLE) } else { pair.ok_or(NO_BASE64) };
        (auth, pair, Vec::new())
    } else if let Some(password) = password {
        let pair = match &user {
            _ if is_variable(&password) || user.as_ref().is_some_and(is_variable) => Err(VARIABLE),
            None => Err("npm does not use it: no username stands with it"),
            Some(user) => decoded(&password.text)
                .map(|token| (Some(user.text.to_string()), Secret::copy_of(&token)))
                .ok_or(NO_BASE64),
        };
        // Neither works without the other.
        (password, pair, user.map(|user| user.range).into_iter().collect())
    } else {
        return;
    };
    unused.iter().for_each(|value| leave(value, SECOND, reading));
    match pair {
        Err(why) => leave(&value, why, reading),
        Ok((user, token)) => {
            let at = file.at(value.line);
            ranges.push(value.range);
            let location = SourceLocation::Text(file.path.clone(), ranges);
            reading.add(Entry { at, url: url.to_owned(), user, token, expires: None, location }, now);
        }
    }
}

/// As Node decodes Base64: both alphabets, with or without `=`, and what is neither is passed over.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let usual = |c: char| match c {
        '-' => Some('+'),
        '_' => Some('/'),
        c => (c.is_ascii_alphanumeric() || c == '+' || c == '/').then_some(c),
    };
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.chars().take_while(|c| *c != '=').filter_map(usual));
    if plain.len() % 4 == 1 {
        plain.pop();
    }
    let bytes = LENIENT.decode(plain.as_str()).ok().map(Zeroizing::new)?;
    (!bytes.is_empty() && std::str::from_utf8(&bytes).is_ok()).then_some(bytes)
}

/// Whether a Bearer token of npm's is a personal access token: where the service is one that keyfob knows, and takes it as one.
fn bearer(url: &str, token: &str) -> Result<(), &'static str> {
    let place = Remote::from_url(url).map(|(remote, _)| forge::recognise(&remote, None));
    match place {
        Ok(Recognition::Cloud { forge, .. }) if forge.packages.scheme == Scheme::Bearer => Ok(()),
        // The service takes a personal access token as a password only.
        Ok(Recognition::Cloud { .. }) => Err(SESSION),
        _ if token.starts_with("eyJ") => Err(SESSION),
        _ => Err("it is a token of that registry's own, which only npm can present"),
    }
}
