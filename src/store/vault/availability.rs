//! Whether a vault can be used or made here.

use super::{Availability, StoreContext};
use crate::error::Error;
use crate::files;

/// It serves wherever the data folder can be written.
pub(super) fn availability(context: &StoreContext<'_>) -> Availability {
    let data = &context.data;
    let writable = match files::check_folder(data) {
        Ok(true) => writable(data),
        Ok(false) => Err(Error::io("find", data)(std::io::ErrorKind::NotFound.into())),
        Err(error) => Err(error),
    };
    match writable {
        Ok(()) => Availability::Yes,
        Err(error) => Availability::No(error.to_string()),
    }
}

/// Whether the first token could make a vault. Before it there is no data folder either, so the nearest folder that is there counts.
pub(super) fn could_be_made(context: &StoreContext<'_>) -> Availability {
    match files::check_folder(&context.data) {
        Ok(false) => match context.data.ancestors().find(|folder| folder.exists()).map(writable) {
            Some(Err(error)) => Availability::No(error.to_string()),
            _ => Availability::Yes,
        },
        _ => availability(context),
    }
}

#[cfg(unix)]
fn writable(folder: &std::path::Path) -> Result<(), Error> {
    use rustix::fs::Access;
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| Error::io("write to", folder)(error.into()))
}

#[cfg(not(unix))]
fn writable(folder: &std::path::Path) -> Result<(), Error> {
    let about = std::fs::metadata(folder).map_err(Error::io("look at", folder))?;
    if about.permissions().readonly() {
        return Err(Error::io("write to", folder)(std::io::ErrorKind::PermissionDenied.into()));
    }
    Ok(())
}
