//! Yarn 2 and newer, which reads neither `.npmrc` nor npm's variables. Its settings by registry cannot stand in variables, only one
//! login for all registries can; so that one is set only where all registries that Yarn would use are ours. Otherwise
//! `.yarnrc.yml` itself ties `IDENT` to a registry.
//!
//! Deliberately absent: all of YAML but keys, values and indentation, which is how Yarn writes its file.

use crate::forge::Need;

use super::Tool;
use super::profile::search::{Search, expand};
use super::profile::{Endpoint, Form, OnConflict, Profile, Variable};

/// Yarn 2 and newer.
pub static TOOL: Tool = Tool {
    name: "yarn",
    clients: &["yarnpkg"],
    title: "Yarn 2 and newer",
    need: Need::Packages,
    how: "variables: keyfob run -- yarn …",
    profile: Some(&Profile {
        programs: &["yarn", "yarnpkg"],
        discover: Some((
            "`npmRegistryServer` and `npmPublishRegistry` in `.yarnrc.yml` (project upwards, and yours)",
            discover,
        )),
        variables: &[
            Variable { name: IDENT, form: Form::Basic, on_conflict: OnConflict::Ours },
            Variable { name: "YARN_NPM_AUTH_IDENT", form: Form::Basic, on_conflict: OnConflict::LeaveOut },
            Variable {
                name: "YARN_NPM_ALWAYS_AUTH",
                form: Form::Word("true"),
                on_conflict: OnConflict::LeaveOut,
            },
        ],
    }),
    ..Tool::BASE
};

/// For `npmAuthIdent: "${…:-}"`. It does not begin with YARN_: Yarn refuses such variables that it does not know.
const IDENT: &str = "KEYFOB_YARN_IDENT";

/// What Yarn uses where nothing is said.
const DEFAULT: &str = "https://registry.yarnpkg.com";

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let mut files: Vec<_> = search.upwards().map(|folder| folder.join(".yarnrc.yml")).collect();
    files.extend(search.home().map(|home| home.join(".yarnrc.yml")));
    files.dedup();
    let (mut settings, mut all_read) = (Vec::new(), true);
    for file in files {
        let before = search.notes.len();
        let text = search.text(&file).unwrap_or_default();
        let of_file = read(&text, &|name| search.environment.text(name));
        if of_file.iter().any(sends_on) {
            search.sends_on(&file);
        }
        settings.extend(of_file);
        all_read &= search.notes.len() == before && is_plain(&text);
    }
    let told = search.environment.text("YARN_NPM_REGISTRY_SERVER");
    settings.extend(told.map(|url| (vec!["npmRegistryServer".to_owned()], url)));
    let mut endpoints = search.each_once(endpoints(&settings));
    let by_default = !settings.iter().any(|(path, _)| path.as_slice() == ["npmRegistryServer"]);
    // What we could not read may name a registry that is not ours, as the public one is not.
    if !endpoints.is_empty() && (by_default || !all_read) {
        let for_all = settings.iter().any(|(path, value)| path.len() == 1 && uses(value));
        endpoints.extend(Endpoint::found(None, DEFAULT).map(|endpoint| endpoint.with_variable(for_all)));
    }
    endpoints
}

/// How our variables begin where a file uses them; they are ours to set, so they stay as they stand there.
const USES: &[&str] = &["${KEYFOB_YARN_IDENT", "${YARN_NPM_AUTH_IDENT"];

fn uses(value: &str) -> bool {
    USES.iter().any(|ours| value.contains(ours))
}

/// Whether a setting uses our variables for anything but a login.
fn sends_on((path, value): &Setting) -> bool {
    uses(value) && path.last().is_none_or(|last| last != "npmAuthIdent")
}

/// A setting: the keys that lead to it, and its value.
type Setting = (Vec<String>, String);

/// The registries that are named.
fn endpoints(settings: &[Setting]) -> Vec<Endpoint> {
    let ends = |path: &[String], keys: &[&str]| path.last().is_some_and(|last| keys.contains(&last.as_str()));
    let is_login = |path: &[String]| ends(path, &["npmAuthIdent", "npmAuthToken"]);
    let is_registry = |path: &[String]| ends(path, &["npmRegistryServer", "npmPublishRegistry"]);
    let all = settings.iter().filter(|(path, value)| is_login(path) && !value.is_empty());
    let (handed, logins): (Vec<&Setting>, Vec<&Setting>) = all.partition(|(_, value)| uses(value));
    let dart_of = |key: &str| Some(format!("//{}/", key.split_once("//")?.1.trim_end_matches('/')));
    let registries = settings.iter().filter(|(path, _)| is_registry(path)).filter_map(|(path, url)| {
        let endpoint = Endpoint::found(None, url)?;
        let dart = endpoint.nerf_dart();
        let is_for = |(login, _): &&Setting| match login.as_slice() {
            [_] => true,
            [registries, key, _] if registries == "npmRegistries" => dart_of(key).as_ref() == Some(&dart),
            _ => login[..login.len() - 1] == path[..path.len() - 1],
        };
        let (has, is_handed) = (logins.iter().any(is_for), handed.iter().any(is_for));
        Some(endpoint.with_token(has).with_variable(is_handed))
    });
    let mut endpoints: Vec<Endpoint> = registries.collect();
    // A package may come from one that no setting names.
    let others = handed.iter().filter_map(|(path, _)| match path.as_slice() {
        [registries, key, _] if registries == "npmRegistries" => dart_of(key),
        _ => None,
    });
    let others = others.filter(|dart| !endpoints.iter().any(|endpoint| endpoint.nerf_dart() == *dart));
    let others: Vec<Endpoint> =
        others.filter_map(|dart| Endpoint::found(None, &format!("https:{dart}"))).collect();
    endpoints.extend(others.into_iter().map(|endpoint| endpoint.with_variable(true)));
    endpoints
}

/// Whether all of it is written as Yarn itself writes it, so that what it says of registries is what we read.
fn is_plain(text: &str) -> bool {
    let mut above = "";
    text.lines().filter(|line| !line.trim_start().is_empty() && !line.trim_start().starts_with('#')).all(
        |line| {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let (key, value) = (key.trim_end(), value.trim_start());
            if !key.starts_with([' ', '-']) {
                above = key;
            }
            let odd_key = key.trim_start().starts_with(['{', '?', '&', '*', '!', '<', '[', '%', '\t'])
                || key.contains('\\');
            let odd_value = above.trim_matches(['"', '\'']).starts_with("npm")
                && value.starts_with(['{', '&', '*', '!', '|', '>']);
            !odd_key && !odd_value
        },
    )
}

/// Keys, values and what is indented below which key.
fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Setting> {
    let expand = |text: &str| {
        expand(text, "${", '}', |name| match name.split_once('-') {
            _ if USES.iter().any(|ours| name.starts_with(&ours[2..])) => None,
            Some((name, instead)) => {
                Some(variable(name.trim_end_matches(':')).unwrap_or_else(|| instead.to_owned()))
            }
            None => variable(name),
        })
    };
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut settings = Vec::new();
    for line in text.lines() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = line.len() - content.len();
        let Some((key, value)) = pair(content) else { continue };
        above.retain(|(of, _)| *of < indent);
        above.push((indent, key));
        // No file of Yarn's is so deep, and a hostile one shall not cost its depth times its length.
        if above.len() <= 3 && !value.is_empty() {
            settings.push((above.iter().map(|(_, key)| key.clone()).collect(), expand(&value)));
        }
    }
    settings
}

/// `key: value`, either in quotes or not.
fn pair(line: &str) -> Option<(String, String)> {
    let quote = line.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (key, rest) = match quote {
        Some(quote) => {
            line[1..].split_once(quote).and_then(|(key, rest)| Some((key, rest.strip_prefix(':')?)))?
        }
        None => line.split_once(": ").or_else(|| Some((line.trim_end().strip_suffix(':')?, "")))?,
    };
    let value = rest.trim();
    let value = match value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => value[1..].split_once(quote)?.0,
        None => value.split(" #").next().unwrap_or_default().trim_end(),
    };
    Some((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let variable = |name: &str| (name == "ORG").then(|| "contoso".to_owned());
        let shown = |endpoint: &Endpoint| {
            format!("{}{}", endpoint.url, if endpoint.served { " has one" } else { "" })
        };
        endpoints(&read(text, &variable)).iter().map(shown).collect()
    }

    #[test]
    fn registries_are_found_where_they_are_named() {
        let all = "# mine\r\nnpmRegistryServer: \"https://h.test/${ORG}/${NONE:-x}/\"\r\n";
        assert_eq!(found(all), ["https://h.test/contoso/x/"]);
        let scoped = "nodeLinker: pnp\n\nnpmScopes:\n  a:\n    npmRegistryServer: 'https://h.test/a/' # x\n";
        assert_eq!(found(scoped), ["https://h.test/a/"]);
        assert!(found("nodeLinker: pnp\n").is_empty());
        assert!(found("npmRegistryServer: \"https://${NONE}/\"\n").is_empty());
        assert!(found(&format!("{}npmRegistryServer: x", "a:\n ".repeat(1000))).is_empty());
    }

    /// How many registries there are with this file, the one by default among them.
    fn count(text: &str) -> usize {
        use crate::environment::Environment;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".yarnrc.yml"), text).unwrap();
        let environment = Environment::default();
        discover(&mut Search::new(folder.path(), &environment)).len()
    }

    #[test]
    fn where_another_registry_may_be_used_it_is_counted() {
        let ours = "npmRegistryServer: https://h.test/a/\n";
        assert_eq!(count(ours), 1);
        assert_eq!(count("npmPublishRegistry: https://h.test/a/\n"), 2);
        assert_eq!(count("nodeLinker: pnp\n"), 0);
        let plain = "plugins:\n  - path: x\n    spec: \"@y\"\nunsafeHttpWhitelist: [\"a\"]\npackageExtensions:\n  \"x@*\": {}\n";
        assert_eq!(count(&format!("{ours}{plain}")), 1);
        for odd in [
            "npmScopes: {a: {npmRegistryServer: 'https://other.test'}}\n",
            "npmScopes:\n  a: &x\n    npmRegistryServer: https://h.test/a/\n",
            "{npmScopes: {a: {}}}\n",
            "<<: *x\n",
            "? npmScopes\n",
            "\"npm\\x53copes\":\n  a: b\n",
        ] {
            assert_eq!(count(&format!("{ours}{odd}")), 2, "{odd}");
        }
    }

    #[test]
    fn where_our_variable_is_handed_to_is_a_place_too() {
        let handed = |text: &str| {
            let settings = read(text, &|_| Some("x".to_owned()));
            assert!(!settings.iter().any(sends_on), "{text}");
            let of = endpoints(&settings).into_iter().filter(|endpoint| endpoint.handed);
            of.map(|endpoint| endpoint.url).collect::<Vec<_>>()
        };
        let scope = |name: &str, more: &str| {
            format!("npmScopes:\n  {name}:\n    npmRegistryServer: https://{name}.test/\n{more}")
        };
        let ident = "npmAuthIdent: \"${KEYFOB_YARN_IDENT:-}\"\n";
        let both = |more: &str| format!("{}{}", scope("a", ""), scope("b", more));
        assert!(handed(&both("")).is_empty());
        assert_eq!(handed(&both(&format!("    {ident}"))), ["https://b.test/"]);
        assert_eq!(handed(&both(ident)), ["https://a.test/", "https://b.test/"]);
        for (key, url) in
            [("//a.test", "https://a.test/"), ("https://third.test/x/", "https://third.test/x/")]
        {
            assert_eq!(handed(&format!("{}npmRegistries:\n  \"{key}\":\n    {ident}", both(""))), [url]);
        }
        for line in [
            "npmAuthToken: ${KEYFOB_YARN_IDENT}",
            "npmRegistryServer: \"https://x.test/${YARN_NPM_AUTH_IDENT-}\"",
        ] {
            assert!(read(line, &|_| None).iter().any(sends_on), "{line}");
        }
    }

    #[test]
    fn a_login_that_stands_there_already_is_left_alone() {
        let registry = "npmRegistryServer: https://h.test/a/\n";
        for login in [
            "npmAuthIdent: x\n",
            "npmRegistries:\n  \"//h.test/a\":\n    npmAuthIdent: \"x\"\n",
            "npmRegistries:\n  https://h.test/a/:\n    npmAuthToken: x\n",
        ] {
            assert_eq!(found(&format!("{registry}{login}")), ["https://h.test/a/ has one"], "{login}");
        }
        for login in [
            "npmAuthIdent: \"${KEYFOB_YARN_IDENT:-}\"\n",
            "npmRegistries:\n  \"//h.test/b\":\n    npmAuthIdent: \"x\"\n",
            "npmScopes:\n  b:\n    npmAuthToken: x\n",
        ] {
            assert_eq!(found(&format!("{registry}{login}")), ["https://h.test/a/"], "{login}");
        }
    }
}
