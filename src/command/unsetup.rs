//! `keyfob unsetup`: takes out exactly what `setup` wrote and puts back what it took out. What was changed since by someone
//! else stays, and is said.

use clap::ArgMatches;

use crate::error::Error;
use crate::tool::setup::{Ledger, carry_out};
use crate::tool::{self, Tool};

use super::setup::{setup_context, show, tools_argument};
use super::{Command, Context, LastError, flag};

/// `keyfob unsetup`.
pub static COMMAND: Command = Command {
    name: "unsetup",
    about: "Take back what setup wrote",
    details: "Removes the lines that setup wrote, as far as they are still as it wrote them, and puts back those it took \
              out. The wallet and its tokens stay.",
    example: "keyfob unsetup git --dry-run",
    arguments: |command| {
        command.arg(tools_argument()).arg(flag("dry-run", "Print the commands and change nothing").short('n'))
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let dry = matches.get_flag("dry-run");
    let named = matches.get_many::<String>("TOOL");
    let named: Option<Vec<&str>> =
        named.map(|names| names.filter_map(|name| super::setup::named_tool(name)).collect());
    let ledger = Ledger::read(&context.data)?;
    let mut found = false;
    // One tool whose settings cannot be read does not keep the others from it.
    let mut failed = LastError::default();
    for (tool, setup) in tool::with_setup() {
        if named.as_ref().is_some_and(|names| !names.contains(&tool.name)) {
            continue;
        }
        let place = setup_context(context);
        let entry = ledger.tools.get(tool.name);
        // Without a memory the plan still says what there is of ours that setup did not write.
        let plan = match entry {
            Some(entry) => match (setup.undo)(&place, entry) {
                Ok(plan) => plan,
                Err(error) => {
                    found = true;
                    say(tool, context);
                    failed.take(error, &mut context.terminal);
                    continue;
                }
            },
            None => match (setup.undo)(&place, &tool::setup::SetupEntry::default()) {
                Ok(plan) => plan,
                Err(_) => continue,
            },
        };
        plan.notes.iter().for_each(|note| context.terminal.note(note));
        if entry.is_none() {
            continue;
        }
        found = true;
        if dry {
            plan.lines.iter().for_each(|line| context.terminal.answer(line));
            continue;
        }
        show(&plan, context);
        match carry_out(&context.data, tool.name, plan) {
            Ok(()) => context
                .terminal
                .note(&format!("what setup wrote for {} is taken back; the wallet stays", tool.name)),
            Err(error) => {
                say(tool, context);
                failed.take(error, &mut context.terminal);
            }
        }
    }
    if !found {
        context.terminal.note("setup has written nothing that is still there");
    }
    failed.end()
}

/// Which tool it was not.
fn say(tool: &Tool, context: &mut Context<'_>) {
    context.terminal.note(&format!("what setup wrote for {} is not taken back", tool.name));
}
