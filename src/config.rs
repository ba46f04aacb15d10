//! The user's own settings, in TOML, edited by hand; keyfob never writes them. Hosts that no forge record knows are described
//! here with the fields of a forge record, so that a server of one's own needs no Rust:
//!
//! ```toml
//! store = "vault"                                  # where new tokens go
//!
//! [[host]]
//! url = "https://tfs.contoso.example/tfs/{collection}"
//! forge = "azure-devops-server"
//! also = ["https://feeds.contoso.example/tfs/{collection}"]
//! ```
//!
//! Read only when a remote is no cloud service's, or when a new token needs a store.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::files;
use crate::forge::{self, Forge, Presentation, Recognition};
use crate::remote::{Realm, Remote};

mod pattern;

use pattern::Pattern;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The store of new tokens, by name.
    pub store: Option<String>,
    /// The user's own hosts.
    pub host: Vec<Host>,
    /// How the user signs in to Microsoft Entra, for the life of tokens of Azure DevOps.
    pub entra: Entra,
}

/// The settings of a file, read when they are first needed.
pub struct LazyConfig {
    path: PathBuf,
    read: OnceCell<Config>,
}

impl LazyConfig {
    /// The settings of this file, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> LazyConfig {
        LazyConfig { path, read: OnceCell::new() }
    }

    /// No settings, where there is no folder for them.
    #[must_use]
    pub fn none() -> LazyConfig {
        LazyConfig { path: PathBuf::new(), read: OnceCell::from(Config::default()) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn get(&self) -> Result<&Config, Error> {
        if let Some(config) = self.read.get() {
            return Ok(config);
        }
        let config = Config::read(&self.path)?;
        Ok(self.read.get_or_init(|| config))
    }
}

/// How the user signs in to Microsoft Entra.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Entra {
    /// A program with its arguments that prints a bearer for Azure DevOps, alone or as `accessToken` in JSON.
    pub command: Vec<String>,
    /// The client id of an application of one's own, for sign-in by device code.
    pub client_id: Option<String>,
    /// The tenant, by its id or domain; else the one that the organisation names.
    pub tenant: Option<String>,
}

/// A host of the user's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Where it is: `scheme://host[:port][/path]`. One word in braces may stand for a label of the host or a segment of the
    /// path; each value of it is a realm of its own.
    pub url: String,
    /// Other hosts that the same token opens, with the same word in braces.
    #[serde(default)]
    pub also: Vec<String>,
    /// Which forge it is, by its id.
    pub forge: String,
    /// The realm, when it shall be an existing one (`github/github.com`) instead of one of its own.
    pub realm: Option<String>,
    /// The user name that goes with a token when none was asked for and the account has none.
    pub user_name: Option<String>,
    /// How a token is shown.
    pub presentation: Option<HostPresentation>,
    /// Whether the token may travel over plain http to this host.
    #[serde(default)]
    pub allow_http: bool,
}

/// [`Presentation`] as it is written in the file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostPresentation {
    /// See [`Presentation::Basic`].
    Basic,
    /// See [`Presentation::ForcedBasic`].
    ForcedBasic,
    /// See [`Presentation::Bearer`].
    Bearer,
    /// See [`Presentation::Plain`].
    Plain,
}

impl From<HostPresentation> for Presentation {
    fn from(written: HostPresentation) -> Presentation {
        match written {
            HostPresentation::Basic => Presentation::Basic,
            HostPresentation::ForcedBasic => Presentation::ForcedBasic,
            HostPresentation::Bearer => Presentation::Bearer,
            HostPresentation::Plain => Presentation::Plain,
        }
    }
}

/// What a [`Host`] says of a remote.
#[derive(Clone)]
pub struct ConfiguredRealm {
    /// Its forge.
    pub forge: &'static Forge,
    /// Its realm.
    pub realm: Realm,
    /// The group of records that holds the realm.
    pub group: String,
    /// The path prefix that is part of the realm.
    pub prefix: Vec<String>,
    /// How many segments of the matched remote's path are about the realm.
    pub depth: usize,
    /// The URL of the realm.
    pub url: String,
    /// What stood for the word in braces.
    pub organisation: Option<String>,
    /// User name of last resort.
    pub user_name: Option<String>,
    /// How a token is shown.
    pub presentation: Option<Presentation>,
    /// Whether plain http was accepted.
    pub allow_http: bool,
}

impl Config {
    /// Reads the settings; a missing file means none.
    ///
    /// # Errors
    /// [`Error::Config`] with the line, [`Error::Unsafe`] if another user could have written it, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Config, Error> {
        let Some(bytes) = files::read_trusted(path)? else { return Ok(Config::default()) };
        let bad = |why: String| Error::Config { path: PathBuf::from(path), why };
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
        let config: Config = toml::from_str(&text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            bad(format!("line {line}: {}", error.message().lines().next().unwrap_or("not TOML")))
        })?;
        config.entra.check().map_err(|why| bad(format!("entra: {why}")))?;
        for host in &config.host {
            host.check().map_err(|why| bad(format!("host {}: {why}", host.url)))?;
        }
        Ok(config)
    }

    /// What the user's hosts say of `remote`; the longest pattern wins.
    #[must_use]
    pub fn site(&self, remote: &Remote) -> Option<ConfiguredRealm> {
        let fits = self.host.iter().filter_map(|host| {
            let patterns = std::iter::once(&host.url).chain(&host.also);
            let word = patterns
                .filter_map(|pattern| Pattern::split(pattern)?.matches(remote))
                .max_by_key(|fit| fit.0)?;
            Some((host, word))
        });
        let (host, (depth, word)) = fits.max_by_key(|(_, fit)| fit.0)?;
        host.site(word, depth)
    }
}

impl Entra {
    /// Both go into an address.
    fn check(&self) -> Result<(), String> {
        let plain = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
            !text.is_empty() && text.bytes().all(fits) && !text.contains("..")
        };
        for (name, value) in [("client_id", &self.client_id), ("tenant", &self.tenant)] {
            if value.as_deref().is_some_and(|value| !plain(value)) {
                return Err(format!("{name} is an id or a domain, of letters, digits, dots and hyphens"));
            }
        }
        Ok(())
    }
}

impl Host {
    fn check(&self) -> Result<(), String> {
        forge::named(&self.forge).ok_or_else(|| {
            let known: Vec<&str> = forge::ALL.iter().map(|forge| forge.id).collect();
            format!("no forge is named {}; known are {}", self.forge, known.join(", "))
        })?;
        for pattern in std::iter::once(&self.url).chain(&self.also) {
            let example = Pattern::example(pattern).ok_or_else(|| {
                format!("{pattern} is not scheme://host[:port][/path] with at most one word in braces")
            })?;
            let place = forge::recognise(&example, None);
            // What a cloud service's host is, is asked before these settings are read.
            if matches!(place, Recognition::Cloud { .. } | Recognition::NoOrganisation { .. }) {
                return Err(format!(
                    "{pattern} is known to keyfob, and what is said of it here counts for nothing"
                ));
            }
        }
        match &self.realm {
            Some(realm) if Realm::from_text(realm).is_none() => {
                Err(format!("{realm} is not the name of a realm"))
            }
            _ => Ok(()),
        }
    }

    fn site(&self, word: Option<String>, depth: usize) -> Option<ConfiguredRealm> {
        let forge = forge::named(&self.forge)?;
        let home = Pattern::split(&self.url)?.filled(word.as_deref())?;
        let own = || forge::server_realm(forge, &home, home.path());
        let realm = self.realm.as_deref().map_or_else(|| Some(own()), Realm::from_text)?;
        let group = if self.realm.is_some() { realm.as_str().to_owned() } else { home.origin() };
        Some(ConfiguredRealm {
            forge,
            group,
            prefix: home.path().to_vec(),
            depth,
            url: home.to_string(),
            realm,
            organisation: word,
            user_name: self.user_name.clone(),
            presentation: self.presentation.map(Presentation::from),
            allow_http: self.allow_http,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    fn realm(config: &Config, url: &str) -> Option<String> {
        config.site(&Remote::from_url(url).unwrap().0).map(|site| format!("{} in {}", site.realm, site.group))
    }

    #[test]
    fn a_host_of_the_users_gives_its_realm() {
        let config = config(
            r#"
            [[host]]
            url = "https://tfs.contoso.example:8443/tfs/{collection}"
            also = ["https://feeds.contoso.example/{collection}"]
            forge = "azure-devops-server"
            [[host]]
            url = "https://{team}.git.example"
            forge = "gitlab"
            [[host]]
            url = "https://raw.githubusercontent.com"
            forge = "github"
            realm = "github/github.com"
            "#,
        )
        .unwrap();
        let expected = "azure-devops-server/https://tfs.contoso.example:8443/tfs/one in https://tfs.contoso.example:8443";
        assert_eq!(
            realm(&config, "https://tfs.contoso.example:8443/TFS/One/_git/x").as_deref(),
            Some(expected)
        );
        assert_eq!(
            realm(&config, "https://feeds.contoso.example/one/_packaging/f").as_deref(),
            Some(expected)
        );
        assert_eq!(realm(&config, "https://tfs.contoso.example:8443/tfs"), None);
        assert_eq!(realm(&config, "https://tfs.contoso.example/tfs/one"), None, "another port");
        let expected = "gitlab/https://red.git.example in https://red.git.example";
        assert_eq!(realm(&config, "https://red.git.example/a/b").as_deref(), Some(expected));
        assert_eq!(realm(&config, "https://red.git.example.evil.test/a/b"), None);
        assert_eq!(realm(&config, "https://x.red.git.example/a/b"), None);
        let expected = "github/github.com in github/github.com";
        assert_eq!(realm(&config, "https://raw.githubusercontent.com/a/b").as_deref(), Some(expected));
    }

    #[test]
    fn a_host_is_found_in_whatever_way_it_is_spelled() {
        for (pattern, url) in [
            ("https://GIT.example", "https://git.Example/a"),
            ("https://git.example.", "https://git.example/a"),
            ("https://git.example", "https://git.example./a"),
            ("https://git.example:443", "https://git.example/a"),
            ("https://bücher.example", "https://xn--bcher-kva.example/a"),
            ("https://xn--bcher-kva.example", "https://bücher.example/a"),
            ("https://{team}.bücher.example", "https://red.xn--bcher-kva.example/a"),
            ("https://git.bücher。example", "https://git.xn--bcher-kva.example/a"),
            ("https://10.0.0.1:8443", "https://10.0.0.1:8443/a"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]/a"),
        ] {
            let config = config(&format!("[[host]]\nurl = \"{pattern}\"\nforge = \"gitlab\"")).unwrap();
            assert!(realm(&config, url).is_some(), "{pattern} {url}");
            for other in ["https://git.example.evil/a", "https://example/a", "https://x.git.example/a"] {
                assert_eq!(realm(&config, other), None, "{pattern} {other}");
            }
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (text, word) in [
            ("stor = 1", "line 1"),
            ("\n[[host]]\nurl = 1", "line 3"),
            ("[[host]]\nurl=\"https://x\"\nforge=\"hub\"", "no forge is named hub"),
            ("[entra]\ntenant=\"a/b\"", "tenant is an id or a domain"),
            ("[entra]\nclient=\"x\"", "line 2"),
            ("[[host]]\nurl=\"x\"\nforge=\"github\"", "is not scheme"),
            ("[[host]]\nurl=\"https://x/{a}/{\"\nforge=\"github\"", "is not scheme"),
            ("[[host]]\nurl=\"https://{a}.x/{b}\"\nforge=\"github\"", "at most one word in braces"),
            ("[[host]]\nurl=\"https://github.com\"\nforge=\"github\"", "github.com is known to keyfob"),
            ("[[host]]\nurl=\"https://{a}.visualstudio.com\"\nforge=\"generic\"", "is known to keyfob"),
            (
                "[[host]]\nurl=\"https://x\"\nalso=[\"https://dev.azure.com/{a}\"]\nforge=\"generic\"",
                "is known",
            ),
        ] {
            let error = config(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
