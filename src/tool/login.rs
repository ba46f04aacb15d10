//! A login that a tool wants kept, where the tool has one for a host: docker's and Terraform's. Deliberately absent: reading it,
//! which is each tool's own.

use crate::credential::Secret;
use crate::error::Error;
use crate::wallet::{Found, Given, Query, Stored, Wallet};

use super::Wire;

/// Keeps `given`, whose token is `secret`. `tool` is for what is said where it cannot be kept.
///
/// # Errors
/// [`Error::Usage`] where no login can be kept, and those of the wallet.
pub(super) fn keep(
    mut query: Query,
    given: Given,
    secret: &Secret,
    tool: &str,
    wire: &mut Wire<'_>,
    wallet: &dyn Wallet,
) -> Result<(), Error> {
    match wallet.store(&query, given)? {
        Stored::Kept { chosen } => {
            if let Some(store) = chosen.filter(|_| wire.person_watches) {
                let claim = crate::store::named(store).map_or("", |record| record.claim);
                wire.line("note", &format!("tokens are kept in the {store} store from now on: {claim}"));
            }
        }
        Stored::Same | Stored::Cleared => {}
        Stored::NotOurs | Stored::NoOrganisation { .. } => {
            return Err(Error::usage(
                format!("this is no place that a {tool} login can be kept for"),
                "keyfob add URL, with the organisation in it",
            ));
        }
    }
    // The tool has one login for a host: the new one.
    wallet.displace(&query)?;
    // What a person added comes first (R4): then the login was in vain, and that must not go unsaid.
    query.user = None;
    if let Found::Answer(answer) = wallet.get(&query)?
        && !answer.token.same_as(secret)
    {
        let place = &query.remote;
        let words =
            format!("another token, which you added, answers first; to replace it: keyfob add {place}");
        wire.line("hint", &words);
    }
    Ok(())
}
