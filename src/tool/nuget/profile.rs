//! NuGet's variables: credentials by the name of a source, for .NET SDKs before 9.0.200, which can start no native plugin.
//!
//! What a name stands for is decided as NuGet decides it: the nearest `nuget.config` from the folder upwards comes first, the
//! person's own last; `<clear/>` forgets what stands further away, a disabled source is none, and of two sources of one name
//! the one of the higher `protocolVersion` counts. Deliberately absent: settings of the whole machine, and `--configfile`.

use std::path::PathBuf;

use crate::folders::Folders;
use crate::formats::xml::{Element, Event, decode_name, events};
use crate::tool::profile::search::{Search, expand};
use crate::tool::profile::{Endpoint, Form, OnConflict, Profile, Variable};

/// The profile.
pub(super) static PROFILE: Profile = Profile {
    programs: &["dotnet", "nuget", "msbuild"],
    discover: Some(("the sources of the effective `nuget.config` (folder upwards, and yours)", discover)),
    variables: &[Variable {
        name: "NuGetPackageSourceCredentials_{name}",
        form: Form::NuGet,
        on_conflict: OnConflict::Refuse,
    }],
};

/// The names that a file may have; in a folder the first that is there counts.
const NAMES: &[&str] = &["nuget.config", "NuGet.config", "NuGet.Config"];

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let mut of_project = Vec::new();
    for folder in search.upwards().collect::<Vec<_>>().into_iter().rev() {
        let text = NAMES.iter().find_map(|name| {
            let file = folder.join(name);
            Some((search.text(&file)?, file))
        });
        of_project.extend(text);
    }
    let mut endpoints = Vec::new();
    // dotnet and nuget.exe under Mono have files of their own; a name that stands for two endpoints is refused later.
    for own in own_files(search) {
        let mut settings = Settings::default();
        let own = search.text(&own).map(|text| (text, own));
        for (text, file) in own.iter().chain(&of_project) {
            if settings.add(text).is_none() {
                search.malformed(file);
            }
        }
        endpoints.extend(settings.endpoints(&|name| search.environment.text(name)));
    }
    search.notes.dedup();
    search.each_once(endpoints)
}

fn own_files(search: &Search<'_>) -> Vec<PathBuf> {
    let folders = Folders::of(search.environment);
    if let Some(folder) = folders.roaming() {
        return vec![folder.join("NuGet/NuGet.Config")];
    }
    let dotnet = search.environment.os("DOTNET_CLI_HOME").map(PathBuf::from).or_else(|| folders.home());
    let mono = folders.xdg_config().map(|folder| folder.join("NuGet/NuGet.Config"));
    [dotnet.map(|home| home.join(".nuget/NuGet/NuGet.Config")), mono].into_iter().flatten().collect()
}

/// Nobody's settings say more of one kind.
const MOST: usize = 1000;

/// What files say so far, the furthest first.
#[derive(Default)]
struct Settings {
    sources: Vec<Source>,
    /// Name, and whether it is disabled.
    disabled: Vec<(String, bool)>,
    /// Name and password.
    passwords: Vec<(String, String)>,
}

struct Source {
    name: String,
    url: String,
    version: u32,
}

impl Settings {
    /// Adds a file that is nearer than those before.
    fn add(&mut self, text: &str) -> Option<()> {
        let mut path: Vec<&str> = Vec::new();
        let events = events(text)?;
        for (event, _) in &events {
            match event {
                Event::Open(element) => {
                    path.push(element.name());
                    self.element(&path, element);
                    let most = self.sources.len().max(self.disabled.len()).max(self.passwords.len());
                    (most <= MOST).then_some(())?;
                }
                Event::Close => drop(path.pop()),
                Event::Text(_) => {}
            }
        }
        Some(())
    }

    fn element(&mut self, path: &[&str], element: &Element<'_>) {
        let attribute = |name: &str| element.attribute(name).map(|value| value.to_string());
        let (key, value) = (attribute("key"), attribute("value"));
        match (path, key, value) {
            (["configuration", "packageSources", "clear"], ..) => self.sources.clear(),
            (["configuration", "disabledPackageSources", "clear"], ..) => self.disabled.clear(),
            (["configuration", "packageSourceCredentials", "clear"], ..) => self.passwords.clear(),
            (["configuration", "packageSources", "add"], Some(name), Some(url)) => {
                let version = attribute("protocolVersion").and_then(|text| text.parse().ok()).unwrap_or(2);
                self.sources.retain(|old| !(same(&old.name, &name) && old.version == version));
                self.sources.push(Source { name, url, version });
            }
            (["configuration", "disabledPackageSources", "add"], Some(name), Some(value)) => {
                self.disabled.retain(|(old, _)| !same(old, &name));
                self.disabled.push((name, value.trim().eq_ignore_ascii_case("true")));
            }
            (["configuration", "packageSourceCredentials", source, "add"], Some(key), Some(value))
                if key.eq_ignore_ascii_case("password") || key.eq_ignore_ascii_case("cleartextpassword") =>
            {
                self.passwords.push((decode_name(source), value));
            }
            _ => {}
        }
    }

    /// The sources that are in force and on the web.
    fn endpoints(&self, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Endpoint> {
        let is_disabled = |name: &str| self.disabled.iter().any(|(other, off)| *off && same(other, name));
        let is_outdone = |source: &Source| {
            self.sources.iter().any(|other| same(&other.name, &source.name) && other.version > source.version)
        };
        // A variable that is not set stays as it stands, and is no password.
        let has = |name: &str| {
            let own = self.passwords.iter().filter(|(of, _)| same(of, name));
            own.map(|(_, value)| expand(value, "%", '%', variable)).any(|value| !value.starts_with('%'))
        };
        let sources = self.sources.iter().filter(|source| !is_disabled(&source.name) && !is_outdone(source));
        let endpoint = |source: &Source| {
            let endpoint = Endpoint::found(Some(&source.name), &expand(&source.url, "%", '%', variable))?;
            Some(endpoint.with_token(has(&source.name)))
        };
        sources.filter_map(endpoint).collect()
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sources of these files, the furthest first.
    fn found(files: &[&str]) -> Vec<String> {
        let mut settings = Settings::default();
        for file in files {
            settings
                .add(&format!("<?xml version=\"1.0\"?>\r\n<configuration>{file}</configuration>"))
                .unwrap();
        }
        let variable = |name: &str| (name == "ORG").then(|| "contoso".to_owned());
        let shown = |endpoint: &Endpoint| {
            let has = if endpoint.served { " has one" } else { "" };
            format!("{} {}{has}", endpoint.name.as_deref().unwrap(), endpoint.url)
        };
        settings.endpoints(&variable).iter().map(shown).collect()
    }

    fn sources(inner: &str) -> String {
        format!("<packageSources>{inner}</packageSources>")
    }

    fn source(name: &str, url: &str) -> String {
        sources(&format!("<add key='{name}' value='{url}'/>"))
    }

    #[test]
    fn the_nearest_file_says_what_a_name_stands_for() {
        let (far, near) = (source("Feed", "https://far.test/"), source("feed", "https://near.test/"));
        assert_eq!(found(&[&far, &near]), ["feed https://near.test/"]);
        assert_eq!(found(&[&far, &sources("<clear />")]), [""; 0]);
        let other = sources("<clear/><add key='b' value='https://b.test/'/>");
        assert_eq!(found(&[&far, &other]), ["b https://b.test/"]);
        assert_eq!(
            found(&[&source("a b", "https://h.test/%ORG%/%NONE%")]),
            ["a b https://h.test/contoso/%NONE%"]
        );
        assert!(found(&[&source("local", "./packages"), &source("disk", "C:\\x")]).is_empty());
    }

    #[test]
    fn of_one_name_the_higher_protocol_counts_wherever_it_stands() {
        let far = sources("<add key='feed' value='https://far.test/' protocolVersion='3'/>");
        let near = source("feed", "https://near.test/");
        assert_eq!(found(&[&far, &near]), ["feed https://far.test/"]);
        let nearer = sources("<add key='feed' value='https://near.test/' protocolVersion='3'/>");
        assert_eq!(found(&[&far, &nearer]), ["feed https://near.test/"]);
    }

    #[test]
    fn a_disabled_source_is_none_until_a_nearer_file_enables_it() {
        let feed = source("feed", "https://h.test/");
        let off = "<disabledPackageSources><add key='Feed' value='true'/></disabledPackageSources>";
        let on = "<disabledPackageSources><add key='feed' value='false'/></disabledPackageSources>";
        assert_eq!(found(&[&feed, off]), [""; 0]);
        assert_eq!(found(&[&feed, off, on]), ["feed https://h.test/"]);
        assert_eq!(
            found(&[&feed, off, "<disabledPackageSources><clear/></disabledPackageSources>"]).len(),
            1
        );
    }

    #[test]
    fn a_password_that_stands_there_already_is_left_alone() {
        let feed = source("my feed", "https://h.test/");
        let login = |key: &str, value: &str| {
            format!(
                "<packageSourceCredentials><my_x0020_feed><add key='Username' value='a'/><add key='{key}' value='{value}'/>\
                 </my_x0020_feed></packageSourceCredentials>"
            )
        };
        assert_eq!(found(&[&feed, &login("ClearTextPassword", "x")]), ["my feed https://h.test/ has one"]);
        assert_eq!(found(&[&feed, &login("Password", "x")]), ["my feed https://h.test/ has one"]);
        assert_eq!(
            found(&[&feed, &login("ClearTextPassword", "%ORG%")]),
            ["my feed https://h.test/ has one"]
        );
        assert_eq!(found(&[&feed, &login("ClearTextPassword", "%NONE%")]), ["my feed https://h.test/"]);
        let clear = "<packageSourceCredentials><clear/></packageSourceCredentials>";
        assert_eq!(found(&[&feed, &login("Password", "x"), clear]), ["my feed https://h.test/"]);
    }

    #[test]
    fn files_are_found_as_nuget_finds_them() {
        use crate::environment::Environment;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        let file = |name: &str, url: &str| format!("<configuration>{}</configuration>", source(name, url));
        write("NuGet.Config", file("root", "https://root.test/").as_bytes());
        let utf16: Vec<u8> = std::iter::once(0xfeff)
            .chain(file("near", "https://near.test/").encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        write("a/nuget.config", &utf16);
        write("a/b/nuget.config", b"<configuration>");
        write("home/.nuget/NuGet/NuGet.Config", file("own", "https://own.test/").as_bytes());
        write("home/.config/NuGet/NuGet.Config", file("own", "https://monos.test/").as_bytes());
        let home = folder.path().join("home").into_os_string();
        let environment = Environment::new([("HOME".into(), home)]);
        let project = folder.path().join("a/b");
        let mut search = Search::new(&project, &environment);
        let mut found: Vec<_> = discover(&mut search).into_iter().map(|endpoint| endpoint.url).collect();
        found.sort();
        if cfg!(unix) {
            let urls =
                ["https://monos.test/", "https://near.test/", "https://own.test/", "https://root.test/"];
            assert_eq!(found, urls);
        }
        assert_eq!(search.notes.len(), 1, "{:?}", search.notes);
    }

    #[test]
    fn a_file_that_goes_on_and_on_is_not_read() {
        let mut settings = Settings::default();
        let many: String =
            (0..2000).map(|number| format!("<add key='{number}' value='https://h.test/'/>")).collect();
        assert!(settings.add(&format!("<configuration>{}</configuration>", sources(&many))).is_none());
    }
}
