//! Whether git would really ask us: what `doctor` says of git, found by asking git for its configuration as it holds in the
//! current folder. Nothing is changed and no helper is run.

use std::path::PathBuf;

use crate::environment::{Environment, is_program};
use crate::error::Error;
use crate::folders::Folders;
use crate::git_config::{Git, Value};
use crate::remote::Remote;
use crate::text::visible;
use crate::tool::installation::is_this;
use crate::tool::setup::{Finding, SetupContext, SetupEntry};
use crate::wallet::manage;

use super::helpers::{BY_NAME, Company, anywhere, asked, is_ours, program_of, sends_path, split};

const GIT: &str = "git";
const FIX: &str = "keyfob setup git";

/// The first git that takes an `authtype` from a helper.
const AUTHTYPE: (u32, u32) = (2, 46);

pub(super) fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    let git = match Git::find(context.environment) {
        Ok(git) => git,
        Err(error) if entry.is_some() => return Err(error),
        Err(error) => {
            return Ok(vec![Finding::hint(GIT, error.to_string(), error.hint().unwrap_or_default())]);
        }
    };
    let mut findings = vec![version(context, &git)];
    match git.list(true) {
        Ok(values) => {
            findings.extend(helper(context, &values, entry));
            findings.extend(told_in_clear(context, &values, entry));
            findings.extend(places(context, &values));
        }
        Err(error) => findings.push(Finding::broken(GIT, error.to_string(), "git config --global --edit")),
    }
    Ok(findings)
}

fn version(context: &SetupContext<'_>, git: &Git) -> Finding {
    let (number, words) = match git.version() {
        Ok(version) => version,
        Err(error) => return Finding::error(GIT, &error),
    };
    let words = format!("git {words} ({})", git.program.display());
    let places = manage::places::all(context.wallet.records()).unwrap_or_default();
    match places.iter().find(|place| place.wants_authtype) {
        Some(place) if number < AUTHTYPE => Finding::hint(
            GIT,
            format!(
                "{words} cannot be told to use Basic where {} also offers NTLM or Negotiate",
                place.realm
            ),
            "install git 2.46 or newer",
        ),
        _ => Finding::ok(GIT, words),
    }
}

/// The line that starts us, and the company that it has.
fn helper(context: &SetupContext<'_>, values: &[Value], entry: Option<&SetupEntry>) -> Vec<Finding> {
    let Ok(anywhere) = anywhere() else { return Vec::new() };
    let asked = asked(values, &anywhere);
    let Some(at) = asked.iter().position(|value| is_ours(&value.value)) else {
        let somewhere = values.iter().any(|value| is_helper(value) && is_ours(&value.value));
        return vec![match (entry, somewhere) {
            (Some(_), _) => Finding::broken(GIT, "setup was done, but git does not ask keyfob any more", FIX),
            (None, true) => Finding::ok(GIT, "git asks keyfob for some hosts only"),
            (None, false) => Finding::hint(GIT, "git does not ask keyfob", FIX),
        }];
    };
    let ours = asked[at];
    let shown = format!("{} ({})", visible(&ours.value), ours.file);
    let mut findings = vec![match starts(context, &ours.value) {
        Ok(true) => Finding::ok(GIT, format!("git asks keyfob: {shown}")),
        Ok(false) => Finding::hint(GIT, format!("git asks another keyfob than this one: {shown}"), FIX),
        Err(why) => Finding::broken(GIT, format!("git cannot start keyfob: {why}: {shown}"), FIX),
    }];
    for (i, other) in asked.iter().enumerate().filter(|(i, value)| *i != at && !is_ours(&value.value)) {
        let order = if i < at { "before" } else { "after" };
        let does = Company::of(&other.value).words();
        let words = format!("git also asks {}{does} {order} keyfob ({})", visible(&other.value), other.file);
        findings.push(Finding::hint(GIT, words, format!("{FIX} --only, if keyfob alone shall be asked")));
    }
    findings
}

/// The wallet's hosts whose tokens git also tells a helper that writes them in clear: broken, unless the person wanted it so.
fn told_in_clear(context: &SetupContext<'_>, values: &[Value], entry: Option<&SetupEntry>) -> Vec<Finding> {
    let hosts = manage::places::hosts(context.wallet.records()).unwrap_or_default();
    let mut told: Vec<(String, &Value)> = Vec::new();
    for host in &hosts {
        let asked = asked(values, host);
        if !asked.iter().any(|value| is_ours(&value.value)) {
            continue;
        }
        let plain = asked.iter().find(|value| matches!(Company::of(&value.value), Company::PlainText(_)));
        told.extend(plain.map(|value| (host.authority(), *value)));
    }
    let Some((_, helper)) = told.first() else { return Vec::new() };
    let names: Vec<&str> = told.iter().map(|(host, _)| host.as_str()).collect();
    let words = format!(
        "git also tells {}{} every token that works for {} ({})",
        visible(&helper.value),
        Company::of(&helper.value).words(),
        names.join(", "),
        helper.file
    );
    vec![match entry.is_some_and(|entry| entry.keep_others) {
        true => Finding::hint(GIT, words, FIX),
        false => Finding::broken(GIT, words, FIX),
    }]
}

/// The files in which git's own `store` keeps tokens in clear: those of git's configuration as it holds in the current folder, and
/// the usual ones, whether they are there or not.
#[must_use]
pub fn plain_text_files(environment: &Environment) -> Vec<PathBuf> {
    let folders = Folders::of(environment);
    let home = folders.home();
    let usual = home.iter().map(|home| home.join(".git-credentials"));
    let mut files: Vec<PathBuf> =
        usual.chain(folders.xdg_config().map(|config| config.join("git/credentials"))).collect();
    let values = Git::find(environment).and_then(|git| git.list(true)).unwrap_or_default();
    for value in values.iter().filter(|value| is_helper(value)) {
        let Company::PlainText(Some(file)) = Company::of(&value.value) else { continue };
        // The shell that git starts gives `~` its meaning; any other path is the repository's, or whole.
        let file = match (file.strip_prefix("~"), &home) {
            (Ok(below), Some(home)) => home.join(below),
            _ => file,
        };
        if file.is_absolute() && !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

fn is_helper(value: &Value) -> bool {
    split(&value.key).is_some_and(|(_, name)| name == "helper")
}

/// Whether a helper line starts this very program; an error in words if it starts nothing.
fn starts(context: &SetupContext<'_>, line: &str) -> Result<bool, String> {
    let program = match program_of(line) {
        Some(path) => path,
        None => {
            let name = if line == BY_NAME { super::PROTOCOL.links[0] } else { "keyfob" };
            context.environment.program(name).ok_or_else(|| format!("no folder of PATH has {name}"))?
        }
    };
    if !program.exists() {
        return Err(format!("{} does not exist", program.display()));
    }
    if !is_program(&program) {
        return Err(format!("{} may not be run", program.display()));
    }
    // The line may name the program itself and the stable place be a link to it, or the other way round.
    Ok(is_this(&program, context))
}

/// What holds for the wallet's own places.
fn places(context: &SetupContext<'_>, values: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let places = match manage::places::all(context.wallet.records()) {
        Ok(places) => places,
        // What is wrong with the records is said where they are looked at.
        Err(_) => return findings,
    };
    let Ok(anywhere) = anywhere() else { return findings };
    let asks = |remote: &Remote| asked(values, remote).iter().any(|value| is_ours(&value.value));
    let general = asks(&anywhere);
    for place in places.iter().filter(|place| place.person && general && !asks(&place.remote)) {
        let words =
            format!("git does not ask keyfob for {}: another helper alone is named for it", place.remote);
        findings.push(Finding::hint(GIT, words, FIX));
    }
    for remote in manage::places::that_need_the_path(context.wallet.records()).unwrap_or_default() {
        let held = places.iter().any(|place| place.remote.without_path() == remote);
        let setting = format!("credential.{}.useHttpPath", remote.origin());
        if sends_path(values, &remote) {
            findings.push(Finding::ok(GIT, format!("git sends the path to {remote}")));
        } else if held && general {
            let words =
                format!("git does not send the path to {remote}, so the account cannot always be told");
            findings.push(Finding::hint(GIT, words, format!("git config --global {setting} true")));
        }
    }
    findings
}
