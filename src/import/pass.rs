//! pass, the password store: entries that are git's or Git Credential Manager's, read by the real program, which
//! decrypts them with gpg. An entry's name tells what it is for, so nothing else is decrypted: a store holds many things
//! that are nobody's business here.
//!
//! Names that are taken: everything below `git/` (Git Credential Manager's `git/https/HOST/USER`, others' `git/HOST/USER`),
//! and `…/HOST[/USER]` of a host that keyfob knows by name, such as `dev.azure.com/contoso`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::forge::{self, Recognition};
use crate::process;
use crate::process::child;
use crate::remote::Remote;
use crate::secret::Secret;

use super::gcm::{self, Kept};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// The password store.
pub static SOURCE: Source = Source {
    name: "pass",
    title: "pass",
    places: "~/.password-store: entries of git's and Git Credential Manager's",
    takes_file: false,
    read,
};

const DEEPEST: usize = 16;
const MOST: usize = 10_000;

/// So many that do not open, and none that does: the person is not asked for each of the others too.
const SHUT: usize = 3;

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let mut reading = Reading::default();
    let store =
        outside.folders().named("PASSWORD_STORE_DIR").or_else(|| outside.at_home(".password-store").pop());
    let Some(store) = store.filter(|store| store.is_dir()) else { return Ok(reading) };
    let mut names = Vec::new();
    names_below(&store, "", DEEPEST, &mut names)?;
    let all = names.len();
    let ours: Vec<(String, Target)> =
        names.into_iter().filter_map(|name| target(&name).map(|target| (name, target))).collect();
    if !ours.is_empty() {
        reading.places.push(outside.shown(&store));
    }
    if outside.only_look {
        reading.unread = ours.len();
        return Ok(reading);
    }
    if all > ours.len() {
        reading.notes.push(format!("of pass, {} are for other things and were not opened", all - ours.len()));
    }
    if ours.is_empty() {
        return Ok(reading);
    }
    let program = pass(outside)?;
    let (mut opened, mut shut) = (false, Vec::new());
    for (name, target) in ours {
        let at = format!("pass {}", crate::text::visible(&name));
        let Some(shown) = answer(outside, &program, &["show", &name])? else {
            shut.push(at);
            if !opened && shut.len() >= SHUT {
                break;
            }
            continue;
        };
        opened = true;
        match std::str::from_utf8(&shown) {
            Err(_) => reading.skip(at, "an entry", "it is not UTF-8 text"),
            Ok(text) => add(&mut reading, outside.now, at, &name, target, text),
        }
    }
    // What does not open is locked, and never "not there". Where others open, it is for somebody else's key.
    if let (false, Some(first)) = (opened, shut.first()) {
        let first = first.trim_start_matches("pass ");
        let why = format!("it does not show {first}; gpg may have to ask for a passphrase");
        return Err(Error::Program { program: "pass", why });
    }
    for at in shut {
        reading.skip(at, "an entry", "pass does not show it: gpg has no key that opens it");
    }
    Ok(reading)
}

/// Removes an entry, as pass does it.
///
/// # Errors
/// [`Error::Program`], [`Error::NoProgram`].
pub(super) fn remove(outside: &Outside<'_>, name: &str) -> Result<(), Error> {
    let done = answer(outside, &pass(outside)?, &["rm", "--force", name])?;
    let why = || format!("it does not remove {}", crate::text::visible(name));
    done.map(drop).ok_or_else(|| Error::Program { program: "pass", why: why() })
}

fn pass(outside: &Outside<'_>) -> Result<PathBuf, Error> {
    outside.environment.programs("pass").into_iter().next().ok_or(Error::NoProgram { program: "pass" })
}

/// What pass answers; `None` when it ends badly. It may have gpg ask the person.
fn answer(outside: &Outside<'_>, pass: &Path, args: &[&str]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut command = child(pass, outside.environment);
    command.args(args);
    let limit = outside.patience();
    process::secret_within(&mut command, limit).map_err(|error| {
        let late = error.kind() == ErrorKind::TimedOut;
        let late = late.then(|| format!("it did not answer within {} s", limit.as_secs()));
        Error::Program { program: "pass", why: late.unwrap_or_else(|| "it cannot be started".to_owned()) }
    })
}

/// What an entry's name tells.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    url: String,
    user: Option<String>,
}

fn target(name: &str) -> Option<Target> {
    let parts: Vec<&str> = name.split('/').collect();
    let below_git = parts.first() == Some(&"git");
    // Git Credential Manager writes the scheme; the path of its entry is URL, then user name.
    if let ["git", scheme @ ("https" | "http"), host, path @ .., user] = parts.as_slice() {
        let url = [&[*host], path].concat().join("/");
        return Some(Target { url: format!("{scheme}://{url}"), user: Some((*user).to_owned()) });
    }
    let at = parts.iter().position(|part| {
        let remote = Remote::from_parts("https", part, None);
        let known = |remote: &Remote| {
            !matches!(forge::recognise(remote, None), Recognition::Unknown | Recognition::Never)
        };
        part.contains('.') && remote.is_ok_and(|remote| below_git || known(&remote))
    })?;
    let (host, rest) = (parts[at], &parts[at + 1..]);
    let remote = Remote::from_parts("https", host, rest.first().copied()).ok()?;
    // Where the path tells the organisation, what stands behind the host is that, and then the user.
    let needs = Remote::from_parts("https", host, None).ok()?;
    let needs = matches!(forge::recognise(&needs, None), Recognition::NoOrganisation { .. });
    let (url, user) = match (needs, rest) {
        (true, [_, user @ ..]) => (remote.to_string(), user),
        (_, user) => (format!("https://{host}"), user),
    };
    Some(Target { url, user: user.first().map(|user| (*user).to_owned()) })
}

/// The first line is the token; the lines behind it may tell the user name and the URL.
fn add(reading: &mut Reading, now: i64, at: String, name: &str, target: Target, text: &str) {
    let location = SourceLocation::Pass(name.to_owned());
    if let Some((token, service, account)) = gcm::parts(text) {
        let (user, token) = (account.map(str::to_owned), Secret::copy_of(token.as_bytes()));
        return gcm::add(reading, now, Kept { at, service, user, token, location });
    }
    let value = |words: &[&str]| {
        text.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let known = words.iter().any(|word| key.trim().eq_ignore_ascii_case(word));
            Some(value.trim().to_owned()).filter(|value| known && !value.is_empty())
        })
    };
    let user = value(&["login", "username", "user"]).or(target.user);
    let url = value(&["url"]).filter(|url| url.contains("://")).unwrap_or(target.url);
    // A URL that a person wrote there may have anything in it.
    let url = Remote::from_url(&url).map_or(url, |(remote, _)| remote.to_string());
    let token = Secret::copy_of(text.lines().next().unwrap_or_default().as_bytes());
    reading.add(Entry { at, url, user, token, expires: None, location }, now);
}

/// The entries below a folder, sorted. Links are not followed, and no file is opened.
fn names_below(folder: &Path, before: &str, depth: usize, names: &mut Vec<String>) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("list", folder))?;
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        // pass would take a name with a dash for an option.
        if names.len() >= MOST || name.starts_with(['.', '-']) {
            continue;
        }
        if kind.is_dir() && depth > 0 {
            names_below(&entry.path(), &format!("{before}{name}/"), depth - 1, names)?;
        } else if let Some(name) = name.strip_suffix(".gpg").filter(|_| kind.is_file()) {
            names.push(format!("{before}{name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_tell_a_place_are_opened() {
        let target = |name: &str| target(name).map(|t| (t.url, t.user.unwrap_or_default()));
        let some = |url: &str, user: &str| Some((url.to_owned(), user.to_owned()));
        assert_eq!(
            target("git/https/dev.azure.com/contoso/alice"),
            some("https://dev.azure.com/contoso", "alice")
        );
        assert_eq!(target("git/https/git.example:8443/bob"), some("https://git.example:8443", "bob"));
        assert_eq!(target("git/git.example.com/bob"), some("https://git.example.com", "bob"));
        assert_eq!(target("dev.azure.com/contoso"), some("https://dev.azure.com/contoso", ""));
        assert_eq!(
            target("work/dev.azure.com/contoso/alice"),
            some("https://dev.azure.com/contoso", "alice")
        );
        assert_eq!(target("web/github.com/alice"), some("https://github.com", "alice"));
        assert_eq!(target("github.com"), some("https://github.com", ""));
        for other in ["bank.example/alice", "email", "git/notes", "web/amazon.example", "git", "a.b", "x/.."]
        {
            assert_eq!(target(other), None, "{other}");
        }
    }
}
