//! Yarn, all versions: no way to ask. Yarn 1 reads npm's files and wants a login in one of them before it publishes; Yarn 2 and newer
//! take a placeholder from a variable.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Holds, Placeholder, Publishes, Settings, Variable};

/// Yarn.
pub static TOOL: Tool = Tool {
    name: "yarn",
    clients: &["yarnpkg"],
    title: "Yarn",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- yarn …",
    client: Some(&Client {
        programs: &["yarn", "yarnpkg"],
        settings: &[
            Settings::Project(".yarnrc.yml"),
            Settings::Project(".yarnrc"),
            Settings::Project(".npmrc"),
            Settings::Project("package.json"),
            Settings::Project("yarn.lock"),
            Settings::Home(".yarnrc.yml"),
            Settings::Home(".yarnrc"),
            Settings::Home(".npmrc"),
            Settings::Named("npm_config_userconfig", ""),
            Settings::Named("NPM_CONFIG_USERCONFIG", ""),
            Settings::Variable("YARN_*"),
            Settings::Variable("npm_config_*"),
            Settings::Variable("NPM_CONFIG_*"),
        ],
        publishes: Publishes::Words(&[
            &["publish"],
            &["npm", "publish"],
            &["npm", "tag", "add"],
            &["npm", "tag", "remove"],
            &["workspace", "*", "npm", "publish"],
            &["workspaces", "foreach", "npm", "publish"],
        ]),
        variables: &[
            Variable { name: "YARN_HTTPS_PROXY", holds: Holds::Proxy },
            Variable { name: "YARN_HTTP_PROXY", holds: Holds::Proxy },
            // The names of version 4 and of 2 and 3; each stops at the other's.
            Variable { name: "YARN_HTTPS_CA_FILE_PATH", holds: Holds::AuthoritiesIfSet("httpsCaFilePath") },
            Variable { name: "YARN_CA_FILE_PATH", holds: Holds::AuthoritiesIfSet("caFilePath") },
            Variable { name: "YARN_NPM_AUTH_TOKEN", holds: Holds::Placeholder },
        ],
        logins: &["YARN_NPM_AUTH_TOKEN", "YARN_NPM_AUTH_IDENT"],
        placeholder: Placeholder::Npmrc,
    }),
    ..Tool::BASE
};
