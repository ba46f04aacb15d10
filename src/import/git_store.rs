//! git-credential-store: one URL a line, user name and token in it, percent-encoded
//! (<https://git-scm.com/docs/git-credential-store>).

use zeroize::Zeroizing;

use crate::error::Error;
use crate::percent::decode_text;
use crate::secret::Secret;

use super::file::{self, TextFile, lines};
use super::{Entry, Hold, Outside, Reading, Source};

/// git-credential-store's files.
pub static SOURCE: Source = Source {
    name: "git-store",
    title: "git-credential-store",
    places: "~/.git-credentials, ~/.config/git/credentials",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let paths = match &outside.file {
        Some(file) => vec![file.clone()],
        None => {
            let config = outside.folders().xdg_config().map(|folder| folder.join("git/credentials"));
            outside.at_home(".git-credentials").into_iter().chain(config).collect()
        }
    };
    let mut reading = Reading::default();
    for path in paths {
        // git writes a new file by the name `FILE.lock`, and renames it.
        file::read_as(outside, &path, true, &mut reading, |file, text, reading| {
            parse(file, text, reading, outside.now);
        })?;
    }
    Ok(reading)
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    for line in lines(file, text) {
        let at = file.at(line.number);
        match parts(line.text) {
            _ if line.text.trim().is_empty() || line.text.starts_with('#') => {}
            None => reading.leave(at, "a line", "it is no URL with a user name and a token"),
            Some((url, user, token)) => reading.add(
                Entry {
                    at,
                    url,
                    user: Some(user.to_string()),
                    token: Secret::copy_of(token.as_bytes()),
                    expires: None,
                    hold: Hold::Text(file.path.clone(), vec![line.range]),
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
    let token = decode_text(token)?;
    // An escaped host is decoded by git. What would make another host of it in a URL is part of its name there.
    let host = decode_text(host).filter(|host| !host.contains(['@', '/', '?', '#', '\\']))?;
    Some((format!("{scheme}://{}{}", *host, &rest[end..]), decode_text(user)?, token))
}
