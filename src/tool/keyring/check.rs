//! Whether pip and uv would really ask us: which `keyring` they find, and how they are told to use one. pip is asked for its
//! settings; uv has no word for that, so its variable and its own file are read. Nothing is changed, no network.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::process::{child, output_within};
use crate::tool::setup::{Finding, SetupContext, SetupEntry};

use super::clients::{KEYRING, clients, first_keyring};
use super::uv::provider;

/// The longest that pip is waited for; it is slow when it starts for the first time.
const PIP_PATIENCE: Duration = Duration::from_secs(30);

const FIX: &str = "keyfob setup keyring";
const PIP_FIX: &str = "pip config set global.keyring-provider subprocess";
const UV_FIX: &str = "export UV_KEYRING_PROVIDER=subprocess, or keyfob setup keyring";

pub(super) fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    let here = clients(context.environment);
    let found = match (first_keyring(context), entry) {
        (Some((path, true)), _) => {
            Finding::ok(KEYRING, format!("the keyring in PATH is keyfob: {}", path.display()))
        }
        (Some((path, false)), Some(entry)) if !entry.written.is_empty() => {
            let words = format!("another program named keyring stands before keyfob's: {}", path.display());
            return Ok(vec![Finding::broken(KEYRING, words, "put keyfob's folder before it in PATH")]);
        }
        (None, Some(entry)) if !entry.written.is_empty() => {
            return Ok(vec![Finding::broken(
                KEYRING,
                "setup was done, but PATH has no keyring any more",
                FIX,
            )]);
        }
        // Nobody wanted it, so nothing is wrong.
        _ if !here.is_empty() => {
            let words = format!("{} would not ask keyfob; to let them: {FIX}", here.join(", "));
            return Ok(vec![Finding::ok(KEYRING, words)]);
        }
        _ => return Ok(Vec::new()),
    };
    let mut findings = vec![found];
    findings.extend(pip(context));
    findings.extend(uv(context));
    Ok(findings)
}

fn pip(context: &SetupContext<'_>) -> Option<Finding> {
    let program = context.environment.program("pip")?;
    let words = match pip_provider(context, program).as_deref() {
        Some("subprocess") => {
            return Some(Finding::ok(KEYRING, "pip asks keyfob (keyring-provider is subprocess)"));
        }
        Some("import" | "disabled") => "pip does not ask keyfob: its keyring-provider is import or disabled",
        _ => {
            let words = "pip asks keyfob unless a Python keyring can be imported or --no-input is given";
            return Some(Finding::ok(KEYRING, format!("{words}; to have it always: {PIP_FIX}")));
        }
    };
    Some(Finding::hint(KEYRING, words, PIP_FIX))
}

/// The provider as pip has it from its files and variables, if any of them says so. A variable counts more than a file, and
/// pip lists it last.
fn pip_provider(context: &SetupContext<'_>, program: PathBuf) -> Option<String> {
    let mut pip = child(program, context.environment);
    let output = output_within(pip.args(["config", "list"]), PIP_PATIENCE).ok()??;
    let text = String::from_utf8_lossy(&output).into_owned();
    let settings = text.lines().rev().filter_map(|line| line.split_once('='));
    let mut values = settings.filter(|(key, _)| key.ends_with(".keyring-provider"));
    values.next().map(|(_, value)| value.trim_matches(['\'', '"']).to_owned())
}

fn uv(context: &SetupContext<'_>) -> Option<Finding> {
    context.environment.program("uv")?;
    let by_variable = context.environment.text("UV_KEYRING_PROVIDER");
    Some(match by_variable.or_else(|| provider(context.environment)).as_deref() {
        Some("subprocess") => Finding::ok(KEYRING, "uv asks keyfob (keyring-provider is subprocess)"),
        _ => Finding::hint(KEYRING, "uv does not ask keyfob: its keyring-provider is not subprocess", UV_FIX),
    })
}
