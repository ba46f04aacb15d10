//! Where keyfob keeps things: one folder for data (never a roaming one), one for settings. `KEYFOB_HOME` puts both into one.

use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::Error;

/// The folders.
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
    /// [`Error::NoHome`]: the user database is never asked, because a static program should not need it.
    pub fn find(environment: &Environment) -> Result<Paths, Error> {
        if let Some(home) = environment.os("KEYFOB_HOME") {
            let data = PathBuf::from(home);
            // A relative folder would be another one in every repository.
            if !data.is_absolute() {
                return Err(Error::usage(
                    "KEYFOB_HOME is not an absolute path",
                    "set it to one, such as $HOME/.keyfob",
                ));
            }
            return Ok(Paths { config: data.join("config.toml"), data });
        }
        let (data, config) = folders(environment)?;
        Ok(Paths { data, config: config.join("config.toml") })
    }
}

/// The XDG Base Directory Specification, in four lines and not by the library that serves the other systems: that one asks the user
/// database for want of HOME, and with it 95 KB of the C library (name services, a resolver) come into a static program.
#[cfg(all(unix, not(target_os = "macos")))]
fn folders(environment: &Environment) -> Result<(PathBuf, PathBuf), Error> {
    let home = home(environment)?;
    // A relative one is to be passed over, the specification says.
    let set = |name| environment.os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let below = |name, usual| set(name).unwrap_or_else(|| home.join(usual)).join("keyfob");
    Ok((below("XDG_DATA_HOME", ".local/share"), below("XDG_CONFIG_HOME", ".config")))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn folders(environment: &Environment) -> Result<(PathBuf, PathBuf), Error> {
    if cfg!(unix) {
        home(environment)?;
    }
    let folders = directories::ProjectDirs::from("", "", "keyfob").ok_or(Error::NoHome)?;
    Ok((folders.data_local_dir().to_owned(), folders.config_dir().to_owned()))
}

fn home(environment: &Environment) -> Result<PathBuf, Error> {
    let home = PathBuf::from(environment.os("HOME").ok_or(Error::NoHome)?);
    if !home.is_absolute() {
        return Err(Error::usage("HOME is not an absolute path", "set it, or KEYFOB_HOME, to one"));
    }
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_hangs_on_where_one_stands_is_refused() {
        for name in ["HOME", "KEYFOB_HOME"] {
            for (folder, fine) in [("relative", false), ("./x", false), ("/x", true)] {
                let environment = Environment::new([(name.into(), folder.into())]);
                assert_eq!(Paths::find(&environment).is_ok(), fine || cfg!(windows), "{name}={folder}");
            }
        }
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_desktops_folders_count_where_they_are_absolute() {
        let find = |data: &str, config: &str| {
            let pairs = [("HOME", "/h"), ("XDG_DATA_HOME", data), ("XDG_CONFIG_HOME", config)];
            let environment = Environment::new(pairs.map(|(name, value)| (name.into(), value.into())));
            let paths = Paths::find(&environment).unwrap();
            [paths.data, paths.config].map(|path| path.to_str().unwrap().to_owned())
        };
        assert_eq!(find("/d", "/c"), ["/d/keyfob", "/c/keyfob/config.toml"]);
        for unusable in ["", "relative"] {
            assert_eq!(find(unusable, unusable), ["/h/.local/share/keyfob", "/h/.config/keyfob/config.toml"]);
        }
    }
}
