//! `keyfob move`: an organisation or server was renamed, and its accounts go along, or one of them. (`move` is a word of Rust, so the file
//! is called otherwise.)

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::forge;
use crate::records::AccountRecord;
use crate::remote::Remote;
use crate::text::{listed, shell_word, visible, without_scheme};
use crate::wallet::choose::account_in_words;
use crate::wallet::manage;
use crate::wallet::manage::Selection;
use crate::wallet::manage::add::{AddRequest, Planned};

use super::{Command, Context, account, arguments, counted, flag, text, url, yes};

/// `keyfob move`.
pub static COMMAND: Command = Command {
    name: "move",
    about: "Take all accounts of a realm to another URL, when it was renamed",
    details: "Tokens, set-aside ones too, defaults and rules go along. Each token is copied and read back before the old one is \
              destroyed. If the new URL has accounts already, keyfob asks first, and their default stays the default.",
    example: "keyfob move https://dev.azure.com/contoso https://dev.azure.com/fabrikam",
    arguments: |command| {
        command
            .arg(url().required(true).help("Where they are: a URL, or a host as list shows it"))
            .arg(Arg::new("NEW-URL").required(true).help("Where they belong now"))
            .arg(account().help("Move this account alone (- for the one without a name)"))
            .arg(arguments::forge().help("What serves the new host, if it changed"))
            .arg(flag("allow-http", "Accept that tokens travel in clear text over plain http"))
            .arg(yes())
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let place = text(matches, "URL").unwrap_or_default();
    let selection = manage::select(context.wallet, place, text(matches, "account"))?;
    let (remote, _) = Remote::from_typed(text(matches, "NEW-URL").unwrap_or_default())?;
    let wish = AddRequest {
        forge: text(matches, "forge").and_then(forge::named),
        allow_http: matches.get_flag("allow-http"),
        ..AddRequest::new(remote, None)
    };
    let planned = manage::plan_move(context.wallet, &selection, wish)?;
    let held = manage::accounts_there(context.wallet, &selection, &planned)?;
    if !held.is_empty() && !matches.get_flag("yes") {
        agree(&selection, &planned, &held, context)?;
    }
    let count = manage::move_accounts(context.wallet, &selection, &planned)?;
    let (old, new) = (without_scheme(&selection.realm.url), without_scheme(&planned.url));
    context.terminal.note(&visible(&format!("{} moved from {old} to {new}", counted(count, "account"))));
    if !held.is_empty() {
        say_how_to_undo(&selection, &planned, context)?;
    }
    super::setup::keep_in_step(context);
    Ok(())
}

/// Asks before accounts come beside others: a mistyped URL is what that looks like, too.
fn agree(
    selection: &Selection,
    planned: &Planned,
    held: &[AccountRecord],
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let names = |accounts: &[AccountRecord]| {
        let names: Vec<String> = accounts.iter().map(|one| account_in_words(one.name.as_deref())).collect();
        format!("{} ({})", counted(accounts.len(), "account"), listed(&names))
    };
    let what = format!("{} already has {}", without_scheme(&planned.url), names(held));
    if !context.terminal.capabilities.can_ask() {
        return Err(Error::usage(
            what,
            "repeat with --yes to move the accounts beside them, or move one with --account NAME",
        ));
    }
    context.terminal.note(&visible(&what));
    let from = without_scheme(&selection.realm.url);
    let question = format!("move {} from {from} beside them?", names(&selection.accounts));
    match context.terminal.confirm(&question)? {
        true => Ok(()),
        false => Err(Error::Declined),
    }
}

/// Says which commands take the accounts back, one by one, because they are among others now.
fn say_how_to_undo(selection: &Selection, planned: &Planned, context: &mut Context<'_>) -> Result<(), Error> {
    let there = manage::select(context.wallet, &planned.url, None)?;
    if let Some(default) = there.default() {
        let whose = account_in_words(default.name.as_deref());
        context
            .terminal
            .note(&visible(&format!("the default of {} is {whose}", without_scheme(&planned.url))));
    }
    let (old, new) = (shell_word(selection.realm.url.as_ref()), shell_word(planned.url.as_ref()));
    let named = |account: &AccountRecord| shell_word(account.account().to_string().as_ref());
    let mut commands: Vec<String> = selection
        .accounts
        .iter()
        .map(|account| format!("keyfob move {new} {old} --account {} --yes", named(account)))
        .collect();
    if let Some(default) = selection.default() {
        commands.push(format!("keyfob prefer {old} --account {}", named(default)));
    }
    context.terminal.hint(&format!("to undo: {}", commands.join(" && ")));
    Ok(())
}
