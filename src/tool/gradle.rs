//! Gradle: no way to ask. It sends a request without a login where a build declares none; its daemon gets no token either.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Publishes, Settings};
use super::profile::{Form, Profile, Variable};

/// Gradle.
pub static TOOL: Tool = Tool {
    name: "gradle",
    clients: &["gradlew"],
    title: "Gradle",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- gradle …",
    client: Some(&Client {
        programs: &["gradle", "gradlew"],
        settings: &[
            Settings::Project("build.gradle"),
            Settings::Project("build.gradle.kts"),
            Settings::Project("settings.gradle"),
            Settings::Project("settings.gradle.kts"),
            Settings::Project("gradle.properties"),
            Settings::Project("gradle/wrapper/gradle-wrapper.properties"),
            Settings::Home(".gradle/gradle.properties"),
            Settings::Home(".gradle/init.gradle"),
            Settings::Home(".gradle/init.gradle.kts"),
            Settings::Named("GRADLE_USER_HOME", "gradle.properties"),
        ],
        publishes: Publishes::Anywhere(&["publish*", "uploadArchives", "artifactoryPublish"]),
        logins: &["ORG_GRADLE_PROJECT_*"],
        ..Client::BASE
    }),
    profile: Some(&Profile {
        variables: &[
            Variable { name: "ORG_GRADLE_PROJECT_{name}Username", form: Form::User },
            Variable { name: "ORG_GRADLE_PROJECT_{name}Password", form: Form::Token },
        ],
    }),
    ..Tool::BASE
};
