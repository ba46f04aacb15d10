//! `keyfob rotate`: a new token takes the place of the old one, however the service makes it: by the interface of Azure DevOps
//! Services, by itself (GitLab), or by a person on the service's page. In this order always: make, keep, verify, revoke.

use clap::ArgMatches;

use crate::error::{Error, target};
use crate::forge::lifecycle::{FailureEffect, Renewal, TokenApi, TokenRequest};
use crate::records::{AccountRecord, Source};
use crate::terminal::Uninterrupted;
use crate::text::date;
use crate::wallet::manage::add::Planned;
use crate::wallet::manage::rotate::{Failed, Making, NotRenewed, is_long};
use crate::wallet::manage::verify::Question;
use crate::wallet::pending::{List, Pending};
use crate::wallet::{DAY, manage};

use super::network::Client;
use super::pat::change::{say_all, scopes_for, tell};
use super::resume::{MadeGood, finish_pending};
use super::token_service::{TokenService, failed, may_use_network, verify};
use super::{Command, Context, account, filled, flag, network, option, text, time, token, url, whose, yes};

mod by_hand;
mod old;

/// `keyfob rotate`.
pub static COMMAND: Command = Command {
    name: "rotate",
    about: "Put a new token in the place of the old one",
    details: "Azure DevOps Services: makes a token like the old one, keeps it, verifies it, and then revokes the old one (needs a \
              sign-in: keyfob pat --help). GitLab: the token renews itself. Elsewhere, and with --by-hand: make one on the \
              service's page, which opens by itself where there is a desktop, and paste it, or pipe it in.\n\n\
              A crash at any step leaves a token that works; the next rotate, or keyfob doctor --repair, goes on from there. \
              KEYFOB_OFFLINE=1 keeps every command from the network.",
    example: "keyfob rotate https://dev.azure.com/contoso",
    arguments: |command| {
        let option = |name: &'static str, value: &'static str| option(name, value).value_parser(filled);
        command
            .arg(url().required(true))
            .arg(account())
            .arg(
                option("expires", "WHEN")
                    .help("When the new one ends; else it lasts as long as the old one did"),
            )
            .arg(
                option("for", "TASKS")
                    .help("What it is for (keyfob pat create --help); else the same as the old one"),
            )
            .arg(
                option("pat", "NAME-OR-ID")
                    .help("Azure DevOps: which of your tokens the old one is, where keyfob did not make it"),
            )
            .arg(flag("keep-old", "Do not revoke the old one"))
            .arg(flag("unchecked", "Do not ask whether the new token is taken"))
            .arg(flag("by-hand", "Make the new one on the service's page"))
            .arg(flag(
                "open",
                "Open that page in the browser, even where nobody sits at a terminal with a desktop",
            ))
            .arg(flag("no-open", "Open no page").conflicts_with("open"))
            .arg(flag(
                "settled",
                "Rotate nothing: what doctor names as half done here is done, and need not be spoken of any more",
            ))
            .arg(flag("force", "Keep the new token even if it looks wrong or is not accepted"))
            .arg(yes())
    },
    run,
};

/// The least and the most that a new token lasts when nobody says how long.
const SPAN: (i64, i64) = (DAY, 365 * DAY);

/// How long it lasts when nothing is known of the old one.
const USUAL: i64 = 90 * DAY;

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    if matches.get_flag("settled") {
        return by_hand::settle(matches, context);
    }
    let (account, planned) = the_account(matches, context)?;
    let list = List::new(&context.data);
    let is_it =
        |pending: &Pending| pending.realm == planned.realm.as_str() && pending.account == account.name;
    let under_way = list.read()?.iter().any(|pending| is_it(pending) && !by_hand::is_it(pending));
    let by_hand = matches.get_flag("by-hand");
    if by_hand::resume(&list, &account, &planned, matches, context)? {
        super::setup::keep_in_step(context);
        return Ok(());
    }
    if list.alone(|| is_rotated(&list, under_way, &account, &planned, context))? {
        super::setup::keep_in_step(context);
        return Ok(());
    }
    match planned.forge.lifecycle.renewal {
        Renewal::SignedIn(_) if !by_hand => signed_in(&list, &account, planned, matches, context)?,
        Renewal::SelfRotation(api) if !by_hand => by_itself(&list, api, &account, planned, matches, context)?,
        _ => by_hand::on_its_page(&list, planned, matches, context)?,
    }
    super::setup::keep_in_step(context);
    Ok(())
}

/// The account that the person means, and where its next token goes.
fn the_account(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(AccountRecord, Planned), Error> {
    let selection =
        manage::select(context.wallet, text(matches, "URL").unwrap_or_default(), text(matches, "account"))?
            .persons();
    let account = match selection.default() {
        // The others are not asked about: git gets this one's token.
        Some(default) if selection.accounts.len() > 1 => {
            let whose = whose(&default.account(), &selection.realm.realm);
            context.terminal.note(&format!("rotating the token of {whose}, which is the default"));
            default.clone()
        }
        _ => selection.only()?.clone(),
    };
    if account.source == Source::Tool {
        return Err(Error::usage(
            format!(
                "{} was stored by a tool, and only that knows how it is renewed",
                whose(&account.account(), &selection.realm.realm)
            ),
            format!("a token of your own: keyfob add {}", selection.realm.url),
        ));
    }
    let planned = manage::rotate::plan_again(context.wallet, &selection, &account)?;
    Ok((account, planned))
}

/// Makes good what is half done, and says whether that was the rotation. If not, the token is still the one that was meant: another
/// process may have rotated it while this one waited, or was about to when this one began (`under_way`). Only within
/// [`List::alone`], which nobody holds while a person is asked.
fn is_rotated(
    list: &List,
    under_way: bool,
    account: &AccountRecord,
    planned: &Planned,
    context: &mut Context<'_>,
) -> Result<bool, Error> {
    // Of what a person does, `by_hand` has spoken already.
    let about_it = |pending: &Pending| {
        pending.realm == planned.realm.as_str() && pending.account == account.name && !by_hand::is_it(pending)
    };
    let done = finish_pending(list, &about_it, context)?;
    say_all(&done, context);
    if done.iter().any(|done: &MadeGood| done.rotated) {
        return Ok(true);
    }
    let by_another = under_way && done.is_empty();
    match manage::rotate::id_in_force(context.wallet, planned)? {
        Some(id) if id == account.id && !by_another => Ok(false),
        Some(_) => Err(Error::Overtaken { realm: planned.realm.to_string(), url: planned.url.clone() }),
        None => Err(Error::NoSuchCredential {
            what: format!("the token of {} was removed meanwhile", planned.realm),
            hint: Some("keyfob list shows what is held".to_owned()),
        }),
    }
}

/// When the new one ends: as the person says, else after as long as the old one was to last.
fn end(matches: &ArgMatches, lasted: Option<i64>, now: i64) -> Result<i64, Error> {
    match text(matches, "expires") {
        Some(text) => time::end(text, now),
        None => Ok(now.saturating_add(lasted.map_or(USUAL, |span| span.clamp(SPAN.0, SPAN.1)))),
    }
}

fn signed_in(
    list: &List,
    account: &AccountRecord,
    planned: Planned,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    // Wherever its URL leads: the settings may have mapped a host to it.
    let organisation = planned.realm.what().to_owned();
    let service = TokenService::begin(&planned.realm, context)
        .map_err(|error| by_hand_instead(error, account, &planned))?;
    let keep_old = matches.get_flag("keep-old");
    let old = old::the_old_one(&service, &organisation, account, &planned, matches, context)?;
    let scopes = match text(matches, "for") {
        Some(words) => scopes_for(words, service.scopes(), context)?,
        None => old.as_ref().map_or_else(|| account.scopes.clone(), |old| old.scopes.clone()),
    };
    if scopes.is_empty() {
        return Err(Error::usage(
            "what the new token is for is not known",
            "for example: --for git,packages",
        ));
    }
    let lasted = old.as_ref().and_then(|old| Some(old.expires? - old.created?));
    let global = old.as_ref().is_some_and(|old| old.global);
    if global {
        let end = planned.forge.lifecycle.global_tokens_end;
        if let Some(end) = end {
            manage::rotate::record_global_expiry(context.wallet, &planned.url, end, &|held| {
                held.id == account.id
            })?;
        }
        let ends = end.map(|end| format!(", which ends on {}", date(end))).unwrap_or_default();
        context.terminal.note(&format!(
            "the old one is for all organisations{ends}; the new one is for {organisation} alone, so the old one is not revoked"
        ));
    }
    if old.as_ref().is_some_and(|old| is_long(&old.name)) {
        context.terminal.note(
            "the name of the old one is long; the new one gets its beginning, so that the service keeps the mark behind it",
        );
    }
    let order = TokenRequest {
        name: old.as_ref().map_or_else(|| "keyfob".to_owned(), |old| old.name.clone()),
        scopes,
        expires: end(matches, lasted, context.now)?,
    };
    let old = old.map(|old| old.id).filter(|_| !keep_old && !global);
    let verify = !matches.get_flag("unchecked");
    let done = list.alone(|| {
        if is_rotated(list, false, account, &planned, context)? {
            return Ok(None);
        }
        let making = Making { planned, order, old, held: Some(account.id.clone()), verify };
        manage::rotate::make(context.wallet, list, making, &service).map(Some)
    })?;
    let Some(done) = done else { return Ok(()) };
    tell(&done, context);
    done.unfinished.map_or(Ok(()), Err)
}

/// Who cannot sign in has another way here than to add a token: a rotation by hand, which also sees to the earlier one.
fn by_hand_instead(error: Error, account: &AccountRecord, planned: &Planned) -> Error {
    match error {
        Error::Service { what, hint } => {
            let ways = hint.split_once(". A token made by hand: ").map_or(hint.as_str(), |(ways, _)| ways);
            let url = target(&planned.url, account.name.as_deref());
            Error::Service { what, hint: format!("{ways}. By hand: keyfob rotate {url} --by-hand") }
        }
        other => other,
    }
}

/// How long the old one lasts, from beginning to end. Our own record only knows since when it is held, which may be a few days.
fn lasted(account: &AccountRecord, planned: &Planned, context: &Context<'_>) -> Result<Option<i64>, Error> {
    let subjects = manage::verify::subjects(context.wallet, Some(&planned.url), account.name.as_deref())?;
    let subject = subjects.into_iter().find(|subject| subject.account == account.name);
    let question = subject.ok_or(Error::Changing)?.question?;
    let verdict = verify(&question, planned.wish.allow_http, &Client::default(), context.environment)?;
    let held = || account.expires.map(|expiry| expiry.at.saturating_sub(account.changed));
    Ok(verdict.made.zip(verdict.expires).map(|(from, to)| to.saturating_sub(from)).or_else(held))
}

fn by_itself(
    list: &List,
    api: &dyn TokenApi,
    account: &AccountRecord,
    planned: Planned,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    may_use_network(context)?;
    let lasted = if matches.contains_id("expires") { None } else { lasted(account, &planned, context)? };
    let order = TokenRequest { expires: end(matches, lasted, context.now)?, ..TokenRequest::default() };
    let realm = planned.realm.to_string();
    let (allow_http, environment) = (planned.wish.allow_http, context.environment);
    let wallet = context.wallet;
    let mut held = Uninterrupted::default();
    let ask = |question: &Question| {
        // Up to where the new token is kept.
        held = Uninterrupted::begin();
        let request =
            manage::verify::request_for(wallet, question, |target| Some(api.create(&target.site(), &order)));
        let request = request.ok_or_else(|| Failed {
            error: Error::usage(
                format!("{realm} has no address of its own to ask"),
                "--by-hand works all the same",
            ),
            nothing_happened: true,
        })?;
        let sent = network::route(&request.url, allow_http, environment)
            .and_then(|way| Client::default().send(&request, &question.token, &way));
        let answer = sent.map_err(failed)?;
        api.read_created(&answer, &question.target().site()).map_err(|error| {
            let nothing_happened = error.effect != FailureEffect::Unknown;
            Failed { error: error.into(), nothing_happened }
        })
    };
    let renewed = list.alone(|| {
        if is_rotated(list, false, account, &planned, context)? {
            return Ok(None);
        }
        Ok(Some(manage::rotate::renew(wallet, list, planned, ask)))
    })?;
    drop(held);
    let Some(renewed) = renewed else { return Ok(()) };
    match renewed {
        Ok((added, expires)) => {
            let until = expires.map(|at| format!(", until {}", date(at))).unwrap_or_default();
            context.terminal.note(&format!(
                "the token of {} was renewed and is in the {} store{until}; the old one does not work any more",
                added.whose(),
                added.store
            ));
            Ok(())
        }
        Err(NotRenewed::Error(error)) => Err(error),
        Err(NotRenewed::Unstored(unstored)) => {
            context.terminal.error(&unstored.error);
            context
                .terminal
                .note("there is a new token, and no store takes it; the old one does not work any more");
            token::show_unstored(&unstored.token, context)
        }
    }
}
