//! `keyfob storage`: where tokens lie, what that protects, and how to change it.

use clap::{Arg, ArgMatches};
use serde::Serialize;

use crate::error::Error;
use crate::store;
use crate::terminal::Colour;
use crate::text::visible;
use crate::wallet::manage;
use crate::wallet::stores::{View, writable};

use super::{Command, Context, counted, flag, json, text, write_json, yes};

mod slots;

/// `keyfob storage`.
pub static COMMAND: Command = Command {
    name: "storage",
    about: "Show where tokens lie and what that protects; move them; protect the vault",
    details: "Without a further word: every store, which one takes new tokens (*), its state, and how many tokens it holds, those \
              set aside included.",
    example: "keyfob storage",
    arguments: |command| {
        let word = |name: &'static str, about: &'static str, example: &'static str| {
            clap::Command::new(name).about(about).after_help(format!("Example: {example}"))
        };
        let store = Arg::new("NAME").required(true).help("The store, as keyfob storage names it");
        command
            .args_conflicts_with_subcommands(true)
            .disable_help_subcommand(true)
            .arg(json())
            .arg(flag("folder", "Only the folder of the wallet, for scripts").conflicts_with("json"))
            .subcommand(
                word(
                    "move",
                    "Take every token to another store, which also takes new ones",
                    "keyfob storage move vault --yes",
                )
                .arg(store)
                .arg(yes()),
            )
            .subcommand(slots::protect(word))
            .subcommand(slots::slots(word))
            .subcommand(slots::reseal(word))
    },
    run,
};

/// Builds a word below `storage`: its name, what it does, and an example.
type Word = fn(&'static str, &'static str, &'static str) -> clap::Command;

/// One store in `--json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Row<'r> {
    store: &'r str,
    chosen: bool,
    usable: bool,
    state: &'r str,
    tokens: usize,
    place: &'r str,
    claim: &'r str,
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    match matches.subcommand() {
        Some(("move", matches)) => move_all(matches, context),
        Some(("protect", _)) => slots::run_protect(context),
        Some(("reseal", _)) => slots::run_reseal(context),
        Some(("slots", matches)) => slots::run_slots(matches, context),
        _ if matches.get_flag("folder") => {
            let folder = context.data.display().to_string();
            context.terminal.answer(&folder);
            Ok(())
        }
        _ => show(matches, context),
    }
}

fn show(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let counts = manage::storage::count_secrets(context.wallet)?;
    let configured = context.wallet.config()?.store.clone();
    let views = context.stores.view(configured.as_deref())?;
    let rows = views.iter().map(|View { record, chosen, health }| Row {
        store: record.name,
        chosen: *chosen,
        usable: health.usable,
        state: &health.words,
        tokens: counts.get(record.name).copied().unwrap_or_default(),
        place: record.place,
        claim: record.claim,
    });
    let rows: Vec<Row<'_>> = rows.collect();
    if matches.get_flag("json") {
        write_json(&rows, context)?;
        return exists(configured.as_deref(), context);
    }
    let width = rows.iter().map(|row| row.store.len()).max().unwrap_or(0).max(5);
    let head = format!("  {:width$}  TOKENS  STATE", "STORE");
    let head = context.terminal.paint(Colour::Dim, &head);
    context.terminal.answer(&head);
    for row in &rows {
        let mark = if row.chosen { '*' } else { ' ' };
        let colour = if row.usable { Colour::Green } else { Colour::Red };
        let state = context.terminal.paint(colour, &visible(row.state));
        context.terminal.answer(&format!("{mark} {:width$}  {:>6}  {state}", row.store, row.tokens));
    }
    for row in &rows {
        context.terminal.answer("");
        context.terminal.answer(&format!("{}: {}", row.store, row.place));
        wrapped(&format!("protection: {}", row.claim)).iter().for_each(|line| context.terminal.answer(line));
    }
    let chosen = rows.iter().any(|row| row.chosen);
    exists(configured.as_deref(), context)?;
    if !chosen {
        context.terminal.note("no store is chosen yet: the first keyfob add chooses, and says so");
    }
    Ok(())
}

/// Says who names the store for new tokens, if there is none of that name: those that there are have been shown.
fn exists(configured: Option<&str>, context: &Context<'_>) -> Result<(), Error> {
    context.stores.known(configured).map(drop).map_err(|error| match error {
        Error::NoSuchStore { name } => Error::usage(
            format!(
                "{} names {} for new tokens, and there is no such store here",
                wish(context),
                visible(&name)
            ),
            format!("it may name {}", usable_names().join(", ")),
        ),
        error => error,
    })
}

/// The stores that take new tokens.
fn usable_names() -> Vec<&'static str> {
    store::ALL.iter().filter(|record| record.open.is_some()).map(|record| record.name).collect()
}

/// Who wishes for a store.
fn wish(context: &Context<'_>) -> &'static str {
    if context.environment.text("KEYFOB_STORE").is_some() { "KEYFOB_STORE" } else { "config.toml" }
}

/// Lines of at most 98 characters, indented: the claims are sentences.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::from(" ")];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.len() + word.len() > 97) {
            lines.push(String::from(" "));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

fn move_all(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let name = writable(text(matches, "NAME").unwrap_or_default())?;
    let counts = manage::storage::count_secrets(context.wallet)?;
    let away =
        |(store, count): (&String, &usize)| (store != name && store != "environment").then_some(*count);
    let total: usize = counts.iter().filter_map(away).sum();
    if total == 0 {
        // With tokens on the way their copies would tell.
        context.stores.works(name)?;
        context.stores.write_down(name)?;
        context
            .terminal
            .note(&format!("no token lies elsewhere; the {name} store takes new ones from now on"));
        return say_who_disagrees(name, context);
    }
    let question = format!("move {} into the {name} store, and keep new ones there?", tokens(total));
    context.terminal.agree(&question, matches.get_flag("yes"))?;
    let moved = manage::storage::move_all(context.wallet, name)?;
    context.stores.write_down(name)?;
    context.terminal.note(&format!(
        "{} moved into the {name} store, which takes new ones from now on",
        tokens(moved.moved)
    ));
    if moved.there > 0 {
        context.terminal.note(&format!("{} there before", tokens(moved.there)));
    }
    if moved.left > 0 {
        context.terminal.note(&format!(
            "the old copy of {} could not be destroyed; nothing hands it out any more",
            tokens(moved.left)
        ));
    }
    say_who_disagrees(name, context)
}

/// The variable and the settings come before what is written down.
fn say_who_disagrees(name: &str, context: &mut Context<'_>) -> Result<(), Error> {
    let known = context.stores.known(context.wallet.config()?.store.as_deref())?;
    if let Some(other) = known.filter(|other| *other != name) {
        let who = wish(context);
        context.terminal.hint(&format!("{who} still sends new tokens to the {other} store; change that too"));
    }
    Ok(())
}

fn tokens(count: usize) -> String {
    counted(count, "token")
}
