//! The vault's slots: the ways in which it can be opened. `protect` is what most people want of them.

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::store::vault::SlotName;
use crate::text::visible;

use super::super::{Context, counted, new_passphrase, text, yes};
use super::Word;

pub(super) fn protect(word: Word) -> clap::Command {
    word("protect", "Ask for a passphrase in place of the vault's key file", "keyfob storage protect").long_about(
        "Ask for a passphrase in place of the vault's key file\n\n\
         Then a stolen disk or backup does not give the tokens away. Tools get tokens while the vault is unlocked (keyfob \
         unlock); pipelines and other places where nobody can type want the key file. Nobody can open the vault without the \
         passphrase: write it down in a safe place.",
    )
}

pub(super) fn slots(word: Word) -> clap::Command {
    let slot = |help: &'static str| Arg::new("SLOT").required(true).help(help);
    word("slots", "Show the ways to open the vault; add, change and remove them", "keyfob storage slots")
        .disable_help_subcommand(true)
        .subcommand(
            word("add", "Add a way to open the vault", "keyfob storage slots add ssh-agent")
                .arg(slot("passphrase, key-file, ssh-agent (its only ed25519 key), or ssh-agent:SHA256:…"))
                .arg(yes()),
        )
        .subcommand(word("change", "Change the passphrase", "keyfob storage slots change"))
        .subcommand(
            word(
                "remove",
                "Remove a way to open the vault, when another is left",
                "keyfob storage slots remove key-file",
            )
            .arg(slot("As keyfob storage slots names it")),
        )
}

pub(super) fn run_protect(context: &mut Context<'_>) -> Result<(), Error> {
    let vault = context.stores.vault();
    let slots = vault.slots()?;
    let has = |name: &SlotName| slots.iter().any(|slot| slot.name == *name);
    if has(&SlotName::Passphrase) {
        if !has(&SlotName::KeyFile) {
            return Err(Error::usage(
                "the vault has no key file to replace",
                "keyfob storage slots change sets a new passphrase",
            ));
        }
        // Asks for the passphrase, so that nobody is shut out by one that was forgotten.
        let left = vault.remove_slot(&SlotName::KeyFile)?;
        context.terminal.note("the vault opens with its passphrase only, and the key file is gone");
        say_resealed(left, context);
        return Ok(());
    }
    let passphrase = new_passphrase(context, "new keyfob vault passphrase")?;
    crate::files::make_folder(&context.data)?;
    let is_new = vault.slots()?.is_empty();
    let left = vault.replace_key_file_by_passphrase(&passphrase)?;
    context.terminal.note("the vault opens with the passphrase from now on, and the key file is gone");
    if !is_new {
        say_resealed(left, context);
    }
    context.terminal.hint("keyfob unlock opens it for 8 hours, keyfob lock closes it");
    Ok(())
}

pub(super) fn run_slots(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    match matches.subcommand() {
        Some(("add", matches)) => add(slot(matches), matches.get_flag("yes"), context),
        Some(("change", _)) => {
            let vault = context.stores.vault();
            if !vault.slots()?.iter().any(|slot| slot.name == SlotName::Passphrase) {
                return Err(Error::usage("the vault has no passphrase", "keyfob storage protect"));
            }
            let passphrase = new_passphrase(context, "new keyfob vault passphrase")?;
            let left = vault.change_passphrase(&passphrase)?;
            context.terminal.note("the vault has a new passphrase");
            say_resealed(left, context);
            Ok(())
        }
        Some(("remove", matches)) => {
            let name: SlotName = slot(matches).parse()?;
            let left = context.stores.vault().remove_slot(&name)?;
            context.terminal.note(&format!("{name} no longer opens the vault"));
            say_resealed(left, context);
            Ok(())
        }
        _ => list(context),
    }
}

pub(super) fn reseal(word: Word) -> clap::Command {
    word("reseal", "Seal the vault's tokens anew under a new key", "keyfob storage reseal").long_about(
        "Seal the vault's tokens anew under a new key\n\n\
         Then a copy of the vault's header with its key file or passphrase, however it was come by, opens nothing that is written \
         from now on. protect, slots change and slots remove do so, too. It does not take back what was in the copy: whoever may \
         have opened that has the tokens of then, until they are rotated (keyfob rotate URL).",
    )
}

pub(super) fn run_reseal(context: &mut Context<'_>) -> Result<(), Error> {
    let left = context.stores.vault().reseal_all()?;
    say_resealed(left, context);
    context
        .terminal
        .hint("tokens that were in a copy which somebody may open are safe again after: keyfob rotate URL");
    Ok(())
}

/// What a new data key means, and which files do not have it.
fn say_resealed(left: usize, context: &mut Context<'_>) {
    context.terminal.note("its tokens are sealed under a new key; older copies of its header and key open nothing that is written from now on");
    if left > 0 {
        let files = counted(left, "sealed file");
        context
            .terminal
            .note(&format!("{files} did not open and stayed as before; keyfob doctor names them"));
    }
}

fn list(context: &mut Context<'_>) -> Result<(), Error> {
    let slots = context.stores.vault().slots()?;
    if slots.is_empty() {
        context.terminal.note("there is no vault yet; the first token makes it");
    }
    for slot in slots {
        let words = if slot.words.is_empty() { String::new() } else { format!("  {}", slot.words) };
        context.terminal.answer(&visible(&format!("{}{words}", slot.name)));
    }
    Ok(())
}

fn add(name: &str, yes: bool, context: &mut Context<'_>) -> Result<(), Error> {
    let vault = context.stores.vault();
    crate::files::make_folder(&context.data)?;
    let added = match name {
        "ssh-agent" => enrol(context, None)?,
        _ => match name.parse::<SlotName>()? {
            SlotName::SshAgent(fingerprint) => enrol(context, Some(&fingerprint))?,
            SlotName::KeyFile => {
                let slots = vault.slots()?;
                let has = |name: &SlotName| slots.iter().any(|slot| slot.name == *name);
                if has(&SlotName::Passphrase) && !has(&SlotName::KeyFile) {
                    agree_to_key_file(yes, context)?;
                }
                vault.add_key_file()?;
                SlotName::KeyFile
            }
            SlotName::Passphrase => {
                if vault.slots()?.iter().any(|slot| slot.name == SlotName::Passphrase) {
                    return Err(Error::usage(
                        "the vault has a passphrase already",
                        "keyfob storage slots change",
                    ));
                }
                let passphrase = new_passphrase(context, "new keyfob vault passphrase")?;
                vault.add_passphrase(&passphrase)?;
                SlotName::Passphrase
            }
        },
    };
    context.terminal.note(&format!("{added} opens the vault from now on"));
    // A second door protects nothing while the first stands open.
    if added != SlotName::KeyFile && vault.slots()?.iter().any(|slot| slot.name == SlotName::KeyFile) {
        context.terminal.note("its key file still opens it unattended");
        if added == SlotName::Passphrase {
            context.terminal.hint("keyfob storage slots remove key-file");
        }
    }
    Ok(())
}

/// A key file beside a passphrase opens the vault for whoever can read both, for good.
fn agree_to_key_file(yes: bool, context: &mut Context<'_>) -> Result<(), Error> {
    const CONSEQUENCE: &str =
        "with a key file the vault opens unattended, and the passphrase no longer protects it";
    if !yes && !context.terminal.capabilities.can_ask() {
        return Err(Error::usage(CONSEQUENCE, "keyfob storage slots add key-file --yes"));
    }
    context.terminal.agree(&format!("{CONSEQUENCE}. Add the key file?"), yes)?;
    if yes {
        context.terminal.note(CONSEQUENCE);
    }
    Ok(())
}

#[cfg(unix)]
fn enrol(context: &mut Context<'_>, fingerprint: Option<&str>) -> Result<SlotName, Error> {
    let vault = context.stores.vault();
    let enrolled = vault.enrol_ssh_agent(fingerprint);
    if enrolled.is_err() {
        for key in vault.agent_keys().unwrap_or_default().iter().filter(|key| key.usable) {
            context
                .terminal
                .note(&format!("the ssh-agent holds ssh-agent:{} {}", key.fingerprint, key.comment));
        }
    }
    enrolled
}

#[cfg(not(unix))]
fn enrol(_context: &mut Context<'_>, _fingerprint: Option<&str>) -> Result<SlotName, Error> {
    Err(Error::Unsupported { store: "vault", what: "use an ssh-agent on this system" })
}

fn slot(matches: &ArgMatches) -> &str {
    text(matches, "SLOT").unwrap_or_default()
}
