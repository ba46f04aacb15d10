//! The looks that `doctor` takes: folders and files, the clock, settings, stores, records and secrets, environment tokens,
//! links, tools. Nothing is changed, nobody is asked, no network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::command::resume::in_words;
use crate::command::setup::setup_context;
use crate::command::{Context, counted};
use crate::error::{Error, target};
use crate::files;
use crate::records::AccountRecord;
use crate::store::{self, Health};
use crate::text::{date, shell_word, visible};
use crate::tool;
use crate::tool::installation::{Installation, leads_to_keyfob};
use crate::tool::setup::{Finding, Ledger, Level};
use crate::wallet::manage::audit::{Audit, Lost, Orphan};
use crate::wallet::manage::{AccountSummary, State};
use crate::wallet::pending::{List, Pending};
use crate::wallet::stores::Stores;
use crate::wallet::{DAY, HINT_DAYS, manage};

/// 2026-01-01: no clock that shows less is right.
const EARLIEST: i64 = 1_767_225_600;

pub(super) fn all(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = clock(context);
    findings.extend(data_files(context));
    findings.extend(settings(context));
    findings.extend(stores(context));
    findings.extend(records(context));
    findings.extend(pending(context));
    findings.extend(environment(context));
    findings.extend(program_links(context));
    let ledger = match Ledger::read(&context.data) {
        Ok(ledger) => Some(ledger),
        Err(error) => {
            findings.push(Finding::error("setup", &error));
            None
        }
    };
    for (tool, setup) in tool::with_setup() {
        let entry = ledger.as_ref().and_then(|ledger| ledger.tools.get(tool.name));
        match (setup.check)(&setup_context(context), entry) {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding::error(tool.name, &error)),
        }
    }
    findings
}

/// The settings decide where tokens go, so whoever can change them matters.
fn settings(context: &Context<'_>) -> Vec<Finding> {
    if let Err(error) = context.wallet.config() {
        return vec![Finding::error("settings", &error)];
    }
    let writable = files::group_writable(context.wallet.settings().path()).into_iter();
    let hint = |path: PathBuf| {
        let words =
            format!("the users of your group can change {}, which decides where tokens go", path.display());
        Finding::hint("settings", words, format!("chmod g-w {}", shell_word(&path)))
    };
    writable.map(hint).collect()
}

fn clock(context: &Context<'_>) -> Vec<Finding> {
    let groups = context.wallet.records().all().into_iter().flatten().flatten();
    let newest = groups.filter_map(|group| group.accounts().map(|a| a.changed.max(a.added)).max());
    let newest = newest.max().unwrap_or(0);
    if context.now < EARLIEST || context.now + DAY < newest {
        let words = format!(
            "the clock shows {}, which is in the past: expiry dates cannot be judged",
            date(context.now)
        );
        return vec![Finding::hint("clock", words, "set the clock")];
    }
    Vec::new()
}

/// Owner and mode of everything in the data folder, and what crashes left.
fn data_files(context: &Context<'_>) -> Vec<Finding> {
    let data = &context.data;
    match files::check_folder(data) {
        Ok(false) => {
            return vec![Finding::ok(
                "data",
                format!("{} is not there yet: nothing was added", data.display()),
            )];
        }
        Ok(true) => {}
        Err(error) => return vec![Finding::error("data", &error)],
    }
    let mut findings = Vec::new();
    for folder in [data.clone(), data.join("records"), data.join("vault")] {
        if folder != *data
            && let Err(error) = files::check_folder(&folder)
        {
            findings.push(Finding::error("data", &error));
            continue;
        }
        findings.extend(unsafe_files(&folder));
        let left = files::leftovers(&folder).len();
        if left > 0 {
            let words = format!("{} left by a crash in {}", counted(left, "file"), folder.display());
            findings.push(Finding::hint("data", words, "keyfob doctor --repair"));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("data", format!("{} and what is in it is yours alone", data.display())));
    }
    findings
}

fn unsafe_files(folder: &Path) -> Vec<Finding> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()));
    // The settings may lie here too (KEYFOB_HOME); they hold no secret and are edited by hand.
    let files = files.filter(|entry| entry.file_name() != "config.toml");
    let checked = files.filter_map(|entry| match files::check_private(&entry.path()) {
        Err(error @ Error::Unsafe { .. }) => Some(Finding::error("data", &error)),
        // One that vanished meanwhile is somebody's temporary file.
        _ => None,
    });
    checked.collect()
}

/// Stores that would answer now: the only ones that are looked into, so that nobody is asked.
pub(super) fn usable_stores(context: &Context<'_>) -> Vec<&'static str> {
    let usable =
        |record: &&&'static store::Record| health(context, record).is_some_and(|health| health.usable);
    store::ALL.iter().filter(usable).map(|record| record.name).collect()
}

fn health(context: &Context<'_>, record: &store::Record) -> Option<Health> {
    record.open?;
    context.stores.open(record.name).ok().map(|store| store.health())
}

fn stores(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wish = context.environment.text("KEYFOB_STORE");
    let wish = wish.or_else(|| context.wallet.config().ok().and_then(|config| config.store.clone()));
    let chosen = match context.stores.written() {
        Ok(written) => wish.or(written.map(str::to_owned)),
        Err(error) => {
            findings.push(Finding::error("storage", &error));
            wish
        }
    };
    match &chosen {
        Some(name) if store::named(name).is_none_or(|record| record.open.is_none()) => {
            findings.push(Finding::error("storage", &Error::NoSuchStore { name: name.clone() }));
        }
        Some(_) => {}
        None => findings.push(Finding::ok("storage", "no store is chosen yet; the first token chooses one")),
    }
    let used = used_stores(context);
    // Before the first token there is no folder, and a store that lies in it has nothing to be asked about.
    let fresh = files::check_folder(&context.data).is_ok_and(|there| !there);
    for record in store::ALL {
        let Some(health) = health(context, record) else { continue };
        let is_chosen = chosen.as_deref() == Some(record.name);
        let role = match (is_chosen, used.iter().any(|name| name == record.name)) {
            (true, _) => "new tokens go here",
            (false, true) => "holds tokens",
            (false, false) => "not used",
        };
        let words = format!("{role}; {}", health.words);
        findings.push(if fresh && is_chosen && !health.usable {
            Finding::ok(record.name, "new tokens go here; not made yet, the first token makes it")
        } else if health.usable || role == "not used" {
            Finding::ok(record.name, words)
        } else if health.words.starts_with("locked") {
            Finding::hint(record.name, words, "keyfob unlock")
        } else {
            Finding::broken(record.name, words, "keyfob storage")
        });
        if is_chosen {
            findings.push(Finding::ok(record.name, record.claim));
        }
    }
    for name in used.iter().filter(|name| store::named(name).is_none_or(|record| record.open.is_none())) {
        let words = format!("records speak of a store named {name}, which is not here");
        findings.push(Finding::broken("storage", words, "keyfob storage lists the stores"));
    }
    findings
}

/// The names of all stores that records speak of.
fn used_stores(context: &Context<'_>) -> Vec<String> {
    let mut names = BTreeSet::new();
    for group in context.wallet.records().all().into_iter().flatten().flatten() {
        names.extend(group.accounts().flat_map(AccountRecord::secrets).map(|secret| secret.store.to_owned()));
    }
    names.into_iter().collect()
}

fn records(context: &Context<'_>) -> Vec<Finding> {
    let (entries, errors) = match manage::list(context.wallet) {
        Ok(listed) => listed,
        Err(error) => return vec![Finding::error("records", &error)],
    };
    let mut findings: Vec<Finding> = errors.iter().map(|error| Finding::error("records", error)).collect();
    let held = entries.iter().filter(|entry| entry.source != "environment");
    let (count, realms) =
        held.clone().fold((0, std::collections::BTreeSet::new()), |(n, mut realms), entry| {
            realms.insert(entry.realm.as_str());
            (n + 1, realms)
        });
    if errors.is_empty() {
        findings.push(Finding::ok(
            "records",
            format!("{} in {}", counted(count, "account"), counted(realms.len(), "realm")),
        ));
    }
    findings.extend(held.filter_map(|entry| condition(entry, context.now)));
    match manage::audit(context.wallet, &usable_stores(context)) {
        Ok(audit) => findings.extend(secrets(&audit)),
        Err(error) => findings.push(Finding::error("records", &error)),
    }
    findings
}

/// What is worth a word about an account.
fn condition(entry: &AccountSummary, now: i64) -> Option<Finding> {
    let name = entry.account.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    let who = format!("{}{name}", entry.realm);
    let url = target(&entry.url, entry.account.as_deref());
    let again = format!("a new one: keyfob rotate {url}");
    match (entry.state, entry.expires) {
        (State::Rejected, _) => {
            let fix = format!("keyfob add {url}, or keyfob restore {url} if the server was wrong");
            Some(Finding::hint("tokens", format!("the server refused the token of {who}"), fix))
        }
        (State::Suspect, _) => {
            let words = format!("the server refused the token of {who} once; it will be offered once more");
            Some(Finding::hint("tokens", words, format!("keyfob restore {url}")))
        }
        // Long before, too: it may take a while until each organisation has one.
        _ if let Some(end) = entry.global_end() => {
            let words = format!(
                "the token of {who} is for all organisations, and Azure DevOps takes none of those from {} on: each organisation \
                 needs one of its own",
                date(end)
            );
            Some(Finding::hint("tokens", words, format!("keyfob rotate {url}")))
        }
        (_, Some((at, _))) if at <= now => {
            Some(Finding::hint("tokens", format!("the token of {who} ended on {}", date(at)), again))
        }
        (_, Some((at, _))) if at.saturating_sub(now) < (HINT_DAYS + 1) * DAY => {
            Some(Finding::hint("tokens", format!("the token of {who} ends on {}", date(at)), again))
        }
        _ => None,
    }
}

/// What is half done at a service.
fn pending(context: &Context<'_>) -> Vec<Finding> {
    let all = match List::new(&context.data).read() {
        Ok(all) => all,
        Err(error) => return vec![Finding::error("tokens", &error)],
    };
    let finding = |pending: &Pending| {
        let (words, fix) = in_words(pending, context);
        Finding::hint("tokens", words, fix)
    };
    all.iter().map(finding).collect()
}

/// What the comparison of records and stores shows.
fn secrets(audit: &Audit) -> Vec<Finding> {
    let mut findings: Vec<Finding> = audit.lost.iter().map(lost).collect();
    findings.extend(audit.closed.iter().map(|(name, error)| Finding::error(*name, error)));
    let within = |list: &[Orphan], store: &str| list.iter().filter(|orphan| orphan.store == store).count();
    for record in store::ALL {
        let (missing, orphans) =
            (within(&audit.unrecorded, record.name), within(&audit.orphans, record.name));
        if missing > 0 {
            let words = format!("{} in it without a record", counted(missing, "token"));
            findings.push(Finding::broken(record.name, words, "keyfob doctor --repair"));
        }
        if orphans > 0 {
            let words = format!("{} in it of no account any more", counted(orphans, "token"));
            let fix =
                "keyfob doctor --repair notes them, and destroys them when it sees them again an hour later";
            findings.push(Finding::hint(record.name, words, fix));
        }
    }
    findings
}

fn lost(lost: &Lost) -> Finding {
    let Lost { realm, url, account, store, in_force, error } = lost;
    let why = error.as_ref().map_or_else(|| "is not in the store any more".to_owned(), ToString::to_string);
    let which = if *in_force { "the token" } else { "a token that was set aside" };
    let fix = format!("keyfob add {}", target(url, account.name()));
    let words = format!("{which} of {realm} ({account}): {why}");
    let level = if *in_force { Level::Broken } else { Level::Hint };
    Finding { level, ..Finding::hint(store.clone(), words, fix) }
}

fn environment(context: &Context<'_>) -> Vec<Finding> {
    let given = store::environment::read(context.environment);
    let mut findings: Vec<Finding> = given
        .tokens
        .iter()
        .map(|token| Finding::ok("environment", format!("{} holds a token for {}", token.from, token.remote)))
        .collect();
    findings.extend(given.unusable.iter().map(|one| {
        let host = one.remote.as_ref().map(crate::remote::Remote::authority).unwrap_or_default();
        Finding::hint("environment", one.words(), one.why.hint(one.from, &host))
    }));
    findings
}

/// The names under which tools start us, and whether all is of one version.
fn program_links(context: &Context<'_>) -> Vec<Finding> {
    let Some(own) = Installation::find(context.program, context.environment) else { return Vec::new() };
    let mut findings = Vec::new();
    let (mut missing, mut old) = (Vec::new(), Vec::new());
    for link in tool::installed_links() {
        match context.environment.program(link) {
            Some(first) if own.has(&first) => {
                findings.push(Finding::ok("links", format!("{} is this program", first.display())));
                if own.has_two_programs() && !own.is_for_tools(&first) {
                    old.push(first);
                }
            }
            Some(first) => findings.push(another_program(&own, &first)),
            None => match own.path_of(link) {
                path if path.is_link => {
                    let words = format!("{} is this program; its folder is not in PATH", path.path.display());
                    findings.push(Finding::ok("links", words));
                }
                _ => missing.push(link),
            },
        }
    }
    if !missing.is_empty() {
        let words = format!("there is no {}; setup makes the link that a tool needs", missing.join(", no "));
        findings.push(Finding::hint("links", words, own.how_to_install()));
    }
    findings.extend(old.iter().filter_map(|link| link.parent()).collect::<BTreeSet<_>>().into_iter().map(|folder| {
        let words = format!(
            "links in {} lead to keyfob, which answers as before; git-credential-keyfob, made for tools, has no network in it",
            folder.display()
        );
        Finding::hint("links", words, own.how_to_install_into(folder))
    }));
    findings.extend(other_version(&own));
    findings
}

/// What comes first in PATH by one of our names, and is not of this installation.
fn another_program(own: &Installation<'_>, first: &Path) -> Finding {
    let shown = first.display();
    match leads_to_keyfob(first) {
        Some(other) => Finding::hint(
            "links",
            format!("{shown} comes first in PATH and leads to another keyfob, {}", other.display()),
            own.how_to_install_into(first.parent().unwrap_or(first)),
        ),
        None => Finding::hint(
            "links",
            format!("{shown} comes first in PATH and is another program than this one"),
            format!("ls -l {}", shell_word(first)),
        ),
    }
}

/// The program for tools, if it is not of the version of this one.
fn other_version(own: &Installation<'_>) -> Option<Finding> {
    if !own.has_two_programs() {
        return None;
    }
    let is = own.version_of(own.tools())?;
    let wanted = crate::version::line("git-credential-keyfob");
    if is == wanted {
        return None;
    }
    let says = if is.is_empty() { "nothing".to_owned() } else { visible(&is) };
    let words = format!(
        "{} is of another version than this keyfob: asked for it, it says {says}",
        own.tools().display()
    );
    Some(Finding::hint("links", words, "install keyfob anew, which brings both programs"))
}
