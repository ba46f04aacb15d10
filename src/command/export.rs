//! `keyfob export`: the wallet with its tokens as one encrypted file, for moving to another machine. Encrypted always: there is
//! no form in clear, and the passphrase never stands on the command line.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};

use crate::error::Error;
use crate::export;
use crate::files;
use crate::formats::age::{self, EncryptTo, Recipient};
use crate::text::shell_word;
use crate::wallet::manage;

use super::{Command, Context, flag, new_passphrase, option, piped_passphrase};

/// `keyfob export`.
pub static COMMAND: Command = Command {
    name: "export",
    about: "Write the wallet with its tokens into an encrypted file, for another machine",
    details: "The file holds every account with its tokens (those set aside too), labels, scopes, expiry, defaults and rules. \
              keyfob import FILE takes it in. It has the age format: encrypted with a passphrase, which is asked for twice, \
              or with --to for an age recipient's key. Tokens of the environment are not in it.",
    example: "keyfob export wallet.age --passphrase-stdin",
    arguments: |command| {
        command
            .arg(
                Arg::new("FILE")
                    .required(true)
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("The file; it must not be there yet"),
            )
            .arg(
                option("to", "RECIPIENT")
                    .action(ArgAction::Append)
                    .help("Encrypt to this age recipient (age1…) in place of a passphrase; may be repeated"),
            )
            .arg(passphrase_stdin().conflicts_with("to"))
            .arg(flag("force", "Replace the file if it is there"))
    },
    run,
};

/// The flag for scripts.
pub(super) fn passphrase_stdin() -> Arg {
    flag("passphrase-stdin", "Read the passphrase from standard input, up to the line's end")
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let path = matches.get_one::<PathBuf>("FILE").cloned().unwrap_or_default();
    let force = matches.get_flag("force");
    if !force && path.symlink_metadata().is_ok() {
        return Err(Error::usage(
            format!("{} is there already; nothing was written", path.display()),
            "name another file, or replace it with --force",
        ));
    }
    check_place(&path)?;
    let bundle = manage::bundle::collect(context.wallet)?;
    if bundle.realms.is_empty() {
        return Err(Error::NoSuchCredential {
            what: "the wallet holds nothing to export".to_owned(),
            hint: Some(
                "keyfob list shows what it holds; the environment's tokens are not the wallet's".to_owned(),
            ),
        });
    }
    let to = whom(matches, context)?;
    let sealed = age::seal(&export::write(&bundle, context.now)?, &to)?;
    write(&std::path::absolute(&path).map_err(Error::io("find", &path))?, &sealed, force)?;
    let accounts: usize = bundle.realms.iter().map(|realm| realm.accounts.len()).sum();
    let accounts =
        if accounts == 1 { "one account is".to_owned() } else { format!("{accounts} accounts are") };
    context.terminal.note(&format!("{accounts} in {}", path.display()));
    context.terminal.hint(&format!("on the other machine: keyfob import {}", shell_word(&path)));
    Ok(())
}

fn whom(matches: &ArgMatches, context: &mut Context<'_>) -> Result<EncryptTo, Error> {
    if let Some(recipients) = matches.get_many::<String>("to") {
        let read = |text: &String| {
            Recipient::parse(text.trim()).ok_or_else(|| {
                let hint = "it looks like age1…; age-keygen makes one, ssh keys are not taken";
                Error::usage("that is not an age recipient", hint)
            })
        };
        return recipients.map(read).collect::<Result<_, _>>().map(EncryptTo::Recipients);
    }
    if matches.get_flag("passphrase-stdin") {
        return piped_passphrase(context).map(EncryptTo::Passphrase);
    }
    new_passphrase(context, "passphrase for the file").map(EncryptTo::Passphrase)
}

/// Refuses to replace a device, a pipe or a folder, and a folder that is not there, before anybody types a passphrase for it. A
/// symbolic link is replaced, not followed.
fn check_place(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.metadata().map_err(Error::io("find the folder", folder))?.is_dir() {
        let fix = "name a file in a folder that is there".to_owned();
        return Err(Error::Foreign { path: folder.to_owned(), why: "it is not a folder", fix });
    }
    let is_other = |about: std::fs::Metadata| !about.is_file() && !about.is_symlink();
    if path.symlink_metadata().is_ok_and(is_other) {
        let (why, fix) = ("it is not a regular file", "name another file".to_owned());
        return Err(Error::Foreign { path: path.to_owned(), why, fix });
    }
    Ok(())
}

/// Writes it whole, for us alone, and looks at what is there then.
fn write(path: &Path, sealed: &[u8], force: bool) -> Result<(), Error> {
    if force {
        check_place(path)?;
        files::write_private(path, sealed)?;
    } else if let Err(error) = files::create_private(path, sealed) {
        // What stands there may be somebody else's: it came into being since it was looked for.
        let theirs =
            matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists);
        if !theirs {
            let _ = files::remove(path);
        }
        return Err(error);
    }
    match std::fs::read(path) {
        Ok(back) if back == sealed => Ok(()),
        Ok(_) => {
            Err(Error::Damaged { path: path.to_owned(), why: "it does not read back as it was written" })
        }
        Err(error) => Err(Error::io("read", path)(error)),
    }
}
