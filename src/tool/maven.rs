//! Maven: no way to ask. It sends a request without a login, and deploys without one, so it needs none in `settings.xml`.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Publishes, Settings};

/// Maven.
pub static TOOL: Tool = Tool {
    name: "maven",
    clients: &["mvn", "mvnw", "mvnd"],
    title: "Maven",
    need: Need::Packages,
    how: "through keyfob's proxy: keyfob run -- mvn …",
    client: Some(&Client {
        programs: &["mvn", "mvnw", "mvnd", "mvnDebug"],
        settings: &[
            Settings::Project("pom.xml"),
            Settings::Project(".mvn/maven.config"),
            Settings::Project(".mvn/settings.xml"),
            Settings::Project(".mvn/wrapper/maven-wrapper.properties"),
            Settings::Home(".m2/settings.xml"),
            Settings::Named("MAVEN_HOME", "conf/settings.xml"),
            Settings::System("/etc/maven/settings.xml"),
            Settings::Variable("MAVEN_ARGS"),
        ],
        // Also as a plugin's goal: `deploy:deploy-file`, `release:perform`.
        publishes: Publishes::Anywhere(&["deploy", "deploy-file", "site-deploy", "perform"]),
        ..Client::BASE
    }),
    ..Tool::BASE
};
