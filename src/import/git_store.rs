//! git-credential-store: one URL a line, user name and token in it, percent-encoded
//! (<https://git-scm.com/docs/git-credential-store>).

use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile, lines};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// git-credential-store's files.
pub static SOURCE: Source = Source {
    name: "git-store",
    title: "git-credential-store",
    places: "~/.git-credentials, ~/.config/git/credentials",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let config = outside.folders().xdg_config().map(|folder| folder.join("git/credentials"));
    let usual = outside.at_home(".git-credentials").into_iter().chain(config);
    let mut reading = Reading::default();
    // git writes a new file by the name `FILE.lock`, and renames it.
    file::read_as(outside, usual, true, &mut reading, |file, text, reading| {
        parse(file, text, reading, outside.now);
    })?;
    Ok(reading)
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    for line in lines(file, text) {
        let at = file.at(line.number);
        match parts(line.text) {
            _ if line.text.trim().is_empty() || line.text.starts_with('#') => {}
            None => reading.skip(at, "a line", "it is no URL with a user name and a token"),
            Some((url, user, token)) => reading.add(
                Entry {
                    at,
                    url,
                    user: Some(user.to_string()),
                    token: Secret::copy_of(token.as_bytes()),
                    expires: None,
                    location: SourceLocation::Text(file.path.clone(), vec![line.range]),
                },
                now,
            ),
        }
    }
}

/// The URL without its secrets, the user name, the token; as git takes them apart.
fn parts(line: &str) -> Option<(String, Zeroizing<String>, Zeroizing<String>)> {
    let (scheme, rest) = line.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (pair, host) = rest[..end].split_once('@')?;
    let (user, token) = pair.split_once(':')?;
    let token = decoded(token)?;
    // An escaped host is decoded by git. What would make another host of it in a URL is part of its name there.
    let host = decoded(host).filter(|host| !host.contains(['@', '/', '?', '#', '\\']))?;
    Some((format!("{scheme}://{}{}", *host, &rest[end..]), decoded(user)?, token))
}

/// Decodes as git does: a `%` that begins no code, and `%00`, are what they are. `None` for what is no text.
pub(super) fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let bytes = text.as_bytes();
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(|code| byte == b'%' && *code != 0) {
            Some(code) => {
                plain.push(code);
                at += 3;
            }
            None => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    std::str::from_utf8(&plain).ok().map(|text| Zeroizing::new(text.to_owned()))
}
