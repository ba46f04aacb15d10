//! What a forge means for package tools, as fields of its record: on which hosts a realm's packages are, how a token is shown
//! there, and at which paths the forge itself is the registry.

use super::template::{fill, name_in};

/// A forge's package registries.
pub struct Packages {
    /// How its registries and interfaces accept a token, as the service's own documentation has it.
    pub scheme: Scheme,
    /// Its npm registries, with their paths.
    pub npm: Hosts,
    /// Its container registries.
    pub containers: Hosts,
    /// The hosts that Bazel downloads from; `*.` before a name stands for all below it.
    pub downloads: Hosts,
    /// Hosts for [`Packages::downloads`] that are the same for every realm of it, so that they can be named before there is one.
    pub shared_downloads: &'static [&'static str],
    /// Its registries of crates.
    pub crates: Crates,
    /// The path segment before the name of a feed, where feeds have views, which are places of their own: `FEED@VIEW`.
    pub feed_marker: Option<&'static str>,
    /// Whether a host of it may be a Terraform registry, which gets a token as Bearer whatever the forge prefers.
    pub terraform: bool,
    /// The user name for NuGet where none was asked for; `None` for that of every other answer.
    pub nuget_user_name: Option<&'static str>,
    /// Registries on hosts of their own, beside those for npm and containers.
    pub others: Hosts,
    /// Which paths are packages, on a host that serves other things too.
    pub paths: fn(&[&str]) -> bool,
    /// How `keyfob run` shows a token to a host and path of it.
    pub login: fn(&str, &[&str]) -> LoginForm,
}

/// How a token is shown to a place, for a client that shows none itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginForm {
    /// As the forge's answers say: Basic nearly everywhere.
    Usual,
    /// Bearer.
    Bearer,
    /// In a header of this name.
    Header(&'static str),
}

/// How a token is shown to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Basic, the token being the password.
    Basic,
    /// Bearer.
    Bearer,
    /// Nobody knows: as each tool does where nothing is said.
    Unknown,
}

/// Where a realm's packages of one kind are.
pub struct Hosts {
    /// For realms that have hosts of their own for it: what the forge calls the realm, and the hosts, with `{organisation}` standing
    /// for the same in both.
    pub named: &'static [(&'static str, &'static [&'static str])],
    /// Whether the others have them at the realm's URL.
    pub own: bool,
}

/// Which URLs are registries of crates. The `config.json` of an index names the hosts that cargo sends the token to, and a forge
/// serves the files of its repositories below its own name: an index in somebody's repository there would get the token of everybody
/// who builds with it. So a token is given only where the forge itself is the registry.
pub enum Crates {
    /// None.
    Nowhere,
    /// At the paths for which this holds, in sparse indexes: the forge itself is the registry there, and no file of a
    /// repository can be had. A server may be in a folder of its host, which its realm does not say.
    Paths(fn(&[&str]) -> bool),
    /// Any, in git too: nothing is known of the host.
    Anywhere,
}

impl Packages {
    /// For records: Basic, at each realm's own URL, and no crates.
    pub const OWN_HOST: Packages = Packages {
        scheme: Scheme::Basic,
        npm: Hosts::OWN,
        containers: Hosts::OWN,
        downloads: Hosts::OWN,
        shared_downloads: &[],
        crates: Crates::Nowhere,
        feed_marker: None,
        terraform: false,
        nuget_user_name: None,
        others: Hosts::NONE,
        paths: |_| true,
        login: |_, _| LoginForm::Usual,
    };

    /// The hosts that have nothing but packages of a realm in text.
    #[must_use]
    pub fn hosts(&self, realm: &str) -> Vec<String> {
        let all = [&self.npm, &self.containers, &self.others].into_iter().filter_map(|hosts| hosts.of(realm));
        let names = all.flatten().map(|place| place.split('/').next().unwrap_or_default().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Whether this host and path are packages of a realm in text.
    #[must_use]
    pub fn serves(&self, realm: &str, host: &str, path: &[&str]) -> bool {
        let has_own = self.npm.own && self.npm.of(realm).is_none();
        self.hosts(realm).iter().any(|name| name == host) || (has_own && (self.paths)(path))
    }
}

impl Hosts {
    /// At each realm's own URL.
    pub const OWN: Hosts = Hosts { named: &[], own: true };
    /// Nowhere.
    pub const NONE: Hosts = Hosts { named: &[], own: false };

    /// The hosts, `host` or `host/path`, that are named for a realm in text.
    #[must_use]
    pub fn of(&self, realm: &str) -> Option<Vec<String>> {
        let (_, what) = realm.split_once('/')?;
        self.named.iter().find_map(|(template, hosts)| {
            let name = name_in(template, what)?;
            Some(hosts.iter().map(|host| fill(host, Some(name), None)).collect())
        })
    }
}

impl Crates {
    /// Whether an index at this path may get a token.
    #[must_use]
    pub fn serves(&self, path: &[String], is_git: bool) -> bool {
        match self {
            Crates::Nowhere => false,
            Crates::Paths(_) if is_git => false,
            Crates::Paths(are_crates) => are_crates(&path.iter().map(String::as_str).collect::<Vec<_>>()),
            Crates::Anywhere => true,
        }
    }
}
