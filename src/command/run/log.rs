//! `keyfob run --log`: a line of JSON for each request that was looked into. No header and no query is in it, and so no secret.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::process::unix_time;
use crate::proxy::Passed;
use crate::text::rfc3339;

/// The file.
pub(super) struct Log {
    file: File,
    path: PathBuf,
}

/// A line. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Line<'l> {
    time: String,
    method: &'l str,
    url: &'l str,
    status: Option<u16>,
    login: bool,
    sent: u64,
    received: u64,
}

impl Log {
    /// Opens it to append, for us alone if it is new.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn open(path: &Path) -> Result<Log, Error> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(Error::io("open", path))?;
        Ok(Log { file, path: path.to_owned() })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn add(&mut self, passed: &Passed) -> Result<(), Error> {
        let line = Line {
            time: rfc3339(unix_time()),
            method: &passed.method,
            url: &passed.url,
            status: passed.status,
            login: passed.with_login,
            sent: passed.sent,
            received: passed.received,
        };
        let mut text = serde_json::to_vec(&line)
            .map_err(|error| Error::Wire { doing: "write JSON", source: error.into() })?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(Error::io("write", &self.path))
    }
}
