//! gh, GitHub's command: `hosts.yml`, in which tokens stand when there is no keyring, and the keyring's entries `gh:HOST`.
//! Of YAML this reads what gh writes: names and values, nested by indentation.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile, lines};
use super::{Entry, Outside, Reading, Source, SourceLocation, keyrings};

/// gh.
pub static SOURCE: Source = Source {
    name: "gh",
    title: "gh",
    places: "~/.config/gh/hosts.yml, the system's keyring",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let folders = outside.folders();
    let folder = folders.named("GH_CONFIG_DIR");
    let folder = folder.or_else(|| folders.roaming().map(|folder| folder.join("GitHub CLI")));
    let folder = folder.or_else(|| folders.xdg_config().map(|folder| folder.join("gh")));
    let usual = folder.map(|folder| folder.join("hosts.yml"));
    let mut reading = Reading::default();
    let mut logins = Vec::new();
    file::read(outside, usual, &mut reading, |file, text, reading| match values(file, text) {
        Some(values) => logins = take(file, &values, reading, outside.now),
        None => reading.skip(&file.shown, "the whole file", "it is not what gh writes there"),
    })?;
    // The keyring's entries are named by host: the file tells which there are, and github.com is the usual one.
    let mut hosts: Vec<&str> = logins.iter().map(|(host, _)| host.as_str()).chain(["github.com"]).collect();
    hosts.sort_unstable();
    hosts.dedup();
    for host in hosts {
        let items = keyrings::items_if_any(outside, keyrings::Wanted::Gh(host), &mut reading)?;
        if !items.is_empty() && !reading.places.iter().any(|place| place == keyrings::KEYRING) {
            reading.places.push(keyrings::KEYRING.to_owned());
        }
        for item in items {
            let Some(secret) = item.secret else {
                reading.unread += 1;
                continue;
            };
            // The one without a user is a copy of the active user's.
            let active = logins.iter().find(|(known, _)| known == host).and_then(|(_, user)| user.clone());
            let (at, url) = (keyrings::KEYRING.to_owned(), format!("https://{host}"));
            let (user, location) = (item.user.or(active), SourceLocation::Item(item.handle));
            match plain(secret) {
                None => reading.skip(at, &url, "it is not what gh writes there"),
                Some(token) => {
                    reading.add(Entry { at, url, user, token, expires: None, location }, outside.now);
                }
            }
        }
    }
    reading.notes.dedup();
    Ok(reading)
}

/// On macOS gh's library encodes what it keeps, today in base64, earlier in hexadecimal. `None` for what is neither.
fn plain(secret: Secret) -> Option<Secret> {
    let bytes = secret.expose();
    if let Some(encoded) = bytes.strip_prefix(b"go-keyring-base64:") {
        return BASE64.decode(encoded).ok().map(Secret::new);
    }
    let Some(encoded) = bytes.strip_prefix(b"go-keyring-encoded:") else { return Some(secret) };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = encoded.as_chunks::<2>();
    // As long as it will be: a growing one would leave pieces behind.
    let mut token = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for &[high, low] in pairs {
        token.push(digit(high)? << 4 | digit(low)?);
    }
    rest.is_empty().then(|| Secret::copy_of(&token))
}

/// A value with the names that lead to it.
pub(super) struct Value<'f> {
    pub(super) names: Vec<&'f str>,
    pub(super) text: &'f str,
    pub(super) line: usize,
    pub(super) range: Range<usize>,
}

/// `None` for what is not of the form that gh writes.
pub(super) fn values<'f>(file: &TextFile, text: &'f str) -> Option<Vec<Value<'f>>> {
    let mut values = Vec::new();
    let mut above: Vec<(usize, &str)> = Vec::new();
    for line in lines(file, text) {
        let words = line.text.trim();
        if words.is_empty() || words.starts_with('#') || words == "---" {
            continue;
        }
        let indent = line.text.len() - line.text.trim_start_matches(' ').len();
        let (name, value) = words.split_once(':')?;
        if !(value.is_empty() || value.starts_with(' ')) || line.text[indent..].starts_with('\t') {
            return None;
        }
        above.retain(|(depth, _)| *depth < indent);
        above.push((indent, unquoted(name)));
        let value = unquoted(value.trim());
        if !value.is_empty() {
            let names = above.iter().map(|(_, name)| *name).collect();
            values.push(Value { names, text: value, line: line.number, range: line.range });
        }
    }
    Some(values)
}

fn unquoted(text: &str) -> &str {
    let between = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).unwrap_or(text)
}

/// Adds what stands in the file, and returns each host with its active user.
fn take(
    file: &TextFile,
    values: &[Value<'_>],
    reading: &mut Reading,
    now: i64,
) -> Vec<(String, Option<String>)> {
    let mut logins: Vec<(String, Option<String>)> = Vec::new();
    for value in values {
        let Some(host) = value.names.first() else { continue };
        if !logins.iter().any(|(known, _)| known == host) {
            let is_user = |other: &&Value<'_>| other.names == [*host, "user"];
            logins.push(((*host).to_owned(), values.iter().find(is_user).map(|user| user.text.to_owned())));
        }
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for value in values {
        let (host, user) = match value.names.as_slice() {
            [host, "users", user, "oauth_token"] => (*host, Some((*user).to_owned())),
            [host, "oauth_token"] => {
                (*host, logins.iter().find(|(known, _)| known == host).and_then(|(_, user)| user.clone()))
            }
            _ => continue,
        };
        // The active user's token stands there twice, and is one entry.
        if seen.contains(&(host, value.text)) {
            continue;
        }
        seen.push((host, value.text));
        let same = values.iter().filter(|other| {
            other.text == value.text
                && other.names.first() == Some(&host)
                && other.names.last() == Some(&"oauth_token")
        });
        let ranges = same.map(|same| same.range.clone()).collect();
        let entry = Entry {
            at: file.at(value.line),
            url: format!("https://{host}"),
            user,
            token: Secret::copy_of(value.text.as_bytes()),
            expires: None,
            location: SourceLocation::Text(file.path.clone(), ranges),
        };
        reading.add(entry, now);
    }
    logins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ghs_library_encodes_is_read_and_what_it_cannot_have_written_is_no_token() {
        let read = |text: &str| plain(Secret::copy_of(text.as_bytes())).map(|token| token.expose().to_vec());
        for text in ["t0ken", "go-keyring-base64:dDBrZW4=", "go-keyring-encoded:74306B656e"] {
            assert_eq!(read(text).as_deref(), Some(&b"t0ken"[..]), "{text}");
        }
        for text in ["go-keyring-base64:!", "go-keyring-encoded:7", "go-keyring-encoded:7g"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
