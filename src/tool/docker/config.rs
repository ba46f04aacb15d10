//! docker's configuration file: `config.json` in `DOCKER_CONFIG`, else in `~/.docker`. Read as far as it is about
//! credentials; changed by its text, member by member, so that whatever else is in it stays as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::formats::json_edit;
use crate::tool::settings_file;

/// The file as it is.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// Where it is, links resolved: a file in the dotfiles stays there.
    pub(super) path: PathBuf,
    /// Its text; `None` if it does not exist.
    pub(super) text: Option<String>,
    held: CredentialSettings,
}

/// What is said of credentials.
#[derive(Clone, Debug, Default, Deserialize)]
struct CredentialSettings {
    #[serde(rename = "credsStore", default)]
    store: Option<String>,
    #[serde(rename = "credHelpers", default)]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Login>>>,
}

/// Whether there is something in a login; what, is nobody's business here.
#[derive(Clone, Debug, Default, Deserialize)]
struct Login {
    #[serde(default, deserialize_with = "is_something")]
    auth: bool,
    #[serde(rename = "identitytoken", default, deserialize_with = "is_something")]
    token: bool,
}

fn is_something<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Option::<zeroize::Zeroizing<String>>::deserialize(from)
        .map(|text| text.is_some_and(|text| !text.is_empty()))
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NoHome`], [`Error::Io`], [`Error::Foreign`] for what is no JSON object.
    pub(super) fn read(environment: &Environment) -> Result<Config, Error> {
        let folder = match environment.os("DOCKER_CONFIG") {
            Some(folder) => PathBuf::from(folder),
            None => Folders::of(environment).home().ok_or(Error::NoHome)?.join(".docker"),
        };
        Config::read_file(&folder.join("config.json"))
    }

    /// Reads the one at `path`, whatever its name: a file in the dotfiles may have another.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Foreign`] for what is no JSON object.
    pub(super) fn read_file(path: &Path) -> Result<Config, Error> {
        let (path, text) = settings_file::read(path)?;
        let held = match text.as_deref().filter(|text| !text.trim().is_empty()) {
            None => CredentialSettings::default(),
            Some(text) => {
                serde_json::from_str(text).ok().filter(|_| json_edit::is_object(text)).ok_or_else(|| {
                    let fix = "docker info says what it takes exception to".to_owned();
                    Error::Foreign { path: path.clone(), why: "it is not what docker writes there", fix }
                })?
            }
        };
        Ok(Config { path, text, held })
    }

    /// The helper for every registry that has none of its own.
    pub(super) fn store(&self) -> Option<&str> {
        self.held.store.as_deref().filter(|name| !name.is_empty())
    }

    /// The helper of this registry alone.
    pub(super) fn helper(&self, registry: &str) -> Option<&str> {
        self.held.helpers.as_ref()?.get(registry).map(String::as_str)
    }

    /// Whether there are helpers for single registries.
    pub(super) fn has_helpers(&self) -> bool {
        self.held.helpers.is_some()
    }

    /// Registries whose login lies in the file itself, in clear.
    pub(super) fn in_clear(&self) -> Vec<&str> {
        let logins = self.held.auths.iter().flatten();
        let real = logins.filter(|(_, login)| login.as_ref().is_some_and(|login| login.auth || login.token));
        real.map(|(registry, _)| registry.as_str()).collect()
    }

    /// Writes another text in its place, or none, if the file still is as it was read.
    ///
    /// # Errors
    /// [`Error::Foreign`] if it was changed meanwhile, [`Error::Io`].
    pub(super) fn replace(&self, text: Option<&str>) -> Result<(), Error> {
        settings_file::replace(&self.path, self.text.as_deref(), text)
    }
}
