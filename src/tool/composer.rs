//! Composer: no way to ask, and no need of a login before it sends a request.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Holds, Settings, Variable};
use super::profile::{Form, Profile};

/// Composer.
pub static TOOL: Tool = Tool {
    name: "composer",
    title: "Composer",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- composer …",
    client: Some(&Client {
        programs: &["composer", "composer.phar"],
        settings: &[
            Settings::Project("composer.json"),
            Settings::Project("composer.lock"),
            Settings::Named("COMPOSER", ""),
            Settings::Named("COMPOSER_HOME", "config.json"),
            Settings::Config("composer/config.json"),
            Settings::Home(".composer/config.json"),
        ],
        variables: &[Variable { name: "COMPOSER_CAFILE", holds: Holds::Authorities }],
        logins: &["COMPOSER_AUTH"],
        ..Client::BASE
    }),
    profile: Some(&Profile {
        variables: &[super::profile::Variable { name: "COMPOSER_AUTH", form: Form::Composer }],
    }),
    ..Tool::BASE
};
