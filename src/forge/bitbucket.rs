//! Bitbucket Cloud. The user name depends on the kind of token: access tokens of a repository, project or workspace want
//! one fixed word, API tokens another (or the Bitbucket user name). App passwords ended on 2026-06-09.

use super::{Example, Forge, Home, Need, Prefix, Presentation, UserName};

/// Bitbucket Cloud.
pub static FORGE: Forge = Forge {
    id: "bitbucket",
    name: "Bitbucket Cloud",
    realm_word: "site",
    homes: &[
        Home { template: "bitbucket.org", realm: "bitbucket.org", needs_path: false },
        Home { template: "api.bitbucket.org", realm: "bitbucket.org", needs_path: false },
    ],
    services: &[],
    reserved: &[],
    domains: &[],
    noise: &[],
    user_may_be_organisation: false,
    self_hosted: false,
    host_words: &[],
    path_signs: &[],
    folds_path: true,
    prefix: Prefix::WholeSite,
    user_name: UserName {
        by_token: &[("ATCTT3", "x-token-auth"), ("ATATT3", "x-bitbucket-api-token-auth")],
        echo: true,
        fallback: "x-bitbucket-api-token-auth",
    },
    ignores_user_names: true,
    placeholders: &["x-token-auth", "x-bitbucket-api-token-auth"],
    presentation: Presentation::Basic,
    token_page: Some("https://id.atlassian.com/manage-profile/security/api-tokens"),
    scopes: &[(
        Need::Code,
        &[
            "read:repository:bitbucket",
            "write:repository:bitbucket",
            "admin:repository:bitbucket",
            "repository",
            "repository:write",
        ],
    )],
    examples: &[
        Example { url: "https://bitbucket.org/team/repo.git", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://alice@bitbucket.org/team/repo.git", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://api.bitbucket.org/2.0/user", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://team.bitbucket.org", realm: None },
        Example { url: "https://bitbucket.corp.example/scm/p/r.git", realm: None },
    ],
};
