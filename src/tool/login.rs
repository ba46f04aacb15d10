//! Logging in and out, which a person does through a tool that has one login for a place: docker, Terraform, cargo. Deliberately
//! absent: how the tool says it, which is each tool's own.

use crate::error::{Error, target};
use crate::secret::Secret;
use crate::store;
use crate::wallet::{LoggedOut, Lookup, NewCredential, Query, Stored, Wallet};

use super::Wire;

/// Keeps `new`, whose token is `secret`, as the one login for the place. `tool` is for what is said where it cannot be kept.
///
/// # Errors
/// [`Error::Usage`] where no login can be kept, and those of the wallet.
pub(super) fn keep(
    mut query: Query,
    new: NewCredential,
    secret: &Secret,
    tool: &str,
    wire: &mut Wire<'_>,
    wallet: &dyn Wallet,
) -> Result<(), Error> {
    match wallet.store(&query, new)? {
        Stored::Written { chosen } => say_choice(chosen.as_deref(), wire),
        Stored::Unchanged | Stored::Cleared => {}
        Stored::NotOurs | Stored::NoOrganisation { .. } => {
            return Err(Error::usage(
                format!("this is no place that a {tool} login can be kept for"),
                "keyfob add URL, with the organisation in it",
            ));
        }
    }
    // The tool has one login for a host: the new one.
    wallet.displace(&query)?;
    query.user = None;
    say_if_in_vain(&query, secret, wire, wallet)
}

/// Says which store was chosen just now, to a person who watches.
pub(super) fn say_choice(chosen: Option<&str>, wire: &mut Wire<'_>) {
    if let Some(store) = chosen.filter(|_| wire.stderr_is_terminal) {
        let claim = store::named(store).map_or("", |record| record.claim);
        wire.line("note", &format!("tokens are kept in the {store} store from now on: {claim}"));
    }
}

/// What a person added comes first (R4): then the login was in vain, and that must not go unsaid.
///
/// # Errors
/// Those of the wallet.
pub(super) fn say_if_in_vain(
    query: &Query,
    secret: &Secret,
    wire: &mut Wire<'_>,
    wallet: &dyn Wallet,
) -> Result<(), Error> {
    if let Lookup::Found(answer) = wallet.get(query)?
        && !answer.token.same_as(secret)
    {
        let words = if let Some(variable) = answer.variable {
            format!("the token in {variable} answers first; unset the variable to use this one")
        } else {
            // Without its name, the new one would stand beside it, and then neither answers (R4).
            let place = target(&query.remote.to_string(), answer.account.name());
            format!("another token, which you added, answers first; to replace it: keyfob add {place}")
        };
        wire.line("hint", &words);
    }
    Ok(())
}

/// Logs out (R7, last sentence), and says what became of a token that the person added.
///
/// # Errors
/// Those of the wallet.
pub(super) fn forget(query: &Query, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<LoggedOut, Error> {
    let forgotten = wallet.logout(query)?;
    if let Some(url) = &forgotten.set_aside {
        let words = format!("your own token is set aside for packages, not destroyed; keyfob restore {url}");
        wire.line("hint", &words);
    }
    Ok(forgotten)
}
