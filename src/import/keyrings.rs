//! The system's keyring, as other programs use it: what each calls its entries on each system. One [`Item`] has the same
//! parts everywhere: what it is for, whose it is, the secret, and how it is destroyed.

use crate::error::Error;
use crate::secret::Secret;

use super::{Outside, Reading};

/// Whose entries are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'h> {
    /// git's own helpers: libsecret, osxkeychain, wincred.
    Git,
    /// Git Credential Manager.
    Gcm,
    /// The gh command, for this host.
    Gh(&'h str),
    /// `az devops`.
    Az,
    /// Python's keyring.
    Python,
}

/// An entry of another program.
#[derive(Debug)]
pub struct Item {
    /// A URL where the program writes one, or the name of a service.
    pub service: String,
    /// The user name.
    pub user: Option<String>,
    /// The secret; `None` when only a look was wanted.
    pub secret: Option<Secret>,
    /// For [`delete`].
    pub handle: Handle,
}

#[cfg(all(unix, not(target_os = "macos")))]
mod system {
    use crate::error::Error;
    use crate::store::secret_service::foreign;

    use super::{Item, Outside, Wanted};

    /// The object of an item.
    pub type Handle = String;

    pub(super) const KEYRING: &str = "the keyring";

    pub(super) fn items(outside: &Outside<'_>, wanted: Wanted<'_>) -> Result<Vec<Item>, Error> {
        let gh;
        let all: &[&[(&str, &str)]] = match wanted {
            // The second is libsecret's helper of older gits, with libsecret's own schema for any network password.
            Wanted::Git => &[
                &[("xdg:schema", "org.git.Password")],
                &[("xdg:schema", "org.gnome.keyring.NetworkPassword"), ("protocol", "https")],
                &[("xdg:schema", "org.gnome.keyring.NetworkPassword"), ("protocol", "http")],
            ],
            Wanted::Gcm => &[&[("xdg:schema", "com.microsoft.GitCredentialManager")]],
            Wanted::Gh(host) => {
                gh = format!("gh:{host}");
                &[&[("service", &gh)]]
            }
            Wanted::Az => &[&[("username", "Personal Access Token")]],
            Wanted::Python => &[&[("application", "Python keyring library")]],
        };
        let mut items = Vec::new();
        for marks in all {
            let found = foreign::search(&outside.store_context, marks, !outside.only_look)?;
            items.extend(found.into_iter().map(|item| named(item, wanted)));
        }
        Ok(items)
    }

    pub(super) fn delete(outside: &Outside<'_>, handle: &Handle) -> Result<(), Error> {
        foreign::delete(&outside.store_context, handle)
    }

    fn named(item: foreign::Item, wanted: Wanted<'_>) -> Item {
        let value = |name: &str| {
            let found = item.attributes.iter().find(|(key, value)| key == name && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let word = |name: &str| value(name).unwrap_or_default();
        let (service, user) = match wanted {
            Wanted::Git => {
                let port = value("port").map(|port| format!(":{port}")).unwrap_or_default();
                let path = value("object").map(|path| format!("/{path}")).unwrap_or_default();
                (format!("{}://{}{port}{path}", word("protocol"), word("server")), value("user"))
            }
            Wanted::Gcm => (word("service"), value("account")),
            Wanted::Gh(_) | Wanted::Az | Wanted::Python => (word("service"), value("username")),
        };
        Item { service, user, secret: item.secret, handle: item.object }
    }
}

#[cfg(any(target_os = "macos", windows))]
mod system {
    use crate::error::Error;
    use crate::store::keychain::foreign::{self, Entry};

    use super::{Item, Outside, Wanted};

    /// The entry itself.
    pub type Handle = Entry;

    pub(super) const KEYRING: &str = if cfg!(windows) { "Credential Manager" } else { "the keychain" };

    pub(super) fn items(outside: &Outside<'_>, wanted: Wanted<'_>) -> Result<Vec<Item>, Error> {
        let entries = foreign::entries(
            &outside.store_context,
            match wanted {
                Wanted::Git => |entry| match entry {
                    Entry::Internet { .. } => true,
                    Entry::Target { target, comment, .. } => is_git(target) && comment == WINCRED,
                    Entry::Generic { .. } => false,
                },
                Wanted::Gcm => |entry| match entry {
                    Entry::Generic { service, .. } => is_git(service),
                    Entry::Target { target, comment, .. } => is_git(target) && comment != WINCRED,
                    Entry::Internet { .. } => false,
                },
                Wanted::Gh(_) => |entry| service_of(entry).starts_with("gh:"),
                Wanted::Az => |entry| service_of(entry).contains("azdevops-cli:"),
                // Nothing marks what Python's keyring wrote; a service that is a URL is the only kind that is of use.
                Wanted::Python => {
                    |entry| !matches!(entry, Entry::Internet { .. }) && named(entry).0.starts_with("https://")
                }
            },
        )?;
        let mut items = Vec::new();
        for entry in entries {
            let secret = match outside.only_look {
                true => None,
                false => match foreign::read(&outside.store_context, &entry)? {
                    None => continue,
                    secret => secret,
                },
            };
            let (service, user) = named(&entry);
            if let Wanted::Gh(host) = wanted
                && service != format!("gh:{host}")
            {
                continue;
            }
            items.push(Item {
                service,
                user: Some(user).filter(|user| !user.is_empty()),
                secret,
                handle: entry,
            });
        }
        Ok(items)
    }

    pub(super) fn delete(outside: &Outside<'_>, handle: &Handle) -> Result<(), Error> {
        foreign::delete(&outside.store_context, handle)
    }

    /// Both keep `git:URL`; this is how git's own helper for Windows signs its entries.
    const WINCRED: &str = "saved by git-credential-wincred";

    fn is_git(name: &str) -> bool {
        ["git:https://", "git:http://"].iter().any(|beginning| name.starts_with(beginning))
    }

    fn service_of(entry: &Entry) -> &str {
        match entry {
            Entry::Generic { service, .. } => service,
            Entry::Internet { server, .. } => server,
            Entry::Target { target, .. } => target,
        }
    }

    /// What it is for, and whose it is.
    fn named(entry: &Entry) -> (String, String) {
        match entry {
            Entry::Generic { service, account } => (service.clone(), account.clone()),
            Entry::Internet { server, account, path, port } => {
                let port = if *port == 0 { String::new() } else { format!(":{port}") };
                (format!("https://{server}{port}/{}", path.trim_start_matches('/')), account.clone())
            }
            Entry::Target { target, account, .. } => {
                (super::service_of_target(target, account), account.clone())
            }
        }
    }
}

/// What a Windows entry is for: its name without the user name that some programs write into it, so that two accounts of one
/// place have two names. git's helper and Git Credential Manager write `git:https://USER@HOST` (the latter with `_` for `@` in
/// the user name), gh `gh:HOST:USER`, Python's keyring `USER@SERVICE`.
#[cfg(any(target_os = "macos", windows, test))]
fn service_of_target(target: &str, account: &str) -> String {
    if target.starts_with("gh:") {
        return target.strip_suffix(&format!(":{account}")).unwrap_or(target).to_owned();
    }
    let names = [account.to_owned(), account.replace('@', "_")];
    let without = |text: &str| {
        let named = names.iter().filter(|name| !name.is_empty());
        named
            .into_iter()
            .find_map(|name| Some(text.strip_prefix(name.as_str())?.strip_prefix('@')?.to_owned()))
    };
    let in_url = || {
        let (scheme, rest) = target.split_once("://")?;
        Some(format!("{scheme}://{}", without(rest)?))
    };
    without(target).or_else(in_url).unwrap_or_else(|| target.to_owned())
}

pub use system::Handle;

/// What the system's keyring is called, for people.
pub const KEYRING: &str = system::KEYRING;

/// The entries that are wanted.
///
/// # Errors
/// [`Error::Locked`] (which is never "none"), [`Error::Silent`], [`Error::Unavailable`].
pub fn items(outside: &Outside<'_>, wanted: Wanted<'_>) -> Result<Vec<Item>, Error> {
    let mut items = system::items(outside, wanted)?;
    // A keyring has no order of its own. Of two that hold the same, the one with a name comes first.
    let order = |item: &Item| (item.service.clone(), item.user.is_none(), item.user.clone());
    items.sort_by_cached_key(order);
    Ok(items)
}

/// Destroys an entry.
///
/// # Errors
/// As [`items`].
pub fn delete(outside: &Outside<'_>, handle: &Handle) -> Result<(), Error> {
    system::delete(outside, handle)
}

/// The entries of a program that may also keep them elsewhere: where there is no keyring, there are none in it.
///
/// # Errors
/// As [`items`], without [`Error::Unavailable`].
pub fn items_if_any(
    outside: &Outside<'_>,
    wanted: Wanted<'_>,
    reading: &mut Reading,
) -> Result<Vec<Item>, Error> {
    if outside.file.is_some() {
        return Ok(Vec::new());
    }
    match items(outside, wanted) {
        Err(Error::Unavailable { why, .. }) => {
            if !outside.only_look {
                reading.notes.push(format!("{KEYRING} was not looked into: {why}"));
            }
            Ok(Vec::new())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::service_of_target;

    #[test]
    fn a_windows_entry_is_for_its_place_whatever_user_name_stands_in_its_name() {
        for (target, account, service) in [
            ("git:https://dev.azure.com/contoso", "alice", "git:https://dev.azure.com/contoso"),
            ("git:https://alice@dev.azure.com/contoso", "alice", "git:https://dev.azure.com/contoso"),
            ("git:https://a_b.test@git.example:8443", "a@b.test", "git:https://git.example:8443"),
            ("git:https://a@b.test@git.example", "a@b.test", "git:https://git.example"),
            ("git:https://a/b@git.example/x", "a/b", "git:https://git.example/x"),
            // What looks like the name further on is part of the path.
            ("git:https://git.example/team@x", "team", "git:https://git.example/team@x"),
            ("git:https://bob@git.example", "", "git:https://bob@git.example"),
            ("gh:github.com:alice", "alice", "gh:github.com"),
            ("gh:github.com:", "", "gh:github.com"),
            ("alice@https://pkgs.example/simple", "alice", "https://pkgs.example/simple"),
            ("alice", "alice", "alice"),
        ] {
            assert_eq!(service_of_target(target, account), service, "{target} {account}");
        }
    }
}
