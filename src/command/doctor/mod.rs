//! `keyfob doctor`: looks at everything that keyfob depends on, offline, and says one line for each. `checks` looks; here
//! it is told, and mended where that was asked for.

use clap::ArgMatches;
use serde::Serialize;

use crate::error::Error;
use crate::files;
use crate::terminal::Colour;
use crate::text::visible;
use crate::tool::setup::{Finding, Level};
use crate::wallet::manage;
use crate::wallet::manage::audit::Audit;
use crate::wallet::pending::List;

use super::resume::finish_pending;
use super::{Command, Context, counted, flag, json, write_json};

mod checks;
mod plain_text;

/// `keyfob doctor`.
pub static COMMAND: Command = Command {
    name: "doctor",
    about: "Look at everything that keyfob depends on; offline",
    details: "One line for each store, record, link, tool and token that is worth a word. Exit code 6 when something is \
              broken, 0 otherwise. --repair makes missing and damaged records again from what the stores hold (a damaged \
              file is kept beside), sweeps what crashes left, and destroys tokens that no record has spoken of for an hour. A rotation that a \
              crash has left half done is finished, for which the service is asked: the only time that doctor uses the \
              network (KEYFOB_OFFLINE=1 keeps it from that, too).",
    example: "keyfob doctor --json",
    arguments: |command| {
        command.arg(json()).arg(flag("repair", "Mend what can be mended without losing anything"))
    },
    run,
};

/// A finding in `--json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Row {
    level: &'static str,
    about: String,
    text: String,
    fix: Option<String>,
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let mut findings = Vec::new();
    if matches.get_flag("repair") {
        findings.extend(repair(context));
    }
    findings.extend(checks::all(context));
    findings.extend(plain_text::check(context));
    if matches.get_flag("json") {
        let row = |finding: &Finding| Row {
            level: finding.level.as_str(),
            about: visible(&finding.about),
            text: visible(&finding.text),
            fix: finding.fix.as_deref().map(visible),
        };
        write_json(&findings.iter().map(row).collect::<Vec<_>>(), context)?;
    } else {
        findings.iter().for_each(|finding| tell(finding, context));
    }
    match findings.iter().filter(|finding| finding.level == Level::Broken).count() {
        0 => Ok(()),
        broken => Err(Error::Unwell { broken }),
    }
}

fn tell(finding: &Finding, context: &mut Context<'_>) {
    let colour = match finding.level {
        Level::Ok => Colour::Green,
        Level::Hint => Colour::Yellow,
        Level::Broken => Colour::Red,
    };
    let word = finding.level.as_str();
    let pad = " ".repeat(8 - word.len());
    let fix = finding.fix.as_deref().map(|fix| format!("; fix: {}", visible(fix))).unwrap_or_default();
    let word = context.terminal.paint(colour, word);
    context.terminal.answer(&format!(
        "{word}{pad}{}: {}{fix}",
        visible(&finding.about),
        visible(&finding.text)
    ));
}

/// Mends, and says what was done.
fn repair(context: &mut Context<'_>) -> Vec<Finding> {
    let mut findings = repair_here(context);
    findings.extend(finish(context));
    findings
}

/// Makes good what is half done at a service: the only time that doctor uses the network.
fn finish(context: &mut Context<'_>) -> Vec<Finding> {
    let list = List::new(&context.data);
    let pending = match list.read() {
        Ok(pending) => pending,
        // The checks say so.
        Err(_) => return Vec::new(),
    };
    let mut findings = Vec::new();
    for one in pending {
        let done = list.alone(|| finish_pending(&list, &|other| other.tag == one.tag, context));
        match done {
            Ok(done) => findings.extend(
                done.into_iter()
                    .map(|done| Finding::ok("repair", format!("asked the service: {}", done.words))),
            ),
            Err(error) => findings.push(Finding::error("repair", &error)),
        }
    }
    findings
}

fn repair_here(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let data = &context.data;
    let left: Vec<_> = [data.clone(), data.join("records"), data.join("vault")]
        .iter()
        .flat_map(|folder| files::leftovers(folder))
        .collect();
    for path in left {
        findings.push(match files::remove(&path) {
            Ok(()) => Finding::ok("repair", format!("removed {}, which a crash left", path.display())),
            Err(error) => Finding::error("repair", &error),
        });
    }
    let audit = match manage::audit(context.wallet, &checks::usable_stores(context)) {
        Ok(audit) => audit,
        Err(error) => return vec![Finding::error("repair", &error)],
    };
    findings.extend(rebuild(context, &audit));
    // With a store closed or a record unreadable, what looks like an orphan may not be one.
    match manage::repair::sweep_orphans(context.wallet, data, &audit.orphans) {
        Ok(swept) if swept.destroyed > 0 => {
            let tokens = counted(swept.destroyed, "token");
            let words = format!("destroyed {tokens} that no record has spoken of for an hour");
            findings.push(Finding::ok("repair", words));
        }
        Ok(_) => {}
        Err(error) => findings.push(Finding::error("repair", &error)),
    }
    findings
}

fn rebuild(context: &Context<'_>, audit: &Audit) -> Vec<Finding> {
    let done = match manage::repair::rebuild(context.wallet, &audit.unrecorded) {
        Ok(done) => done,
        Err(error) => return vec![Finding::error("repair", &error)],
    };
    let mut findings = Vec::new();
    for rebuilt in done {
        let kept = rebuilt.damaged.map(|path| format!("; the damaged one is kept as {}", path.display()));
        let words = format!(
            "made the record of {} again from {} in the store{}; expiry, scopes and labels are not known any more",
            rebuilt.group,
            counted(rebuilt.secrets, "token"),
            kept.unwrap_or_default()
        );
        findings.push(Finding::ok("repair", words));
    }
    findings
}
