//! `keyfob import`: tokens that other programs keep come into the wallet, and so does an export of another keyfob. What would
//! be done is shown first. Nothing is taken out of its place, except with `--move`, and then only what was read
//! back from the wallet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::forge::Need;
use crate::forge::token::is_token;
use crate::import::decide::{Decided, Decision, Overrides, decide};
use crate::import::{self, Found, Outside, Reading, Source};
use crate::secret::Secret;
use crate::terminal::Colour;
use crate::text::{listed, shell_word, visible};
use crate::wallet::manage::add::Planned;
use crate::wallet::manage::adopt::{Comparison, SecretCache};
use crate::wallet::{Lookup, Query, Wallet as _, manage};

use super::{Command, Context, counted, flag, option, yes};

mod bundle;

/// `keyfob import`.
pub static COMMAND: Command = Command {
    name: "import",
    about: "Take over tokens that other programs keep, or an export of another keyfob",
    details: "Without a source: shows what is found on this machine. With one: shows what would be taken and what is left, and \
              why; then asks. What the wallet holds stays as it is and goes on answering: the same token is only recognised, \
              and another one for the same account is set aside behind it (keyfob restore).\n\n\
              A token that is not whole by its look is left where it is; one that looks like another service's is asked about.\n\n\
              The source keeps its tokens. With --move they are taken out of it, each after it was read back from the \
              wallet and compared.\n\n\
              Sources: git-store, git-keyring (libsecret, osxkeychain, wincred), gcm, pass, gh, glab, az, npm, nuget, pip, \
              cargo, maven, netrc, keyring, docker; keyfob help import says where each looks. A file that keyfob export wrote is given by its path.",
    example: "keyfob import git-store --dry-run",
    arguments: |command| {
        command
            .arg(
                Arg::new("SOURCE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("Where the tokens are, or an export's path"),
            )
            .arg(
                option("file", "PATH")
                    .requires("SOURCE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("Read this file in place of the source's usual ones"),
            )
            .arg(flag("move", "Take what is in the wallet then out of the source").requires("SOURCE"))
            .arg(flag("dry-run", "Show what would be done and change nothing").short('n').requires("SOURCE"))
            .arg(yes().requires("SOURCE"))
            .arg(
                flag("allow-http", "Also take tokens for plain http, where they travel in clear text")
                    .requires("SOURCE"),
            )
            .arg(flag("force", "Also take tokens that look damaged or are marked ask").requires("SOURCE"))
            .arg(
                option("identity", "FILE")
                    .short('i')
                    .requires("SOURCE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("The age identity that opens an export which was made for its recipient"),
            )
            .arg(super::export::passphrase_stdin().requires("SOURCE"))
    },
    run,
};

/// What the person wants of an import.
struct Wish {
    /// The command as it was typed, without what says how it ends: for hints.
    typed: String,
    file: Option<PathBuf>,
    take_out: bool,
    dry: bool,
    yes: bool,
    overrides: Overrides,
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let Some(word) = matches.get_one::<PathBuf>("SOURCE") else { return overview(context) };
    let force = matches.get_flag("force");
    let wish = Wish {
        typed: typed(word, matches),
        file: matches.get_one::<PathBuf>("file").cloned(),
        take_out: matches.get_flag("move"),
        dry: matches.get_flag("dry-run"),
        yes: matches.get_flag("yes"),
        overrides: Overrides { http: matches.get_flag("allow-http"), foreign: force, damaged: force },
    };
    let source = word.to_str().and_then(import::named);
    if source.is_none() && !word.is_file() {
        let names: Vec<&str> = import::ALL.iter().map(|source| source.name).collect();
        let shown = word.to_string_lossy();
        // Somebody may have put the token there; no source's name and hardly a file's is as long.
        let what =
            match shown.len() >= super::SHORTEST_TOKEN && !shown.contains(['/', '\\']) || is_token(&shown) {
                true => "that is no source of tokens and no file (not shown: it may be a token)".to_owned(),
                false => format!("{} is no source of tokens and no file", visible(&shown)),
            };
        return Err(Error::usage(what, format!("keyfob import SOURCE, one of {}", names.join(", "))));
    }
    if !wish.dry && !wish.yes && !context.terminal.capabilities.can_ask() {
        let typed = format!("{}{}", wish.typed, if wish.take_out { " --move" } else { "" });
        return Err(Error::usage(
            "import asks before it writes, and nobody can be asked here; nothing was changed",
            format!("{typed} --yes, or see what it would do: {typed} --dry-run"),
        ));
    }
    match source {
        Some(source) => take(source, &wish, context),
        None => bundle::take(word, &wish, matches, context),
    }
}

/// What was typed, so that a hint means the same place and the same tokens.
fn typed(word: &Path, matches: &ArgMatches) -> String {
    let mut words = format!("keyfob import {}", shell_word(word));
    for option in ["file", "identity"] {
        if let Some(path) = matches.get_one::<PathBuf>(option) {
            words.push_str(&format!(" --{option} {}", shell_word(path)));
        }
    }
    for flag in ["allow-http", "force", "passphrase-stdin"] {
        if matches.get_flag(flag) {
            words.push_str(&format!(" --{flag}"));
        }
    }
    words
}

/// What is on this machine. Nobody is asked, and no other program is run.
fn overview(context: &mut Context<'_>) -> Result<(), Error> {
    let mut any = false;
    let width = import::ALL.iter().map(|source| source.name.len()).max().unwrap_or(0);
    for source in import::ALL {
        let looked = (source.read)(&outside(context, None, true));
        let words = match looked {
            Ok(reading) if reading.places.is_empty() => continue,
            Ok(reading) => format!("{}  {}", in_words(reading.count()), reading.places.join(", ")),
            // Where there is no keyring, nothing is in it.
            Err(Error::Unavailable { .. }) => continue,
            Err(error) => error.to_string(),
        };
        any = true;
        context.terminal.answer(&format!("{:width$}  {}", source.name, visible(&words)));
    }
    if any {
        context.terminal.hint("keyfob import SOURCE shows what would be taken, and asks");
    } else {
        context.terminal.note("no other program that keyfob knows keeps tokens here");
    }
    Ok(())
}

fn in_words(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn outside<'c>(context: &'c Context<'_>, file: Option<PathBuf>, only_look: bool) -> Outside<'c> {
    Outside {
        environment: context.environment,
        store_context: context.stores.store_context.clone(),
        file,
        only_look,
        now: context.now,
    }
}

fn take(source: &'static Source, wish: &Wish, context: &mut Context<'_>) -> Result<(), Error> {
    if wish.file.is_some() && !source.takes_file {
        return Err(Error::usage(
            format!("{} is read where it is, not from a file", source.title),
            format!("keyfob import {}", source.name),
        ));
    }
    let file = wish.file.clone();
    let file = file.map(|file| std::path::absolute(&file).map_err(Error::io("find", &file))).transpose()?;
    let reading = (source.read)(&outside(context, file.clone(), false))?;
    reading.notes.iter().for_each(|note| context.terminal.note(note));
    if reading.found.is_empty() && reading.skipped.is_empty() {
        context.terminal.note(&format!("{} has nothing here ({})", source.title, source.places));
        return Ok(());
    }
    let seen = SecretCache::default();
    let mut decided = decide(context.wallet, &reading.found, wish.overrides, &seen, context.now)?;
    show(&decided, &reading, context);
    let doubted = |one: &Decided<'_>| matches!(one.decision, Decision::Leave { doubt: true, .. });
    let foreign = |one: &Decided<'_>| matches!(one.decision, Decision::Ask { .. });
    let asked = decided.iter().filter(|one| foreign(one)).count();
    if asked > 0 && !wish.dry && !wish.yes {
        let question = format!("Take also {} marked ask?", in_words(asked));
        if context.terminal.confirm(&question)? {
            let overrides = Overrides { foreign: true, ..wish.overrides };
            decided = decide(context.wallet, &reading.found, overrides, &seen, context.now)?;
        }
    } else if decided.iter().any(|one| doubted(one) || foreign(one)) {
        context.terminal.hint("--force takes also what looks damaged and what is marked ask");
    }
    let new = decided.iter().filter(|one| one.is_new()).count();
    let movable = decided.iter().filter(|one| wish.take_out && one.may_be_moved()).count();
    if wish.dry || new + movable == 0 {
        let what =
            if new == 0 { "nothing is new".to_owned() } else { format!("{} would be taken", in_words(new)) };
        context.terminal.note(&format!("{what}; nothing was changed"));
        return Ok(());
    }
    let question = match (new, movable) {
        (0, movable) => format!("Delete {} from {}?", in_words(movable), source.title),
        (new, 0) => format!("Import {}?", counted(new, "token")),
        (new, movable) => {
            format!("Import {} and delete {movable} from {}?", counted(new, "token"), source.title)
        }
    };
    if !wish.yes && !context.terminal.confirm(&question)? {
        return Err(Error::Declined);
    }
    let held = take_over(decided, &seen, context)?;
    if wish.take_out {
        let answered = what_is_answered(held, source, context)?;
        return take_out(source, file, &answered, context);
    }
    if new > 0 {
        context
            .terminal
            .hint(&format!("{} keeps its own; when all is well: {} --move", source.title, wish.typed));
    }
    Ok(())
}

/// An entry that the wallet holds, and what else has to be true before its place may be emptied.
struct Held<'f> {
    found: &'f Found,
    may_be_moved: bool,
    may_be_unanswered: bool,
}

/// Takes what is new, and returns what the wallet was seen to hold afterwards.
fn take_over<'f>(
    decided: Vec<Decided<'f>>,
    seen: &SecretCache,
    context: &mut Context<'_>,
) -> Result<Vec<Held<'f>>, Error> {
    let mut held = Vec::new();
    let mut realms: BTreeMap<(String, String), Vec<(Planned, &Secret)>> = BTreeMap::new();
    for one in decided {
        let will_be_held = one.will_be_held();
        let (may_be_moved, may_be_unanswered) = (one.may_be_moved(), one.may_be_unanswered());
        let Some(planned) = one.planned.filter(|_| will_be_held) else { continue };
        let place = (planned.group.clone(), planned.realm.to_string());
        realms.entry(place).or_default().push((planned, &one.found.token));
        held.push(Held { found: one.found, may_be_moved, may_be_unanswered });
    }
    let mut taken = 0;
    let wallet = context.wallet;
    for ((_, realm), tokens) in realms {
        manage::adopt::adopt_all(wallet, tokens, seen, &mut |done| {
            if let Some(store) = &done.chosen {
                super::add::say_choice(store, context);
            }
            if let Some(account) = &done.default_now {
                context.terminal.note(&format!("account {account} stays the one that answers for {realm}"));
                context.terminal.hint(&format!("keyfob prefer {realm} --account NAME changes that"));
            }
            taken += usize::from(!matches!(done.standing, Comparison::Held { .. }));
        })?;
    }
    if taken > 0 {
        context.terminal.note(&format!("{} taken into the wallet", in_words(taken)));
        super::setup::keep_in_step(context);
    }
    Ok(held)
}

/// The entries for whose URL and user name the wallet answers now. The others stay: who took them out would take away what works.
fn what_is_answered<'f>(
    held: Vec<Held<'f>>,
    source: &Source,
    context: &mut Context<'_>,
) -> Result<Vec<&'f Found>, Error> {
    let (mut answered, mut left) = (Vec::new(), Vec::new());
    // Without a user name it is one question for all of a place.
    let mut nameless: BTreeMap<String, bool> = BTreeMap::new();
    for one in held {
        let is_answered = |user: Option<&String>| -> Result<bool, Error> {
            for need in [Need::Code, Need::Packages] {
                let query =
                    Query { user: user.cloned(), ..Query::new("keyfob", one.found.remote.clone(), need) };
                if matches!(context.wallet.get(&query)?, Lookup::Found(_)) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let place = one.found.remote.to_string();
        let stays = !one.may_be_moved
            || !match nameless.get(&place) {
                Some(answered) => *answered,
                None => *nameless.entry(place).or_insert(is_answered(None)?),
            }
            || one.may_be_unanswered && one.found.user.is_some() && !is_answered(one.found.user.as_ref())?;
        if stays { left.push(one.found.at.as_str()) } else { answered.push(one.found) }
    }
    if !left.is_empty() {
        context.terminal.note(&format!(
            "{} in {}, because it answers where keyfob does not: {}",
            if left.len() == 1 { "1 entry stays".to_owned() } else { format!("{} entries stay", left.len()) },
            source.title,
            listed(&left)
        ));
    }
    Ok(answered)
}

/// Takes out of the source what the wallet holds.
fn take_out(
    source: &'static Source,
    file: Option<PathBuf>,
    held: &[&Found],
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let (removed, mut errors) = import::remove(source, &outside(context, file, false), held);
    context.terminal.note(&format!("{} taken out of {}", in_words(removed), source.title));
    let last = errors.pop();
    errors.iter().for_each(|error| context.terminal.error(error));
    last.map_or(Ok(()), Err)
}

/// One line for each entry.
fn show(decided: &[Decided<'_>], reading: &Reading, context: &mut Context<'_>) {
    let mut rows: Vec<[String; 5]> = Vec::new();
    for one in decided {
        let (word, why) = match &one.decision {
            Decision::Take => ("take", one.note.clone().unwrap_or_default()),
            Decision::Aside => {
                let note = one.note.iter().map(|note| format!("; {note}")).collect::<String>();
                ("aside", format!("the account has another token, which stays in force{note}"))
            }
            Decision::Ask { why } => ("ask", why.clone()),
            Decision::Held { account, in_force } => {
                let how = if *in_force { "the wallet has it" } else { "the wallet has it, set aside" };
                ("held", format!("{how}, account {account}"))
            }
            Decision::Duplicate { of } => ("held", format!("the same as {of}")),
            Decision::Leave { why, .. } => ("leave", why.clone()),
        };
        let place =
            one.planned.as_ref().map_or_else(|| one.found.remote.to_string(), |to| to.realm.to_string());
        let account = match &one.planned {
            Some(planned) => planned.wish.account.clone(),
            None => one.found.user.clone(),
        };
        rows.push([
            word.to_owned(),
            place,
            account.unwrap_or_else(|| "-".to_owned()),
            one.found.at.clone(),
            why,
        ]);
    }
    for skipped in &reading.skipped {
        rows.push([
            "leave".to_owned(),
            skipped.what.clone(),
            "-".to_owned(),
            skipped.at.clone(),
            skipped.why.clone(),
        ]);
    }
    rows.sort_by(|a, b| place_in_file(&a[3]).cmp(&place_in_file(&b[3])));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (places, accounts, ats) = (width(1), width(2), width(3));
    for [word, place, account, at, why] in &rows {
        let colour = match word.as_str() {
            "take" | "aside" => Colour::Green,
            "leave" | "ask" => Colour::Yellow,
            _ => Colour::Dim,
        };
        let word = context.terminal.paint(colour, &format!("{word:5}"));
        let rest = visible(&format!("{place:places$}  {account:accounts$}  {at:ats$}  {why}"));
        context.terminal.answer(&format!("{word}  {}", rest.trim_end()));
    }
}

/// Where an entry stands, so that line 9 comes before line 10.
fn place_in_file(at: &str) -> (&str, u64) {
    let front = at.trim_end_matches(|c: char| c.is_ascii_digit());
    (front, at[front.len()..].parse().unwrap_or(0))
}
