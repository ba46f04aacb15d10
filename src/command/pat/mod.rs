//! `keyfob pat`: the life of personal access tokens of Azure DevOps Services. Here is `list`; `change` has the words that change
//! something. A new token goes straight into the wallet and is never shown.

use clap::{Arg, ArgMatches};
use serde::Serialize;

use crate::error::Error;
use crate::forge;
use crate::forge::lifecycle::{ScopeTable, Token, TokenFilter};
use crate::terminal::Colour;
use crate::text::{date, rfc3339, visible};
use crate::wallet::manage;

use super::list::{colour_of_end, left};
use super::table::{self, Column};
use super::token_service::{Organisation, TokenService, organisation, organisation_argument};
use super::{Command, Context, filled, flag, json, option, text, write_json};

pub(super) mod change;

/// `keyfob pat`.
pub static COMMAND: Command = Command {
    name: "pat",
    about: "Create, list, extend and revoke personal access tokens of Azure DevOps Services",
    details: "Needs a sign-in as yourself to Microsoft Entra, because a token may not manage tokens: from KEYFOB_ENTRA_TOKEN, from \
              entra.command or entra.client_id in the settings, or from the Azure CLI (az login). It is kept nowhere and goes to \
              one host only.\n\n\
              A new token goes straight into the wallet and is never shown. Azure DevOps Server has no such interface.\n\n\
              KEYFOB_OFFLINE=1 keeps every command from the network.",
    example: "keyfob pat create contoso --for git,packages --account alice",
    arguments: |command| {
        command
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
            .subcommand(list_word())
            .subcommand(change::create_word(word))
            .subcommand(change::extend_word(word))
            .subcommand(change::revoke_word(word))
    },
    run,
};

/// Builds a word below `pat`: its name, what it does, and an example.
fn word(name: &'static str, about: &'static str, example: &'static str) -> clap::Command {
    clap::Command::new(name)
        .about(about)
        .after_help(format!("Example: {example}"))
        .arg(organisation_argument())
}

fn list_word() -> clap::Command {
    word("list", "Show your tokens in an organisation", "keyfob pat list contoso --expired")
        .arg(
            flag("all", "Also those that were revoked or have ended")
                .conflicts_with_all(["revoked", "expired"]),
        )
        .arg(flag("revoked", "Those that were revoked").conflicts_with("expired"))
        .arg(flag("expired", "Those that have ended"))
        .arg(
            option("sort", "BY")
                .value_parser(["end", "name", "made"])
                .default_value("end")
                .help("In this order"),
        )
        .arg(json())
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    match matches.subcommand() {
        Some(("list", matches)) => list(matches, context),
        Some(("create", matches)) => change::create(matches, context),
        Some(("extend", matches)) => change::extend(matches, context),
        Some(("revoke", matches)) => change::revoke(matches, context),
        _ => Err(Error::usage("pat takes a word", "keyfob pat --help")),
    }
}

/// The argument that names a token.
fn which_argument(name: &'static str) -> Arg {
    Arg::new(name)
        .value_name("NAME-OR-ID")
        .value_parser(filled)
        .help("Its name, its id, or the beginning of that, as pat list shows them")
}

/// One token in `--json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Row<'p> {
    id: &'p str,
    name: &'p str,
    state: &'p str,
    scopes: &'p [String],
    created: Option<String>,
    expires: Option<String>,
    all_organisations: bool,
    held: bool,
    account: Option<&'p str>,
}

/// A token with its state and who holds it here.
struct Shown {
    token: Token,
    state: TokenFilter,
    held: Option<Option<String>>,
}

fn list(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let organisation = organisation(text(matches, "ORG").unwrap_or_default(), context)?;
    let (name, url) = (organisation.name(), organisation.url.as_str());
    let kinds: &[TokenFilter] = match ["all", "revoked", "expired"].map(|flag| matches.get_flag(flag)) {
        [true, ..] => &[TokenFilter::Active, TokenFilter::Expired, TokenFilter::Revoked],
        [_, true, _] => &[TokenFilter::Revoked],
        [.., true] => &[TokenFilter::Expired],
        _ => &[TokenFilter::Active],
    };
    let service = TokenService::begin(&organisation.realm, context)?;
    let held = manage::rotate::service_ids(context.wallet, url)?;
    let (mut shown, mut unread) = (Vec::new(), 0);
    for &state in kinds {
        let (all, more) = service.all_and_unread(state)?;
        unread += more;
        for token in all {
            let held =
                held.iter().find(|(id, _)| id == token.id.as_str()).map(|(_, account)| account.clone());
            shown.push(Shown { token, state, held });
        }
    }
    let is_global = |one: &&Shown| one.token.global && one.state == TokenFilter::Active && one.held.is_some();
    for one in shown.iter().filter(is_global) {
        let id = Some(one.token.id.as_str());
        if let Some(end) = organisation.forge.lifecycle.global_tokens_end {
            manage::rotate::record_global_expiry(context.wallet, url, end, &|held| {
                held.service_id.as_deref() == id
            })?;
        }
    }
    let end = |token: &Token| token.expires.unwrap_or(i64::MAX);
    match text(matches, "sort") {
        Some("name") => shown.sort_by_key(|one| (one.token.name.to_lowercase(), end(&one.token))),
        Some("made") => {
            shown.sort_by_key(|one| (one.token.created.unwrap_or(i64::MIN), one.token.name.clone()))
        }
        _ => shown.sort_by_key(|one| (end(&one.token), one.token.name.to_lowercase())),
    }
    if unread > 0 {
        let what = if unread == 1 { "1 more token".to_owned() } else { format!("{unread} more tokens") };
        context.terminal.note(&format!("{what} of {name} cannot be read"));
        let page = organisation.forge.token_page.unwrap_or("{origin}");
        let page = forge::fill(page, Some(name), Some(url));
        context.terminal.hint(&format!("see what its page shows: {page}"));
    }
    if matches.get_flag("json") {
        let rows: Vec<Row<'_>> = shown.iter().map(Shown::row).collect();
        return write_json(&rows, context);
    }
    if shown.is_empty() && unread > 0 {
        return Ok(());
    }
    if shown.is_empty() {
        context.terminal.note(&format!("{name} has no such token of yours"));
        context.terminal.hint(&format!("keyfob pat create {name} --for git"));
        return Ok(());
    }
    show(&shown, organisation.scopes, context);
    speak_of_global(&shown, &organisation, context);
    Ok(())
}

impl Shown {
    fn row(&self) -> Row<'_> {
        Row {
            id: self.token.id.as_str(),
            name: &self.token.name,
            state: self.state.as_str(),
            scopes: &self.token.scopes,
            created: self.token.created.map(rfc3339),
            expires: self.token.expires.map(rfc3339),
            all_organisations: self.token.global,
            held: self.held.is_some(),
            account: self.held.as_ref().and_then(|account| account.as_deref()),
        }
    }
}

fn show(shown: &[Shown], scopes: &ScopeTable, context: &mut Context<'_>) {
    let now = context.now;
    let row = |one: &Shown| {
        let mut notes = Vec::new();
        if let Some(account) = &one.held {
            let account = account.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            notes.push(format!("in the wallet{account}"));
        }
        if one.token.global {
            notes.push("all organisations".to_owned());
        }
        [
            one.token.id.as_str().chars().take(8).collect(),
            visible(&one.token.name),
            one.state.as_str().to_owned(),
            one.token.expires.map_or_else(|| "-".to_owned(), |at| format!("{}{}", date(at), left(at, now))),
            visible(&one.token.scopes.iter().map(|scope| scopes.short(scope)).collect::<Vec<_>>().join(" ")),
            visible(&notes.join(", ")),
        ]
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    let colour = |row: usize, column: usize| match column {
        2 if shown[row].state == TokenFilter::Active => Some(Colour::Green),
        2 => Some(Colour::Red),
        3 => shown[row].token.expires.map(|end| colour_of_end(end, now)),
        _ => None,
    };
    let head = [
        ("ID", Column::Whole),
        ("NAME", Column::End(8)),
        ("STATE", Column::Whole),
        ("EXPIRES", Column::Whole),
        ("MAY", Column::End(7)),
        ("NOTES", Column::End(7)),
    ];
    table::print(head, rows.len(), |at, _| rows[at].clone(), colour, &mut context.terminal);
}

/// What a token for all organisations means, and what to do about it.
fn speak_of_global(shown: &[Shown], organisation: &Organisation, context: &mut Context<'_>) {
    let global = shown.iter().filter(|one| one.token.global && one.state == TokenFilter::Active).count();
    if global == 0 {
        return;
    }
    let what = if global == 1 { "1 token is".to_owned() } else { format!("{global} tokens are") };
    let end = organisation.forge.lifecycle.global_tokens_end;
    let from = end.map(|end| format!(" from {} on", date(end))).unwrap_or_default();
    context.terminal.note(&format!(
        "{what} for all organisations; Azure DevOps takes none of those{from}, and makes no new ones"
    ));
    context.terminal.hint(&format!(
        "one for each organisation in its place: keyfob pat create {name} --for git,packages, the same for the others, then \
         keyfob pat revoke {name} ID",
        name = organisation.name()
    ));
}
