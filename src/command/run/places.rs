//! Which realms a command may have: those that its tool's settings name and the wallet holds something for, and those of `--for`.

use std::collections::BTreeSet;

use crate::error::{Error, NoCredential};
use crate::forge::{self, Need};
use crate::remote::{Realm, Remote};
use crate::tool::client::Client;
use crate::tool::client::settings::{Found, Search};
use crate::tool::profile::Endpoint;
use crate::wallet::{Lookup, Query, Wallet as _};

use super::super::Context;
use super::by_variable::look;
use super::gate::{Grant, worth_saying};

/// A place of `--for`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    need: Need,
    url: String,
}

/// The words for needs.
const NEEDS: &[(&str, Need)] = &[("packages", Need::Packages), ("git", Need::Code), ("any", Need::Anything)];

impl Wanted {
    /// `[NEED=]URL`; `need` where none is said.
    ///
    /// # Errors
    /// [`Error::Usage`] for a word that is no need.
    pub(super) fn read(text: &str, need: Need) -> Result<Wanted, Error> {
        let Some((word, url)) = text.split_once('=').filter(|(word, _)| !word.contains([':', '/'])) else {
            return Ok(Wanted { need, url: text.to_owned() });
        };
        match NEEDS.iter().find(|(name, _)| *name == word) {
            Some((_, need)) => Ok(Wanted { need: *need, url: url.to_owned() }),
            None => Err(Error::usage(
                format!("{word} is not what a place can be for"),
                "packages=URL, git=URL or any=URL; a variable of that name takes: keyfob run --profile TOOL --for NAME=URL",
            )),
        }
    }
}

/// The word for a need.
pub(super) fn word(need: Need) -> &'static str {
    NEEDS.iter().find(|(_, one)| *one == need).map_or("any", |(word, _)| word)
}

/// The grants, each realm and need once.
#[derive(Default)]
pub(super) struct Places {
    /// The grants.
    pub grants: Vec<Grant>,
    /// One place for each grant, as it was found.
    pub served: Vec<Remote>,
    /// What the user should know of the others.
    pub notes: Vec<String>,
}

impl Places {
    /// Adds those of `--for`.
    ///
    /// # Errors
    /// That the wallet has no token for one.
    pub(super) fn add_wanted(
        &mut self,
        wanted: &[Wanted],
        account: Option<&str>,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        for one in wanted {
            let (remote, user) = crate::command::place(context, &one.url)?;
            let endpoint = Endpoint { name: None, url: remote.to_string(), remote, user };
            let answer = look(&endpoint, one.need, account, context)?;
            self.add(&answer.realm, one.need, &endpoint.remote);
        }
        Ok(())
    }

    /// Adds those that the tool's settings name.
    ///
    /// # Errors
    /// Those of the wallet: a store is locked or silent.
    pub(super) fn add_found(
        &mut self,
        tool: &'static str,
        need: Need,
        found: &Found,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let mut said = BTreeSet::new();
        for place in &found.places {
            if !may_be_one(place, need) {
                continue;
            }
            let query = Query::new(tool, place.clone(), need);
            match context.wallet.get(&query) {
                Ok(Lookup::Found(answer)) => self.add(&answer.realm, need, place),
                Ok(Lookup::None { reason: NoCredential::NotOurs, .. }) => {}
                Ok(Lookup::None { reason, .. }) if worth_saying(&reason) => {
                    let words = reason.line_for_tool(&place.without_path().to_string());
                    self.notes.extend(words.filter(|words| said.insert(words.clone())));
                }
                Ok(Lookup::None { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add(&mut self, realm: &Realm, need: Need, place: &Remote) {
        let known = self.grants.iter().position(|grant| grant.realm == *realm && grant.need == need);
        let at = known.unwrap_or_else(|| {
            self.grants.push(Grant { realm: realm.clone(), need, origins: hosts(realm, need) });
            self.grants.len() - 1
        });
        let grant = &mut self.grants[at];
        let origin = place.origin();
        let packages = &forge::of_realm(realm.as_str()).packages;
        let path: Vec<&str> = place.path().iter().map(String::as_str).collect();
        // A page of the project (`homepage`) on the service's main host is no reason to look into what goes there.
        let has_packages = need != Need::Packages
            || packages.serves(realm.as_str(), place.host(), &path)
            || (packages.npm.own && packages.npm.of(realm.as_str()).is_none());
        if has_packages && !grant.origins.contains(&origin) {
            grant.origins.push(origin);
        }
        for origin in &grant.origins {
            let served = Remote::from_url(origin).ok().map(|(remote, _)| remote);
            self.served.extend(served.filter(|remote| !self.served.contains(remote)));
        }
    }
}

/// Whether a place may be one of packages: what is on a cloud service's other hosts and paths (repositories, pages of sponsors, which
/// lock files are full of) is no reason to open the wallet.
fn may_be_one(place: &Remote, need: Need) -> bool {
    match forge::recognise(place, None) {
        forge::Recognition::Cloud { forge, realm, .. } if need == Need::Packages => {
            let path: Vec<&str> = place.path().iter().map(String::as_str).collect();
            forge.packages.serves(realm.as_str(), place.host(), &path)
        }
        _ => true,
    }
}

/// The origins at which a realm of a cloud service is. Those of a server are where its places were found.
pub(super) fn hosts(realm: &Realm, need: Need) -> Vec<String> {
    let forge = forge::of_realm(realm.as_str());
    let names = forge.packages.hosts(realm.as_str()).into_iter().map(|host| format!("https://{host}"));
    let mut origins: Vec<String> = names.collect();
    let has_own = forge.packages.npm.own && forge.packages.npm.of(realm.as_str()).is_none();
    if need != Need::Packages || has_own {
        origins.extend(forge.hosts_of(realm).iter().map(Remote::origin));
    }
    if need == Need::Code {
        origins.retain(|origin| {
            !forge.packages.hosts(realm.as_str()).iter().any(|host| origin.ends_with(&format!("//{host}")))
        });
    }
    origins.sort();
    origins.dedup();
    origins
}

/// What the tool's settings name.
pub(super) fn found(client: &Client, arguments: &[&str], context: &Context<'_>) -> Found {
    Search { folder: &context.folder, environment: context.environment, arguments }.of(client)
}
