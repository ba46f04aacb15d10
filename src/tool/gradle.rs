//! Gradle: no way to ask, but `credentials(PasswordCredentials)` reads properties named after the repository, and a property may
//! stand in a variable. Deliberately absent: reading build scripts, which are programs; `--for NAME=URL` says what they name.

use crate::forge::Need;

use super::Tool;
use super::profile::{Form, OnConflict, Profile, Variable};

/// Gradle.
pub static TOOL: Tool = Tool {
    name: "gradle",
    clients: &["gradlew"],
    title: "Gradle",
    need: Need::Packages,
    how: "variables: keyfob run --for REPOSITORY=URL -- gradle …",
    profile: Some(&Profile {
        programs: &["gradle", "gradlew"],
        discover: None,
        variables: &[
            Variable {
                name: "ORG_GRADLE_PROJECT_{name}Username",
                form: Form::User,
                on_conflict: OnConflict::Refuse,
            },
            Variable {
                name: "ORG_GRADLE_PROJECT_{name}Password",
                form: Form::Token,
                on_conflict: OnConflict::Refuse,
            },
        ],
    }),
    ..Tool::BASE
};
