//! `keyfob prefer`: which account answers where several could.

use clap::ArgMatches;

use crate::error::Error;
use crate::wallet::manage;

use super::{Command, Context, account, flag, text, url};

/// `keyfob prefer`.
pub static COMMAND: Command = Command {
    name: "prefer",
    about: "Say which account answers, for a realm or below a path of it",
    details: "With the URL of an organisation or server, the account becomes its default. With a longer URL (a project, a \
              repository), it answers there; the longest path wins. A user name in the URL that a tool asks about always comes \
              first.",
    example: "keyfob prefer https://dev.azure.com/contoso/website --account alice",
    arguments: |command| {
        command
            .arg(url().required(true))
            .arg(account().required_unless_present("clear"))
            .arg(flag("clear", "Forget the preference for this URL").conflicts_with("account"))
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let place = text(matches, "URL").unwrap_or_default();
    let name = text(matches, "account");
    let selection = manage::select(context.wallet, place, name)?;
    let mut place = selection.realm.realm.clone();
    if !selection.below.is_empty() {
        place = format!("{place} below /{}", selection.below.join("/"));
    }
    if matches.get_flag("clear") {
        let had = manage::clear_preference(context.wallet, &selection)?;
        context.terminal.note(&if had {
            format!("no account is preferred any more for {place}")
        } else {
            format!("no account was preferred for {place}; nothing was changed")
        });
        return Ok(());
    }
    let selection = selection.persons();
    let account = selection.only()?;
    manage::prefer(context.wallet, &selection, account)?;
    let name = account
        .name
        .as_deref()
        .map_or_else(|| "the unnamed account".to_owned(), |name| format!("account {name}"));
    context.terminal.note(&format!("{name} is preferred for {place}"));
    // A rule for a path works only if the tool sends the path.
    super::setup::keep_in_step(context);
    Ok(())
}
