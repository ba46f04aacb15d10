//! GitLab, in the cloud and on people's own machines. The user name is ignored, but must not be empty.

use super::{Example, Forge, Home, Need, Prefix, Presentation, UserName};

/// GitLab.
pub static FORGE: Forge = Forge {
    id: "gitlab",
    name: "GitLab",
    realm_word: "site",
    homes: &[
        Home { template: "gitlab.com", realm: "gitlab.com", needs_path: false },
        Home { template: "registry.gitlab.com", realm: "gitlab.com", needs_path: false },
    ],
    services: &[],
    reserved: &[],
    domains: &[],
    noise: &[],
    user_may_be_organisation: false,
    self_hosted: true,
    host_words: &["gitlab"],
    path_signs: &[],
    folds_path: true,
    prefix: Prefix::WholeSite,
    user_name: UserName { by_token: &[], echo: true, fallback: "oauth2" },
    ignores_user_names: true,
    placeholders: &["oauth2", "gitlab-ci-token", "private-token"],
    presentation: Presentation::Basic,
    token_page: Some("{origin}/-/user_settings/personal_access_tokens"),
    scopes: &[
        (Need::Code, &["api", "read_repository", "write_repository"]),
        (
            Need::Packages,
            &[
                "api",
                "read_api",
                "read_package_registry",
                "write_package_registry",
                "read_registry",
                "write_registry",
            ],
        ),
    ],
    examples: &[
        Example { url: "https://gitlab.com/group/project.git", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://oauth2@gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://registry.gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://about.gitlab.com", realm: None },
        Example { url: "https://gitlab.corp.example/group/project", realm: None },
    ],
};
