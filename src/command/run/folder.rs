//! The folder of one run, for the command's user alone, gone when the run ends: certificates, and npm's settings with placeholders.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::secret;

/// How the names of such folders begin.
const BEGINNING: &str = "keyfob-run-";

/// After so long one that was left by a crash is removed; no command runs a month.
const LEFT_OVER: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

/// The folder, until it is dropped.
pub(super) struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes one where the system keeps what is not to last.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Randomness`].
    pub(super) fn new(environment: &Environment) -> Result<RunFolder, Error> {
        let folders = Folders::of(environment);
        let above = ["XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"]
            .iter()
            .filter_map(|variable| folders.named(variable))
            .find(|folder| folder.is_dir())
            .unwrap_or_else(|| PathBuf::from(if cfg!(windows) { "C:\\Windows\\Temp" } else { "/tmp" }));
        sweep(&above);
        let mut random = [0; 12];
        secret::fill_random(&mut random)?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = above.join(format!("{BEGINNING}{name}"));
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // It must be new: somebody else could have made one of this name.
        crate::process::unmasked(|| builder.create(&folder))
            .map_err(Error::io("make the folder", &folder))?;
        Ok(RunFolder(folder))
    }

    /// Writes a new file in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.0.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = crate::process::may_write(bytes).and_then(|()| options.open(&path)?.write_all(bytes));
        written.map_err(Error::io("write", &path))?;
        Ok(path)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what crashes left long ago. Failures do not matter: somebody else's cannot be removed, and the next sweep comes.
fn sweep(above: &Path) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(BEGINNING));
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_ours && age().is_some_and(|age| age > LEFT_OVER) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
