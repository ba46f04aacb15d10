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
        if cfg!(unix) {
            let home = environment.os("HOME").ok_or(Error::NoHome)?;
            if !PathBuf::from(home).is_absolute() {
                return Err(Error::usage("HOME is not an absolute path", "set it, or KEYFOB_HOME, to one"));
            }
        }
        let folders = directories::ProjectDirs::from("", "", "keyfob").ok_or(Error::NoHome)?;
        Ok(Paths {
            data: folders.data_local_dir().to_owned(),
            config: folders.config_dir().join("config.toml"),
        })
    }
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
}
