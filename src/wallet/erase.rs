//! `erase` from a tool (R7): it is not destruction. A server's 401 in a bad minute must not cost a person the token that was
//! shown only once.

use crate::error::{Error, RejectionReason};
use crate::forge::Presentation;
use crate::records::{AccountRecord, Group, Rejection, RejectionState, Source};
use crate::secret::Secret;
use crate::text::without_scheme;

use super::choose::is_match;
use super::env_tokens::Environment;
use super::resolve::{RealmEntry, RealmMatch, Resolution, entry_of, match_realm, organisation_is_a_guess};
use super::secrets::holds;
use super::{Erased, LocalWallet, Note, Query, SUSPECT_SECONDS};

pub(super) fn erase(
    wallet: &LocalWallet<'_>,
    query: &Query,
    refused: Option<&Secret>,
) -> Result<Erased, Error> {
    let mut environment = Environment::of(wallet);
    let (resolution, out_of_reach) = environment.resolve(query)?;
    if let Some(token) = refused
        && let Some(variable) = environment.holding(query, &resolution, token)?
    {
        return Ok(Erased { changed: 0, note: Some(Note::VariableRefused { variable }) });
    }
    if let Some(error) = out_of_reach {
        return Err(error);
    }
    let group = match &resolution {
        Resolution::Never => return Ok(Erased::default()),
        Resolution::NoOrganisation(forge) => return erase_unseen(wallet, forge.id, query, refused),
        Resolution::Known(known) => wallet.records.read(&known.group)?,
        Resolution::Host { group } => wallet.records.read(group)?,
    };
    match match_realm(&resolution, &group, &query.remote) {
        RealmMatch::Several(_) => return erase_in_all(wallet, &group, query, refused),
        RealmMatch::One(entry) => {
            let erased = erase_in(wallet, &entry, query, refused)?;
            if erased != Erased::default() {
                return Ok(erased);
            }
        }
        RealmMatch::None => {}
    }
    // The user name may have been taken for an organisation although it is an account's.
    match organisation_is_a_guess(&wallet.records, &resolution, &query.remote, query.user.as_deref())? {
        Some(forge) => erase_unseen(wallet, forge.id, query, refused),
        None => Ok(Erased::default()),
    }
}

/// Where the organisation cannot be seen: by host and token, so never without a token.
fn erase_unseen(
    wallet: &LocalWallet<'_>,
    forge: &str,
    query: &Query,
    refused: Option<&Secret>,
) -> Result<Erased, Error> {
    let Some(token) = refused else { return Ok(Erased::default()) };
    let mut all = Erased::default();
    for group in wallet.records.of_forge(forge)? {
        all = all.and(erase_in_all(wallet, &group, query, Some(token))?);
    }
    Ok(all)
}

/// All realms of a group: a request that could mean any of them marks only what equals its token.
fn erase_in_all(
    wallet: &LocalWallet<'_>,
    group: &Group,
    query: &Query,
    refused: Option<&Secret>,
) -> Result<Erased, Error> {
    if refused.is_none() {
        return Ok(Erased::default());
    }
    let mut all = Erased::default();
    for record in &group.realms {
        all = all.and(erase_in(wallet, &entry_of(group, record), query, refused)?);
    }
    Ok(all)
}

fn erase_in(
    wallet: &LocalWallet<'_>,
    entry: &RealmEntry<'_>,
    query: &Query,
    refused: Option<&Secret>,
) -> Result<Erased, Error> {
    let mut ids = Vec::new();
    let mut note = None;
    for account in entry.record.accounts.iter().filter(|account| is_match(entry, account, query)) {
        let meant = match refused {
            Some(token) => holds(wallet, entry.group, entry.record, account, token)?,
            // git's own helpers forget whatever matches when no password is given; a person's token is not
            // lost by so little.
            None => account.source == Source::Tool,
        };
        if !meant {
            continue;
        }
        let person = account.source == Source::Person;
        if person
            && entry.user_name_rule().presentation() == Presentation::ForcedBasic
            && !query.takes_authtype
        {
            // This git could not be told to use Basic, so NTLM was tried, and that says nothing of the token.
            note = Some(Note::NeedsNewerGit { realm: entry.record.realm.clone() });
            continue;
        }
        ids.push(account.id.clone());
    }
    let refused = reject_all(wallet, entry.group, &ids, query)?;
    let tell = |refused: &Refused| {
        (query.stderr_is_terminal && refused.is_news).then(|| Note::Refused {
            place: without_scheme(&entry.record.url).to_owned(),
            url: entry.record.url.clone(),
            account: refused.account.clone(),
            by_tool: refused.by_tool,
            set_aside: refused.set_aside,
        })
    };
    Ok(Erased { changed: refused.len(), note: note.or_else(|| refused.iter().find_map(tell)) })
}

/// An account whose state a refusal changed.
struct Refused {
    account: Option<String>,
    by_tool: bool,
    set_aside: bool,
    /// Whether the user did not hear of it within the last minute, and no program renews it unasked.
    is_news: bool,
}

/// Marks accounts as refused, if they still hold what was compared; otherwise it is to be compared anew.
fn reject_all(
    wallet: &LocalWallet<'_>,
    group: &str,
    ids: &[String],
    query: &Query,
) -> Result<Vec<Refused>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    wallet.records.change(group, |group| {
        if !ids.iter().all(|id| group.ids().any(|known| known == id)) {
            return Err(Error::Changing);
        }
        let meant = |account: &&mut AccountRecord| ids.contains(&account.id);
        let refused = group.accounts_mut().filter(meant);
        let changed: Vec<_> = refused.filter_map(|account| refuse(account, query, wallet.now)).collect();
        let write = !changed.is_empty();
        Ok((changed, write))
    })
}

/// The next state of a refused account, if it changed. Refusals within the minute in which a token is withheld come
/// from requests that were under way together, and count as one.
fn refuse(account: &mut AccountRecord, query: &Query, now: i64) -> Option<Refused> {
    let need = if account.source == Source::Tool { "*" } else { query.need.as_str() };
    let state = match (account.source, account.rejections.get(need)) {
        (_, Some(Rejection { state: RejectionState::Rejected, .. })) => return None,
        (Source::Tool, _) => RejectionState::Rejected,
        (Source::Person, None) => RejectionState::Suspect,
        (Source::Person, Some(rejection))
            if (0..SUSPECT_SECONDS).contains(&now.saturating_sub(rejection.since)) =>
        {
            return None;
        }
        (Source::Person, Some(_)) => RejectionState::Rejected,
    };
    let rejection = Rejection { state, since: now, reason: RejectionReason::Refused };
    let just_now = |held: &Rejection| (0..SUSPECT_SECONDS).contains(&now.saturating_sub(held.since));
    let is_news = !account.refresh && !account.rejections.values().any(just_now);
    account.rejections.insert(need.to_owned(), rejection);
    Some(Refused {
        account: account.name.clone(),
        by_tool: account.source == Source::Tool,
        set_aside: state == RejectionState::Rejected,
        is_news,
    })
}
