//! A folder that a target may write to, made once for each thread.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// A folder of this thread, by name, made when it is missing. Private, as keyfob requires.
pub fn folder(name: &str) -> PathBuf {
    let path = FOLDER.with(|folder| {
        folder.get_or_init(|| TempDir::with_prefix("keyfob-fuzz-").unwrap()).path().join(name)
    });
    if !path.is_dir() {
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    path
}

/// Writes a private file.
pub fn write(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
