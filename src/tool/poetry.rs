//! Poetry: asks Python's keyring at most, and sends a request without a login where it has none.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Publishes, Settings};
use super::profile::{Form, Profile, Variable};

/// Poetry.
pub static TOOL: Tool = Tool {
    name: "poetry",
    title: "Poetry",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- poetry …",
    client: Some(&Client {
        programs: &["poetry"],
        settings: &[
            Settings::Project("pyproject.toml"),
            Settings::Project("poetry.toml"),
            Settings::Project("poetry.lock"),
            Settings::Named("POETRY_CONFIG_DIR", "config.toml"),
            Settings::Config("pypoetry/config.toml"),
            Settings::Variable("POETRY_REPOSITORIES_*"),
        ],
        publishes: Publishes::Words(&[&["publish"]]),
        logins: &["POETRY_HTTP_BASIC_*", "POETRY_PYPI_TOKEN_*"],
        ..Client::BASE
    }),
    profile: Some(&Profile {
        variables: &[
            Variable { name: "POETRY_HTTP_BASIC_{NAME}_USERNAME", form: Form::User },
            Variable { name: "POETRY_HTTP_BASIC_{NAME}_PASSWORD", form: Form::Token },
        ],
    }),
    ..Tool::BASE
};
