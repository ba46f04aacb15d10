//! Bitbucket Data Center, on people's own machines. Tokens of a project or repository are taken as Bearer only, so that is
//! how a token is shown where the tool can; with a user name they are refused.

use super::{Example, Forge, Prefix, Presentation, UserName};

/// Bitbucket Data Center.
pub static FORGE: Forge = Forge {
    id: "bitbucket-data-center",
    name: "Bitbucket Data Center",
    realm_word: "server",
    homes: &[],
    services: &[],
    reserved: &[],
    domains: &[],
    noise: &[],
    user_may_be_organisation: false,
    self_hosted: true,
    host_words: &["bitbucket", "stash"],
    path_signs: &[],
    folds_path: true,
    prefix: Prefix::WholeSite,
    user_name: UserName { by_token: &[], echo: true, fallback: "x-token-auth" },
    ignores_user_names: true,
    placeholders: &["x-token-auth"],
    presentation: Presentation::Bearer,
    token_page: Some("{origin}/plugins/servlet/access-tokens/manage"),
    scopes: &[],
    examples: &[Example { url: "https://bitbucket.corp.example/scm/proj/repo.git", realm: None }],
};
