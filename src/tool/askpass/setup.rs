//! What there is to know before the askpass program is used. No settings are written: git asks its credential helpers first, so
//! `setup git` is the better way for it; and wget with `use_askpass` in its settings would fail for every place that we have no
//! token for. So setup makes the link and shows the two lines, and `doctor` looks at the variables.

use crate::error::Error;
use crate::text::shell_word;
use crate::tool::installation::Installation;
use crate::tool::links;
use crate::tool::setup::{Finding, Plan, Setup, SetupContext, SetupEntry};

/// The askpass program's setup.
pub(super) static SETUP: Setup = Setup {
    found,
    plan: |context, _, before| plan(context, before),
    undo,
    keep_in_step: |_, before| Ok(Plan::nothing(before.clone())),
    check,
};

/// Our name for it.
pub(super) const LINK: &str = "keyfob-askpass";

const ASKPASS: &str = "askpass";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let wget = context.environment.program("wget")?;
    Some(format!("wget ({})", wget.display()))
}

fn plan<'c>(context: &SetupContext<'c>, before: Option<&SetupEntry>) -> Result<Plan<'c>, Error> {
    let own = Installation::of(context)?;
    let link = links::anywhere(&own, LINK)?;
    let path = shell_word(&link.path);
    let notes = vec![
        format!("for wget, where there is a token: wget --use-askpass={path} URL"),
        format!("for git without its credential helper: export GIT_ASKPASS={path}"),
    ];
    Ok(link.begin(Plan { notes, entry: before.cloned(), ..Plan::default() }))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::default();
    links::plan_removal(entry, context, &mut plan);
    Ok(plan)
}

/// Whether the variables of this shell lead to us, and whether that is what they are for.
fn check(context: &SetupContext<'_>, _: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    let own = Installation::of(context).ok();
    let is_ours = |variable: &&str| {
        let path = context.environment.os(variable).map(std::path::PathBuf::from);
        path.zip(own.as_ref()).is_some_and(|(path, own)| own.has(&path))
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
