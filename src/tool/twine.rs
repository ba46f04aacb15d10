//! twine: asks Python's keyring, or for a login; behind the proxy a placeholder stands for one, where it uploads to a place of ours.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Holds, Placeholder, Publishes, Settings, Variable};
use super::profile::{Form, Profile};

/// twine.
pub static TOOL: Tool = Tool {
    name: "twine",
    title: "twine",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- twine …",
    client: Some(&Client {
        programs: &["twine"],
        settings: &[Settings::Variable("TWINE_REPOSITORY_URL"), Settings::Home(".pypirc")],
        publishes: Publishes::Words(&[&["upload"], &["register"]]),
        variables: &[Variable { name: "TWINE_CERT", holds: Holds::Authorities }],
        logins: &["TWINE_USERNAME", "TWINE_PASSWORD"],
        placeholder: Placeholder::Pair("TWINE_USERNAME", "TWINE_PASSWORD"),
    }),
    profile: Some(&Profile {
        variables: &[
            super::profile::Variable { name: "TWINE_REPOSITORY_URL", form: Form::Url },
            super::profile::Variable { name: "TWINE_USERNAME", form: Form::User },
            super::profile::Variable { name: "TWINE_PASSWORD", form: Form::Token },
        ],
    }),
    ..Tool::BASE
};
