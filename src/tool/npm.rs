//! npm, and Yarn 1, which reads the same files: no way to ask, but every setting may stand in a variable, and one that belongs to a
//! registry is named by the registry's URL. So a token goes to that registry and nowhere else.
//!
//! Which registries: those that the `.npmrc` files from the project's folder upwards and the person's own one name, and
//! `publishConfig` in `package.json`. Deliberately absent: npm's global and built-in settings.

use std::path::Path;

use serde_json::Value;

use crate::forge::Need;
use crate::formats::npmrc::plain;

use super::Tool;
use super::profile::search::{Search, expand};
use super::profile::{Endpoint, Form, OnConflict, Profile, Variable};

/// npm.
pub static TOOL: Tool = Tool {
    name: "npm",
    clients: &["npx"],
    title: "npm, Yarn 1",
    need: Need::Packages,
    how: "variables: keyfob run -- npm …",
    profile: Some(&Profile {
        programs: &["npm", "npx", "yarn", "yarnpkg"],
        discover: Some((
            "`registry` and `@SCOPE:registry` in `.npmrc` (project upwards, and yours), `publishConfig` in `package.json`",
            discover,
        )),
        variables: &[
            Variable {
                name: "npm_config_{//host/path/}:username",
                form: Form::User,
                on_conflict: OnConflict::Refuse,
            },
            Variable {
                name: "npm_config_{//host/path/}:_password",
                form: Form::Base64,
                on_conflict: OnConflict::Refuse,
            },
            Variable { name: PASSWORD, form: Form::Base64, on_conflict: OnConflict::Ours },
        ],
    }),
    ..Tool::BASE
};

/// For `:_password=${…}` in a `.npmrc`: Yarn 1 spoils the names of the other variables, in which it takes dots and underscores
/// for its own.
const PASSWORD: &str = "KEYFOB_NPM_PASSWORD";

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let mut settings = Vec::new();
    let own = search.file("npm_config_userconfig", ".npmrc");
    let mut files: Vec<_> = search.upwards().map(|folder| folder.join(".npmrc")).collect();
    files.extend(own);
    files.dedup();
    for file in files {
        let text = search.text(&file).unwrap_or_default();
        let of_file = read(&text, &|name| search.environment.text(name));
        if of_file.iter().any(sends_on) {
            search.sends_on(&file);
        }
        settings.extend(of_file);
    }
    let manifests: Vec<_> = search.upwards().map(|folder| folder.join("package.json")).collect();
    for file in manifests {
        settings.extend(publishing(search, &file));
    }
    settings.extend(search.environment.text("npm_config_registry").map(|url| ("registry".to_owned(), url)));
    search.each_once(endpoints(&settings))
}

/// How our variables begin where a file uses them; they are ours to set, so they stay as they stand there.
const USES: &[&str] = &["${KEYFOB_NPM_PASSWORD", "${npm_config_//"];

/// Whether a setting uses our variables for anything but the password of an endpoint.
fn sends_on((key, value): &(String, String)) -> bool {
    let is_password = key.starts_with("//") && key.ends_with(":_password") && value.starts_with(USES[0]);
    let uses = |text: &String| USES.iter().any(|ours| text.contains(ours));
    uses(key) || (uses(value) && !(is_password && value.matches("${").count() == 1))
}

/// The registries; those below which a token is set already, or our variable is, are marked.
fn endpoints(settings: &[(String, String)]) -> Vec<Endpoint> {
    let is_token = |key: &str| [":_password", ":_authToken", ":_auth"].iter().any(|end| key.ends_with(end));
    // A variable that is not set stays as it stands, and is no token.
    let tokens = settings.iter().filter(move |(key, value)| is_token(key) && !value.contains("${"));
    let below = |key: &str| Some(format!("{}/", key.rsplit_once(':')?.0.trim_end_matches('/')));
    let served: Vec<String> =
        tokens.filter_map(|(key, _)| below(key)).filter(|above| above.len() > 2).collect();
    let is_handed = |value: &str| value.contains(USES[0]);
    let with_variable =
        settings.iter().filter(|(key, value)| key.ends_with(":_password") && is_handed(value));
    let handed: Vec<String> = with_variable.filter_map(|(key, _)| below(key)).collect();
    let is_registry = |key: &str| key == "registry" || (key.starts_with('@') && key.ends_with(":registry"));
    let registries = settings.iter().filter(|(key, _)| is_registry(key)).filter_map(|(_, url)| {
        let endpoint = Endpoint::found(None, &format!("{}/", url.trim_end_matches('/')))?;
        let dart = endpoint.nerf_dart();
        let is_below = |all: &[String]| all.iter().any(|above| dart.starts_with(above.as_str()));
        let (has, is_handed) = (is_below(&served), is_below(&handed));
        Some(endpoint.with_token(has).with_variable(is_handed))
    });
    let mut endpoints: Vec<Endpoint> = registries.collect();
    // One that no registry is below may still be where a package comes from.
    let others = handed
        .iter()
        .filter(|above| !endpoints.iter().any(|endpoint| endpoint.nerf_dart().starts_with(*above)));
    let others: Vec<Endpoint> =
        others.filter_map(|above| Endpoint::found(None, &format!("https:{above}"))).collect();
    endpoints.extend(others.into_iter().map(|endpoint| endpoint.with_variable(true)));
    endpoints
}

/// The keys and values of a file, as npm's `ini` reads them: sections are none of npm's settings.
fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let expand = |text: &str| {
        expand(text, "${", '}', |name| match name.strip_suffix('?') {
            _ if USES.iter().any(|ours| name.starts_with(&ours[2..])) => None,
            Some(name) => Some(variable(name).unwrap_or_default()),
            None => variable(name),
        })
    };
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let settings = lines.filter(|line| !line.starts_with([';', '#'])).filter_map(|line| line.split_once('='));
    settings.map(|(key, value)| (expand(&plain(key)), expand(&plain(value)))).collect()
}

/// Where a package says that it is published.
fn publishing(search: &mut Search<'_>, file: &Path) -> Vec<(String, String)> {
    let Some(manifest) = search.json(file) else { return Vec::new() };
    let settings = manifest.get("publishConfig").and_then(Value::as_object).into_iter().flatten();
    settings.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    fn found(text: &str) -> Vec<String> {
        let variable = |name: &str| (name == "ORG").then(|| "contoso".to_owned());
        let shown = |endpoint: &Endpoint| {
            format!("{}{}", endpoint.url, if endpoint.served { " has one" } else { "" })
        };
        let environment = Environment::default();
        let mut search = Search::new(Path::new("/"), &environment);
        search.each_once(endpoints(&read(text, &variable))).iter().map(shown).collect()
    }

    #[test]
    fn registries_are_found_as_npm_would_read_them() {
        let url = "https://pkgs.dev.azure.com/contoso/_packaging/f/npm/registry/";
        for line in [
            format!("registry={url}"),
            format!("  registry = {url} ; mine\r"),
            format!("@contoso:registry=\"{url}\""),
            format!("'@contoso:registry' = '{url}'"),
            format!("; a comment\n# another\nregistry={}", url.replace("contoso", "${ORG}")),
            format!("registry={url}\n@a:registry={}", url.trim_end_matches('/')),
            format!("registry=https://me@{}", &url[8..]),
        ] {
            let got: Vec<_> = found(&line).iter().map(|one| one.trim_end_matches('/').to_owned()).collect();
            assert_eq!(got, [url.trim_end_matches('/')], "{line:?}");
        }
        for line in [
            "registry",
            "registry=",
            "registry=./local",
            "registry=https://${UNSET}/x/",
            "registry=https://me:secret@pkgs.dev.azure.com/contoso/",
            "[section]\nregistry=https://pkgs.dev.azure.com/contoso/",
            "my-registry=https://pkgs.dev.azure.com/contoso/",
            ";registry=https://pkgs.dev.azure.com/contoso/",
        ] {
            assert!(found(line).is_empty(), "{line:?}: {:?}", found(line));
        }
    }

    #[test]
    fn a_token_that_stands_there_already_is_left_alone() {
        let registry = "registry=https://h.test/a/npm/registry/\n";
        for line in [
            "//h.test/a/npm/registry/:_authToken=x",
            "//h.test/a/:_password=x",
            "//h.test/:_auth=x",
            "//h.test/a/npm/registry:_password=${ORG}",
        ] {
            assert_eq!(
                found(&format!("{registry}{line}")),
                ["https://h.test/a/npm/registry/ has one"],
                "{line}"
            );
        }
        for line in [
            "//h.test/a/npm/registry/:username=x",
            "//h.test/a/npm/reg/:_authToken=x",
            "//other.test/:_authToken=x",
            "//h.test/a/npm/registry/:_password=${UNSET}",
            ":_authToken=x",
        ] {
            assert_eq!(found(&format!("{registry}{line}")), ["https://h.test/a/npm/registry/"], "{line}");
        }
    }

    #[test]
    fn where_our_variable_is_handed_to_is_a_place_too() {
        let environment = Environment::new([("KEYFOB_NPM_PASSWORD".into(), "x".into())]);
        let handed = |text: &str| {
            let settings = read(text, &|name| environment.text(name));
            assert!(!settings.iter().any(sends_on), "{text}");
            let of = endpoints(&settings).into_iter().filter(|endpoint| endpoint.handed);
            of.map(|endpoint| endpoint.url).collect::<Vec<_>>()
        };
        let ours = "@a:registry=https://h.test/a/npm/\nregistry=https://other.test/\n";
        assert!(handed(ours).is_empty());
        for key in ["//h.test/a/npm/", "//h.test/a", "//h.test/"] {
            let text = format!("{ours}{key}:_password=${{KEYFOB_NPM_PASSWORD}}\n");
            assert_eq!(handed(&text), ["https://h.test/a/npm/"], "{key}");
        }
        for (key, url) in
            [("//other.test/", "https://other.test/"), ("//third.test/x/", "https://third.test/x/")]
        {
            let text = format!("{ours}{key}:_password=${{KEYFOB_NPM_PASSWORD?}}\n");
            assert_eq!(handed(&text), [url]);
        }
    }

    #[test]
    fn a_file_that_sends_our_variables_elsewhere_is_known() {
        for line in [
            "registry=https://other.test/${KEYFOB_NPM_PASSWORD}/",
            "//other.test/:_authToken=${KEYFOB_NPM_PASSWORD}",
            "//other.test/:_password=${npm_config_//h.test/:_password}",
            "//other.test/:_password=\"${npm_config_//h.test/:_password?}\"",
            "//other.test/:_password=${KEYFOB_NPM_PASSWORD}${npm_config_//h.test/:_password}",
            "user-agent=x-${KEYFOB_NPM_PASSWORD}",
            "_password=${KEYFOB_NPM_PASSWORD}",
            "//${KEYFOB_NPM_PASSWORD}.other.test/:_password=x",
        ] {
            assert!(read(line, &|_| None).iter().any(sends_on), "{line}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".npmrc"), "proxy=http://${KEYFOB_NPM_PASSWORD}@other.test/\n")
            .unwrap();
        let environment = Environment::default();
        let mut search = Search::new(folder.path(), &environment);
        discover(&mut search);
        assert!(search.refused.is_some());
    }

    #[test]
    fn files_are_read_upwards_and_at_home_and_a_hostile_one_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("home/a/b");
        std::fs::create_dir_all(&project).unwrap();
        let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
        write("home/.npmrc", b"registry=https://one.test/");
        write("home/a/.npmrc", b"\xef\xbb\xbf@x:registry=https://two.test/\r\n");
        write(
            "home/a/package.json",
            br#"{"publishConfig":{"registry":"https://three.test","access":"public"}}"#,
        );
        write("home/a/b/package.json", b"{");
        write("home/a/b/.npmrc", &"${".repeat(500_000).into_bytes());
        let home = folder.path().join("home").into_os_string();
        let environment = Environment::new([("HOME".into(), home.clone()), ("USERPROFILE".into(), home)]);
        let mut search = Search::new(&project, &environment);
        let urls: Vec<_> = discover(&mut search).into_iter().map(|endpoint| endpoint.url).collect();
        assert_eq!(urls, ["https://two.test/", "https://one.test/", "https://three.test/"]);
        assert_eq!(search.notes.len(), 1, "{:?}", search.notes);
    }
}
