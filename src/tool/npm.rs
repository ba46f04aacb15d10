//! npm, and what else reads `.npmrc` and has no way to ask: Bun, Deno, and programs that start npm. It publishes to a registry only
//! if its settings have a login for it, so a file of the user's with placeholders stands in for one (`Placeholder::Npmrc`).

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Holds, Placeholder, Publishes, Settings, Variable};

/// npm.
pub static TOOL: Tool = Tool {
    name: "npm",
    clients: &["npx", "bun", "deno"],
    title: "npm, Bun, Deno",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- npm …",
    client: Some(&CLIENT),
    ..Tool::BASE
};

/// What all that read npm's settings have in common.
pub(super) const SETTINGS: &[Settings] = &[
    Settings::Project(".npmrc"),
    Settings::Project("package.json"),
    Settings::Project("package-lock.json"),
    Settings::Project("npm-shrinkwrap.json"),
    Settings::Project("bunfig.toml"),
    Settings::Project("bun.lock"),
    Settings::Project("deno.json"),
    Settings::Project("deno.jsonc"),
    Settings::Project("deno.lock"),
    Settings::Project("lerna.json"),
    Settings::Home(".npmrc"),
    Settings::Home(".bunfig.toml"),
    Settings::Named("npm_config_userconfig", ""),
    Settings::Named("NPM_CONFIG_USERCONFIG", ""),
    Settings::Named("npm_config_globalconfig", ""),
    Settings::Named("NPM_CONFIG_GLOBALCONFIG", ""),
    Settings::System("/etc/npmrc"),
    Settings::System("/usr/etc/npmrc"),
    Settings::System("/usr/local/etc/npmrc"),
    Settings::Variable("npm_config_*"),
    Settings::Variable("NPM_CONFIG_*"),
];

static CLIENT: Client = Client {
    programs: &["npm", "npx", "bun", "bunx", "deno", "lerna", "nx", "turbo", "rush", "changeset"],
    settings: SETTINGS,
    publishes: Publishes::Words(&[
        &["publish"],
        &["unpublish"],
        &["deprecate"],
        &["dist-tag", "add"],
        &["dist-tag", "rm"],
        &["release", "publish"],
    ]),
    variables: &[
        Variable { name: "npm_config_https_proxy", holds: Holds::Proxy },
        Variable { name: "npm_config_proxy", holds: Holds::Proxy },
        Variable { name: "npm_config_noproxy", holds: Holds::Exceptions },
        Variable { name: "npm_config_cafile", holds: Holds::Authorities },
        Variable { name: "DENO_CERT", holds: Holds::Authorities },
    ],
    placeholder: Placeholder::Npmrc,
    ..Client::BASE
};
