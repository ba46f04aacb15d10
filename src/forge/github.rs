//! GitHub, GitHub Enterprise Cloud with data residency (`ORG.ghe.com`), and GitHub Enterprise Server on people's own
//! machines. One token opens the site, its interfaces and its package registries; the user name is ignored.

use super::{Example, Forge, Home, Need, Prefix, Presentation, UserName};

/// GitHub.
pub static FORGE: Forge = Forge {
    id: "github",
    name: "GitHub",
    realm_word: "site",
    homes: &[
        Home { template: "github.com", realm: "github.com", needs_path: false },
        Home { template: "{service}.github.com", realm: "github.com", needs_path: false },
        Home { template: "ghcr.io", realm: "github.com", needs_path: false },
        Home { template: "{service}.pkg.github.com", realm: "github.com", needs_path: false },
        Home { template: "{organisation}.ghe.com", realm: "{organisation}.ghe.com", needs_path: false },
        Home {
            template: "{service}.{organisation}.ghe.com",
            realm: "{organisation}.ghe.com",
            needs_path: false,
        },
    ],
    services: &["gist", "api", "uploads", "npm", "nuget", "maven", "rubygems", "docker", "containers"],
    reserved: &["www", "api", "gist", "auth", "docs"],
    domains: &[],
    noise: &[],
    user_may_be_organisation: false,
    self_hosted: true,
    host_words: &["github", "ghe", "ghes"],
    path_signs: &[],
    folds_path: true,
    prefix: Prefix::WholeSite,
    user_name: UserName { by_token: &[], echo: true, fallback: "x-access-token" },
    ignores_user_names: true,
    placeholders: &["x-access-token", "x-oauth-basic", "PersonalAccessToken"],
    presentation: Presentation::Basic,
    token_page: Some("{origin}/settings/tokens"),
    scopes: &[
        (Need::Code, &["repo", "public_repo", "contents"]),
        (Need::Packages, &["read:packages", "write:packages", "delete:packages", "packages"]),
    ],
    examples: &[
        Example { url: "https://github.com/rust-lang/rust.git", realm: Some("github/github.com") },
        Example { url: "https://alice@github.com/alice/repo", realm: Some("github/github.com") },
        Example { url: "https://gist.github.com/1234.git", realm: Some("github/github.com") },
        Example { url: "https://api.github.com/user", realm: Some("github/github.com") },
        Example { url: "https://ghcr.io", realm: Some("github/github.com") },
        Example { url: "https://npm.pkg.github.com/@alice", realm: Some("github/github.com") },
        Example { url: "https://nuget.pkg.github.com/alice/index.json", realm: Some("github/github.com") },
        Example { url: "https://contoso.ghe.com/team/repo.git", realm: Some("github/contoso.ghe.com") },
        Example { url: "https://api.contoso.ghe.com/user", realm: Some("github/contoso.ghe.com") },
        Example { url: "https://pages.github.com", realm: None },
        Example { url: "https://www.github.com", realm: None },
        Example { url: "https://github.com:8443/a/b", realm: None },
        Example { url: "https://evil.pkg.github.com", realm: None },
        Example { url: "https://alice.github.io/repo", realm: None },
        Example { url: "https://raw.githubusercontent.com/a/b/c", realm: None },
        Example { url: "https://ghe.com", realm: None },
    ],
};
