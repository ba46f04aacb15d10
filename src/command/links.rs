//! `keyfob links`: the program names by which tools find us, for the scripts that install us.

use clap::ArgMatches;

use crate::error::Error;
use crate::tool;

use super::{Command, Context};

/// `keyfob links`.
pub static COMMAND: Command = Command {
    name: "links",
    about: "Print the program names by which tools find keyfob, one a line",
    details: "An installation makes a link (on Windows a copy) of keyfob under each of these names. A name that other programs go by \
              (keyring) is not among them: keyfob setup makes that link.",
    example: "keyfob links",
    arguments: |command| command,
    run,
};

fn run(_matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    tool::installed_links().for_each(|link| context.terminal.answer(link));
    Ok(())
}
