//! Making pnpm ask us: a line in the person's .npmrc for each place of the wallet that has packages, and for each a link whose
//! name tells the place. Kept in step with the wallet. A project's .npmrc is never touched: pnpm refuses helpers there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::folders::Folders;
use crate::forge;
use crate::remote::Remote;
use crate::text::{shell_word, visible};
use crate::tool::installation::Installation;
use crate::tool::links;
use crate::tool::settings_file::SettingsEdit;
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};
use crate::wallet::manage;

use super::{PROTOCOL, place};

/// pnpm's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

const SETTING: &str = ":tokenHelper";

/// What holds a token in clear, in the same file.
const IN_CLEAR: &[&str] = &[":_authToken", ":_password", ":_auth"];

fn found(context: &SetupContext<'_>) -> Option<String> {
    let pnpm = context.environment.program("pnpm")?;
    Some(format!("pnpm ({})", pnpm.display()))
}

fn is_line(line: &SettingLine) -> bool {
    line.key.ends_with(SETTING)
}

/// The person's own .npmrc, as npm and every pnpm find it.
fn npmrc(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    let environment = context.environment;
    let named = environment.os("npm_config_userconfig").or(environment.os("NPM_CONFIG_USERCONFIG"));
    if let Some(named) = named {
        return Ok(PathBuf::from(named));
    }
    Ok(Folders::of(environment).home().ok_or(Error::NoHome)?.join(".npmrc"))
}

/// A path that pnpm takes for a helper: version 11 splits at blanks and refuses quotes; in the file, `;` and `#` begin a
/// comment. Backslashes are written as slashes, which Windows takes as well.
fn plain(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() };
    let fine = |c: char| c.is_alphanumeric() || "/:._-+~@,()".contains(c);
    text.chars().all(fine).then_some(text)
}

/// The folder of our links: beside the wallet, unless there is a blank in its path, as on macOS.
fn folder(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    let mut folders = vec![context.wallet.records().data.join("pnpm")];
    folders.extend(Folders::of(context.environment).home().map(|home| home.join(".local/share/keyfob/pnpm")));
    folders.into_iter().find(|folder| plain(folder).is_some()).ok_or_else(|| {
        Error::usage(
            "pnpm takes no helper with a blank or a quote in its path, and the folder of your wallet has one",
            "put the wallet elsewhere, with KEYFOB_HOME, then: keyfob setup pnpm",
        )
    })
}

/// A place as pnpm shall ask for it.
struct HelperLine {
    key: String,
    link: PathBuf,
    line: String,
}

fn wanted(context: &SetupContext<'_>, folder: &Path) -> Result<Vec<HelperLine>, Error> {
    let mut remotes: Vec<Remote> = Vec::new();
    for place in manage::places::all(context.wallet.records())? {
        // What git stored for some host is not meant for its packages.
        if place.person || !forge::of_realm(&place.realm).is_generic() {
            remotes.extend(place::packages(&place.realm, &place.remote));
        }
    }
    // The key has no scheme; of two places that differ in it alone, the encrypted one counts.
    remotes.sort_by_key(|remote| (place::key(remote), !remote.is_https()));
    remotes.dedup_by_key(|remote| place::key(remote));
    let wanted = remotes.iter().filter_map(|remote| {
        let key = place::key(remote);
        let name = format!("{}{}{}", PROTOCOL.links[0], place::encode(remote)?, std::env::consts::EXE_SUFFIX);
        let link = folder.join(name);
        let line = format!("{key}={}", plain(&link)?);
        // An equals sign in it would end the key.
        (!key.contains(['=', ' '])).then_some(HelperLine { key, link, line })
    });
    Ok(wanted.collect())
}

fn plan<'c>(
    context: &SetupContext<'c>,
    _options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let installed = Installation::of(context)?;
    let own = installed.target();
    let folder = match before.and_then(|entry| entry.written.iter().find(|line| line.key == links::FOLDER)) {
        Some(line) => PathBuf::from(&line.file),
        None => folder(context)?,
    };
    let mut draft = SettingsEdit::new(&npmrc(context)?, before, is_line)?;
    let (mut notes, mut lines) = (Vec::new(), Vec::new());
    let mut wanted = wanted(context, &folder)?;
    wanted.retain(|wanted| match other(&draft, before, &wanted.key) {
        None => true,
        Some(_) => {
            notes.push(format!(
                "{} names another helper for {}, which is left",
                draft.path().display(),
                visible(&wanted.key)
            ));
            false
        }
    });
    if !folder.is_dir() {
        lines.push(format!("mkdir -p {}", shell_word(&folder)));
    }
    let is_right = |link: &Path| fs::read_link(link).map_or_else(|_| installed.has(link), |to| to == own);
    let missing: Vec<PathBuf> =
        wanted.iter().map(|wanted| wanted.link.clone()).filter(|link| !is_right(link)).collect();
    lines.extend(missing.iter().map(|link| format!("ln -sf {} {}", shell_word(&own), shell_word(link))));
    let gone: Vec<PathBuf> = our_links(&folder)
        .into_iter()
        .filter(|link| !wanted.iter().any(|wanted| wanted.link == *link))
        .collect();
    let pairs: Vec<(String, String)> =
        wanted.iter().map(|wanted| (wanted.key.clone(), wanted.line.clone())).collect();
    draft.sync(&pairs, is_line);
    lines.extend(draft.said.iter().cloned());
    lines.extend(gone.iter().map(|link| format!("rm {}", shell_word(link))));
    if wanted.is_empty() {
        notes.push(
            "the wallet holds nothing for packages yet; keyfob add writes the line for a place".to_owned(),
        );
    } else if !draft.said.is_empty() && context.environment.program("npm").is_some() {
        notes.push(
            "npm, which has no helpers, warns of a setting that it does not know, and goes on".to_owned(),
        );
    }
    let mut entry = draft.entry.clone();
    entry.remember(SettingLine::new(&folder, links::FOLDER, ""));
    let apply = Box::new(move || {
        if !folder.is_dir() {
            crate::files::make_folder(&folder)?;
        }
        for link in &missing {
            links::make(&own, link)?;
        }
        draft.write()?;
        gone.iter().try_for_each(|link| crate::files::remove(link))
    });
    Ok(Plan { lines, notes, entry: Some(entry), apply, ..Plan::default() })
}

/// A line of somebody else's for this key.
fn other<'d>(draft: &'d SettingsEdit, before: Option<&SetupEntry>, key: &str) -> Option<&'d str> {
    let ours = |line: &str| before.is_some_and(|entry| entry.written.iter().any(|own| own.value == line));
    draft.lines().find(|line| {
        line.split_once('=').is_some_and(|(held, _)| held.trim() == key) && !ours(line) && !is_ours(line)
    })
}

/// Whether a line names a link of ours, by its look.
fn is_ours(line: &str) -> bool {
    line.split_once('=').is_some_and(|(_, value)| {
        let name = value.trim().rsplit('/').next().unwrap_or_default();
        name.starts_with(PROTOCOL.links[0])
    })
}

fn our_links(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with(&format!("{}+", PROTOCOL.links[0])))
    });
    let mut links: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
    links.sort();
    links
}

fn keep_in_step<'c>(context: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut plan = plan(context, SetupOptions::default(), Some(before))?;
    // What there is to know was said at setup; and where a line tells of a place, its link need not.
    plan.notes.clear();
    if plan.lines.iter().any(|line| line.contains(SETTING)) {
        plan.lines.retain(|line| line.contains(SETTING));
    }
    Ok(plan)
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut draft = SettingsEdit::new(&npmrc(context)?, Some(entry), is_line)?;
    let mut notes = Vec::new();
    draft.undo(&mut notes, is_line);
    let mut lines = draft.said.clone();
    let folder =
        entry.written.iter().find(|line| line.key == links::FOLDER).map(|line| PathBuf::from(&line.file));
    let gone = folder.as_deref().map(our_links).unwrap_or_default();
    lines.extend(gone.iter().map(|link| format!("rm {}", shell_word(link))));
    let apply = Box::new(move || {
        draft.write()?;
        gone.iter().try_for_each(|link| crate::files::remove(link))?;
        if let Some(folder) = folder {
            // Somebody else's file in it keeps it.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    });
    Ok(Plan { lines, notes, apply, ..Plan::default() })
}

fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    const ABOUT: &str = "pnpm";
    const FIX: &str = "keyfob setup pnpm";
    if found(context).is_none() && entry.is_none() {
        return Ok(Vec::new());
    }
    let Some(entry) = entry else { return Ok(vec![Finding::hint(ABOUT, "pnpm does not ask keyfob", FIX)]) };
    let folder =
        entry.written.iter().find(|line| line.key == links::FOLDER).map(|line| PathBuf::from(&line.file));
    let npmrc = npmrc(context)?;
    let draft = SettingsEdit::new(&npmrc, Some(entry), is_line)?;
    let wanted = wanted(context, &folder.map_or_else(|| self::folder(context), Ok)?)?;
    let file = draft.path().display().to_string();
    let mut findings = Vec::new();
    if fs::canonicalize(&npmrc).unwrap_or(npmrc) != draft.path() {
        let words = format!("setup wrote {file}, but npm_config_userconfig names another file");
        findings.push(Finding::hint(ABOUT, words, "keyfob unsetup pnpm, then keyfob setup pnpm"));
    }
    let (asked, not): (Vec<&HelperLine>, Vec<&HelperLine>) =
        wanted.iter().partition(|wanted| draft.lines().any(|line| line == wanted.line));
    if !asked.is_empty() {
        let words = format!("pnpm asks keyfob for {} ({file})", place_count(asked.len()));
        findings.push(Finding::ok(ABOUT, words));
    } else if wanted.is_empty() {
        findings.push(Finding::ok(ABOUT, "set up; the wallet holds nothing for packages yet"));
    }
    for wanted in not {
        let words = format!("pnpm does not ask keyfob for {} ({file})", visible(&wanted.key));
        findings.push(match other(&draft, Some(entry), &wanted.key) {
            Some(_) => {
                Finding::hint(ABOUT, words, format!("take the other line for it out of {file}, then: {FIX}"))
            }
            None => Finding::broken(ABOUT, words, FIX),
        });
    }
    let own = Installation::of(context).ok();
    for wanted in asked.iter().filter(|wanted| own.as_ref().is_some_and(|own| !own.has(&wanted.link))) {
        let words = format!("pnpm asks keyfob and cannot start it: {}", wanted.link.display());
        findings.push(Finding::broken(ABOUT, words, FIX));
    }
    for (place, is_below) in in_clear(&draft, &wanted) {
        // Of two lines pnpm takes the one for the longer path, and of two for the same place the helper.
        let counts = if is_below { "which counts more than keyfob" } else { "which is not used any more" };
        let words = format!("{file} holds a token for {} in clear, {counts}", visible(&place));
        findings.push(Finding::hint(ABOUT, words, format!("take that line out of {file}")));
    }
    Ok(findings)
}

fn place_count(count: usize) -> String {
    if count == 1 { "one place".to_owned() } else { format!("{count} places") }
}

/// Places of ours, or below them, for which a token stands in the file, and whether it is below. Whatever it is, it is not looked
/// at.
fn in_clear(draft: &SettingsEdit, wanted: &[HelperLine]) -> Vec<(String, bool)> {
    let keys = draft.lines().filter_map(|line| Some(line.split_once('=')?.0.trim()));
    let places = keys.filter_map(|key| IN_CLEAR.iter().find_map(|end| key.strip_suffix(end)));
    let own = |wanted: &HelperLine| wanted.key.strip_suffix(SETTING).map(str::to_owned).unwrap_or_default();
    let ours: Vec<String> = wanted.iter().map(own).collect();
    let found = places.filter(|place| ours.iter().any(|own| place.starts_with(own)));
    let mut places: Vec<(String, bool)> =
        found.map(|place| (place.to_owned(), !ours.iter().any(|own| own == place))).collect();
    places.dedup();
    places
}
