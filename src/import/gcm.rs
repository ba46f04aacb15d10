//! Git Credential Manager: its plaintext store, and the system's keyring. (Its gpg store is `pass`'s, with its own layout; see
//! there.) What it keeps beside tokens, to renew them by itself, is of no use elsewhere and stays.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation, git_keyring, keyrings};

/// Git Credential Manager.
pub static SOURCE: Source = Source {
    name: "gcm",
    title: "Git Credential Manager",
    places: "~/.gcm/store, the system's keyring",
    takes_file: false,
    read,
};

/// Folders within folders: a host's path has so many segments at most.
const DEEPEST: usize = 16;

/// No person has so many.
const MOST: usize = 10_000;

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let mut reading = Reading::default();
    let named = outside.folders().named("GCM_PLAINTEXT_STORE_PATH");
    for folder in named.into_iter().chain(outside.at_home(".gcm/store")) {
        let mut paths = Vec::new();
        files_below(&folder.join("git"), DEEPEST, &mut paths)?;
        for path in paths {
            let done = file::read(outside, [path.clone()], &mut reading, |file, text, reading| {
                parse(file, text, reading, outside.now)
            });
            // One file of many that cannot be read does not keep the others from coming in.
            if let Err(error) = done {
                reading.skip(outside.shown(&path), "a file", error.to_string());
            }
        }
    }
    // One line for the store, not one for each of its files.
    let inside = reading.places.len();
    if inside > 0 {
        reading.places = vec!["~/.gcm/store".to_owned()];
        let open = reading.notes.len();
        reading.notes.clear();
        if open > 0 {
            reading
                .notes
                .push(format!("{open} files of the plaintext store have modes that let others read them"));
        }
    }
    // Its other store on Windows: what is in it is encrypted for this user, and only said to be there.
    let sealed = outside.folders().named("GCM_DPAPI_STORE_PATH");
    for folder in sealed.into_iter().chain(outside.at_home(".gcm/dpapi_store")) {
        let mut paths = Vec::new();
        files_below(&folder.join("git"), DEEPEST, &mut paths)?;
        reading.places.extend(paths.first().map(|_| "~/.gcm/dpapi_store".to_owned()));
        for path in paths {
            reading.skip(
                outside.shown(&path),
                "a file",
                "Windows has encrypted it, for Git Credential Manager",
            );
        }
    }
    let items = keyrings::items_if_any(outside, keyrings::Wanted::Gcm, &mut reading)?;
    if !items.is_empty() {
        reading.places.push(keyrings::KEYRING.to_owned());
    }
    for item in items {
        let at = keyrings::KEYRING.to_owned();
        let Some(secret) = item.secret else {
            reading.unread += 1;
            continue;
        };
        let (service, location) = (&item.service, SourceLocation::Item(item.handle));
        match git_keyring::parts(&secret) {
            None => reading.skip(at, url_of(service), git_keyring::RENEWED),
            Some((token, _)) => {
                add(&mut reading, outside.now, Kept { at, service, user: item.user, token, location });
            }
        }
    }
    Ok(reading)
}

/// A credential as it keeps them everywhere.
pub(super) struct Kept<'k> {
    pub(super) at: String,
    pub(super) service: &'k str,
    pub(super) user: Option<String>,
    pub(super) token: Secret,
    pub(super) location: SourceLocation,
}

/// Adds what it keeps for a service: a URL, with `git:` before it in keyrings.
pub(super) fn add(reading: &mut Reading, now: i64, kept: Kept<'_>) {
    let Kept { at, service, user, token, location } = kept;
    let url = url_of(service);
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    if ["refresh_token.", "oauth-refresh-token."].iter().any(|mark| host.starts_with(mark))
        || url.ends_with("/refresh_token")
    {
        return reading.skip(at, url, "it is a refresh token, with which Git Credential Manager signs in");
    }
    reading.add(Entry { at, url: url.to_owned(), user, token, expires: None, location }, now);
}

fn url_of(service: &str) -> &str {
    service.strip_prefix("git:").unwrap_or(service)
}

/// The token, then `service=` and `account=`: the form of its plaintext and gpg stores.
pub(super) fn parts(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let mut lines = text.lines();
    let token = lines.next()?;
    let (mut service, mut account) = (None, None);
    for line in lines {
        match line.split_once('=') {
            Some(("service", value)) => service = Some(value),
            Some(("account", value)) => account = Some(value),
            _ => {}
        }
    }
    Some((token, service?, account))
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let at = file.shown.clone();
    match parts(text) {
        None => reading.skip(at, "a file", "it does not look like one of Git Credential Manager's"),
        Some((token, service, account)) => add(
            reading,
            now,
            Kept {
                at,
                service,
                user: account.map(str::to_owned),
                token: Secret::copy_of(token.as_bytes()),
                location: SourceLocation::File(file.path.clone()),
            },
        ),
    }
}

/// The `.credential` files below a folder, sorted; links are not followed.
fn files_below(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    let mut entries: Vec<_> = entries.flatten().map(|entry| (entry.path(), entry.file_type())).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, kind) in entries {
        if paths.len() >= MOST {
            break;
        }
        match kind {
            Ok(kind) if kind.is_dir() && depth > 0 => files_below(&path, depth - 1, paths)?,
            Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "credential") => {
                paths.push(path)
            }
            _ => {}
        }
    }
    Ok(())
}
