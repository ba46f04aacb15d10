//! Entries that other programs keep in the system's keychain, for `keyfob import`: listed by their names, which needs nobody's
//! leave, and read one by one, for which macOS may ask the person.

use std::collections::HashMap;

use keyring::api::CredentialStoreApi;

use crate::error::Error;
use crate::secret::Secret;

use super::super::StoreContext;
use super::{found, limit, within};

/// An entry of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// macOS: a generic password.
    Generic {
        /// What it is for.
        service: String,
        /// Whose it is.
        account: String,
    },
    /// macOS: an internet password, as git's own helper keeps them.
    Internet {
        /// The host.
        server: String,
        /// Whose it is.
        account: String,
        /// The path, if there is one.
        path: String,
        /// The port; 0 is the protocol's own.
        port: u16,
    },
    /// Windows: a credential.
    Target {
        /// Its name.
        target: String,
        /// Whose it is.
        account: String,
        /// What its program says of it.
        comment: String,
    },
}

/// Every entry that `wanted` takes, by what it says of itself.
///
/// # Errors
/// [`Error::Locked`], [`Error::Silent`], [`Error::Unavailable`].
pub fn entries(context: &StoreContext<'_>, wanted: fn(&Entry) -> bool) -> Result<Vec<Entry>, Error> {
    within(limit(context), move || Ok(all()?.into_iter().filter(wanted).collect()))
}

/// What is in an entry; `None` when it is gone.
///
/// # Errors
/// As [`entries`].
pub fn read(context: &StoreContext<'_>, entry: &Entry) -> Result<Option<Secret>, Error> {
    let entry = entry.clone();
    within(limit(context), move || {
        found(secret(&entry)).map(|found| found.map(|bytes| text_of(Secret::new(bytes))))
    })
}

/// Destroys an entry; one that is gone is no error.
///
/// # Errors
/// As [`entries`].
pub fn delete(context: &StoreContext<'_>, entry: &Entry) -> Result<(), Error> {
    let entry = entry.clone();
    within(limit(context), move || found(destroy(&entry)).map(|_| ()))
}

/// Some programs on Windows keep UTF-16.
fn text_of(secret: Secret) -> Secret {
    let bytes = secret.expose();
    let (pairs, rest) = bytes.as_chunks::<2>();
    let wide = cfg!(windows) && rest.is_empty() && pairs.iter().any(|pair| pair[1] == 0);
    if !wide {
        return secret;
    }
    let units: zeroize::Zeroizing<Vec<u16>> =
        zeroize::Zeroizing::new(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect());
    match String::from_utf16(&units) {
        Ok(text) => Secret::new(text.into_bytes()),
        Err(_) => secret,
    }
}

#[cfg(windows)]
fn all() -> keyring::Result<Vec<Entry>> {
    let found_there =
        windows_native_keyring_store::Store::new()?.search(&HashMap::from([("pattern", ".")]))?;
    let mut entries = Vec::new();
    for entry in found_there {
        let Some(mut attributes) = found(entry.get_attributes())? else { continue };
        let mut take = |name| attributes.remove(name).unwrap_or_default();
        let (target, account) = (take("target_name"), take("username"));
        entries.push(Entry::Target { target, account, comment: take("comment") });
    }
    Ok(entries)
}

#[cfg(windows)]
fn at(entry: &Entry) -> keyring::Result<keyring::Entry> {
    match entry {
        Entry::Target { target, .. } => super::at_target(target),
        _ => Err(keyring::Error::NoEntry),
    }
}

#[cfg(windows)]
fn secret(entry: &Entry) -> keyring::Result<Vec<u8>> {
    at(entry)?.get_secret()
}

#[cfg(windows)]
fn destroy(entry: &Entry) -> keyring::Result<()> {
    at(entry)?.delete_credential()
}

#[cfg(target_os = "macos")]
mod internet {
    //! git-credential-osxkeychain keeps internet passwords, which the keyring crate does not know.

    use core_foundation::base::TCFType;
    use core_foundation::propertylist::{create_data, kCFPropertyListXMLFormat_v1_0};
    use security_framework::base::Error;
    use security_framework::item::{ItemClass, ItemSearchOptions, Limit, SearchResult};
    use security_framework::os::macos::passwords::{SecAuthenticationType, SecProtocolType};
    use security_framework::passwords::{delete_internet_password, get_internet_password};

    use super::super::attributes::Attributes;
    use super::Entry;

    /// errSecItemNotFound.
    const NOT_FOUND: i32 = -25300;

    pub(super) fn all() -> keyring::Result<Vec<Entry>> {
        let mut options = ItemSearchOptions::new();
        options.class(ItemClass::internet_password()).load_attributes(true).limit(Limit::All);
        let items = match options.search() {
            Err(error) if error.code() == NOT_FOUND => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        Ok(items.iter().filter_map(entry).collect())
    }

    /// The crate's own way of reading these leaves the port out, without which a token would go to another server.
    fn entry(item: &SearchResult) -> Option<Entry> {
        let SearchResult::Dict(dictionary) = item else { return None };
        let xml = create_data(dictionary.as_CFTypeRef(), kCFPropertyListXMLFormat_v1_0).ok()?;
        let attributes = Attributes::read(std::str::from_utf8(xml.bytes()).ok()?);
        attributes.is_gits().then(|| Entry::Internet {
            server: attributes.word("srvr"),
            account: attributes.word("acct"),
            path: attributes.word("path"),
            port: attributes.port(),
        })
    }

    pub(super) fn secret(entry: &Entry) -> keyring::Result<Vec<u8>> {
        exactly(entry, |server, account, path, port| {
            let (https, any) = (SecProtocolType::HTTPS, SecAuthenticationType::Any);
            get_internet_password(server, None, account, path, port, https, any)
        })
    }

    pub(super) fn destroy(entry: &Entry) -> keyring::Result<()> {
        exactly(entry, |server, account, path, port| {
            let (https, any) = (SecProtocolType::HTTPS, SecAuthenticationType::Any);
            delete_internet_password(server, None, account, path, port, https, any)
        })
    }

    /// Without a port macOS takes an entry for any; so it is asked for port 0, which is what stands in one without. Only where no
    /// other entry could be meant, a miss is asked for without.
    fn exactly<T>(
        entry: &Entry,
        call: impl Fn(&str, &str, &str, Option<u16>) -> Result<T, Error>,
    ) -> keyring::Result<T> {
        let Entry::Internet { server, account, path, port } = entry else {
            return Err(keyring::Error::NoEntry);
        };
        match call(server, account, path, Some(*port)) {
            Err(error) if error.code() == NOT_FOUND && *port == 0 => {}
            other => return other.map_err(failed),
        }
        let is_alike = |other: &&Entry| {
            matches!(other, Entry::Internet { server: s, account: a, path: p, .. }
                if (s, a, p) == (server, account, path))
        };
        match all()?.iter().filter(is_alike).count() {
            1 => call(server, account, path, None).map_err(failed),
            _ => Err(keyring::Error::NoEntry),
        }
    }

    fn failed(error: Error) -> keyring::Error {
        if error.code() == NOT_FOUND {
            return keyring::Error::NoEntry;
        }
        keyring::Error::PlatformFailure(Box::new(error))
    }
}

#[cfg(target_os = "macos")]
fn all() -> keyring::Result<Vec<Entry>> {
    let items = apple_native_keyring_store::keychain::Store::new()?.search(&HashMap::new())?;
    let names = items.iter().filter_map(keyring::Entry::get_specifiers);
    let mut entries: Vec<Entry> =
        names.map(|(service, account)| Entry::Generic { service, account }).collect();
    entries.extend(internet::all()?);
    Ok(entries)
}

#[cfg(target_os = "macos")]
fn at(service: &str, account: &str) -> keyring::Result<keyring::Entry> {
    apple_native_keyring_store::keychain::Store::new()?.build(service, account, None)
}

#[cfg(target_os = "macos")]
fn secret(entry: &Entry) -> keyring::Result<Vec<u8>> {
    match entry {
        Entry::Generic { service, account } => at(service, account)?.get_secret(),
        other => internet::secret(other),
    }
}

#[cfg(target_os = "macos")]
fn destroy(entry: &Entry) -> keyring::Result<()> {
    match entry {
        Entry::Generic { service, account } => at(service, account)?.delete_credential(),
        other => internet::destroy(other),
    }
}
