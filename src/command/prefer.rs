//! `keyfob prefer`: which account answers where several could.

use clap::ArgMatches;

use crate::account::Account;
use crate::error::Error;
use crate::text::visible;
use crate::wallet::manage;

use super::table::{self, Column};
use super::{Command, Context, account, flag, text, url};

/// `keyfob prefer`.
pub static COMMAND: Command = Command {
    name: "prefer",
    about: "Say which account answers, for a realm or below a path of it",
    details: "With the URL of an organisation or server, the account becomes its default. With a longer URL (a project, a \
              repository), it answers there; the longest path wins. A user name in the URL that a tool asks about always comes \
              first.\n\n\
              With a URL alone: shows what is preferred there, and which account answers for that URL.",
    example: "keyfob prefer https://dev.azure.com/contoso/website --account alice",
    arguments: |command| {
        command
            .arg(url().required(true))
            .arg(account())
            .arg(flag("clear", "Forget the preference for this URL").conflicts_with("account"))
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let place = text(matches, "URL").unwrap_or_default();
    let name = text(matches, "account");
    if name.is_none() && !matches.get_flag("clear") {
        return show(place, context);
    }
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
    context.terminal.note(&format!("{} is preferred for {place}", called(&account.account())));
    // A rule for a path works only if the tool sends the path.
    super::setup::keep_in_step(context);
    Ok(())
}

/// What is preferred in the realm of a URL, and who answers there.
fn show(place: &str, context: &mut Context<'_>) -> Result<(), Error> {
    let selection = manage::select(context.wallet, place, None)?;
    let (mut entries, _) = manage::list(context.wallet)?;
    entries.retain(|entry| entry.realm == selection.realm.realm);
    let mut rows: Vec<[String; 3]> = Vec::new();
    for entry in &entries {
        let account = visible(entry.account.as_deref().unwrap_or("-"));
        let mut row = |place: &str, why: &str| rows.push([visible(place), account.clone(), why.to_owned()]);
        if entry.default {
            row(&entry.place, "default");
        }
        entry.rules.iter().for_each(|path| row(&format!("{}/{path}", entry.place), "rule"));
    }
    rows.sort_unstable();
    if !rows.is_empty() {
        let head = [("HOST", Column::Middle(16)), ("ACCOUNT", Column::End(8)), ("BY", Column::Whole)];
        table::print(head, rows.len(), |at, _| rows[at].clone(), |_, _| None, &mut context.terminal);
    } else if entries.len() > 1 {
        context.terminal.note(&format!("no account is preferred for {}", entries[0].place));
    }
    // A realm by its own name has no path, so its URL stands for it.
    let (remote, _) = super::place(context, place)?;
    let shown = remote.to_string();
    match manage::describe::who_answers(context.wallet, &remote)? {
        Ok(account) => context.terminal.answer(&visible(&format!("{shown}: {} answers", called(&account)))),
        Err(reason) => {
            let error = reason.into_error(&shown);
            context.terminal.answer(&visible(&format!("{shown}: no account answers")));
            context.terminal.note(&error.to_string());
            if let Some(hint) = error.hint() {
                context.terminal.hint(&hint);
            }
        }
    }
    Ok(())
}

fn called(account: &Account) -> String {
    account.name().map_or_else(|| "the unnamed account".to_owned(), |name| format!("account {name}"))
}
