//! Services asked about: one file each, a [`Forge`] record that holds everything known of it, as data. What is common is
//! below it: `place` matches a remote against the records' templates, `server` knows servers of one's own; no realm of a
//! service comes about elsewhere.
//!
//! To add one: write its file with a `FORGE` record, examples included (they are its tests), and put a line into [`ALL`].
//! Deliberately absent: accounts and tokens. A forge says which realm a URL belongs to and how a token is presented
//! there; whether we have one is the wallet's business.

pub mod azure;
pub mod bitbucket;
pub mod bitbucket_data_center;
pub mod generic;
pub mod gitea;
pub mod github;
pub mod gitlab;
pub mod hugging_face;
pub mod lifecycle;
mod packages;
mod recognise;
mod record;
mod self_hosted;
mod template;
pub mod token;
pub mod token_format;
pub mod verify;

pub use packages::{Crates, Hosts, LoginForm, Packages, Scheme};
pub use recognise::{Recognition, recognise};
pub use record::{Example, Forge, Need, Prefix, Presentation, UrlTemplate, UserName};
pub use self_hosted::{by_path, looks_like, of_collections, prefix_of, self_hosted_names, server_realm};
pub use template::fill;

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
    #[cfg(test)]
    &tests::made_up::FORGE,
    &generic::FORGE,
];

/// The forge of this name.
#[must_use]
pub fn named(id: &str) -> Option<&'static Forge> {
    ALL.iter().copied().find(|forge| forge.id == id)
}

/// The forge of a realm in text: by the name before the slash. What no record has is generic.
#[must_use]
pub fn of_realm(realm: &str) -> &'static Forge {
    named(realm.split('/').next().unwrap_or_default()).unwrap_or(&generic::FORGE)
}

impl Forge {
    /// Whether this is the forge of hosts that nobody described.
    #[must_use]
    pub fn is_generic(&self) -> bool {
        std::ptr::eq(self, &raw const generic::FORGE)
    }
}

#[cfg(test)]
pub(crate) mod tests;
