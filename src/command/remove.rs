//! `keyfob remove`: destroys tokens. The only command that does; everything else sets aside.

use clap::ArgMatches;

use crate::error::Error;
use crate::wallet::manage;
use crate::wallet::manage::Selection;
use crate::wallet::pending::{List, Pending};

use super::resume::in_words;
use super::{Command, Context, account, flag, text, url, whose, yes};

/// `keyfob remove`.
pub static COMMAND: Command = Command {
    name: "remove",
    about: "Destroy a token, with those set aside for the same account",
    details: "Asks first on a terminal. Removing the token here does not revoke it: the server accepts it until it ends or is \
              revoked on the page that made it.",
    example: "keyfob remove https://dev.azure.com/fabrikam --account alice --yes",
    arguments: |command| {
        command
            .arg(url().required(true))
            .arg(account())
            .arg(flag("all", "All accounts of the realm (with --account: all of that name)"))
            .arg(flag(
                "force",
                "Also if the store does not answer; what it holds stays there, and nothing hands it out",
            ))
            .arg(yes())
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let place = text(matches, "URL").unwrap_or_default();
    let account = text(matches, "account");
    let selection = manage::select(context.wallet, place, account)?;
    if !matches.get_flag("all") {
        selection.only().map_err(|error| match error {
            Error::Ambiguous { what, .. } => {
                let hint = if account.is_some() {
                    "--all removes them all"
                } else {
                    "say which with --account NAME, or --all"
                };
                Error::Ambiguous { what, hint: hint.to_owned() }
            }
            other => other,
        })?;
    }
    let secrets: usize = selection.accounts.iter().map(|account| 1 + account.set_aside.len()).sum();
    let tokens = if secrets == 1 { "the token".to_owned() } else { format!("{secrets} tokens") };
    let realm = &selection.realm.realm;
    let whose = match selection.accounts.as_slice() {
        [one] => whose(&one.account(), realm),
        several => format!("{} accounts of {realm}", several.len()),
    };
    context.terminal.agree(&format!("destroy {tokens} of {whose}?"), matches.get_flag("yes"))?;
    let mut failures = manage::remove(context.wallet, &selection, matches.get_flag("force"))?.into_iter();
    context.terminal.note(&format!("removed {tokens} of {whose}"));
    say_what_is_half_done(&selection, context);
    super::setup::keep_in_step(context);
    // The wallet no longer knows them, so none is handed out; but a store still has what it could not destroy.
    let first = failures.next();
    failures.for_each(|error| context.terminal.error(&error));
    match first {
        None => Ok(()),
        Some(error) => {
            context.terminal.note("a store could not destroy its copy, which nothing hands out any more");
            Err(error)
        }
    }
}

/// A rotation that is not finished leaves a token at the service which nothing here knows of after this but the list.
fn say_what_is_half_done(selection: &Selection, context: &mut Context<'_>) {
    let all = List::new(&context.data).read().unwrap_or_default();
    let names: Vec<_> = selection.accounts.iter().map(|account| &account.name).collect();
    let is_it =
        |pending: &&Pending| pending.realm == selection.realm.realm && names.contains(&&pending.account);
    for pending in all.iter().filter(is_it) {
        let (words, fix) = in_words(pending, context);
        context.terminal.note(&words);
        context.terminal.hint(&fix);
    }
}
