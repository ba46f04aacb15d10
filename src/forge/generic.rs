//! Every other host: user name and password as they are, compared exactly, nothing assumed. Also the other protocols that
//! git asks about (smtp, imap, ftp, cert …).

use super::{Crates, Example, Forge, Packages, Prefix, Presentation, Scheme, UserName};

/// A host that nobody described.
pub static FORGE: Forge = Forge {
    id: "generic",
    name: "another host",
    realm_noun: "host",
    case_insensitive_paths: false,
    prefix: Prefix::AsGiven,
    user_name: UserName { echo: false, ..UserName::ANY },
    ignores_user_names: false,
    presentation: Presentation::Plain,
    packages: Packages {
        scheme: Scheme::Unknown,
        crates: Crates::Anywhere,
        terraform: true,
        ..Packages::OWN_HOST
    },
    examples: &[
        Example { url: "https://git.example.com/team/repo.git", realm: None },
        Example { url: "smtp://mail.example.com:587", realm: None },
    ],
    ..Forge::BASE
};
