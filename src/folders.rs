//! A person's folders on each system: home, settings and data. One rule for all: an absolute path counts, a relative one is
//! passed over, as it would be another folder in every folder, and the user database is never asked.
//!
//! Deliberately absent: variables of a tool's own (`CARGO_HOME` …). The tool reads those first and asks here for what comes
//! behind them.

use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::Error;

/// The systems that differ in this.
#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    Unix,
    MacOs,
    Windows,
}

const HERE: System = match () {
    () if cfg!(windows) => System::Windows,
    () if cfg!(target_os = "macos") => System::MacOs,
    () => System::Unix,
};

/// The folders that an environment tells of.
pub struct Folders<'e> {
    environment: &'e Environment,
    system: System,
}

impl<'e> Folders<'e> {
    /// Those of this system.
    #[must_use]
    pub fn of(environment: &'e Environment) -> Folders<'e> {
        Folders { environment, system: HERE }
    }

    /// The folder or file that a variable names.
    #[must_use]
    pub fn named(&self, variable: &str) -> Option<PathBuf> {
        self.environment.os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The home.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.named(self.home_variable())
    }

    fn home_variable(&self) -> &'static str {
        if self.system == System::Windows { "USERPROFILE" } else { "HOME" }
    }

    /// Settings by the XDG Base Directory Specification, which some programs follow on every system.
    #[must_use]
    pub fn xdg_config(&self) -> Option<PathBuf> {
        self.below_home("XDG_CONFIG_HOME", ".config")
    }

    /// Data by that specification.
    #[must_use]
    pub fn xdg_data(&self) -> Option<PathBuf> {
        self.below_home("XDG_DATA_HOME", ".local/share")
    }

    /// On Windows, what follows a person to other machines of the domain.
    #[must_use]
    pub fn roaming(&self) -> Option<PathBuf> {
        (self.system == System::Windows).then(|| self.below_home("APPDATA", "AppData/Roaming"))?
    }

    /// On Windows, what stays on this machine.
    #[must_use]
    pub fn local(&self) -> Option<PathBuf> {
        (self.system == System::Windows).then(|| self.below_home("LOCALAPPDATA", "AppData/Local"))?
    }

    /// Settings as this system has it.
    #[must_use]
    pub fn config(&self) -> Option<PathBuf> {
        self.roaming().or_else(|| self.application_support()).or_else(|| self.xdg_config())
    }

    /// On macOS, settings and data alike.
    fn application_support(&self) -> Option<PathBuf> {
        (self.system == System::MacOs).then(|| Some(self.home()?.join("Library/Application Support")))?
    }

    fn below_home(&self, variable: &str, usual: &str) -> Option<PathBuf> {
        self.named(variable).or_else(|| Some(self.home()?.join(usual)))
    }
}

/// Why there is no folder for keyfob's things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoFolders {
    /// No variable names a home.
    NoHome,
    /// This one does, but not by an absolute path.
    Relative(&'static str),
}

impl From<NoFolders> for Error {
    fn from(why: NoFolders) -> Error {
        match why {
            NoFolders::NoHome => Error::NoHome,
            NoFolders::Relative(variable) => Error::RelativeHome { variable },
        }
    }
}

/// Where keyfob keeps things: one folder for data (never a roaming one), one file for settings. `KEYFOB_HOME` puts both into one
/// folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Records, the vault, the choice of store.
    pub data: PathBuf,
    /// The settings file.
    pub config: PathBuf,
}

impl Paths {
    /// Finds them; nothing is made or looked at.
    ///
    /// # Errors
    /// Why there are none.
    pub fn find(environment: &Environment) -> Result<Paths, NoFolders> {
        Paths::among(&Folders::of(environment))
    }

    fn among(folders: &Folders<'_>) -> Result<Paths, NoFolders> {
        let is_set = |variable| folders.environment.os(variable).is_some();
        if is_set("KEYFOB_HOME") {
            let data = folders.named("KEYFOB_HOME").ok_or(NoFolders::Relative("KEYFOB_HOME"))?;
            return Ok(Paths { config: data.join("config.toml"), data });
        }
        let home = folders.home_variable();
        let found = folders.home().and_then(|_| Some((folders.config()?, folders.xdg_data()?)));
        let (config, data) = match found {
            Some(found) => found,
            None if is_set(home) => return Err(NoFolders::Relative(home)),
            None => return Err(NoFolders::NoHome),
        };
        let (config, data) = match folders.system {
            System::Unix => (config.join("keyfob"), data.join("keyfob")),
            System::MacOs => (config.join("keyfob"), config.join("keyfob")),
            System::Windows => {
                (config.join("keyfob/config"), folders.local().unwrap_or(data).join("keyfob/data"))
            }
        };
        Ok(Paths { data, config: config.join("config.toml") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn shown(path: Option<PathBuf>) -> String {
        path.map_or_else(|| "-".to_owned(), |path| path.to_str().unwrap().replace('\\', "/"))
    }

    fn paths(system: System, pairs: &[(&str, &str)]) -> [String; 2] {
        let found = Paths::among(&Folders { environment: &environment(pairs), system }).unwrap();
        [found.data, found.config].map(|path| shown(Some(path)))
    }

    #[test]
    fn a_folder_that_hangs_on_where_one_stands_is_refused() {
        for name in ["HOME", "KEYFOB_HOME"] {
            for (folder, fine) in [("relative", false), ("./x", false), ("/x", true)] {
                let found = Paths::find(&environment(&[(name, folder)]));
                assert_eq!(found.is_ok(), fine && (name != "HOME" || !cfg!(windows)), "{name}={folder}");
            }
        }
        assert!(matches!(Paths::find(&Environment::default()), Err(NoFolders::NoHome)));
    }

    #[test]
    #[cfg(unix)]
    fn each_system_has_its_own_places() {
        let home = ("HOME", "/h");
        let xdg = [home, ("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "/c")];
        assert_eq!(paths(System::Unix, &xdg), ["/d/keyfob", "/c/keyfob/config.toml"]);
        for unusable in ["", "relative"] {
            let xdg = [home, ("XDG_DATA_HOME", unusable), ("XDG_CONFIG_HOME", unusable)];
            let usual = ["/h/.local/share/keyfob", "/h/.config/keyfob/config.toml"];
            assert_eq!(paths(System::Unix, &xdg), usual);
        }
        let support = "/h/Library/Application Support/keyfob";
        assert_eq!(paths(System::MacOs, &xdg), [support, &format!("{support}/config.toml")]);
        let windows = [("USERPROFILE", "/u"), ("APPDATA", "/r"), ("LOCALAPPDATA", "/l")];
        assert_eq!(paths(System::Windows, &windows), ["/l/keyfob/data", "/r/keyfob/config/config.toml"]);
        let usual = ["/u/AppData/Local/keyfob/data", "/u/AppData/Roaming/keyfob/config/config.toml"];
        assert_eq!(paths(System::Windows, &windows[..1]), usual);
    }

    #[test]
    #[cfg(unix)]
    fn a_variable_of_another_system_and_a_relative_one_are_passed_over() {
        let pairs = [("HOME", "/h"), ("USERPROFILE", "/u"), ("APPDATA", "r"), ("LOCALAPPDATA", "/l")];
        let environment = environment(&pairs);
        let folders = |system| Folders { environment: &environment, system };
        let all = |system| {
            let folders = folders(system);
            [folders.home(), folders.roaming(), folders.local(), folders.config()].map(shown)
        };
        assert_eq!(all(System::Unix), ["/h", "-", "-", "/h/.config"]);
        assert_eq!(all(System::MacOs), ["/h", "-", "-", "/h/Library/Application Support"]);
        assert_eq!(all(System::Windows), ["/u", "/u/AppData/Roaming", "/l", "/u/AppData/Roaming"]);
        assert_eq!(shown(folders(System::Windows).xdg_data()), "/u/.local/share");
    }
}
