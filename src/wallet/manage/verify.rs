//! `check`, the wallet's part: which tokens there are to ask about, with the request for each, and what is kept of an answer.
//! The asking itself is the command's; the wallet never uses the network (R12).

use crate::error::Error;
use crate::forge::token::redacted;
use crate::forge::verify::{Outcome, Problem, Target, Verdict};
use crate::forge::{self, Forge};
use crate::http_message::{Request, Response};
use crate::records::{AccountRecord, Expiry, Group, RealmRecord};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::store::environment;
use crate::text::without_scheme;
use crate::wallet::LocalWallet;
use crate::wallet::env_tokens::{forge_of_server, realm_of_server};
use crate::wallet::manage::AccountSummary;
use crate::wallet::manage::add::Planned;
use crate::wallet::manage::list::shown_place;
use crate::wallet::manage::select::select;
use crate::wallet::resolve::{Resolution, forge_of, host_group, resolve};
use crate::wallet::secrets::payload;

/// More scopes, or longer ones, no service has.
const MOST_SCOPES: usize = 200;
const LONGEST_SCOPE: usize = 100;

/// A token to ask about.
pub struct Subject {
    /// The realm in text.
    pub realm: String,
    /// The account's name.
    pub account: Option<String>,
    /// The realm's URL.
    pub url: String,
    /// The host and organisation as people write them.
    pub place: String,
    /// The store that holds the token.
    pub store: String,
    /// The variable that it is in, for one of the environment.
    pub variable: Option<&'static str>,
    /// The forge.
    pub forge: &'static Forge,
    /// Whether plain http was accepted for it.
    pub allow_http: bool,
    /// The token with its request, or why there is none.
    pub question: Result<Question, Error>,
    /// Where its record is.
    record: Option<RecordedSecret>,
}

/// What is asked about a token.
pub struct Question {
    /// The token.
    pub token: Secret,
    /// The request; `None` where nothing is known that tells.
    pub request: Option<Request>,
    target: Asked,
}

/// What the reading of an answer needs.
struct Asked {
    realm: Realm,
    home: String,
    account: Option<String>,
}

struct RecordedSecret {
    group: String,
    id: String,
}

impl Subject {
    fn token(&self) -> Option<&Secret> {
        self.question.as_ref().ok().map(|question| &question.token)
    }
}

impl Question {
    /// What is asked about.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        self.target.target(&self.token)
    }

    /// What an answer means.
    #[must_use]
    pub fn read(&self, answer: &Response) -> Verdict {
        let target = self.target.target(&self.token);
        let mut verdict = forge::named(target.realm.forge())
            .and_then(|forge| forge.check)
            .map(|check| (check.read)(answer, &target))
            .unwrap_or_default();
        // The service may repeat what it was sent.
        verdict.reason = verdict.reason.map(|reason| redacted(&reason, &self.token));
        // They are going to be recorded.
        verdict.scopes.retain(|scope| scope.len() <= LONGEST_SCOPE);
        verdict.scopes.truncate(MOST_SCOPES);
        verdict
    }
}

impl Asked {
    fn target<'t>(&'t self, token: &'t Secret) -> Target<'t> {
        Target { realm: &self.realm, home: self.home.clone(), account: self.account.as_deref(), token }
    }
}

/// The tokens in force of a place, or of the whole wallet with the environment's; each with its request. A token that its
/// store does not give comes with the error.
///
/// # Errors
/// [`Error::NoSuchCredential`] for a place that holds none; those of reading the records.
pub fn subjects(
    wallet: &LocalWallet<'_>,
    place: Option<&str>,
    account: Option<&str>,
) -> Result<Vec<Subject>, Error> {
    let mut subjects = Vec::new();
    if let Some(place) = place {
        let selection = select(wallet, place, account)?;
        for account in &selection.accounts {
            let mut subject = subject(wallet, &selection.group, &selection.realm, account);
            // Alone, it is what the person asked for.
            if selection.accounts.len() == 1 {
                subject.question = Ok(subject.question?);
            }
            subjects.push(subject);
        }
        subjects.sort_by(|a, b| a.account.cmp(&b.account));
        return Ok(subjects);
    }
    for group in wallet.records.all()? {
        let Group { group, realms, .. } = group?;
        for realm in &realms {
            subjects.extend(realm.accounts.iter().map(|account| subject(wallet, &group, realm, account)));
        }
    }
    for held in environment::read(wallet.environment).tokens {
        let (realm, forge, home) = match resolve(&wallet.config, &held.remote, held.user.as_deref())? {
            Resolution::Known(known) => (known.realm.clone(), known.forge, known.home(&held.remote)),
            Resolution::Host { .. } => {
                let forge = forge_of_server(&held);
                let home = held.remote.with_path(forge::prefix_of(forge, &held.remote).to_vec());
                (realm_of_server(&held), forge, home.to_string())
            }
            Resolution::NoOrganisation(_) | Resolution::Never => continue,
        };
        let url = held.remote.to_string();
        subjects.push(Subject {
            realm: realm.to_string(),
            account: held.user.clone(),
            place: without_scheme(&url).to_owned(),
            url,
            store: environment::STORE.name.to_owned(),
            forge,
            allow_http: environment::allows_http(wallet.environment, &held.remote),
            variable: Some(held.from),
            question: Ok(question(wallet, forge, realm, home, held.user, held.token)),
            record: None,
        });
    }
    subjects.sort_by(|a, b| (&a.realm, &a.account).cmp(&(&b.realm, &b.account)));
    Ok(subjects)
}

pub(super) fn subject(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: &RealmRecord,
    account: &AccountRecord,
) -> Subject {
    let forge = forge_of(realm);
    let question = payload(wallet, group, realm, account).and_then(|payload| {
        let what = realm.realm()?;
        let home = forge.home_url(&what).unwrap_or_else(|| realm.url.clone());
        let mut question = question(wallet, forge, what, home, account.name.clone(), payload.token);
        // A pair as a tool stored it is shown as that tool shows it; nothing is known of that.
        question.request = question.request.filter(|_| payload.authtype.is_none());
        Ok(question)
    });
    Subject {
        realm: realm.realm.clone(),
        account: account.name.clone(),
        url: realm.url.clone(),
        place: shown_place(wallet, realm),
        store: account.store.clone(),
        forge,
        allow_http: realm.allow_http,
        variable: None,
        question,
        record: Some(RecordedSecret { group: group.to_owned(), id: account.id.clone() }),
    }
}

/// What is asked about a token that is about to be added.
#[must_use]
pub fn question_for(wallet: &LocalWallet<'_>, planned: &Planned, token: Secret) -> Question {
    let home = planned.forge.home_url(&planned.realm).unwrap_or_else(|| planned.url.clone());
    question(wallet, planned.forge, planned.realm.clone(), home, planned.wish.account.clone(), token)
}

/// Another request about the same token, if it goes to the token's own realm (R12).
#[must_use]
pub fn request_for(
    wallet: &LocalWallet<'_>,
    question: &Question,
    make: impl FnOnce(&Target<'_>) -> Option<Request>,
) -> Option<Request> {
    make(&question.target())
        .filter(|request| stays_in(wallet, &request.url, &question.target).unwrap_or(false))
}

pub(super) fn question(
    wallet: &LocalWallet<'_>,
    forge: &'static Forge,
    realm: Realm,
    home: String,
    account: Option<String>,
    token: Secret,
) -> Question {
    let target = Asked { realm, home: home.trim_end_matches('/').to_owned(), account };
    let request = forge.check.map(|check| (check.request)(&target.target(&token)));
    // One that the settings describe may have no address of the service's own.
    let request = request.filter(|request| stays_in(wallet, &request.url, &target).unwrap_or(false));
    Question { token, request, target }
}

/// Whether a request goes to a host of the realm whose token it carries (R12).
fn stays_in(wallet: &LocalWallet<'_>, url: &str, target: &Asked) -> Result<bool, Error> {
    let (remote, _) = Remote::from_url(url)?;
    Ok(match resolve(&wallet.config, &remote, None)? {
        Resolution::Known(known) => known.realm == target.realm,
        Resolution::Host { group } => {
            let (home, _) = Remote::from_url(&target.home)?;
            group == host_group(&home) && remote.path_is_within(home.path(), true)
        }
        Resolution::NoOrganisation(_) | Resolution::Never => false,
    })
}

/// Keeps what a service said of a token that it accepts: a refusal is lifted; end and scopes are the service's from now on.
/// Nothing is concluded from a refusal, which may be a bad minute's (R7): only tools' own tell. Returns whether a refusal
/// was lifted.
///
/// # Errors
/// Those of writing the record.
pub fn record_verdict(wallet: &LocalWallet<'_>, subject: &Subject, verdict: &Verdict) -> Result<bool, Error> {
    let Some(kept) = &subject.record else { return Ok(false) };
    apply_verdict(wallet, &kept.group, verdict, |_, account| account.id == kept.id)
}

/// The same of a token that was added just now.
///
/// # Errors
/// As [`record_verdict`].
pub fn record_verdict_of_new(
    wallet: &LocalWallet<'_>,
    planned: &Planned,
    verdict: &Verdict,
) -> Result<bool, Error> {
    let is_match = |realm: &str, account: &AccountRecord| {
        realm == planned.realm.as_str() && super::add::is_same(account, planned)
    };
    apply_verdict(wallet, &planned.group, verdict, is_match)
}

pub(super) fn apply_verdict(
    wallet: &LocalWallet<'_>,
    group: &str,
    verdict: &Verdict,
    is_match: impl Fn(&str, &AccountRecord) -> bool,
) -> Result<bool, Error> {
    if verdict.outcome != Outcome::Accepted {
        return Ok(false);
    }
    wallet.records.change(group, |group| {
        let pairs = group.realms.iter_mut().flat_map(|realm| {
            let name = &realm.realm;
            realm.accounts.iter_mut().map(move |account| (name.as_str(), account))
        });
        let found = pairs.into_iter().find(|(realm, account)| is_match(realm, account));
        let Some((_, found)) = found else { return Ok((false, false)) };
        let lifted = !found.rejections.is_empty();
        let expires = told_end(found.expires, verdict, wallet.now);
        let told = !verdict.scopes.is_empty() && verdict.scopes != found.scopes;
        let changed = lifted || told || expires != found.expires;
        found.rejections.clear();
        found.expires = expires;
        if told {
            found.scopes.clone_from(&verdict.scopes);
        }
        Ok((lifted, changed))
    })
}

/// Marks tokens that several organisations of one service accept: the services have no other way to tell.
pub fn mark_global(told: &mut [(&Subject, Verdict)]) {
    for at in 0..told.len() {
        let (subject, verdict) = &told[at];
        let accepted = |verdict: &Verdict| verdict.outcome == Outcome::Accepted;
        let Some(end) = subject.forge.lifecycle.global_tokens_end.filter(|_| accepted(verdict)) else {
            continue;
        };
        let elsewhere = told.iter().any(|(other, verdict)| {
            other.realm != subject.realm
                && std::ptr::eq(other.forge, subject.forge)
                && accepted(verdict)
                && subject.token().zip(other.token()).is_some_and(|(one, other)| one.same_as(other))
        });
        if elsewhere {
            told[at].1.problem = Some(Problem::Global { end });
        }
    }
}

/// When an accepted token ends: what the service says; else what was recorded, unless the token has outlived it. One for all
/// organisations, when those do.
fn told_end(recorded: Option<Expiry>, verdict: &Verdict, now: i64) -> Option<Expiry> {
    let end = match verdict.expires {
        Some(at) => Some(Expiry { at, certain: true }),
        None => recorded.filter(|expiry| !(expiry.certain && expiry.at <= now)),
    };
    match verdict.problem {
        Some(Problem::Global { end: of_all }) => Some(global_end(end, of_all)),
        _ => end,
    }
}

/// The end of a token for all organisations, if none before that is known. Announced and not promised, so it keeps nothing from being
/// handed out.
pub(super) fn global_end(known: Option<Expiry>, of_all: i64) -> Expiry {
    known.filter(|known| known.at <= of_all).unwrap_or(Expiry { at: of_all, certain: false })
}

impl AccountSummary {
    /// When the tokens for all organisations end, if this is known to be one: what tells it apart is its uncertain end.
    #[must_use]
    pub fn global_end(&self) -> Option<i64> {
        let forge = self.realm.split_once('/').and_then(|(forge, _)| forge::named(forge));
        let end = forge.and_then(|forge| forge.lifecycle.global_tokens_end);
        end.filter(|end| self.expires == Some((*end, false)))
    }
}
