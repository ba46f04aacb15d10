//! Conan 2: no way to ask, and no need of a login before it sends a request.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Publishes, Settings};
use super::profile::{Form, Profile, Variable};

/// Conan.
pub static TOOL: Tool = Tool {
    name: "conan",
    title: "Conan 2",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- conan …",
    client: Some(&Client {
        programs: &["conan"],
        settings: &[
            Settings::Named("CONAN_HOME", "remotes.json"),
            Settings::Home(".conan2/remotes.json"),
            Settings::Project(".conan2/remotes.json"),
        ],
        publishes: Publishes::Words(&[&["upload"]]),
        logins: &["CONAN_LOGIN_USERNAME*", "CONAN_PASSWORD*"],
        ..Client::BASE
    }),
    profile: Some(&Profile {
        variables: &[
            Variable { name: "CONAN_LOGIN_USERNAME_{NAME}", form: Form::User },
            Variable { name: "CONAN_PASSWORD_{NAME}", form: Form::Token },
        ],
    }),
    ..Tool::BASE
};
