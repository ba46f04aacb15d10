//! Poetry: starts no program, but user name and password of a source may stand in variables named after it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::folders::Folders;
use crate::forge::Need;

use super::Tool;
use super::profile::{Endpoint, Form, OnConflict, Profile, Search, Variable};

/// Poetry.
pub static TOOL: Tool = Tool {
    name: "poetry",
    title: "Poetry",
    need: Need::Packages,
    how: "variables: keyfob run -- poetry …",
    profile: Some(&Profile {
        programs: &["poetry"],
        discover: Some((
            "`tool.poetry.source` in `pyproject.toml`, `repositories` in `poetry.toml` and in Poetry's `config.toml`",
            discover,
        )),
        variables: &[
            Variable {
                name: "POETRY_HTTP_BASIC_{NAME}_USERNAME",
                form: Form::User,
                on_conflict: OnConflict::Refuse,
            },
            Variable {
                name: "POETRY_HTTP_BASIC_{NAME}_PASSWORD",
                form: Form::Token,
                on_conflict: OnConflict::Refuse,
            },
        ],
    }),
    ..Tool::BASE
};

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let (mut endpoints, mut unclear) = (Vec::new(), Vec::new());
    // The nearest project is the one.
    let projects: Vec<PathBuf> = search.upwards().collect();
    for folder in projects {
        if let Some(project) = table(search, &folder.join("pyproject.toml")) {
            let sources = project.get("tool").and_then(|tool| tool.get("poetry")?.get("source")?.as_array());
            let named = sources.into_iter().flatten();
            named.for_each(|source| {
                add(source.get("name").and_then(Value::as_str), source, &mut endpoints, &mut unclear)
            });
            if let Some(settings) = table(search, &folder.join("poetry.toml")) {
                repositories(&settings, &mut endpoints, &mut unclear);
            }
            break;
        }
    }
    let mut served = Vec::new();
    if let Some(folder) = settings(search) {
        if let Some(settings) = table(search, &folder.join("config.toml")) {
            repositories(&settings, &mut endpoints, &mut unclear);
        }
        let logins = table(search, &folder.join("auth.toml"));
        let names = logins.as_ref().and_then(|logins| logins.get("http-basic")?.as_table());
        served.extend(names.into_iter().flatten().map(|(name, _)| name.clone()));
    }
    search.unclear(&endpoints, &unclear);
    search.each_once(endpoints.into_iter().map(|endpoint: Endpoint| {
        let has = endpoint.name.as_ref().is_some_and(|name| served.contains(name));
        endpoint.with_token(has)
    }))
}

/// Where one may publish to.
fn repositories(settings: &Table, endpoints: &mut Vec<Endpoint>, unclear: &mut Vec<String>) {
    let named = settings.get("repositories").and_then(Value::as_table).into_iter().flatten();
    named.for_each(|(name, about)| add(Some(name), about, endpoints, unclear));
}

/// An endpoint by its name and its `url`; of what has a URL that cannot be read, the name alone.
fn add(name: Option<&str>, about: &Value, endpoints: &mut Vec<Endpoint>, unclear: &mut Vec<String>) {
    let (Some(name), Some(url)) = (name, about.get("url").and_then(Value::as_str)) else { return };
    match Endpoint::found(Some(name), url) {
        Some(endpoint) => endpoints.push(endpoint),
        None => unclear.push(name.to_owned()),
    }
}

/// Poetry's own folder of settings.
fn settings(search: &Search<'_>) -> Option<PathBuf> {
    if let Some(told) = search.environment.os("POETRY_CONFIG_DIR") {
        return Some(told.into());
    }
    Some(Folders::of(search.environment).config()?.join("pypoetry"))
}

fn table(search: &mut Search<'_>, file: &Path) -> Option<Table> {
    search.parsed(file, |text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[test]
    fn sources_are_those_of_the_nearest_project_and_repositories_to_publish_to() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("pyproject.toml", "[[tool.poetry.source]]\nname = 'far'\nurl = 'https://far.test/'\n");
        write(
            "p/pyproject.toml",
            "\u{feff}[[tool.poetry.source]]\r\nname = \"my-feed\"\r\nurl = \"https://h.test/simple/\"\r\n[[tool.poetry.source]]\r\nname = 'PyPI'\r\n",
        );
        write("p/poetry.toml", "[repositories.up]\nurl = 'https://h.test/upload/'\n");
        write("c/config.toml", "[repositories.has]\nurl = 'https://h.test/other/'\n");
        write("c/auth.toml", "[http-basic.has]\nusername = 'a'\npassword = 'b'\n");
        write("p/deep/x", "");
        let environment =
            Environment::new([("POETRY_CONFIG_DIR".into(), folder.path().join("c").into_os_string())]);
        let project = folder.path().join("p/deep");
        let mut search = Search::new(&project, &environment);
        let shown: Vec<_> = discover(&mut search)
            .iter()
            .map(|endpoint| {
                format!("{} {} {}", endpoint.name.as_deref().unwrap(), endpoint.url, endpoint.served)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "my-feed https://h.test/simple/ false",
                "up https://h.test/upload/ false",
                "has https://h.test/other/ true"
            ]
        );
        assert!(search.notes.is_empty());
        let two = "[[tool.poetry.source]]\nname = 'my-feed'\nurl = 'https://h.test/'\n[[tool.poetry.source]]\nname = 'MY_FEED'\nurl = 'https://me:x@other.test/'\n";
        write("p/pyproject.toml", two);
        discover(&mut search);
        assert_eq!(search.notes.len(), 1, "{:?}", search.notes);
        search.notes.clear();
        write("p/pyproject.toml", "[[tool.poetry.source");
        discover(&mut search);
        assert_eq!(search.notes.len(), 1);
    }
}
