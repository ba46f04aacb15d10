//! `keyfob lock`: closes stores, so that the next use asks again.

use clap::ArgMatches;

use crate::error::Error;
use crate::wallet::stores::Stores as _;

use super::unlock::{openable, store};
use super::{Command, Context, LastError};

/// `keyfob lock`.
pub static COMMAND: Command = Command {
    name: "lock",
    about: "Close the stores, so that the next use asks again",
    details: "Without STORE: every store that is in use and can be locked. It fails if none could be: a vault that its key file \
              opens has nothing to lock (keyfob storage protect changes that).",
    example: "keyfob lock",
    arguments: |command| command.arg(store()),
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let mut locked = false;
    // Of several stores each is tried; what another could not do must not keep one open.
    let mut failed = LastError::default();
    for name in openable(matches, context)? {
        match context.stores.open(name)?.lock() {
            Ok(()) => {
                locked = true;
                context.terminal.note(&format!("{name}: locked"));
            }
            Err(error) => failed.take(error, &mut context.terminal),
        }
    }
    match failed.end() {
        // A store that has nothing to lock is no failure beside one that was locked.
        Err(error @ Error::Unsupported { .. }) if locked => {
            context.terminal.note(&error.to_string());
            Ok(())
        }
        Err(error @ Error::Unsupported { store: "vault", .. }) => {
            Err(Error::usage(error.to_string(), "keyfob storage protect puts a passphrase in its place"))
        }
        ended => ended,
    }
}
