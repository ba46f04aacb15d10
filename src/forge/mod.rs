//! Services asked about: one file each, a [`Forge`] record that holds everything known of it, as data. What is common is
//! below it: `place` matches a remote against the records' templates, `server` knows servers of one's own; no [`Realm`] of a
//! service comes about elsewhere.
//!
//! To add one: write its file with a `FORGE` record, examples included (they are its tests), and put a line into [`ALL`].
//! Deliberately absent: accounts and tokens. A forge says which realm a URL belongs to and how a token is presented
//! there; whether we have one is the wallet's business.

use crate::remote::{Realm, Remote};

pub mod azure;
pub mod bitbucket;
pub mod bitbucket_data_center;
pub mod check;
pub mod generic;
pub mod gitea;
pub mod github;
pub mod gitlab;
pub mod hugging_face;
pub mod lifecycle;
pub mod month;
mod place;
mod server;
pub mod shape;

use check::Check;
use lifecycle::Lifecycle;
pub use place::{Place, place};
pub use server::{by_path, looks_like, self_hosted_names, server_realm};
use shape::Shape;

/// Every forge; [`generic`] is the last, because it takes what no other knows.
pub static ALL: &[&Forge] = &[
    &azure::FORGE,
    &azure::server::FORGE,
    &github::FORGE,
    &gitlab::FORGE,
    &bitbucket::FORGE,
    &bitbucket_data_center::FORGE,
    &gitea::FORGE,
    &hugging_face::FORGE,
    &generic::FORGE,
];

/// The forge of this name.
#[must_use]
pub fn named(id: &str) -> Option<&'static Forge> {
    ALL.iter().copied().find(|forge| forge.id == id)
}

/// All that is known of a service.
pub struct Forge {
    /// Its name in realms, records and configuration. Never changes.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What this service calls the thing that a realm is, for text about it.
    pub realm_word: &'static str,
    /// Where it lives in the cloud, if it does. All https, default port.
    pub homes: &'static [Home],
    /// What `{service}` in a template may stand for.
    pub services: &'static [&'static str],
    /// Names that `{organisation}` as a host label never stands for. A trailing `*` means "begins with".
    pub reserved: &'static [&'static str],
    /// Domains that are this service's own: a host below one that fits no template never gets a token, not even one
    /// that a tool wants to keep for it.
    pub domains: &'static [&'static str],
    /// First path segments that say nothing (`DefaultCollection` on the old hosts).
    pub noise: &'static [&'static str],
    /// Whether a user name in the URL stands for the organisation when the path does not tell it (R2).
    pub user_may_be_organisation: bool,
    /// Whether it is also installed on people's own servers, so that `add` may take an unknown host for it.
    pub self_hosted: bool,
    /// Words in a host name that make an unknown host look like one of these, when a person adds it.
    pub host_words: &'static [&'static str],
    /// Path segments that only this service's URLs have.
    pub path_signs: &'static [&'static str],
    /// Whether paths fold letter case (R3).
    pub folds_path: bool,
    /// How much of a path belongs to the realm on people's own servers.
    pub prefix: Prefix,
    /// The user name that goes with a token.
    pub user_name: UserName,
    /// Whether any user name will do, so that an account needs none.
    pub ignores_user_names: bool,
    /// User names that mean "no preference" here, besides [`PLACEHOLDERS`].
    pub placeholders: &'static [&'static str],
    /// How a person's token goes onto the wire.
    pub presentation: Presentation,
    /// Where a person makes a new token; `{organisation}` and `{origin}` are filled in.
    pub token_page: Option<&'static str>,
    /// How its tokens are created, renewed and revoked.
    pub lifecycle: Lifecycle,
    /// What a token of this service must be allowed to do, by need: any one of these scopes covers it. A need without a row
    /// is covered by every token.
    pub scopes: &'static [(Need, &'static [&'static str])],
    /// What its tokens look like.
    pub shapes: &'static [Shape],
    /// How it is asked whether it takes a token; `None` where nothing is known that tells.
    pub check: Option<&'static Check>,
    /// URLs with the realm they must give: shown in the documentation, and its tests.
    pub examples: &'static [Example],
}

/// One spelling of where a service lives.
pub struct Home {
    /// `host/path` with `{organisation}` and `{service}` standing for one label or segment each.
    pub template: &'static str,
    /// What the realm is called, with the same words filled in.
    pub realm: &'static str,
    /// Whether git must send the path so that the realm can be seen (`credential.useHttpPath`).
    pub needs_path: bool,
}

/// How the user name of an answer is found (R5); never empty. The first that gives one wins: the word that the token's
/// beginning demands; what was asked for; the account's name; the fallback.
pub struct UserName {
    /// Beginnings of tokens that demand a fixed word.
    pub by_token: &'static [(&'static str, &'static str)],
    /// Whether any name that was asked for may be given back.
    pub echo: bool,
    /// The last resort. `{organisation}` is filled in.
    pub fallback: &'static str,
}

/// How much of a path belongs to the realm of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// None of it: one token opens the site. (A site below a path is described in the configuration.)
    WholeSite,
    /// Virtual directory and collection: what stands before the project (R3).
    Collection,
    /// All that the person gave.
    AsGiven,
}

/// How a token is shown to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// Basic. Whether it must be forced past NTLM and Negotiate, by `authtype=Basic`: wherever the server is seen to offer
    /// those.
    Basic,
    /// Basic, forced always: servers on premises nearly always offer NTLM too.
    ForcedBasic,
    /// Bearer where the tool can, Basic otherwise.
    Bearer,
    /// User name and password exactly as they are, never forced.
    Plain,
}

/// What a tool wants the token for; chooses among the tokens of one organisation by their scopes (R4), and keeps one
/// tool's refusals from another's (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// Repositories: git.
    Code,
    /// Package feeds: NuGet, pip, npm, cargo …
    Packages,
    /// Anything else.
    Anything,
}

impl Need {
    /// Its name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Need::Code => "code",
            Need::Packages => "packages",
            Need::Anything => "anything",
        }
    }
}

/// A URL and the realm that it must give; `None` when it must give none.
pub struct Example {
    /// As git would have it, user name included.
    pub url: &'static str,
    /// The realm in text.
    pub realm: Option<&'static str>,
}

/// User names that mean "no preference" everywhere: what tools write when the server ignores names.
pub static PLACEHOLDERS: &[&str] = &[
    "VssSessionToken",
    "x-access-token",
    "oauth2",
    "git",
    "pat",
    "PAT",
    "token",
    "_token",
    "__token__",
    "any",
];

/// Fills the words of a template in.
#[must_use]
pub fn fill(template: &str, organisation: Option<&str>, origin: Option<&str>) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, word, behind)) = rest.split_once('{').and_then(|(before, behind)| {
        let (word, behind) = behind.split_once('}')?;
        Some((before, word, behind))
    }) {
        filled.push_str(before);
        match word {
            "organisation" => filled.push_str(organisation.unwrap_or_default()),
            "origin" => filled.push_str(origin.unwrap_or_default()),
            other => filled.extend(["{", other, "}"]),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl Forge {
    /// The URL by which people know a cloud realm: its home in the first spelling. `None` for a name that is none of ours.
    #[must_use]
    pub fn home_url(&self, realm: &Realm) -> Option<String> {
        // A template is filled with what the realm's name has in the braces; the place must then give this very realm.
        let filled = |home: &Home| {
            let (front, back) = home.realm.split_once("{organisation}").unwrap_or((home.realm, ""));
            let name = realm.what().strip_prefix(front)?.strip_suffix(back)?;
            let url = format!("https://{}", fill(home.template, Some(name), None));
            let (remote, _) = Remote::from_url(&url).ok()?;
            let same = matches!(place(&remote, None), Place::Cloud { realm: made, .. } if made == *realm);
            same.then_some(url)
        };
        self.homes.iter().filter(|home| !home.template.contains("{service}")).find_map(filled)
    }

    /// Whether a user name means "no preference" in this realm (R4).
    #[must_use]
    pub fn is_placeholder(&self, user: &str) -> bool {
        user.is_empty()
            || PLACEHOLDERS.iter().chain(self.placeholders).any(|word| user.eq_ignore_ascii_case(word))
    }

    /// Whether a token with these recorded scopes serves `need`. Nothing recorded covers everything (R4).
    #[must_use]
    pub fn covers(&self, scopes: &[String], need: Need) -> bool {
        let Some((_, enough)) = self.scopes.iter().find(|(row, _)| *row == need) else { return true };
        scopes.is_empty() || scopes.iter().any(|scope| enough.contains(&scope.as_str()))
    }

    /// Whether this is the forge of hosts that nobody described.
    #[must_use]
    pub fn is_generic(&self) -> bool {
        std::ptr::eq(self, &raw const generic::FORGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm_of(url: &str) -> Option<String> {
        // As git would split it, so that nothing is mended on the way.
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let remote = Remote::from_parts(scheme, host, Some(path)).ok()?;
        match place(&remote, user) {
            Place::Cloud { realm, .. } => Some(realm.to_string()),
            _ => None,
        }
    }

    #[test]
    fn every_example_of_every_forge_gives_its_realm() {
        for forge in ALL {
            assert!(!forge.examples.is_empty(), "{} has no examples", forge.id);
            for example in forge.examples {
                assert_eq!(realm_of(example.url).as_deref(), example.realm, "{}", example.url);
            }
        }
    }

    #[test]
    fn the_home_url_of_every_example_leads_to_its_realm() {
        for (forge, example) in ALL.iter().flat_map(|forge| forge.examples.iter().map(move |e| (forge, e))) {
            if let Some(realm) = example.realm {
                let url = forge.home_url(&Realm::from_text(realm).unwrap()).unwrap();
                assert_eq!(realm_of(&url).as_deref(), Some(realm), "{}", example.url);
            }
        }
    }

    #[test]
    fn every_home_of_every_forge_has_an_example() {
        for forge in ALL {
            for home in forge.homes {
                let host = home.template.split('/').next().unwrap();
                let tail = host.rsplit_once('}').map_or(host, |(_, tail)| tail);
                let shown = |e: &Example| e.realm.is_some() && e.url.contains(tail);
                assert!(forge.examples.iter().any(shown), "{}: {}", forge.id, home.template);
            }
        }
    }

    #[test]
    fn ids_are_unique_and_fit_into_a_realm() {
        for (at, forge) in ALL.iter().enumerate() {
            assert!(!forge.id.contains('/'), "{}", forge.id);
            assert!(ALL[..at].iter().all(|other| other.id != forge.id), "{}", forge.id);
            assert!(!forge.user_name.fallback.is_empty(), "{}: never an empty user name", forge.id);
        }
        assert!(ALL.last().unwrap().is_generic());
    }

    #[test]
    fn plain_http_never_belongs_to_a_cloud_forge() {
        for forge in ALL {
            for example in forge.examples.iter().filter(|example| example.realm.is_some()) {
                let url = example.url.replacen("https://", "http://", 1);
                assert_eq!(realm_of(&url), None, "{url}");
            }
        }
    }

    #[test]
    fn look_alikes_of_cloud_hosts_are_no_cloud_hosts() {
        for host in [
            "dev.azure.com.evil.test",
            "evildev.azure.com",
            "dev.azure.com.",
            "dev-azure.com",
            "xdev.azure.com",
            "github.com.evil.test",
            "evilgithub.com",
            "github.com.br",
            "githubxcom",
            "gitlab.com.evil.test",
            "contoso.visualstudio.com.evil.test",
            "contosovisualstudio.com",
            "bitbucket.org.evil.test",
        ] {
            let given = realm_of(&format!("https://{host}/contoso/p/_git/r"));
            let expected = (host == "dev.azure.com.").then(|| "azure-devops/contoso".to_owned());
            assert_eq!(given, expected, "{host}");
        }
    }
}
