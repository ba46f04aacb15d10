//! Conan 2: no way to ask, but login and password of a remote may stand in variables named after it.

use serde_json::Value;

use crate::forge::Need;

use super::Tool;
use super::profile::{Endpoint, Form, OnConflict, Profile, Search, Variable};

/// Conan.
pub static TOOL: Tool = Tool {
    name: "conan",
    title: "Conan 2",
    need: Need::Packages,
    how: "variables: keyfob run -- conan …",
    profile: Some(&Profile {
        programs: &["conan"],
        discover: Some(("`remotes.json` in Conan's home (`conan remote list`)", discover)),
        variables: &[
            Variable {
                name: "CONAN_LOGIN_USERNAME_{NAME}",
                form: Form::User,
                on_conflict: OnConflict::Refuse,
            },
            Variable { name: "CONAN_PASSWORD_{NAME}", form: Form::Token, on_conflict: OnConflict::Refuse },
        ],
    }),
    ..Tool::BASE
};

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let Some(home) = search.file("CONAN_HOME", ".conan2") else { return Vec::new() };
    let mut list = |file: &str, key: &str| {
        Some(search.json(&home.join(file))?.get_mut(key)?.as_array_mut()?.split_off(0))
    };
    let remotes = list("remotes.json", "remotes").unwrap_or_default();
    let logins = list("credentials.json", "credentials").unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let is_on = |remote: &&Value| remote.get("disabled").and_then(Value::as_bool) != Some(true);
    let endpoint = |remote: &Value| {
        let name = text(remote, "name")?;
        let served = logins.iter().any(|login| text(login, "remote").as_ref() == Some(&name));
        Some(Endpoint::found(Some(&name), &text(remote, "url")?)?.with_token(served))
    };
    let endpoints: Vec<Endpoint> = remotes.iter().filter(is_on).filter_map(endpoint).collect();
    search.each_once(endpoints)
}
