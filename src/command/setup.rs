//! `keyfob setup`: makes tools ask us. A loop over the tools' own [`Setup`] records; what they write and
//! the words about it are theirs. Every line is shown before it is written.

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::text::visible;
use crate::tool::setup::{Ledger, Plan, Setup, SetupContext, SetupOptions, carry_out};
use crate::tool::{self, Tool};
use crate::wallet::stores::Stores;

use super::{Command, Context, LastError, flag, yes};

/// `keyfob setup`.
pub static COMMAND: Command = Command {
    name: "setup",
    about: "Let tools ask keyfob for tokens",
    details: "Shows each line before it writes it, asks once, and remembers what it wrote, so that keyfob unsetup takes out \
              exactly that. Run again, it writes only what is missing. Without a tool: all that are found here.",
    example: "keyfob setup git --dry-run",
    arguments: |command| {
        command
            .arg(tools_argument())
            .arg(yes())
            .arg(flag("dry-run", "Print the commands and change nothing").short('n'))
            .arg(flag("only", "Nobody else shall be asked: helpers named before are not called any more"))
            .arg(
                flag("keep-others", "Leave helpers in front of keyfob, even where they get your tokens")
                    .conflicts_with("only"),
            )
            .arg(flag(
                "by-name",
                "Let the tool find keyfob in PATH: for settings shared between machines, and dev containers",
            ))
    },
    run,
};

/// The tools that are meant.
pub(super) fn tools_argument() -> Arg {
    Arg::new("TOOL")
        .num_args(0..)
        .value_parser(super::arguments::tool_words(tool::with_setup().map(|(tool, _)| tool)))
        .help("Which tools; all that are here, if none is named")
}

/// What tools' setups work with.
pub(super) fn setup_context<'c>(context: &Context<'c>) -> SetupContext<'c> {
    SetupContext { program: context.program, environment: context.environment, wallet: context.wallet }
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let dry = matches.get_flag("dry-run");
    let yes = matches.get_flag("yes");
    let options = SetupOptions {
        only: matches.get_flag("only"),
        by_name: matches.get_flag("by-name"),
        keep_others: matches.get_flag("keep-others"),
    };
    if !dry && !yes && !context.terminal.capabilities.can_ask() {
        let tools = matches.get_many::<String>("TOOL").into_iter().flatten().map(String::as_str);
        let flags = [
            (options.only, "--only"),
            (options.keep_others, "--keep-others"),
            (options.by_name, "--by-name"),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag);
        let words: Vec<&str> = ["keyfob", "setup"].into_iter().chain(tools).chain(flags).collect();
        let words = words.join(" ");
        return Err(Error::usage(
            "setup asks before it writes, and nobody can be asked here; nothing was changed",
            format!("{words} --yes, or see what it would do: {words} --dry-run"),
        ));
    }
    let place = setup_context(context);
    let mut result = Outcome { named: matches.contains_id("TOOL"), failed: LastError::default() };
    // All that would be done is shown before any of it is, and one answer covers it.
    let mut ready = Vec::new();
    for (tool, setup) in chosen(matches, context)? {
        match prepare(tool, setup, &place, options, dry || yes, context) {
            Ok(plan) => ready.extend(plan.map(|plan| (tool, plan))),
            Err(error) => result.take(tool, error, context)?,
        }
    }
    if dry {
        ready.iter().flat_map(|(_, plan)| &plan.lines).for_each(|line| context.terminal.answer(line));
        return result.failed.end();
    }
    for (tool, plan) in &ready {
        context.terminal.note(&format!("for {}:", tool.title));
        show(plan, context);
    }
    if !ready.is_empty() && !yes && !context.terminal.confirm("Do this?")? {
        return Err(Error::Declined);
    }
    for (tool, plan) in ready {
        let order = match plan.before_us.as_slice() {
            [] => "keyfob from now on".to_owned(),
            before => format!("{} first, then keyfob", before.join(", ")),
        };
        match carry_out(&context.data, tool.name, plan) {
            Ok(()) => context
                .terminal
                .note(&format!("{} asks {order}; keyfob unsetup {} takes it back", tool.name, tool.name)),
            Err(error) => result.take(tool, error, context)?,
        }
    }
    say_store(context);
    super::other_programs::hint_at_import(context);
    result.failed.end()
}

/// What became of the tools.
struct Outcome {
    /// Whether the person named them.
    named: bool,
    failed: LastError,
}

impl Outcome {
    /// A tool that was named and cannot be set up ends it. Of all that are here, one does not keep the others from it.
    fn take(&mut self, tool: &Tool, error: Error, context: &mut Context<'_>) -> Result<(), Error> {
        if self.named || matches!(error, Error::Declined) {
            return Err(error);
        }
        context.terminal.note(&format!("{} is not set up", tool.title));
        self.failed.take(error, &mut context.terminal);
        Ok(())
    }
}

/// The word of the tool with a setup that is meant.
pub(super) fn named_tool(name: &str) -> Option<&'static str> {
    tool::called(name, tool::with_setup().map(|(tool, _)| tool)).map(|tool| tool.name)
}

/// The tools that were named, or those that are here.
fn chosen(
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<Vec<(&'static Tool, &'static Setup)>, Error> {
    let able = tool::with_setup();
    if let Some(names) = matches.get_many::<String>("TOOL") {
        let names: Vec<&str> = names.filter_map(|name| named_tool(name)).collect();
        return Ok(able.filter(|(tool, _)| names.contains(&tool.name)).collect());
    }
    let mut here = Vec::new();
    for (tool, setup) in able {
        let found = (setup.found)(&setup_context(context));
        match found {
            Some(words) => {
                context.terminal.note(&format!("found {}", visible(&words)));
                here.push((tool, setup));
            }
            None => context.terminal.note(&format!("{} is not here", tool.title)),
        }
    }
    Ok(here)
}

/// What there is to do for a tool; `None` if nothing, which is said.
fn prepare<'c>(
    tool: &Tool,
    setup: &Setup,
    place: &SetupContext<'c>,
    mut options: SetupOptions,
    silently: bool,
    context: &mut Context<'_>,
) -> Result<Option<Plan<'c>>, Error> {
    let before = Ledger::read(&context.data)?.tools.remove(tool.name);
    let mut plan = (setup.plan)(place, options, before.as_ref())?;
    if !plan.others.is_empty() {
        context.terminal.note(&format!("{} also asks: {}", tool.name, plan.others.join(", ")));
        if !silently && !options.keep_others && context.terminal.confirm("Ask keyfob alone from now on?")? {
            options.only = true;
            plan = (setup.plan)(place, options, before.as_ref())?;
        } else {
            context
                .terminal
                .hint(&format!("they are still asked; keyfob setup {} --only stops that", tool.name));
        }
    }
    for note in &plan.notes {
        context.terminal.note(note);
    }
    if plan.lines.is_empty() {
        // A tool that is set up by hand, or one whose place is taken, gets words and no lines.
        let wrote = plan.entry.as_ref().is_some_and(|entry| !entry.written.is_empty());
        let words = match wrote || (plan.entry.is_some() && plan.notes.is_empty()) {
            true => "asks keyfob already; nothing to do",
            false => "is left as it is; nothing was written",
        };
        context.terminal.note(&format!("{} {words}", tool.name));
        return Ok(None);
    }
    Ok(Some(plan))
}

pub(super) fn show(plan: &Plan<'_>, context: &mut Context<'_>) {
    for line in &plan.lines {
        // In the form in which it can be pasted.
        let _ = writeln!(context.terminal.err, "    {}", visible(line));
    }
}

/// The store for new tokens is chosen here at the latest, and said (R14): a person watches.
fn say_store(context: &mut Context<'_>) {
    let configured = context.wallet.config().map(|config| config.store.clone());
    let chosen = configured.and_then(|name| context.stores.for_new(name.as_deref()));
    match chosen {
        Ok(chosen) if chosen.chosen_now => {
            let claim =
                crate::store::named(chosen.name).map_or("", crate::store::StoreRecord::claim_in_short);
            context.terminal.note(&format!("tokens will be kept in the {} store: {claim}", chosen.name));
        }
        Ok(_) => {}
        // The setup itself is done; a token cannot be added yet, and `add` will say the same.
        Err(error) => context.terminal.error(&error),
    }
}

/// Called after the wallet got or lost a place or a rule for a path: where setup is in effect, what the tools need for it is
/// written and said. Never fails what the person asked for.
pub fn keep_in_step(context: &mut Context<'_>) {
    let Ok(ledger) = Ledger::read(&context.data) else { return };
    for (tool, setup) in tool::with_setup() {
        let Some(entry) = ledger.tools.get(tool.name) else { continue };
        let done = (setup.keep_in_step)(&setup_context(context), entry).and_then(|plan| {
            let (lines, notes) = (plan.lines.clone(), plan.notes.clone());
            if !lines.is_empty() {
                carry_out(&context.data, tool.name, plan)?;
            }
            Ok((lines, notes))
        });
        match done {
            Ok((lines, notes)) => {
                for line in lines {
                    context.terminal.note(&format!("{} is kept in step with the wallet: {line}", tool.name));
                }
                notes.iter().for_each(|note| context.terminal.note(note));
            }
            Err(error) => {
                context
                    .terminal
                    .note(&format!("{} could not be kept in step with the wallet: {error}", tool.name));
                context.terminal.hint(&format!("keyfob setup {}", tool.name));
            }
        }
    }
}
