//! `keyfob restore`: a refused token, or an earlier one, is used again. Can be undone by doing it once more.

use clap::ArgMatches;

use crate::error::Error;
use crate::wallet::manage;
use crate::wallet::manage::edit::Restored;

use super::{Command, Context, account, text, url, whose};

/// `keyfob restore`.
pub static COMMAND: Command = Command {
    name: "restore",
    about: "Take a token that was set aside back into use",
    details: "A token that a server refused is handed out again; else the token that the present one replaced comes back, and \
              the present one is set aside.",
    example: "keyfob restore https://dev.azure.com/contoso --account alice",
    arguments: |command| command.arg(url().required(true)).arg(account()),
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let place = text(matches, "URL").unwrap_or_default();
    let account = text(matches, "account");
    let selection = manage::select(context.wallet, place, account)?.restorable()?;
    let account = selection.only()?;
    let restored = manage::restore(context.wallet, &selection, account)?;
    let whose = whose(&account.account(), &selection.realm.realm);
    context.terminal.note(&match restored {
        Restored::Cleared => format!("the token of {whose} is in use again"),
        Restored::Swapped => {
            format!("the earlier token of {whose} is in use again; the one that was in use is set aside")
        }
    });
    Ok(())
}
