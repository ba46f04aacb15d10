//! Making git ask us: one line of `credential.helper` in the global configuration, `useHttpPath` for the hosts where the
//! path tells the organisation, and if the person wants it, an empty helper line directly before ours, which makes git forget
//! the helpers that were named before. All of it by `git config`; what is there is read, not guessed, and looked at again
//! after writing.
//!
//! Order matters: git reads its files from top to bottom, and an empty line forgets every helper before it, URL-scoped ones
//! too, but none behind it. `git config --add` puts a line into the last section of that name, which other helpers may
//! follow; then ours go into a section of their own at the end of the file.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::git_config::{Edit, Git, Value, is_key};
use crate::remote::Remote;
use crate::text::visible;
use crate::tool::installation::{Installation, is_this};
use crate::tool::setup::{Plan, Setup, SetupContext, SetupEntry, SetupOptions};
use crate::wallet::manage;

use super::check::plain_text_files;
use super::config_edit::ConfigEdit;
use super::helpers::{BY_NAME, Company, HELPER, anywhere, asked, is_ours, line_of, split};

/// git's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check: super::check::check };

fn found(context: &SetupContext<'_>) -> Option<String> {
    let git = Git::find(context.environment).ok()?;
    let (_, version) = git.version().ok()?;
    Some(format!("git {version} ({})", git.program.display()))
}

fn plan<'c>(
    context: &SetupContext<'c>,
    options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let mut config = ConfigEdit::begin(context, before.cloned().unwrap_or_default())?;
    let helper = our_line(context, options, &mut config.notes)?;
    let mut places = vec![anywhere()?];
    places.extend(manage::places::all(context.wallet.records())?.into_iter().map(|place| place.remote));
    let wanted = places.len();
    places.extend(scoped_places(&config.values));
    let others = config.others(&places);
    let only = options.only || config.helper_behind_our_empty_line(before).is_some();
    let asked_everywhere = places[..wanted].iter().all(|place| config.asks_us(place));
    let good = asked_everywhere && (others.is_empty() || !only);
    let (before_us, plain) = company(&config.values)?;
    config.place_helper(&helper, only, good, before);
    config.keep_others(options.keep_others || (!options.only && config.keeps_others()));
    let hosts = manage::places::hosts(context.wallet.records())?;
    let alone = if only || config.keeps_others() { Vec::new() } else { config.isolate(&hosts, &helper) };
    if !alone.is_empty() {
        config
            .notes
            .push(format!("for the hosts of your wallet git asks keyfob alone: {}", alone.join(", ")));
    } else if plain && !only && !config.keeps_others() {
        config.notes.push("for each host that you add a token for, git will ask keyfob alone".to_owned());
    }
    let with_path = config.add_paths(&manage::places::that_need_the_path(context.wallet.records())?);
    config.notes.extend(with_path.iter().filter_map(|host| lost_to_store(host, context)));
    config.add_basic(&manage::places::for_basic(context.wallet.records())?);
    if only && !others.is_empty() {
        config.notes.push(format!("not asked any more: {}", others.join(", ")));
    }
    let places = if only { places } else { places[..wanted].to_vec() };
    let others = if only { Vec::new() } else { others };
    let mut plan = config.into_plan(others, move |values| verify(values, &places, only))?;
    plan.before_us = if only { Vec::new() } else { before_us };
    Ok(plan)
}

/// Words about what git's own `store` keeps for a host without a path: git compares paths once it sends them.
fn lost_to_store(host: &Remote, context: &SetupContext<'_>) -> Option<String> {
    let without_path = |line: &&str| {
        let (_, rest) = line.split_once("://").unwrap_or_default();
        rest.trim_end_matches('/')
            .rsplit_once('@')
            .is_some_and(|(_, name)| name.eq_ignore_ascii_case(&host.authority()))
    };
    let count = |file: PathBuf| {
        let bytes = Zeroizing::new(files::read_others(&file).ok().flatten()?);
        Some(std::str::from_utf8(&bytes).ok()?.lines().filter(without_path).count())
    };
    let entries: usize = plain_text_files(context.environment).into_iter().filter_map(count).sum();
    let counted = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
    (entries > 0).then(|| {
        format!(
            "what store keeps for {} is not found any more once git sends the path ({counted}); keyfob import git-store",
            host.authority()
        )
    })
}

/// Who is asked before us for a host that nothing is said of, and whether any helper there writes in clear.
fn company(values: &[Value]) -> Result<(Vec<String>, bool), Error> {
    let anywhere = anywhere()?;
    let asked = asked(values, &anywhere);
    let before = asked.iter().take_while(|value| !is_ours(&value.value)).map(|value| visible(&value.value));
    let plain = asked.iter().any(|value| matches!(Company::of(&value.value), Company::PlainText(_)));
    Ok((before.collect(), plain))
}

/// Whether git would ask us, and with `only` nobody else, for every one of these places.
fn verify(values: &[Value], places: &[Remote], only: bool) -> Result<(), Error> {
    let wrong = places.iter().find_map(|place| {
        let asked = asked(values, place);
        let other = asked.iter().find(|value| !is_ours(&value.value)).filter(|_| only);
        match other {
            Some(other) => Some(format!("{} is still asked ({})", visible(&other.value), other.file)),
            None if asked.iter().any(|value| is_ours(&value.value)) => None,
            None => Some("git would not ask keyfob".to_owned()),
        }
    });
    wrong.map_or(Ok(()), |why| {
        let why = format!("after the change {why}; the change was taken back");
        Err(Error::Program { program: "git config", why })
    })
}

fn keep_in_step<'c>(context: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut config = ConfigEdit::begin(context, before.clone())?;
    config.add_paths(&manage::places::that_need_the_path(context.wallet.records())?);
    config.add_basic(&manage::places::for_basic(context.wallet.records())?);
    let hosts = manage::places::hosts(context.wallet.records())?;
    config.join_again(&hosts)?;
    if let Some(helper) = config.written_helper().filter(|_| !config.keeps_others()) {
        config.isolate(&hosts, &helper);
    }
    config.into_plan(Vec::new(), |_| Ok(()))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut config = ConfigEdit::begin(context, SetupEntry::default())?;
    for line in &entry.written {
        config.take_out(line)?;
    }
    for line in &entry.taken_out {
        // One that is there again was put back by an unsetup that a crash ended.
        let back = |value: &Value| is_key(&value.key, &line.key) && value.value == line.value;
        if !config.git.list_file(Path::new(&line.file))?.iter().any(back) {
            let edit = Edit::Add { key: line.key.clone(), value: line.value.clone() };
            config.edits.push((PathBuf::from(&line.file), edit));
        }
    }
    let written = |value: &&Value| {
        entry.written.iter().any(|line| is_key(&value.key, &line.key) && line.value == value.value)
    };
    for left in config.values.iter().filter(|value| is_key(&value.key, HELPER) && is_ours(&value.value)) {
        if !written(&left) {
            config.notes.push(format!(
                "{} = {} in {} was not written by setup, so it is left",
                HELPER,
                visible(&left.value),
                left.file
            ));
        }
    }
    let mut plan = config.into_plan(Vec::new(), |_| Ok(()))?;
    plan.entry = None;
    Ok(plan)
}

/// The value of our helper line.
fn our_line(
    context: &SetupContext<'_>,
    options: SetupOptions,
    notes: &mut Vec<String>,
) -> Result<String, Error> {
    let link = super::PROTOCOL.links[0];
    if options.by_name {
        let Some(found) = context.environment.program(link) else {
            return Err(Error::usage(
                format!("git would not find keyfob by name: no folder of PATH has {link}"),
                format!("{}; or leave --by-name out", Installation::of(context)?.how_to_install()),
            ));
        };
        if !is_this(&found, context) {
            notes.push(format!(
                "by name git starts {}, which is another keyfob than this one",
                found.display()
            ));
        }
        return Ok(BY_NAME.to_owned());
    }
    let unknown = || {
        Error::usage(
            "the path of this program cannot be written into git's configuration",
            "put keyfob into a folder of PATH, then: keyfob setup git --by-name",
        )
    };
    let own = Installation::of(context).map_err(|_| unknown())?.path_of(link);
    if own.versioned {
        notes.push(format!(
            "{} is the path of one version; after an upgrade, repeat keyfob setup git, or use --by-name",
            own.path.display()
        ));
    }
    line_of(&own.path, own.is_link).ok_or_else(unknown)
}

/// The places of all URL-scoped helper settings.
fn scoped_places(values: &[Value]) -> Vec<Remote> {
    let patterns = values.iter().filter_map(|value| match split(&value.key)? {
        (Some(pattern), "helper") => Some(pattern.replace('*', "x")),
        _ => None,
    });
    let whole = patterns.map(|url| if url.contains("://") { url } else { format!("https://{url}") });
    let mut places: Vec<Remote> = whole.filter_map(|url| Some(Remote::from_url(&url).ok()?.0)).collect();
    places.dedup();
    places
}
