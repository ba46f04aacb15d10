//! The values of arguments that only this machine knows: hosts, accounts, stores, import sources. Read from the records alone: a
//! press of the Tab key opens no store and asks nobody.

use crate::command::Context;
use crate::import;
use crate::store;
use crate::wallet::manage::{self, AccountSummary};

use super::line::{Asked, Fits};

/// What an argument may be.
pub(super) fn of(asked: &Asked<'_>, context: &Context<'_>) -> Vec<Fits> {
    match asked.argument {
        "URL" | "NEW-URL" => places(asked.typed, context),
        "ORG" => organisations(context),
        "account" | "user" => accounts(asked.url, context),
        "SOURCE" => {
            let source = |source: &&import::Source| Fits {
                value: source.name.to_owned(),
                help: source.title.to_owned(),
            };
            import::ALL.iter().map(source).collect()
        }
        "STORE" => stores(),
        "NAME" if asked.command == "storage move" => stores(),
        "SLOT" => {
            let slots = context.stores.vault().slots().unwrap_or_default();
            let known = ["passphrase", "key-file", "ssh-agent"].map(str::to_owned);
            let held = slots.into_iter().map(|slot| slot.name.to_string());
            let names: Vec<String> =
                if asked.command.ends_with("add") { known.into() } else { held.collect() };
            names.into_iter().map(Fits::plain).collect()
        }
        _ => Vec::new(),
    }
}

fn entries(context: &Context<'_>) -> Vec<AccountSummary> {
    // What is damaged is told elsewhere.
    manage::list(context.wallet).map(|(entries, _)| entries).unwrap_or_default()
}

/// The hosts as `list` shows them, as URLs where a URL was begun.
fn places(typed: &str, context: &Context<'_>) -> Vec<Fits> {
    let as_url = typed.starts_with("http");
    let shown = |entry: AccountSummary| {
        let with_scheme = entry.place.contains("://");
        if as_url && !with_scheme { format!("https://{}", entry.place) } else { entry.place }
    };
    let mut places: Vec<String> = entries(context).into_iter().map(shown).collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().map(Fits::plain).collect()
}

fn organisations(context: &Context<'_>) -> Vec<Fits> {
    let manages = |entry: &AccountSummary| {
        let (forge, organisation) = entry.realm.split_once('/')?;
        crate::forge::named(forge)?.lifecycle.manager()?;
        Some(Fits::plain(organisation))
    };
    entries(context).iter().filter_map(manages).collect()
}

/// The accounts of a place, or of all where none is on the line.
fn accounts(url: Option<&str>, context: &Context<'_>) -> Vec<Fits> {
    let mut entries = entries(context);
    if let Some(url) = url.filter(|url| !url.is_empty()) {
        let Ok(selection) = manage::select(context.wallet, url, None) else { return Vec::new() };
        entries.retain(|entry| entry.realm == selection.realm.realm);
    }
    let fits = |entry: AccountSummary| Fits {
        value: entry.account.unwrap_or_else(|| "-".to_owned()),
        help: crate::text::visible(&entry.label.unwrap_or(entry.place)),
    };
    entries.into_iter().map(fits).collect()
}

fn stores() -> Vec<Fits> {
    let writable = store::ALL.iter().filter(|record| record.name != store::environment::STORE.name);
    writable
        .map(|record| Fits { value: record.name.to_owned(), help: record.claim_in_short().to_owned() })
        .collect()
}
