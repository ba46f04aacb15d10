//! `keyfob list`: what the wallet holds; never a secret.

use clap::{Arg, ArgMatches};
use serde::Serialize;

use crate::error::{Error, RejectionReason, target};
use crate::remote::Remote;
use crate::terminal::Colour;
use crate::text::{LAST_SECOND, date, rfc3339, visible};
use crate::wallet::manage::{AccountSummary, State};
use crate::wallet::resolve::{Resolution, resolve};
use crate::wallet::{DAY, HINT_DAYS, manage};

use super::table::{self, Column, Detail};
use super::{Command, Context, flag, json, option, text, time, write_json};

/// `keyfob list`.
pub static COMMAND: Command = Command {
    name: "list",
    about: "Show what the wallet holds; never a secret",
    details: "A date with ~ before it was typed by a person, or estimated, and is not certain. On a terminal a bar shows what is \
              left of each token's time, the table fits its width, and the store is shown only if there are several. Through a pipe \
              nothing is shortened.\n\n\
              RULES are the paths for which keyfob prefer chose an account. --expiring skips tokens that another program renews by itself.",
    example: "keyfob list --expiring 14d",
    arguments: |command| {
        command
            .arg(Arg::new("URL").help("Only what this URL's realm holds"))
            .arg(
                option("expiring", "SPAN")
                    .help("Only tokens that have ended or end within this time: 14d, 2w"),
            )
            .arg(flag(
                "exit-code",
                "End with code 5 if a token of the list was refused, has ended, or is about to (with --expiring)",
            ))
            .arg(json())
    },
    run,
};

/// One account in `--json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Row<'e> {
    realm: &'e str,
    account: Option<&'e str>,
    url: &'e str,
    store: &'e str,
    state: &'e str,
    since: Option<String>,
    reason: Option<RejectionReason>,
    refused_for: &'e [String],
    expires: Option<String>,
    expires_certain: bool,
    scopes: &'e [String],
    label: Option<&'e str>,
    default: bool,
    source: &'e str,
    path: Option<String>,
    set_aside: usize,
    refresh_token: bool,
    rules: &'e [String],
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let (mut entries, errors) = manage::list(context.wallet)?;
    if let Some(url) = text(matches, "URL") {
        retain_realm(&mut entries, url, context)?;
    }
    let nothing = entries.is_empty() && errors.is_empty();
    let span = text(matches, "expiring").map(|text| time::span("--expiring", text, true)).transpose()?;
    let span = span.map(|span| i64::try_from(span).unwrap_or(i64::MAX));
    let until = span.map(|span| context.now.saturating_add(span));
    if let (Some(span), Some(until)) = (span, until) {
        let ends = |entry: &AccountSummary| entry.expires.is_some_and(|(at, _)| at <= until);
        entries.retain(|entry| ends(entry) && !renews_itself(entry, span));
    }
    if matches.get_flag("json") {
        let rows: Vec<Row<'_>> = entries.iter().map(row).collect();
        write_json(&rows, context)?;
    } else if nothing {
        context.terminal.note("the wallet is empty");
        context.terminal.hint("keyfob add https://dev.azure.com/contoso");
    } else if !entries.is_empty() {
        show(&mut entries, context);
        if until.is_none() {
            show_rules(&entries, context);
        }
        speak_of_global(&entries, context);
    } else if errors.is_empty() {
        context.terminal.note("no token expires in that time");
    }
    // One damaged record does not hide the others, but is not passed over either.
    let mut errors = errors.into_iter();
    let first = errors.next();
    errors.for_each(|error| context.terminal.error(&error));
    let needy = entries.iter().filter(|entry| needs_care(entry, until, context.now)).count();
    match first {
        Some(error) => Err(error),
        None if needy > 0 && matches.get_flag("exit-code") => Err(Error::NotUsable {
            what: if needy == 1 {
                "1 token needs care".to_owned()
            } else {
                format!("{needy} tokens need care")
            },
            hint: "keyfob rotate URL puts a new one in the place of each".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Only what a URL's realm holds. One of which only the environment has a token has no record.
fn retain_realm(entries: &mut Vec<AccountSummary>, url: &str, context: &Context<'_>) -> Result<(), Error> {
    let nothing = match manage::select(context.wallet, url, None) {
        Ok(selection) => {
            entries.retain(|entry| entry.realm == selection.realm.realm);
            return Ok(());
        }
        Err(error @ Error::NoSuchCredential { .. }) => error,
        Err(error) => return Err(error),
    };
    let realm = match Remote::from_typed(url) {
        Ok((remote, user)) => match resolve(context.wallet.settings(), &remote, user.as_deref())? {
            Resolution::Known(known) => known.realm.to_string(),
            _ => return Err(nothing),
        },
        // A realm's own name.
        Err(_) => url.to_owned(),
    };
    entries.retain(|entry| entry.realm == realm);
    if entries.is_empty() { Err(nothing) } else { Ok(()) }
}

/// Whether a token was refused, has ended, or ends by `until`.
fn needs_care(entry: &AccountSummary, until: Option<i64>, now: i64) -> bool {
    let ends =
        entry.state == State::Expired || entry.expires.is_some_and(|(at, _)| at <= until.unwrap_or(now));
    entry.state == State::Rejected || ends && !renews_itself(entry, 0)
}

/// Whether the program that stored a token stores the next one unasked: it has a refresh token, or it never had as long to live as
/// the span that a person asks about.
fn renews_itself(entry: &AccountSummary, span: i64) -> bool {
    let lived_less = || match (entry.expires, entry.changed) {
        (Some((at, _)), Some(from)) => at.saturating_sub(from) <= span,
        _ => false,
    };
    entry.refresh || entry.source == "tool" && lived_less()
}

fn row(entry: &AccountSummary) -> Row<'_> {
    Row {
        realm: &entry.realm,
        account: entry.account.as_deref(),
        url: &entry.url,
        store: &entry.store,
        state: entry.state.as_str(),
        since: entry.since.map(rfc3339),
        reason: entry.reason,
        refused_for: &entry.refused_for,
        expires: entry.expires.map(|(at, _)| rfc3339(at)),
        expires_certain: entry.expires.is_some_and(|(_, hard)| hard),
        scopes: &entry.scopes,
        label: entry.label.as_deref(),
        default: entry.default,
        source: entry.source,
        path: (!entry.path.is_empty()).then(|| entry.path.join("/")),
        set_aside: entry.set_aside,
        refresh_token: entry.refresh,
        rules: &entry.rules,
    }
}

fn show(entries: &mut [AccountSummary], context: &mut Context<'_>) {
    // What people read is sorted by what they read.
    fn order(entry: &AccountSummary) -> (&str, Option<&str>, &[String], &str) {
        (&entry.place, entry.account.as_deref(), &entry.path, entry.source)
    }
    entries.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
    let (on_terminal, now) = (context.terminal.capabilities.stdout, context.now);
    let one_store = entries.iter().all(|entry| entry.store == entries[0].store);
    let row = |at: usize, detail: Detail| {
        let detail = if on_terminal { detail } else { detail.max(Detail::Plain) };
        cells(&entries[at], detail, now)
    };
    let colour = |row: usize, column: usize| match column {
        2 => Some(state_colour(entries[row].state)),
        3 => end_colour(&entries[row], now),
        _ => None,
    };
    let head = [
        ("HOST", Column::Middle(16)),
        ("ACCOUNT", Column::End(8)),
        ("STATE", Column::Whole),
        ("EXPIRES", Column::Whole),
        ("STORE", if on_terminal && one_store { Column::Hidden } else { Column::End(6) }),
        ("NOTES", Column::End(8)),
    ];
    table::print(head, entries.len(), row, colour, &mut context.terminal);
}

/// The paths for which an account is preferred.
fn show_rules(entries: &[AccountSummary], context: &mut Context<'_>) {
    let rules = entries.iter().flat_map(|entry| entry.rules.iter().map(move |path| (entry, path)));
    let mut rows: Vec<[String; 2]> = rules
        .map(|(entry, path)| {
            let account = entry.account.as_deref().unwrap_or("-");
            [visible(&format!("{}/{path}", entry.place)), visible(account)]
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_unstable();
    context.terminal.answer("");
    let head = [("RULES", Column::Middle(16)), ("ACCOUNT", Column::End(8))];
    table::print(head, rows.len(), |at, _| rows[at].clone(), |_, _| None, &mut context.terminal);
}

/// Of tokens that end with all of their kind: what is to be done, for each organisation.
fn speak_of_global(entries: &[AccountSummary], context: &mut Context<'_>) {
    let Some((first, end)) = entries.iter().find_map(|entry| Some((entry, entry.global_end()?))) else {
        return;
    };
    context.terminal.note(&format!(
        "tokens for all organisations stop working on {}: each organisation needs one of its own",
        date(end)
    ));
    let url = target(&first.url, first.account.as_deref());
    context
        .terminal
        .hint(&format!("keyfob rotate {url}, and the same for each other organisation that it opens"));
}

fn cells(entry: &AccountSummary, detail: Detail, now: i64) -> [String; 6] {
    let mut place = visible(&entry.place);
    if !entry.path.is_empty() {
        place = visible(&format!("{place} (/{})", entry.path.join("/")));
    }
    let mut notes = Vec::new();
    if entry.default {
        notes.push("default".to_owned());
    }
    notes.extend(entry.label.as_deref().map(visible));
    if entry.source != "person" {
        notes.push(format!("by {}", if entry.source == "tool" { "a tool" } else { "environment" }));
    }
    if let Some(since) = entry.since {
        let needs = match entry.refused_for.as_slice() {
            [] => String::new(),
            needs => format!(" for {}", needs.join(", ")),
        };
        let what = match entry.reason.unwrap_or_default() {
            RejectionReason::Refused => "refused",
            RejectionReason::LoggedOut => "logged out",
            RejectionReason::Revoked => "revoked",
            RejectionReason::Replaced => "replaced by a later login",
        };
        notes.push(format!("{what}{needs} {}", time::ago(since, now)));
    }
    if entry.set_aside > 0 {
        notes.push(format!("{} set aside", entry.set_aside));
    }
    let expires = entry.expires.map_or_else(
        || "-".to_owned(),
        |(at, hard)| {
            let certain = if hard { "" } else { "~" };
            let bar = entry.changed.filter(|_| detail == Detail::Full && at <= LAST_SECOND);
            let bar = bar.map(|from| format!(" {}", bar_of(from, at, now))).unwrap_or_default();
            let left = if detail < Detail::Brief { left(at, now) } else { String::new() };
            format!("{certain}{}{left}{bar}", date(at))
        },
    );
    [
        place,
        visible(entry.account.as_deref().unwrap_or("-")),
        entry.state.as_str().to_owned(),
        expires,
        entry.store.clone(),
        notes.join(", "),
    ]
}

/// How long it is until then: in days where a person counts in days. Nothing for what has no date either.
pub(super) fn left(at: i64, now: i64) -> String {
    // A calendar's year is 365.2425 days.
    const TEN_YEARS: i64 = 3652;
    if at > LAST_SECOND {
        return String::new();
    }
    match at.saturating_sub(now).div_euclid(DAY) {
        days if days.abs() < TEN_YEARS => format!(" ({days} d)"),
        days => format!(" ({} y)", (days * 10_000 + 1_826_212).div_euclid(3_652_425)),
    }
}

/// How many signs a bar has.
const BAR: i64 = 8;

/// What is left of the time from `from` to `at`: full at the beginning, and one sign until the very end. In letters that every
/// terminal has.
fn bar_of(from: i64, at: i64, now: i64) -> String {
    let whole = i128::from(at.saturating_sub(from)).max(1);
    let rest = i128::from(at.saturating_sub(now)).clamp(0, whole);
    let full = usize::try_from((rest * i128::from(BAR) + whole - 1) / whole).unwrap_or_default();
    let size = usize::try_from(BAR).unwrap_or_default();
    format!("{}{}", "#".repeat(full), "-".repeat(size - full))
}

fn state_colour(state: State) -> Colour {
    match state {
        State::Active => Colour::Green,
        State::Suspect => Colour::Yellow,
        State::Rejected | State::Expired => Colour::Red,
    }
}

fn end_colour(entry: &AccountSummary, now: i64) -> Option<Colour> {
    entry.expires.map(|(at, _)| colour_of_end(at, now))
}

/// The colour of an end: as near as the hints have it (R8).
pub(super) fn colour_of_end(at: i64, now: i64) -> Colour {
    match at.saturating_sub(now).div_euclid(DAY) {
        ..2 => Colour::Red,
        2..=HINT_DAYS => Colour::Yellow,
        _ => Colour::Green,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_beginning_and_empty_only_at_the_end() {
        for (now, bar) in [
            (-100, "########"),
            (0, "########"),
            (1, "########"),
            (100, "#######-"),
            (400, "####----"),
            (799, "#-------"),
            (800, "--------"),
            (i64::MAX, "--------"),
        ] {
            assert_eq!(bar_of(0, 800, now), bar, "{now}");
        }
        assert_eq!(bar_of(5, 5, 5), "--------");
        assert_eq!(bar_of(9, 5, 4), "########");
        assert_eq!(bar_of(i64::MIN, i64::MAX, i64::MIN).len(), 8);
    }

    #[test]
    fn the_time_left_is_counted_in_days_up_to_ten_years_and_not_at_all_where_there_is_no_date() {
        const NOW: i64 = 1_800_000_000;
        for (days, words) in [
            (0, " (0 d)"),
            (-1, " (-1 d)"),
            (90, " (90 d)"),
            (3651, " (3651 d)"),
            (3652, " (10 y)"),
            (-3652, " (-10 y)"),
            (2_556_697, " (7000 y)"),
        ] {
            assert_eq!(left(NOW + days * DAY, NOW), words);
        }
        assert_eq!(left(NOW + DAY - 1, NOW), " (0 d)");
        assert_eq!(left(LAST_SECOND, NOW), " (7973 y)");
        assert_eq!(left(LAST_SECOND + 1, NOW), "");
        assert_eq!(left(i64::MAX, NOW), "");
        assert!(left(i64::MIN, NOW).ends_with(" y)"));
    }
}
