//! Composer: no way to ask, but `COMPOSER_AUTH` holds logins by host, which are added to those of its files. One login for a host:
//! two organisations on one host are one too many.

use std::path::PathBuf;

use serde_json::Value;

use crate::folders::Folders;
use crate::forge::Need;

use super::Tool;
use super::profile::{Endpoint, Form, OnConflict, Profile, Search, Variable};

/// Composer.
pub static TOOL: Tool = Tool {
    name: "composer",
    title: "Composer",
    need: Need::Packages,
    how: "a variable: keyfob run -- composer …",
    profile: Some(&Profile {
        programs: &["composer", "composer.phar"],
        discover: Some(("`repositories` in `composer.json` and in your `config.json`", discover)),
        variables: &[Variable { name: AUTH, form: Form::Composer, on_conflict: OnConflict::Refuse }],
    }),
    ..Tool::BASE
};

const AUTH: &str = "COMPOSER_AUTH";

/// Where logins stand in `auth.json` and in the variable, each by host.
const LOGINS: &[&str] =
    &["http-basic", "bearer", "github-oauth", "gitlab-oauth", "gitlab-token", "bitbucket-oauth"];

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let manifest = search.environment.os("COMPOSER").unwrap_or_else(|| "composer.json".into());
    let mut settings = vec![search.folder.join(manifest)];
    let mut logins = vec![search.folder.join("auth.json")];
    for home in homes(search) {
        settings.push(home.join("config.json"));
        logins.push(home.join("auth.json"));
    }
    let settings: Vec<Value> = settings.iter().filter_map(|file| search.json(file)).collect();
    let mut logins: Vec<Value> = logins.iter().filter_map(|file| search.json(file)).collect();
    let told = search.environment.text(AUTH);
    logins.extend(told.and_then(|text| serde_json::from_str(&text).ok()));
    let endpoints = endpoints(&settings, &logins);
    search.each_once(endpoints)
}

/// Where Composer's own files may be.
fn homes(search: &Search<'_>) -> Vec<PathBuf> {
    if let Some(told) = search.environment.os("COMPOSER_HOME") {
        return vec![PathBuf::from(told)];
    }
    let folders = Folders::of(search.environment);
    let windows = folders.roaming().map(|folder| folder.join("Composer"));
    let xdg = folders.xdg_config().map(|folder| folder.join("composer"));
    let old = folders.home().map(|home| home.join(".composer"));
    [windows, xdg, old].into_iter().flatten().collect()
}

fn endpoints(settings: &[Value], logins: &[Value]) -> Vec<Endpoint> {
    let repositories = settings.iter().filter_map(|value| value.get("repositories"));
    // A list, or an object whose keys are names.
    let each = repositories.flat_map(|value| match value {
        Value::Array(list) => list.iter().collect::<Vec<_>>(),
        Value::Object(named) => named.values().collect(),
        _ => Vec::new(),
    });
    let urls = each.filter_map(|repository| repository.get("url")?.as_str());
    let endpoints = urls.filter_map(|url| {
        let endpoint = Endpoint::found(None, url)?;
        let host = endpoint.remote.authority();
        let held = |kind: &&str| {
            logins.iter().any(|value| value.get(kind).is_some_and(|by| by.get(&host).is_some()))
        };
        Some(endpoint.with_token(LOGINS.iter().any(held)))
    });
    endpoints.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(settings: &str, logins: &str) -> Vec<String> {
        let json = |text: &str| vec![serde_json::from_str(text).unwrap()];
        let shown =
            |endpoint: Endpoint| format!("{}{}", endpoint.url, if endpoint.served { " has one" } else { "" });
        endpoints(&json(settings), &json(logins)).into_iter().map(shown).collect()
    }

    #[test]
    fn repositories_are_found_in_both_ways_of_writing_them() {
        let list = r#"{"repositories":[{"type":"composer","url":"https://h.test:8443/a"},{"packagist.org":false},{"type":"path","url":"../x"}]}"#;
        assert_eq!(found(list, "{}"), ["https://h.test:8443/a"]);
        let named = r#"{"repositories":{"a":{"type":"composer","url":"https://h.test:8443/a"},"packagist.org":false}}"#;
        assert_eq!(found(named, "[]"), ["https://h.test:8443/a"]);
        assert_eq!(found(named, r#"{"http-basic":{"h.test:8443":{}}}"#), ["https://h.test:8443/a has one"]);
        assert_eq!(found(named, r#"{"http-basic":{"h.test":{}}}"#), ["https://h.test:8443/a"]);
        assert!(found(r#"{"repositories":7}"#, "7").is_empty());
    }
}
