//! `keyfob unlock`: a person opens stores, for a while where the store can limit that.

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::store;
use crate::wallet::manage;
use crate::wallet::stores::{Stores as _, writable};

use super::{Command, Context, option, text, time};

/// `keyfob unlock`.
pub static COMMAND: Command = Command {
    name: "unlock",
    about: "Open the stores, so that tools get tokens without asking",
    details: "Without STORE: the chosen store, and every other that holds tokens. A vault with a passphrase stays open for 8 hours \
              unless --for says otherwise, and never longer than until the next restart.",
    example: "keyfob unlock --for 8h",
    arguments: |command| {
        command
            .arg(store())
            .arg(option("for", "SPAN").help("How long: 30m, 8h, 7d (for stores that can limit it)"))
    },
    run,
};

/// The argument for one store.
pub(super) fn store() -> Arg {
    Arg::new("STORE").help("One store, as keyfob storage names it")
}

/// The store that was named; else the chosen one and all that hold secrets.
///
/// # Errors
/// [`Error::NoSuchStore`], and those of reading.
pub(super) fn openable(matches: &ArgMatches, context: &Context<'_>) -> Result<Vec<&'static str>, Error> {
    if let Some(name) = text(matches, "STORE") {
        return writable(name).map(|name| vec![name]);
    }
    let chosen = context.stores.known(context.wallet.config()?.store.as_deref())?;
    let held = manage::storage::count_secrets(context.wallet)?;
    let used = |name: &'static str| chosen == Some(name) || held.contains_key(name);
    let names: Vec<_> = store::ALL
        .iter()
        .filter(|record| record.open.is_some() && used(record.name))
        .map(|record| record.name)
        .collect();
    if names.is_empty() {
        return Err(Error::NoSuchCredential {
            what: "no store is in use yet".to_owned(),
            hint: Some("keyfob add https://dev.azure.com/contoso".to_owned()),
        });
    }
    Ok(names)
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let seconds = text(matches, "for").map(|text| time::span("--for", text, false)).transpose()?;
    for name in openable(matches, context)? {
        let store = context.stores.open(name)?;
        store.unlock(seconds)?;
        context.terminal.note(&format!("{name}: {}", store.health().words));
    }
    Ok(())
}
