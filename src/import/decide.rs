//! What is taken of what a source holds: where each token would go by the same rules as `keyfob add`, what it looks like, and how
//! the wallet stands to it. Decided before anything is written, so that it can be shown first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::error::Error;
use crate::forge::token::{RecognizedToken, recognize};
use crate::forge::{self, Recognition};
use crate::records::{Group, Source as AddedBy};
use crate::wallet::manage::add::{AddRequest, Planned};
use crate::wallet::manage::adopt::{Comparison, SecretCache};
use crate::wallet::manage::plan::ReadRecord;
use crate::wallet::{LocalWallet, manage};

use super::Found;

/// What a person lets in that is left otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// For plain http.
    pub http: bool,
    /// What is asked about otherwise: it looks like another service's, or only its user name tells the organisation.
    pub foreign: bool,
    /// What looks damaged, or as if it had ended.
    pub damaged: bool,
}

/// What is done with one entry.
#[derive(Debug)]
pub enum Decision {
    /// It is taken as an account of its own.
    Take,
    /// It is taken and set aside behind the token that the account has.
    Aside,
    /// It looks like another service's token, or only a user name tells its organisation: it is taken only if the person says so.
    Ask {
        /// What it looks like, or what is not certain.
        why: String,
    },
    /// The wallet holds it already, for this account.
    Held {
        /// Whose it is, for people.
        account: String,
        /// Whether it is in force there; otherwise it is set aside.
        in_force: bool,
    },
    /// It is the same as an earlier entry of the source.
    Duplicate {
        /// Where that stands.
        of: String,
    },
    /// It stays where it is.
    Leave {
        /// Why.
        why: String,
        /// Whether it is only for its look, which a person may know better.
        doubt: bool,
    },
}

/// An entry with what is decided of it.
pub struct Decided<'f> {
    /// The entry.
    pub found: &'f Found,
    /// Where it goes; `None` when it is left.
    pub planned: Option<Planned>,
    /// What is done.
    pub decision: Decision,
    /// What there is to say of a token that is taken.
    pub note: Option<String>,
}

impl Decided<'_> {
    /// Whether something has to be written for it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self.decision, Decision::Take | Decision::Aside)
    }

    /// Whether its token will be in the wallet, so that its place may be emptied.
    #[must_use]
    pub fn will_be_held(&self) -> bool {
        !matches!(self.decision, Decision::Leave { .. } | Decision::Ask { .. })
    }

    /// Whether its place may be emptied once the token is in the wallet: not where it answers for every organisation of a host, of
    /// which the wallet answers for one.
    #[must_use]
    pub fn may_be_moved(&self) -> bool {
        self.will_be_held() && !is_for_every_organisation(self.found)
    }

    /// Whether the wallet may answer another user name than this entry's: its token is there for another account, or not in force.
    #[must_use]
    pub fn may_be_unanswered(&self) -> bool {
        matches!(self.decision, Decision::Held { .. } | Decision::Duplicate { .. })
    }
}

/// Whether the URL of an entry tells no organisation where its service has them.
fn is_for_every_organisation(found: &Found) -> bool {
    matches!(forge::recognise(&found.remote, None), Recognition::NoOrganisation { .. })
}

/// Whether anything but the user name of an entry tells that there is this organisation: the wallet, or a URL of the same source.
fn is_known(planned: &Planned, all: &[Found], read: ReadRecord<'_>) -> Result<bool, Error> {
    let group = read(&planned.group)?;
    let mut held = group.realm(planned.realm.as_str()).into_iter().flat_map(|realm| &realm.accounts);
    let is_named = |found: &Found| {
        let place = forge::recognise(&found.remote, None);
        matches!(place, Recognition::Cloud { realm, .. } if realm == planned.realm)
    };
    Ok(held.any(|account| account.source == AddedBy::Person) || all.iter().any(is_named))
}

/// Decides on every entry.
///
/// # Errors
/// Those of reading the wallet: a locked store is an error, and nothing is decided (R9).
pub fn decide<'f>(
    wallet: &LocalWallet<'_>,
    found: &'f [Found],
    overrides: Overrides,
    seen: &SecretCache,
    now: i64,
) -> Result<Vec<Decided<'f>>, Error> {
    let mut all: Vec<Decided<'f>> = Vec::new();
    // Nothing is written here, so that a record is read once for all that belongs to it.
    let known: RefCell<HashMap<String, Rc<Group>>> = RefCell::default();
    let read = |name: &str| {
        if let Some(group) = known.borrow().get(name) {
            return Ok(Rc::clone(group));
        }
        let group = Rc::new(wallet.records().read(name)?);
        known.borrow_mut().insert(name.to_owned(), Rc::clone(&group));
        Ok(group)
    };
    let all_found = found;
    for found in all_found {
        let decided = match plan(wallet, found, overrides.http, &read) {
            Ok(mut planned) => {
                let standing = || manage::adopt::compare_by(wallet, &planned, &found.token, seen, &read);
                let mut decision = decision(found, &planned, &all, standing)?;
                let mut note = None;
                // What the wallet has, it has: a person put it there.
                if matches!(decision, Decision::Take | Decision::Aside) {
                    match look_at(found, &mut planned, overrides, now) {
                        Ok(said) => note = said,
                        Err(other) => decision = other,
                    }
                    if is_for_every_organisation(found)
                        && !overrides.foreign
                        && matches!(decision, Decision::Take | Decision::Aside)
                        && !is_known(&planned, all_found, &read)?
                    {
                        let why =
                            "only its user name tells the organisation, and it may be any name".to_owned();
                        decision = Decision::Ask { why };
                    }
                }
                Decided { found, planned: Some(planned), decision, note }
            }
            Err(error) if is_about_the_place(&error) => {
                let why = error.to_string();
                Decided { found, planned: None, decision: Decision::Leave { why, doubt: false }, note: None }
            }
            Err(error) => return Err(error),
        };
        all.push(decided);
    }
    Ok(all)
}

/// Looks at a token that would be taken, as `add` does: what is damaged stays where it is, what is another service's is asked
/// about; what there is to say of any other.
fn look_at(
    found: &Found,
    planned: &mut Planned,
    overrides: Overrides,
    now: i64,
) -> Result<Option<String>, Decision> {
    let name = planned.forge.name;
    let damaged = |why| Decision::Leave { why, doubt: true };
    Err(match recognize(&found.token, planned.forge) {
        RecognizedToken::Damaged(why) if !overrides.damaged => {
            damaged(format!("it is not a whole token: {why}"))
        }
        RecognizedToken::Fits { format, .. } if format.ended.is_some() && !overrides.damaged => {
            damaged(format!("it is {}, and {}", format.name, format.ended.unwrap_or_default()))
        }
        // Its end is not recorded, as in `add`. Nobody asked for this token in particular, so one that is past is left.
        RecognizedToken::Fits { lifespan: Some(lifespan), .. } if let Some(odd) = lifespan.odd(now) => {
            if lifespan.expires_by > now || overrides.damaged {
                return Ok(Some(odd));
            }
            damaged(odd)
        }
        RecognizedToken::Foreign { format, .. } if !overrides.foreign => {
            Decision::Ask { why: format!("it is {}, and {} belongs to {name}", format.name, planned.realm) }
        }
        RecognizedToken::Foreign { format, .. } => return Ok(Some(format!("it is {}", format.name))),
        RecognizedToken::Damaged(why) => return Ok(Some(why)),
        RecognizedToken::Fits { lifespan, .. } => {
            let expires = planned.wish.expires.or(lifespan.map(|lifespan| lifespan.expires_by));
            planned.wish.expires = expires;
            return Ok(None);
        }
        RecognizedToken::Unknown if planned.forge.token_formats.is_empty() => return Ok(None),
        RecognizedToken::Unknown => {
            return Ok(Some(format!("it looks like none of {name} that keyfob knows")));
        }
    })
}

fn plan(
    wallet: &LocalWallet<'_>,
    found: &Found,
    allow_http: bool,
    read: ReadRecord<'_>,
) -> Result<Planned, Error> {
    if manage::adopt::user_is_known_account(wallet, &found.remote, found.user.as_deref())? {
        let why = "the organisation is not to be seen: the user name may be one, and is that of an account";
        return Err(Error::usage(why, ""));
    }
    let wish = AddRequest::new(found.remote.clone(), found.user.clone());
    let planned =
        manage::plan::plan_by(wallet, AddRequest { expires: found.expires, allow_http, ..wish }, read)?;
    // `add` takes a nameless URL with a path for an Azure DevOps Server, and says so to a person who can say no. Here that is
    // too little to go by.
    if planned.guessed && found.user.is_none() && forge::looks_like(&found.remote).is_none() {
        let host = found.remote.authority();
        return Err(Error::usage(
            format!("{host} is a host that keyfob does not know, and no user name stands with it"),
            "",
        ));
    }
    planned.lacks_name().map_or(Ok(planned), Err)
}

/// Whether an error says that a token cannot go to this place; otherwise it is about the wallet, and ends everything.
fn is_about_the_place(error: &Error) -> bool {
    matches!(error, Error::Usage { .. } | Error::PlainHttp { .. } | Error::Url { .. })
}

fn decision(
    found: &Found,
    planned: &Planned,
    earlier: &[Decided<'_>],
    standing: impl FnOnce() -> Result<Comparison, Error>,
) -> Result<Decision, Error> {
    let of_realm = earlier.iter().filter(|other| {
        other.planned.as_ref().is_some_and(|other| other.realm == planned.realm) && other.will_be_held()
    });
    let mut same_account = false;
    for other in of_realm {
        if other.found.token.same_as(&found.token) {
            return Ok(Decision::Duplicate { of: other.found.at.clone() });
        }
        let account = other.planned.as_ref().map(|other| &other.wish.account);
        same_account |= account == Some(&planned.wish.account) && other.is_new();
    }
    Ok(match standing()? {
        Comparison::Held { account, in_force } => Decision::Held { account, in_force },
        Comparison::Other => Decision::Aside,
        Comparison::New { .. } if same_account => Decision::Aside,
        Comparison::New { .. } => Decision::Take,
    })
}
