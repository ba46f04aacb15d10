//! Places where other programs keep tokens: one file each with a [`Source`] record, which knows where its program keeps
//! them and reads them into a list. What is taken of the list is decided in [`decide`], by the wallet's rules.
//!
//! To add one: write its file with a `SOURCE` record and put a line into [`ALL`]. What sources share: [`mod@file`] reads and
//! cuts files of other programs, [`ini`] those of that form, [`keyrings`] looks into the system's keyrings.
//! Deliberately absent: asking, printing, and writing anything but the removal of
//! exactly the entries that were moved.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::forge::token::{is_token, masked};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store::StoreContext;

pub mod az;
pub mod cargo;
pub mod decide;
pub mod docker;
pub mod file;
pub mod gcm;
pub mod gh;
pub mod git_keyring;
pub mod git_store;
pub mod glab;
pub mod ini;
pub mod keyring;
pub mod keyrings;
pub mod maven;
pub mod netrc;
pub mod npm;
pub mod nuget;
pub mod pass;
pub mod pip;

/// Every source, in the order in which `keyfob import` shows them.
pub static ALL: &[&Source] = &[
    &git_store::SOURCE,
    &git_keyring::SOURCE,
    &gcm::SOURCE,
    &pass::SOURCE,
    &gh::SOURCE,
    &glab::SOURCE,
    &az::SOURCE,
    &npm::SOURCE,
    &nuget::SOURCE,
    &pip::SOURCE,
    &cargo::SOURCE,
    &maven::SOURCE,
    &netrc::SOURCE,
    &keyring::SOURCE,
    &docker::SOURCE,
];

/// The source of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Source> {
    ALL.iter().copied().find(|source| source.name == name)
}

/// All that is known of a place where tokens are.
pub struct Source {
    /// Its word on the command line. Never changes.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it looks, in words.
    pub places: &'static str,
    /// Whether it reads a file that the person names.
    pub takes_file: bool,
    /// Reads it. Changes nothing.
    pub read: fn(&Outside<'_>) -> Result<Reading, Error>,
}

impl Source {
    /// For records: one that reads files, of which the person may name another.
    const OF_FILES: Source =
        Source { name: "", title: "", places: "", takes_file: true, read: |_| Ok(Reading::default()) };
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What sources look at.
#[derive(Clone)]
pub struct Outside<'a> {
    /// The environment, as main saw it.
    pub environment: &'a Environment,
    /// What the system's keyrings are opened with.
    pub store_context: StoreContext<'a>,
    /// The file that the person named in place of the usual ones.
    pub file: Option<PathBuf>,
    /// Only what can be counted without asking anybody: no window, no passphrase, no other program.
    pub only_look: bool,
    /// Unix seconds.
    pub now: i64,
}

impl Outside<'_> {
    /// The person's folders.
    #[must_use]
    pub fn folders(&self) -> Folders<'_> {
        Folders::of(self.environment)
    }

    /// A file or folder below the home; nothing where there is no home.
    #[must_use]
    pub fn at_home(&self, below: &str) -> Vec<PathBuf> {
        self.folders().home().map(|home| home.join(below)).into_iter().collect()
    }

    /// A path as people write it, with `~` for the home.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        let below = self.folders().home().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned));
        let text = below.map_or_else(|| path.display().to_string(), |below| format!("~/{}", below.display()));
        crate::text::visible(&text)
    }

    /// How long another program may take: a person may be asked for a passphrase by it.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.store_context.prompt_timeout
    }
}

/// What a source holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// Tokens that could be taken.
    pub found: Vec<Found>,
    /// What cannot, and why.
    pub skipped: Vec<Skipped>,
    /// What the person should know of the place itself.
    pub notes: Vec<String>,
    /// The files that entries stand in, as they were read.
    pub files: Vec<file::TextFile>,
    /// Entries that were seen and not read, because only a look was wanted.
    pub unread: usize,
    /// Where it was found to be, in words; empty if it is not on this machine.
    pub places: Vec<String>,
}

impl Reading {
    /// Adds an entry that is as its program means it. What cannot be a token, or is none that lasts, is left.
    pub fn add(&mut self, entry: Entry, now: i64) {
        let Entry { at, url, user, token, expires, location } = entry;
        let url = bare(&url);
        let skipped = |why: String| Skipped { at: at.clone(), what: shown(&url), why };
        let (user, token) = match sorted(user, token) {
            Some(pair) => pair,
            None => return self.skipped.push(skipped(TWO.to_owned())),
        };
        let remote = match remote_of(&url) {
            Ok(remote) => remote,
            Err(why) => return self.skipped.push(skipped(why)),
        };
        if expires.is_some_and(|at| at <= now) {
            return self
                .skipped
                .push(skipped(format!("it ended on {}", crate::text::date(expires.unwrap_or(0)))));
        }
        if is_signed_token(&token) {
            return self.skipped.push(skipped(SESSION.to_owned()));
        }
        match token.into_token() {
            Err(error) => self.skipped.push(skipped(error.to_string())),
            Ok(token) => {
                self.found.push(Found { at, remote, user, token, expires, location });
            }
        }
    }

    /// Adds what is not taken.
    pub fn skip(&mut self, at: impl Into<String>, what: &str, why: impl Into<String>) {
        self.skipped.push(Skipped { at: at.into(), what: shown(&bare(what)), why: why.into() });
    }

    /// How many entries there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.found.len() + self.skipped.len() + self.unread
    }
}

/// A token as its program keeps it.
#[derive(Debug)]
pub struct Entry {
    /// Where it stands, for people.
    pub at: String,
    /// What it is for; no secret in it.
    pub url: String,
    /// The user name beside it.
    pub user: Option<String>,
    /// The token.
    pub token: Secret,
    /// When it ends, if that stands there.
    pub expires: Option<i64>,
    /// How it is taken out.
    pub location: SourceLocation,
}

/// A token that could be taken.
#[derive(Debug)]
pub struct Found {
    /// Where it stands, for people.
    pub at: String,
    /// What it is for.
    pub remote: Remote,
    /// The user name beside it.
    pub user: Option<String>,
    /// The token.
    pub token: Secret,
    /// When it ends, if that stands there.
    pub expires: Option<i64>,
    /// How it is taken out.
    pub location: SourceLocation,
}

impl Found {
    /// Whether both are the same entry, of two readings.
    #[must_use]
    pub fn is_same(&self, other: &Found) -> bool {
        self.remote == other.remote && self.user == other.user && self.token.same_as(&other.token)
    }
}

/// Something that is left where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it stands, for people.
    pub at: String,
    /// What it is for.
    pub what: String,
    /// Why.
    pub why: String,
}

/// How an entry is taken out of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceLocation {
    /// These bytes of this file.
    Text(PathBuf, Vec<Range<usize>>),
    /// A member of an object of this JSON file.
    Member(PathBuf, Vec<String>),
    /// The whole file.
    File(PathBuf),
    /// An item of the system's keyring.
    Item(keyrings::Handle),
    /// An entry of `pass`.
    Pass(String),
}

/// A token that is a signed document (RFC 7519), of the kind that a sign-in gives for an hour: no personal access token
/// looks like it.
fn is_signed_token(token: &Secret) -> bool {
    token.begins_with(b"eyJ") && token.expose().iter().filter(|byte| **byte == b'.').count() == 2
}

/// Why a token of a sign-in is left.
const SESSION: &str = "it is a sign-in's own token, which ends within hours, and no personal access token";

/// Why an entry is left that has a token for its user name, and another for its token.
const TWO: &str = "two tokens stand in it, one of them where the user name belongs";

/// What stands as the user name and as the token, each in its place: many write GitHub's tokens as `TOKEN:x-oauth-basic@`, or with
/// nothing behind them, and a token must not become an account's name, which is no secret. `None` when both are tokens.
fn sorted(user: Option<String>, token: Secret) -> Option<(Option<String>, Secret)> {
    let Some(user) = user.filter(|user| !user.is_empty()) else { return Some((None, token)) };
    if !is_token(&user) {
        return Some((Some(user), token));
    }
    let in_front = Secret::new(user.into_bytes());
    let other = std::str::from_utf8(token.expose()).is_ok_and(is_token);
    (!other || in_front.same_as(&token)).then_some((None, in_front))
}

/// What is shown of a URL or a name that another program wrote.
fn shown(text: &str) -> String {
    crate::text::visible(&masked(text))
}

/// A URL without the user name, and maybe the secret, before its host.
fn bare(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    // What is no port may be the beginning of a secret with a slash in it.
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if !host.starts_with('[') && host.split_once(':').is_some_and(|(_, port)| !is_port(port)) {
        return format!("{scheme}://(unreadable)");
    }
    format!("{scheme}://{host}{}", &rest[end..])
}

/// What a URL of another program is for. Any user name or secret in it has been taken out before.
fn remote_of(url: &str) -> Result<Remote, String> {
    match url.split_once("://") {
        Some((scheme, _)) if !["https", "http"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) => {
            Err(format!("only https and http are taken, and it is for {}", crate::text::visible(scheme)))
        }
        _ => Remote::from_url(url).map(|(remote, _)| remote).map_err(|error| error.to_string()),
    }
}

/// Takes entries out of where they stand: each source is read again, so that what changed meanwhile is not cut at a
/// place that has moved. Returns how many were taken out, and what could not be.
#[must_use]
pub fn remove(source: &Source, outside: &Outside<'_>, taken: &[&Found]) -> (usize, Vec<Error>) {
    let reading = match (source.read)(outside) {
        Ok(reading) => reading,
        Err(error) => return (0, vec![error]),
    };
    let meant = |found: &&Found| taken.iter().any(|taken| taken.is_same(found));
    let (mut removed, mut errors) = (0, Vec::new());
    let mut note = |done: Result<usize, Error>| match done {
        Ok(count) => removed += count,
        Err(error) => errors.push(error),
    };
    for file in &reading.files {
        let (mut cuts, mut members, mut count) = (Vec::new(), Vec::new(), 0);
        for found in reading.found.iter().filter(meant) {
            match &found.location {
                SourceLocation::Text(path, ranges) if *path == file.path => {
                    cuts.extend(ranges.iter().cloned())
                }
                SourceLocation::Member(path, keys) if *path == file.path => members.push(keys.clone()),
                _ => continue,
            }
            count += 1;
        }
        if count > 0 {
            note(file.without(cuts, &members).map(|()| count));
        }
    }
    for found in reading.found.iter().filter(meant) {
        match &found.location {
            SourceLocation::Text(..) | SourceLocation::Member(..) => {}
            SourceLocation::File(path) => note(crate::files::remove(path).map(|()| 1)),
            SourceLocation::Item(handle) => note(keyrings::delete(outside, handle).map(|()| 1)),
            SourceLocation::Pass(entry) => note(pass::remove(outside, entry).map(|()| 1)),
        }
    }
    (removed, errors)
}

#[cfg(test)]
mod tests;
