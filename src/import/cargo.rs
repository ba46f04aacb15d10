//! cargo's `credentials.toml`, where `cargo login` keeps tokens in clear. Which registry a name means stands in `config.toml` beside it.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use toml::Spanned;

use crate::error::Error;
use crate::forge::{self, Recognition};
use crate::remote::Remote;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// cargo.
pub static SOURCE: Source =
    Source { name: "cargo", title: "cargo", places: "~/.cargo/credentials.toml", read, ..Source::OF_FILES };

/// The public registry.
const CRATES_IO: &str = "https://index.crates.io/";

/// What stands in a file of cargo's, as far as it is about registries.
#[derive(Default, Deserialize)]
struct Registries {
    registry: Option<Registry>,
    #[serde(default)]
    registries: BTreeMap<String, Registry>,
}

#[derive(Default, Deserialize)]
struct Registry {
    token: Option<Spanned<String>>,
    index: Option<String>,
}

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let folders = outside.folders();
    let home = folders.named("CARGO_HOME").or_else(|| folders.home().map(|home| home.join(".cargo")));
    // cargo reads the name of its early days first.
    let usual = home.as_ref().map(|home| {
        let old = home.join("credentials");
        if old.is_file() { old } else { home.join("credentials.toml") }
    });
    let mut reading = Reading::default();
    let indexes = home.map(|home| indexes(&home)).unwrap_or_default();
    file::read(outside, usual, &mut reading, |file, text, reading| {
        match toml::from_str::<Registries>(text) {
            Ok(mut all) => {
                if let Some(token) = all.registry.take().and_then(|registry| registry.token) {
                    take(file, text, Some(CRATES_IO), "crates-io", token, reading, outside.now);
                }
                for (name, registry) in all.registries {
                    let Some(token) = registry.token else { continue };
                    let index = registry.index.as_ref().or_else(|| indexes.get(&name)).map(String::as_str);
                    let index = index.or((name == "crates-io").then_some(CRATES_IO));
                    take(file, text, index, &name, token, reading, outside.now);
                }
            }
            Err(_) => reading.skip(&file.shown, "the whole file", "it is not TOML as cargo writes it"),
        }
    })?;
    Ok(reading)
}

/// The registries of cargo's settings.
fn indexes(home: &Path) -> BTreeMap<String, String> {
    let read = |name: &str| std::fs::read_to_string(home.join(name)).ok();
    let text = read("config").or_else(|| read("config.toml")).unwrap_or_default();
    let settings: Registries = toml::from_str(&text).unwrap_or_default();
    settings.registries.into_iter().filter_map(|(name, registry)| Some((name, registry.index?))).collect()
}

fn take(
    file: &TextFile,
    text: &str,
    index: Option<&str>,
    name: &str,
    token: Spanned<String>,
    reading: &mut Reading,
    now: i64,
) {
    let span = token.span();
    let at = file.at(text[..span.start].matches('\n').count() + 1);
    let Some(index) = index else {
        return reading.skip(at, name, "no registry of that name tells its URL in config.toml");
    };
    let url = index.trim_start_matches("sparse+").trim_start_matches("registry+").to_owned();
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1);
    let before = text[start..span.start].trim_end().strip_suffix('=').map(str::trim_end);
    let alone = before.is_some_and(|key| key.ends_with("token") && !key.contains(['{', ',']));
    let rest = text[span.end..end].trim_start();
    if !alone || !(rest.is_empty() || rest.starts_with('#')) {
        return reading.skip(at, &url, "other settings stand on its line");
    }
    let token = Secret::new(token.into_inner().into_bytes());
    let Some((user, token)) = presented(token) else {
        return reading.skip(at, &url, "it is a header that holds no token");
    };
    // Where the service has no use for a name, none is made up.
    let is_cloud = Remote::from_url(&url)
        .is_ok_and(|(remote, _)| matches!(forge::recognise(&remote, None), Recognition::Cloud { .. }));
    let user = user.or_else(|| (!is_cloud).then(|| "cargo".to_owned()));
    let location = SourceLocation::Text(file.path.clone(), vec![file.range(start..end)]);
    reading.add(Entry { at, url, user, token, expires: None, location }, now);
}

/// The token of what cargo sends as it stands there: a token, or the whole header that some registries require.
fn presented(secret: Secret) -> Option<(Option<String>, Secret)> {
    let after = |word: &[u8]| {
        let (scheme, rest) = secret.expose().split_at_checked(word.len())?;
        scheme.eq_ignore_ascii_case(word).then(|| Secret::copy_of(rest.trim_ascii()))
    };
    if let Some(token) = after(b"bearer ") {
        return Some((None, token));
    }
    let Some(basic) = after(b"basic ") else { return Some((None, secret)) };
    let pair = Secret::new(BASE64.decode(basic.expose()).ok()?);
    let colon = pair.expose().iter().position(|byte| *byte == b':')?;
    let user = std::str::from_utf8(&pair.expose()[..colon]).ok()?.to_owned();
    Some((Some(user).filter(|user| !user.is_empty()), Secret::copy_of(&pair.expose()[colon + 1..])))
}
