//! Every other host: user name and password as they are, compared exactly, nothing assumed. Also the other protocols that
//! git asks about (smtp, imap, ftp, cert …).

use super::lifecycle::Lifecycle;
use super::{Example, Forge, Prefix, Presentation, UserName};

/// A host that nobody described.
pub static FORGE: Forge = Forge {
    id: "generic",
    name: "another host",
    realm_word: "host",
    homes: &[],
    services: &[],
    reserved: &[],
    domains: &[],
    noise: &[],
    user_may_be_organisation: false,
    self_hosted: false,
    host_words: &[],
    path_signs: &[],
    folds_path: false,
    prefix: Prefix::AsGiven,
    user_name: UserName { by_token: &[], echo: false, fallback: "x-access-token" },
    ignores_user_names: false,
    placeholders: &[],
    presentation: Presentation::Plain,
    token_page: None,
    lifecycle: Lifecycle::BY_HAND,
    scopes: &[],
    check: None,
    shapes: &[],
    examples: &[
        Example { url: "https://git.example.com/team/repo.git", realm: None },
        Example { url: "smtp://mail.example.com:587", realm: None },
    ],
};
