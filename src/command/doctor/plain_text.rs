//! Whether tokens of the wallet lie in the files in which git's own `store` helper keeps what it is told: in clear, beside the
//! wallet that was meant to keep them. Nothing is changed, nobody is asked.

use std::path::Path;

use crate::command::{Context, counted};
use crate::error::Error;
use crate::import::decide::{Decision, Overrides, decide};
use crate::import::{Outside, git_store};
use crate::text::{shell_word, visible};
use crate::tool;
use crate::tool::setup::Finding;
use crate::wallet::manage::adopt::SecretCache;

use super::checks::{health, used_stores};

const ABOUT: &str = "plain text";

/// One finding for each file that holds a token of the wallet.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    // To compare is to read the wallet's tokens, and a store that is locked would ask for its passphrase.
    let used = used_stores(context);
    let readable = crate::store::ALL
        .iter()
        .filter(|record| used.iter().any(|name| name == record.name))
        .all(|record| health(context, record).is_some_and(|health| health.usable));
    if used.is_empty() || !readable {
        return Vec::new();
    }
    let files = tool::git::plain_text_files(context.environment);
    files.iter().filter(|file| file.exists()).filter_map(|file| look_into(file, context)).collect()
}

fn look_into(file: &Path, context: &Context<'_>) -> Option<Finding> {
    let held = held_in(file, context);
    let shown = visible(&file.to_string_lossy());
    match held {
        Ok(0) => None,
        Ok(held) => {
            let words = format!("{shown} holds {} of your wallet, in clear", counted(held, "token"));
            let fix = format!("keyfob import git-store --file {} --move", shell_word(file));
            Some(Finding::broken(ABOUT, words, fix))
        }
        Err(error) => Some(Finding::hint(
            ABOUT,
            format!("{shown} could not be looked at: {error}"),
            "keyfob import git-store",
        )),
    }
}

/// How many entries of a file are tokens that the wallet holds.
fn held_in(file: &Path, context: &Context<'_>) -> Result<usize, Error> {
    let outside = Outside {
        environment: context.environment,
        store_context: context.stores.store_context.clone(),
        file: Some(file.to_owned()),
        only_look: false,
        now: context.now,
    };
    let reading = (git_store::SOURCE.read)(&outside)?;
    let decided =
        decide(context.wallet, &reading.found, Overrides::default(), &SecretCache::default(), context.now)?;
    Ok(decided.iter().filter(|decided| matches!(decided.decision, Decision::Held { .. })).count())
}
