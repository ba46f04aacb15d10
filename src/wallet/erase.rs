//! `erase` from a tool (R7): it is not destruction. A server's 401 in a bad minute must not cost a person the token that was
//! shown only once.

use crate::error::Error;
use crate::forge::Presentation;
use crate::records::{AccountRecord, Group, Source, Trouble, TroubleState};
use crate::secret::Secret;
use crate::store::environment::EnvironmentToken;

use super::resolve::{RealmEntry, RealmMatch, Resolution, held, match_realm};
use super::{Erased, LocalWallet, Note, Query, SUSPECT_SECONDS};

impl LocalWallet<'_> {
    pub(super) fn erase_from_tool(&self, query: &Query, refused: Option<&Secret>) -> Result<Erased, Error> {
        let resolution = self.resolve(&query.remote, query.user.as_deref())?;
        let group = match &resolution {
            Resolution::Never => return Ok(Erased::default()),
            Resolution::NoOrganisation(forge) => return self.erase_unseen(forge.id, query, refused),
            Resolution::Known(known) => self.records.read(&known.group)?,
            Resolution::Host { group } => self.records.read(group)?,
        };
        if let Some(token) = refused {
            let ours = |held: &EnvironmentToken| held.token.same_as(token);
            if self.environment_tokens(query, &resolution)?.iter().any(ours) {
                return Ok(Erased::default());
            }
        }
        match match_realm(&resolution, &group, &query.remote) {
            RealmMatch::Several(_) => return self.erase_in_all(&group, query, refused),
            RealmMatch::One(held) => {
                let erased = self.erase_in(&held, query, refused)?;
                if erased != Erased::default() {
                    return Ok(erased);
                }
            }
            RealmMatch::None => {}
        }
        // The user name may have been taken for an organisation although it is an account's.
        match self.organisation_is_a_guess(&resolution, query)? {
            Some(forge) => self.erase_unseen(forge.id, query, refused),
            None => Ok(Erased::default()),
        }
    }

    /// Where the organisation cannot be seen: by host and token, so never without a token.
    fn erase_unseen(&self, forge: &str, query: &Query, refused: Option<&Secret>) -> Result<Erased, Error> {
        let Some(token) = refused else { return Ok(Erased::default()) };
        let mut all = Erased::default();
        for group in self.records.of_forge(forge)? {
            all = all.and(self.erase_in_all(&group, query, Some(token))?);
        }
        Ok(all)
    }

    /// All realms of a group: a request that could mean any of them marks only what equals its token.
    fn erase_in_all(&self, group: &Group, query: &Query, refused: Option<&Secret>) -> Result<Erased, Error> {
        if refused.is_none() {
            return Ok(Erased::default());
        }
        let mut all = Erased::default();
        for record in &group.realms {
            all = all.and(self.erase_in(&held(group, record), query, refused)?);
        }
        Ok(all)
    }

    fn erase_in(
        &self,
        held: &RealmEntry<'_>,
        query: &Query,
        refused: Option<&Secret>,
    ) -> Result<Erased, Error> {
        let mut ids = Vec::new();
        let mut note = None;
        for account in held.record.accounts.iter().filter(|account| could_be_meant(held, account, query)) {
            let meant = match refused {
                Some(token) => self.holds(held.group, held.record, account, token)?,
                // git's own helpers forget whatever matches when no password is given; a person's token is not
                // lost by so little.
                None => account.source == Source::Tool,
            };
            if !meant {
                continue;
            }
            let person = account.source == Source::Person;
            if person && held.naming().presentation() == Presentation::ForcedBasic && !query.takes_authtype {
                // This git could not be told to use Basic, so NTLM was tried, and that says nothing of the token.
                note = Some(Note::NeedsNewerGit { realm: held.record.realm.clone() });
                continue;
            }
            ids.push(account.id.clone());
        }
        let erased = self.mark(held.group, &ids, query)?;
        Ok(Erased { note, ..erased })
    }

    /// Marks accounts as refused, if they still hold what was compared; otherwise it is to be compared anew.
    fn mark(&self, group: &str, ids: &[String], query: &Query) -> Result<Erased, Error> {
        if ids.is_empty() {
            return Ok(Erased::default());
        }
        self.records.change(group, |group| {
            if !ids.iter().all(|id| group.ids().any(|held| held == id)) {
                return Err(Error::Changing);
            }
            let meant = |account: &&mut AccountRecord| ids.contains(&account.id);
            let refused = group.accounts_mut().filter(meant).map(|account| refuse(account, query, self.now));
            let changed = refused.filter(|&changed| changed).count();
            Ok((Erased { changed, note: None }, changed > 0))
        })
    }
}

/// Whether a request could mean this account: its user name is the account's, or means nothing, or is one that an unnamed
/// account answers; and for a tool's pair, the path fits.
pub(super) fn could_be_meant(held: &RealmEntry<'_>, account: &AccountRecord, query: &Query) -> bool {
    let user = query.user.as_deref();
    match account.source {
        Source::Tool => {
            let path = query.remote.path().is_empty() || query.remote.path_is_within(&account.path, false);
            path && (user.is_none() || account.name.as_deref() == user)
        }
        Source::Person => user.is_none_or(|user| match account.name.as_deref() {
            _ if held.is_no_preference(user) => true,
            Some(name) if held.forge.is_generic() => name == user,
            Some(name) => name.eq_ignore_ascii_case(user),
            None => held.forge.ignores_user_names,
        }),
    }
}

/// The next state of a refused account; whether it changed. Refusals within the minute in which a token is withheld come
/// from requests that were under way together, and count as one.
fn refuse(account: &mut AccountRecord, query: &Query, now: i64) -> bool {
    let need = if account.source == Source::Tool { "*" } else { query.need.as_str() };
    let state = match (account.source, account.trouble.get(need)) {
        (_, Some(Trouble { state: TroubleState::Rejected, .. })) => return false,
        (Source::Tool, _) => TroubleState::Rejected,
        (Source::Person, None) => TroubleState::Suspect,
        (Source::Person, Some(trouble))
            if (0..SUSPECT_SECONDS).contains(&now.saturating_sub(trouble.since)) =>
        {
            return false;
        }
        (Source::Person, Some(_)) => TroubleState::Rejected,
    };
    account.trouble.insert(need.to_owned(), Trouble { state, since: now });
    true
}
