//! The places that a client's settings name: any web address in any of its files, in its command line and in files and folders that
//! this names. They lie in projects that others wrote: a file may be huge, no file at all, or in UTF-16, a tree without end. What
//! cannot be read is passed over: a place too many or too few costs nothing, because no token goes to the command.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::files::open_unhindered;
use crate::folders::Folders;
use crate::remote::Remote;

use super::{Client, Settings};

/// The longest file that is read; lock files come near it.
const LONGEST: u64 = 16 << 20;

/// How many folders are looked at below that of the command, and how deep.
const FOLDERS: usize = 500;
const DEPTH: usize = 3;

/// Folders that hold what others wrote, or what was built.
const PASSED_OVER: &[&str] =
    &["node_modules", "vendor", "target", "build", "dist", "bin", "obj", "__pycache__"];

/// How many places are kept.
const PLACES: usize = 5000;

/// Where to look.
pub struct Search<'s> {
    /// The folder in which the command is started.
    pub folder: &'s Path,
    /// Its environment.
    pub environment: &'s Environment,
    /// Its arguments, without those that are not text.
    pub arguments: &'s [&'s str],
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// The places; of those that differ below the second segment of the path alone, one.
    pub places: Vec<Remote>,
    /// The texts in which they were found, for what else a client has to look up there.
    pub texts: Vec<(PathBuf, String)>,
    seen: BTreeSet<(String, Vec<String>)>,
    read: BTreeSet<PathBuf>,
}

impl Search<'_> {
    /// Everything that a client's settings name.
    #[must_use]
    pub fn of(&self, client: &Client) -> Found {
        let mut found = Found::default();
        // What the user says counts most, should there be more places than are kept.
        for argument in self.arguments {
            self.add(argument, &mut found);
        }
        let of_project: Vec<&str> = client
            .settings
            .iter()
            .filter_map(|settings| if let Settings::Project(name) = settings { Some(*name) } else { None })
            .collect();
        for settings in client.settings {
            self.outside(settings, &mut found);
        }
        for folder in self.folder.ancestors() {
            self.in_folder(folder, &of_project, &mut found);
        }
        self.below(self.folder, &of_project, &mut found);
        for named in self.arguments.iter().filter_map(|argument| self.named(argument)) {
            if named.is_dir() {
                for folder in named.ancestors() {
                    self.in_folder(folder, &of_project, &mut found);
                }
            } else if let Some(folder) = named.parent() {
                self.file(&named, &mut found);
                self.in_folder(folder, &of_project, &mut found);
            }
        }
        found
    }

    /// The file or folder that an argument names, by itself or behind its `=`.
    fn named(&self, argument: &str) -> Option<PathBuf> {
        let value = argument
            .split_once('=')
            .filter(|_| argument.starts_with('-'))
            .map_or(argument, |(_, value)| value);
        let path = self.folder.join(value);
        (!value.is_empty() && !value.starts_with('-') && path.exists()).then_some(path)
    }

    fn outside(&self, settings: &Settings, found: &mut Found) {
        let folders = Folders::of(self.environment);
        let variable = |name: &str| self.environment.os(name).map(|value| self.folder.join(value));
        let file = match settings {
            Settings::Project(_) => None,
            Settings::Home(name) => folders.home().map(|home| home.join(name)),
            Settings::Config(name) => folders.config().map(|folder| folder.join(name)),
            Settings::Named(name, "") => variable(name),
            Settings::Named(name, file) => variable(name).map(|folder| folder.join(file)),
            Settings::System(path) => Some(PathBuf::from(path)),
            Settings::Variable(name) => {
                for name in self.environment.matching(name) {
                    self.add(&self.environment.text(&name).unwrap_or_default(), found);
                }
                None
            }
        };
        if let Some(file) = file {
            self.file(&file, found);
        }
    }

    fn in_folder(&self, folder: &Path, names: &[&str], found: &mut Found) {
        for name in names {
            self.file(&folder.join(name), found);
        }
    }

    /// Modules and packages of one project lie below it, each with settings of its own.
    fn below(&self, top: &Path, names: &[&str], found: &mut Found) {
        let mut folders = vec![(top.to_owned(), 0)];
        let mut seen = 0;
        while let Some((folder, depth)) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                // A link may lead up again.
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let name = entry.file_name();
                let passed_over =
                    name.to_str().is_none_or(|name| name.starts_with('.') || PASSED_OVER.contains(&name));
                if passed_over || seen == FOLDERS {
                    continue;
                }
                seen += 1;
                self.in_folder(&entry.path(), names, found);
                if depth + 1 < DEPTH {
                    folders.push((entry.path(), depth + 1));
                }
            }
        }
    }

    fn file(&self, path: &Path, found: &mut Found) {
        if !found.read.insert(path.to_owned()) {
            return;
        }
        if let Some(text) = read(path) {
            self.add(&text, found);
            found.texts.push((path.to_owned(), text));
        }
    }

    fn add(&self, text: &str, found: &mut Found) {
        for place in urls_in(text, self.environment) {
            if found.places.len() == PLACES {
                return;
            }
            let beginning: Vec<String> = place.path().iter().take(2).cloned().collect();
            if found.seen.insert((place.origin(), beginning)) {
                found.places.push(place);
            }
        }
    }
}

/// The web addresses in a text.
#[must_use]
pub fn urls_in(text: &str, environment: &Environment) -> Vec<Remote> {
    super::urls::urls(text, &|name| environment.text(name))
}

/// The text of a file, if it is one.
#[must_use]
pub fn read(path: &Path) -> Option<String> {
    let file = open_unhindered(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LONGEST).then(|| decode(&bytes))?
}

/// UTF-8, or UTF-16 if its mark says so, as Visual Studio writes it. Of any other text (ISO-8859-1) the addresses are the same.
fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks::<2>();
        String::from_utf16_lossy(&pairs.iter().map(|&pair| unit(pair)).collect::<Vec<_>>())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => Some(utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(utf16(rest, u16::from_be_bytes)),
        // A package or a program that the command line names.
        _ if bytes.contains(&0) => None,
        _ => Some(String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Client = Client {
        settings: &[
            Settings::Project(".npmrc"),
            Settings::Home(".npmrc"),
            Settings::Named("USERCONFIG", ""),
            Settings::Named("TOOL_HOME", "config"),
            Settings::Variable("registry*"),
        ],
        ..Client::BASE
    };

    fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn hosts(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Vec<String> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(variables.chain([("HOME".into(), folder.join("home").into())]));
        let folder = folder.join("p");
        let search = Search { folder: &folder, environment: &environment, arguments };
        let mut hosts: Vec<String> =
            search.of(&CLIENT).places.iter().map(|place| place.host().to_owned()).collect();
        hosts.sort();
        hosts
    }

    #[test]
    fn places_are_found_wherever_the_tool_may_look() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path();
        write(top, ".npmrc", "a=https://above.test/");
        write(top, "home/.npmrc", "a=https://home.test/");
        write(top, "p/.npmrc", "\u{feff}a=https://here.test/x\r\nb=https://here.test/y");
        write(top, "p/x/y/z/.npmrc", "a=https://below.test/");
        write(top, "p/x/y/z/far/.npmrc", "a=https://far.test/");
        write(top, "p/node_modules/n/.npmrc", "a=https://dependency.test/");
        write(top, "q/.npmrc", "a=https://beside.test/");
        write(top, "q/other", "a=https://named.test/");
        write(top, "q/config", "a=https://folder.test/");
        assert_eq!(hosts(top, &[], &[]), ["above.test", "below.test", "here.test", "here.test", "home.test"]);
        let found = hosts(
            top,
            &[("USERCONFIG", "../q/other"), ("TOOL_HOME", "../q"), ("registry_a", "https://variable.test")],
            &["--prefix", "../q", "--registry=https://said.test/"],
        );
        for host in ["beside.test", "named.test", "folder.test", "variable.test", "said.test"] {
            assert!(found.contains(&host.to_owned()), "{host}: {found:?}");
        }
        assert!(hosts(top, &[], &["--userconfig=../q/other"]).contains(&"named.test".to_owned()));
    }

    #[test]
    fn what_is_no_settings_file_is_passed_over() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path();
        write(top, "p/.npmrc", b"a\0https://h.test/");
        assert!(hosts(top, &[], &[]).is_empty());
        write(top, "p/.npmrc", b"\xff\xfeh\0t\0t\0p\0:\0/\0/\0h\0.\0t\0/\0");
        assert_eq!(hosts(top, &[], &[]), ["h.t"]);
        write(top, "p/.npmrc", b"# caf\xe9\na=https://h.test/");
        assert_eq!(hosts(top, &[], &[]), ["h.test"]);
        write(top, "p/.npmrc", vec![b' '; 17 << 20]);
        assert!(hosts(top, &[], &[]).is_empty());
        #[cfg(unix)]
        {
            std::fs::remove_file(top.join("p/.npmrc")).unwrap();
            let made = std::process::Command::new("mkfifo").arg(top.join("p/.npmrc")).status().unwrap();
            std::os::unix::fs::symlink(top, top.join("p/loop")).unwrap();
            assert!(made.success() && hosts(top, &[], &["/dev/zero"]).is_empty());
        }
    }

    #[test]
    fn of_very_many_places_not_all_are_kept() {
        let top = tempfile::tempdir().unwrap();
        let many: String = (0..PLACES + 10).map(|number| format!("https://h{number}.test/\n")).collect();
        write(top.path(), "p/.npmrc", many);
        assert_eq!(hosts(top.path(), &[], &[]).len(), PLACES);
    }
}
