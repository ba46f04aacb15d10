//! `keyfob import FILE`: what another keyfob exported. It is opened whole and found to be in order before anything of it is
//! looked at.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::export::{self, ContentError};
use crate::formats::age::{self, DecryptWith, Identity};
use crate::text::{shell_word, visible};
use crate::wallet::manage;
use crate::wallet::manage::bundle::{Bundle, MergeAction, NewSetting};

use super::super::{Context, add, piped_passphrase};
use super::{Wish, in_words};

/// No wallet comes near this.
const LARGEST: u64 = 64 << 20;

pub(super) fn take(
    path: &Path,
    wish: &Wish,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    if wish.take_out || wish.file.is_some() || wish.overrides.http || wish.overrides.damaged {
        return Err(Error::usage(
            "--move, --file, --allow-http and --force are for other programs' tokens",
            format!("keyfob import {}", shell_word(path)),
        ));
    }
    let bundle = open(path, matches, context)?;
    let unfit = |error| match error {
        Error::Request { .. } => {
            Error::Export { path: path.to_owned(), why: "what is in it does not fit together" }
        }
        other => other,
    };
    let arrivals = manage::bundle::preview(context.wallet, &bundle).map_err(unfit)?;
    let width = arrivals.iter().map(|one| one.realm.chars().count()).max().unwrap_or(0);
    for one in &arrivals {
        let (word, why) = match one.what {
            MergeAction::New => ("take", ""),
            MergeAction::Back => ("take", "  the wallet had it, and its store lost it"),
            MergeAction::Held => ("held", "  the wallet has it"),
            MergeAction::Aside => ("aside", "  the account has another token, which stays in force"),
        };
        context.terminal.answer(&visible(&format!("{word:5}  {:width$}  {}{why}", one.realm, one.account)));
    }
    let settings = manage::bundle::new_settings(context.wallet, &bundle)?;
    for setting in &settings {
        let line = match setting {
            NewSetting::Rule { url, account } => format!("rule   {url}  {account} answers there"),
            NewSetting::AllowHttp { url } => format!("http   {url}  its tokens may travel unencrypted"),
        };
        context.terminal.answer(&visible(&line));
    }
    let new = arrivals.iter().filter(|one| one.what != MergeAction::Held).count();
    if wish.dry {
        context.terminal.note(&format!("{} would be taken; nothing was changed", told(new, settings.len())));
        return Ok(());
    }
    if new == 0 && settings.is_empty() {
        context.terminal.note("nothing is new; nothing was changed");
        return Ok(());
    }
    let question = format!("Take {}?", told(new, settings.len()));
    if !wish.yes && !context.terminal.confirm(&question)? {
        return Err(Error::Declined);
    }
    if let Some(store) = manage::bundle::merge(context.wallet, &bundle)? {
        add::say_choice(&store, context);
    }
    context.terminal.note(&format!("{} taken into the wallet", told(new, settings.len())));
    super::super::setup::keep_in_step(context);
    Ok(())
}

/// Tokens and settings, as far as there are any.
fn told(tokens: usize, settings: usize) -> String {
    let settings_in_words =
        if settings == 1 { "1 setting".to_owned() } else { format!("{settings} settings") };
    match (tokens, settings) {
        (_, 0) => in_words(tokens),
        (0, _) => settings_in_words,
        _ => format!("{} and {settings_in_words}", in_words(tokens)),
    }
}

fn open(path: &Path, matches: &ArgMatches, context: &mut Context<'_>) -> Result<Bundle, Error> {
    let bad = |why| Error::Export { path: path.to_owned(), why };
    let sealed = read(path, LARGEST)?;
    let sealed = age::armor::taken_off(&sealed).unwrap_or(sealed);
    let by_passphrase = age::wants_passphrase(&sealed).map_err(|fault| bad(fault.words()))?;
    let with = if by_passphrase {
        DecryptWith::Passphrase(if matches.get_flag("passphrase-stdin") {
            piped_passphrase(context)?
        } else {
            context.terminal.secret("passphrase of the file: ")?
        })
    } else {
        DecryptWith::Identities(identities(path, matches)?)
    };
    let document = age::open(&sealed, &with).map_err(|fault| bad(fault.words()))?;
    export::read(&document).map_err(|fault| match fault {
        ContentError::Foreign => bad("it is an age file, and no export of keyfob's"),
        ContentError::Newer(found) => Error::Newer { path: path.to_owned(), found, known: export::VERSION },
    })
}

fn identities(path: &Path, matches: &ArgMatches) -> Result<Vec<Identity>, Error> {
    let Some(file) = matches.get_one::<PathBuf>("identity") else {
        let path = shell_word(path);
        return Err(Error::usage(
            "the file was made for an age recipient; its identity is needed",
            format!("keyfob import {path} --identity KEY-FILE"),
        ));
    };
    Identity::parse_file(&read(file, 1 << 20)?).ok_or_else(|| {
        let hint = "age-keygen makes one; one that is encrypted itself: age -d KEY-FILE > PLAIN-KEY-FILE";
        Error::usage(format!("{} holds no age identities", file.display()), hint)
    })
}

fn read(path: &Path, largest: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length.min(largest)).unwrap_or(0) + 1));
    let mut limited = file.take(largest + 1);
    limited.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    match u64::try_from(bytes.len()) {
        Ok(read) if read <= largest => Ok(bytes),
        _ => Err(Error::Export { path: path.to_owned(), why: "it is too large to be one" }),
    }
}
