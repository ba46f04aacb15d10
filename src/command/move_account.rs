//! `keyfob move`: an organisation or server was renamed, and its accounts go along. (`move` is a word of Rust, so the file
//! is called otherwise.)

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::forge;
use crate::remote::Remote;
use crate::wallet::manage;
use crate::wallet::manage::add::AddRequest;

use super::{Command, Context, arguments, counted, flag, text, url};

/// `keyfob move`.
pub static COMMAND: Command = Command {
    name: "move",
    about: "Take all accounts of a realm to another URL, when it was renamed",
    details: "Tokens, set-aside ones too, defaults and rules go along. Each token is copied and read back before the old one is \
              destroyed.",
    example: "keyfob move https://dev.azure.com/contoso https://dev.azure.com/fabrikam",
    arguments: |command| {
        command
            .arg(url().required(true).help("Where they are: a URL, or a host as list shows it"))
            .arg(Arg::new("NEW-URL").required(true).help("Where they belong now"))
            .arg(arguments::forge().help("What serves the new host, if it changed"))
            .arg(flag("allow-http", "Accept that tokens travel in clear text over plain http"))
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let selection = manage::select(context.wallet, text(matches, "URL").unwrap_or_default(), None)?;
    let (remote, _) = Remote::from_typed(text(matches, "NEW-URL").unwrap_or_default())?;
    let wish = AddRequest {
        forge: text(matches, "forge").and_then(forge::named),
        allow_http: matches.get_flag("allow-http"),
        ..AddRequest::new(remote, None)
    };
    let planned = manage::plan_move(context.wallet, &selection, wish)?;
    let count = manage::move_realm(context.wallet, &selection, &planned)?;
    let accounts = counted(count, "account");
    context.terminal.note(&format!("{accounts} moved from {} to {}", selection.realm.realm, planned.realm));
    super::setup::keep_in_step(context);
    Ok(())
}
