//! Which account of a realm answers (R4), and whether its token may be handed out (R7, R8). Pure: no file, no store; what
//! it looked at goes to a trace, from which `explain` makes its text. On the get path the trace does nothing.

use std::fmt::{self, Arguments};

use crate::error::{NoCredential, RejectionReason};
use crate::records::{AccountRecord, RejectionState, Source};
use crate::remote::is_within;

use super::resolve::RealmEntry;
use super::{Query, SUSPECT_SECONDS};

/// Hears each step of a decision. The text is only made if somebody listens.
pub type Trace<'t> = &'t mut dyn FnMut(Arguments<'_>);

/// An account in a sentence. A type, so that no text is made where nobody listens.
struct Called<'a>(&'a AccountRecord);

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name.as_deref() {
            Some(name) => write!(f, "account {name}"),
            None => f.write_str("the unnamed account"),
        }
    }
}

/// Chooses the account that answers `query` in the realm `entry`.
///
/// # Errors
/// The [`NoCredential`] that says why none does.
pub fn choose<'r>(
    entry: &RealmEntry<'r>,
    query: &Query,
    now: i64,
    trace: Trace<'_>,
) -> Result<&'r AccountRecord, NoCredential> {
    Choice { entry, query, now }.make(trace)
}

/// A choice that is to be made.
struct Choice<'c, 'r> {
    entry: &'c RealmEntry<'r>,
    query: &'c Query,
    now: i64,
}

impl<'r> Choice<'_, 'r> {
    fn make(&self, trace: Trace<'_>) -> Result<&'r AccountRecord, NoCredential> {
        let Choice { entry, query, .. } = *self;
        // A name that names an account picks it, even one that would mean nothing otherwise.
        let names =
            |user: &str| of(entry, Source::Person).any(|account| account.name.as_deref() == Some(user));
        let asked = query.user.as_deref().filter(|user| names(user) || !entry.is_no_preference(user));
        match (query.user.as_deref(), asked) {
            (_, Some(user)) => trace(format_args!("user name {user} was asked for")),
            (Some(user), None) if !user.is_empty() => {
                trace(format_args!("user name {user} means no preference here"))
            }
            _ => trace(format_args!("no user name was asked for")),
        }
        let persons: Vec<&AccountRecord> = of(entry, Source::Person).collect();
        let choice = match asked {
            Some(user) => self.named(&persons, user, trace),
            None => self.freely(&persons, trace),
        };
        let reason = match choice {
            Ok(account) => match self.judge(account) {
                Ok(()) => return Ok(account),
                Err(reason) => {
                    trace(format_args!("{}: {}", Called(account), in_words(&reason)));
                    reason
                }
            },
            Err(reason) => reason,
        };
        // A tool's pair answers only when no person's account is usable. A choice that was refused or has ended never
        // falls through to another person's account, and ambiguity is not solved by a guess.
        if matches!(reason, NoCredential::Ambiguous { .. }) {
            return Err(reason);
        }
        let usable = |account: &&&AccountRecord| self.covers(account) && self.judge(account).is_ok();
        if asked.is_none() && persons.iter().any(|account| usable(&account)) {
            return Err(reason);
        }
        self.stored(asked, reason, trace)
    }

    /// A user name that means somebody: the account of that name; else a tool's pair of that name; else the unnamed account,
    /// where the forge ignores names.
    fn named(
        &self,
        persons: &[&'r AccountRecord],
        user: &str,
        trace: Trace<'_>,
    ) -> Result<&'r AccountRecord, NoCredential> {
        let entry = self.entry;
        if let Some(account) = persons.iter().find(|account| account.name.as_deref() == Some(user)) {
            trace(format_args!("account {user} is the one"));
            return Ok(account);
        }
        // Services fold the letter case of logins; a generic host may not.
        let folded =
            |account: &&&AccountRecord| account.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(user));
        if !entry.forge.is_generic()
            && let Some(account) = persons.iter().find(folded)
        {
            trace(format_args!("{} is the one (letter case aside)", Called(account)));
            return Ok(account);
        }
        let stored = self.stored(Some(user), no_account(entry, Some(user)), trace);
        if matches!(stored, Ok(_) | Err(NoCredential::Ambiguous { .. })) {
            return stored;
        }
        match persons.iter().find(|account| account.name.is_none()) {
            Some(account) if entry.forge.ignores_user_names => {
                trace(format_args!(
                    "the unnamed account answers any name, because {} ignores names",
                    entry.forge.name
                ));
                Ok(account)
            }
            _ => {
                trace(format_args!("no account has that name"));
                Err(no_account(entry, Some(user)))
            }
        }
    }

    /// No preference: a path rule, the scopes, the default, the only one.
    fn freely(
        &self,
        persons: &[&'r AccountRecord],
        trace: Trace<'_>,
    ) -> Result<&'r AccountRecord, NoCredential> {
        let Choice { entry, query, .. } = *self;
        let folds = entry.forge.case_insensitive_paths;
        let below = entry.below(&query.remote);
        let marker = entry.forge.packages.feed_marker;
        let is_view = |path: &[String]| marker.is_some_and(|marker| is_view_of(below, path, marker, folds));
        let fits = |path: &[String]| is_within(below, path, folds) || is_view(path);
        let rules = entry.record.rules.iter().filter(|rule| fits(&rule.path));
        if let Some(rule) = rules.max_by_key(|rule| rule.path.len())
            && let Some(account) = persons.iter().find(|account| account.name == rule.account)
        {
            trace(format_args!("the rule for /{} prefers {}", rule.path.join("/"), Called(account)));
            return Ok(account);
        }
        let mut left = Vec::with_capacity(persons.len());
        for &account in persons {
            if self.covers(account) {
                left.push(account);
            } else {
                let need = query.need.as_str();
                trace(format_args!("{} is out: its recorded scopes do not cover {need}", Called(account)));
            }
        }
        if let Some(account) = left.iter().find(|account| account.default) {
            trace(format_args!("{} is the default", Called(account)));
            return Ok(account);
        }
        match left.as_slice() {
            [] => {
                trace(format_args!("no account that a person added is left"));
                Err(if persons.is_empty() { no_account(entry, None) } else { self.uncovered() })
            }
            [one] => {
                trace(format_args!("{} is the only one", Called(one)));
                Ok(one)
            }
            several => {
                trace(format_args!("{} accounts are left and none is preferred", several.len()));
                Err(ambiguous(entry, several))
            }
        }
    }

    /// Among the pairs that tools stored: by name if one was asked for, then the longest path, then the only one.
    fn stored(
        &self,
        asked: Option<&str>,
        reason: NoCredential,
        trace: Trace<'_>,
    ) -> Result<&'r AccountRecord, NoCredential> {
        let Choice { entry, query, .. } = *self;
        let raw = query.user.as_deref();
        let mut fitting: Vec<&AccountRecord> =
            of(entry, Source::Tool).filter(|account| fits(account, query)).collect();
        // A name that means "no preference" still picks the pair that was stored with just that name.
        if asked.is_some() || fitting.iter().any(|account| raw.is_some() && account.name.as_deref() == raw) {
            fitting.retain(|account| account.name.as_deref() == raw);
        }
        let stored = fitting.len();
        // Without a path, the pair that was stored without one comes first; any other is a guess that only git's own matching
        // makes good, and only if it is the only one.
        let whole_host =
            query.remote.path().is_empty() && fitting.iter().any(|account| account.path.is_empty());
        let longest = fitting.iter().map(|account| account.path.len()).max().unwrap_or(0);
        let longest = if whole_host { 0 } else { longest };
        let guess = query.remote.path().is_empty() && !whole_host;
        let reaches = |account: &AccountRecord| guess || account.path.len() == longest;
        fitting.retain(|account| reaches(account) && self.judge(account).is_ok());
        match fitting.as_slice() {
            [] if stored > 0 => {
                trace(format_args!("what a tool stored was refused or has ended"));
                let nobody =
                    matches!(reason, NoCredential::NoAccount { .. } | NoCredential::Uncovered { .. });
                Err(if nobody { self.gone().unwrap_or(reason) } else { reason })
            }
            [] => Err(reason),
            [one] => {
                trace(format_args!("{} was stored by a tool", Called(one)));
                Ok(one)
            }
            several if let Some(one) = several.iter().find(|account| account.default) => {
                trace(format_args!(
                    "{} was stored by a tool, and answered before the others came",
                    Called(one)
                ));
                Ok(one)
            }
            several => {
                trace(format_args!(
                    "{} accounts that tools stored are left and none is asked for",
                    several.len()
                ));
                Err(ambiguous(entry, several))
            }
        }
    }

    /// Why the pairs that tools stored do not answer: the first refusal among them.
    fn gone(&self) -> Option<NoCredential> {
        of(self.entry, Source::Tool)
            .filter(|account| fits(account, self.query))
            .find_map(|account| self.judge(account).err())
    }

    /// Whether an account's recorded scopes cover what the tool needs.
    fn covers(&self, account: &AccountRecord) -> bool {
        self.entry.forge.covers(&account.scopes, self.query.need)
    }

    fn uncovered(&self) -> NoCredential {
        let (realm, url) = (self.entry.record.realm.clone(), self.entry.record.url.clone());
        NoCredential::Uncovered { realm, url, need: self.query.need.as_str() }
    }

    fn judge(&self, account: &AccountRecord) -> Result<(), NoCredential> {
        judge(self.entry, account, self.query, self.now)
    }
}

/// Whether a path is in a view of the feed that a rule is for: `MARKER/feed@Release` is a view of `MARKER/feed`.
fn is_view_of(path: &[String], rule: &[String], marker: &str, folds: bool) -> bool {
    let Some([before, feed]) = rule.last_chunk() else { return false };
    let asked = path.get(rule.len() - 1).and_then(|segment| segment.split_once('@'));
    before == marker
        && asked.is_some_and(|(name, _)| name == feed || (folds && name.eq_ignore_ascii_case(feed)))
        && is_within(path, &rule[..rule.len() - 1], folds)
}

/// All accounts of one source.
fn of<'r>(entry: &RealmEntry<'r>, source: Source) -> impl Iterator<Item = &'r AccountRecord> {
    entry.record.accounts.iter().filter(move |account| account.source == source)
}

/// Whether a tool's pair belongs to the path that is asked about, and can be carried. git asks for a path only when the user
/// wants the path to count; then what was stored for one path does not serve another.
fn fits(account: &AccountRecord, query: &Query) -> bool {
    let path = query.remote.path().is_empty() || query.remote.path_is_within(&account.path, false);
    path && (query.takes_authtype || !account.authtype)
}

/// Whether a request could mean this account: its user name is the account's, or means nothing, or is one that an unnamed
/// account answers; and for a tool's pair, the path fits.
pub(super) fn is_match(entry: &RealmEntry<'_>, account: &AccountRecord, query: &Query) -> bool {
    let user = query.user.as_deref();
    match account.source {
        Source::Tool => {
            let path = query.remote.path().is_empty() || query.remote.path_is_within(&account.path, false);
            path && (user.is_none() || account.name.as_deref() == user)
        }
        Source::Person => user.is_none_or(|user| match account.name.as_deref() {
            _ if entry.is_no_preference(user) => true,
            Some(name) if entry.forge.is_generic() => name == user,
            Some(name) => name.eq_ignore_ascii_case(user),
            None => entry.forge.ignores_user_names,
        }),
    }
}

/// Whether the token of a chosen account may be handed out.
///
/// # Errors
/// [`NoCredential::Expired`], [`NoCredential::Rejected`].
pub fn judge(
    entry: &RealmEntry<'_>,
    account: &AccountRecord,
    query: &Query,
    now: i64,
) -> Result<(), NoCredential> {
    let (realm, url, name) =
        (|| entry.record.realm.clone(), || entry.record.url.clone(), || account.name.clone());
    if let Some(at) = hard_end(account, now).filter(|&at| at <= now) {
        return Err(NoCredential::Expired { realm: realm(), url: url(), account: name(), at });
    }
    let Some(rejection) = account.rejection_for(query.need.as_str()) else { return Ok(()) };
    let waited = now.saturating_sub(rejection.since);
    let again_in = match rejection.state {
        RejectionState::Rejected => None,
        // After a minute, or when the clock was set back, it is offered once more.
        RejectionState::Suspect if !(0..SUSPECT_SECONDS).contains(&waited) => return Ok(()),
        RejectionState::Suspect => Some(SUSPECT_SECONDS - waited),
    };
    Err(NoCredential::Rejected {
        realm: realm(),
        url: url(),
        account: name(),
        again_in,
        reason: rejection.reason,
    })
}

/// When a token certainly ends (R8). A clock that is earlier than the record makes every date soft.
#[must_use]
pub fn hard_end(account: &AccountRecord, now: i64) -> Option<i64> {
    account.expires.filter(|expiry| expiry.certain && now >= account.changed).map(|expiry| expiry.at)
}

fn no_account(entry: &RealmEntry<'_>, asked: Option<&str>) -> NoCredential {
    let asked = asked.map(str::to_owned);
    NoCredential::NoAccount { realm: entry.record.realm.clone(), url: entry.record.url.clone(), asked }
}

/// An account in a list to choose from: the unnamed one with the word that selects it.
#[must_use]
pub fn account_in_words(name: Option<&str>) -> String {
    name.map_or_else(|| "- (the unnamed one)".to_owned(), str::to_owned)
}

fn ambiguous(entry: &RealmEntry<'_>, accounts: &[&AccountRecord]) -> NoCredential {
    let names = accounts.iter().map(|account| account_in_words(account.name.as_deref())).collect();
    let stored = accounts.iter().all(|account| account.source == Source::Tool);
    NoCredential::Ambiguous {
        realm: entry.record.realm.clone(),
        url: entry.record.url.clone(),
        names,
        stored,
    }
}

fn in_words(reason: &NoCredential) -> &'static str {
    match reason {
        NoCredential::Expired { .. } => "its token has ended",
        NoCredential::Rejected { again_in: Some(_), .. } => {
            "its token was refused just now and is withheld for a minute"
        }
        NoCredential::Rejected { again_in: None, reason, .. } => match reason {
            RejectionReason::Refused => "its token was refused and is set aside",
            RejectionReason::LoggedOut => "its token was set aside by a logout in a tool",
            RejectionReason::Revoked => "its token was revoked",
            RejectionReason::Replaced => "its token was replaced by a later login in a tool",
        },
        NoCredential::NotOurs
        | NoCredential::NoOrganisation { .. }
        | NoCredential::NoAccount { .. }
        | NoCredential::Uncovered { .. }
        | NoCredential::Unusable { .. } => "none",
        NoCredential::Ambiguous { .. }
        | NoCredential::NoPath { .. }
        | NoCredential::Variables { .. }
        | NoCredential::PlainHttp { .. } => "not usable",
    }
}
