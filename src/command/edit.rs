//! `keyfob edit`: what is known of an account beside its token is changed, without the token.

use clap::ArgMatches;

use crate::account::Account;
use crate::error::Error;
use crate::wallet::manage;
use crate::wallet::manage::describe::Edit;
use crate::wallet::pending::List;

use super::arguments::list;
use super::{Command, Context, account, filled, option, text, time, url, whose};

/// `keyfob edit`.
pub static COMMAND: Command = Command {
    name: "edit",
    about: "Change an account's label, expiry date, scopes or name; the token stays",
    details: "A single - takes a value away: --label -. The new name of an account is also its user name where the server looks at \
              that. Defaults and rules (keyfob prefer) follow a new name.\n\n\
              The date and the scopes are what keyfob knows, for hints and for choosing between accounts: the service is not told. \
              To change a token's date at the service: keyfob pat extend.",
    example: "keyfob edit https://dev.azure.com/contoso --account alice --label build-server",
    arguments: |command| {
        command
            .arg(url().required(true))
            .arg(account())
            .arg(option("label", "TEXT").value_parser(filled).help("Your own words, shown by list"))
            .arg(
                option("expires", "WHEN")
                    .value_parser(filled)
                    .help("When the token expires: 2027-03-01, an RFC 3339 time, or 90d, 12w, 6m, 1y"),
            )
            .arg(
                option("scopes", "LIST").value_parser(filled).help(
                    "What the token may do, such as \"vso.code vso.packaging\"; spaces or commas between",
                ),
            )
            .arg(option("rename", "NAME").value_parser(filled).help("The account's new name"))
            .group(
                clap::ArgGroup::new("what")
                    .args(["label", "expires", "scopes", "rename"])
                    .multiple(true)
                    .required(true),
            )
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    // A dash takes away.
    let given =
        |name: &str| text(matches, name).map(str::trim).map(|text| Some(text).filter(|text| *text != "-"));
    let expires = given("expires").map(|text| text.map(|text| time::end(text, context.now)).transpose());
    let edit = Edit {
        label: given("label").map(|label| label.map(str::to_owned)),
        expires: expires.transpose()?,
        scopes: given("scopes")
            .map(|scopes| scopes.map(|all| list(all).map(str::to_owned).collect()).unwrap_or_default()),
        rename: given("rename").map(|name| name.map(str::to_owned)),
    };
    let place = text(matches, "URL").unwrap_or_default();
    let selection = manage::select(context.wallet, place, text(matches, "account"))?;
    let selected = selection.only()?;
    if edit.rename.is_some() {
        let realm = &selection.realm.realm;
        let is_its = |pending: &crate::wallet::pending::Pending| {
            pending.realm == *realm && pending.account == selected.name
        };
        if List::new(&context.data).read()?.iter().any(is_its) {
            return Err(Error::usage(
                format!(
                    "a rotation of {} is unfinished, and it knows the account by its name",
                    whose(&selected.account(), realm)
                ),
                "keyfob doctor says how to finish it",
            ));
        }
    }
    manage::describe::edit(context.wallet, &selection, selected, &edit)?;
    let now = match &edit.rename {
        Some(name) => Account::from_name(name.as_deref()),
        None => selected.account(),
    };
    context.terminal.note(&format!("changed {}", whose(&now, &selection.realm.realm)));
    super::setup::keep_in_step(context);
    Ok(())
}
