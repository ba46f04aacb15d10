//! What there is to know before the askpass program is used. Nothing is written: git asks its credential helpers first, so
//! `setup git` is the better way for it; and wget with `use_askpass` in its settings would fail for every place that we have no
//! token for. So setup shows the two lines, and `doctor` looks at the variables.

use crate::error::Error;
use crate::text::shell_word;
use crate::tool::links;
use crate::tool::setup::{Entry, Finding, Plan, Setup, SetupContext};

/// The askpass program's setup.
pub(super) static SETUP: Setup = Setup {
    found,
    plan: |context, _, _| Ok(Plan { notes: lines(context), ..Plan::default() }),
    undo: |_, _| Ok(Plan::default()),
    keep_in_step: |_, _| Ok(Plan::default()),
    check,
};

/// Our name for it.
pub(super) const LINK: &str = "keyfob-askpass";

const ASKPASS: &str = "askpass";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let wget = context.environment.program("wget")?;
    Some(format!("wget ({})", wget.display()))
}

fn lines(context: &SetupContext<'_>) -> Vec<String> {
    let spot = links::spot(context.program, LINK, context.environment);
    let Some(spot) = spot.filter(|spot| spot.is_link) else {
        return vec![format!(
            "there is no link {LINK} to keyfob, and askpass needs a program without arguments"
        )];
    };
    let path = shell_word(&spot.path);
    vec![
        format!("for wget, where there is a token: wget --use-askpass={path} URL"),
        format!("for git without its credential helper: export GIT_ASKPASS={path}"),
    ]
}

/// Whether the variables of this shell lead to us, and whether that is what they are for.
fn check(context: &SetupContext<'_>, _: Option<&Entry>) -> Result<Vec<Finding>, Error> {
    let own = links::spot(context.program, LINK, context.environment);
    let is_ours = |variable: &&str| {
        let path = context.environment.os(variable).map(std::path::PathBuf::from);
        path.zip(own.as_ref()).is_some_and(|(path, own)| links::is_us(&path, &own.path))
    };
    let set = ["GIT_ASKPASS", "SSH_ASKPASS", "SUDO_ASKPASS"].into_iter().filter(is_ours);
    let findings = set.map(|variable| match variable {
        "GIT_ASKPASS" => Finding::ok(ASKPASS, "git asks keyfob by GIT_ASKPASS where no helper answers"),
        _ => {
            let words = format!("{variable} is keyfob, which answers no passphrase and no login");
            Finding::hint(ASKPASS, words, format!("unset {variable}"))
        }
    });
    Ok(findings.collect())
}
