//! `keyfob pat create`, `extend` and `revoke`.

use clap::ArgMatches;

use crate::error::Error;
use crate::forge::lifecycle::{ChosenScopes, ScopeTable, Token, TokenFilter, TokenId, TokenRequest};
use crate::remote::Remote;
use crate::text::{date, visible};
use crate::wallet::manage;
use crate::wallet::manage::add::{AddRequest, Change};
use crate::wallet::manage::rotate::{Done, LONGEST, Making, Service, is_long};
use crate::wallet::pending::{Kind, List, Pending};

use super::super::resume::{MadeGood, finish_pending};
use super::super::token_service::{Organisation, TokenService, one_of, organisation, what_for};
use super::super::{Context, account, add, filled, flag, option, time, yes};
use super::which_argument;

/// How long a token lasts when nothing else is said. The service's own page offers 30 days, its most is a year.
const LASTS: &str = "90d";

type Word = fn(&'static str, &'static str, &'static str) -> clap::Command;

pub(super) fn create_word(word: Word) -> clap::Command {
    let filled = |name: &'static str, value: &'static str| option(name, value).value_parser(filled);
    word(
        "create",
        "Make a token and put it into the wallet",
        "keyfob pat create contoso --for git,packages --expires 30d",
    )
    .arg(filled("for", "TASKS").required(true).help(format!("What it is for: {}", what_for())))
    .arg(filled("expires", "WHEN").default_value(LASTS).help("When it ends: 2027-03-01, or 30d, 12w, 6m, 1y"))
    .arg(filled("name", "TEXT").help("Its name on the service's page; a mark is put behind it"))
    .arg(filled("account", "NAME").help("Any name, to tell several accounts apart"))
    .arg(option("label", "TEXT").help("Your own words, shown by list"))
    .arg(flag("default", "Prefer this account in its realm"))
    .arg(flag("unchecked", "Do not ask whether the new token is taken"))
}

pub(super) fn extend_word(word: Word) -> clap::Command {
    word(
        "extend",
        "Let a token end at another time; it stays the same, and may have ended",
        "keyfob pat extend contoso 4ab5405f --expires 90d",
    )
    .arg(which_argument("WHICH"))
    .arg(account())
    .arg(
        option("expires", "WHEN")
            .value_parser(filled)
            .default_value(LASTS)
            .help("When it ends: 2027-03-01, or 30d, 12w, 6m, 1y"),
    )
}

pub(super) fn revoke_word(word: Word) -> clap::Command {
    word(
        "revoke",
        "Let tokens not work any more, for ever; asks first on a terminal",
        "keyfob pat revoke contoso 4ab5405f --yes",
    )
    .arg(which_argument("WHICH").num_args(1..))
    .arg(account())
    .arg(yes())
}

fn text<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    super::text(matches, name).map(str::trim).filter(|text| !text.is_empty())
}

/// The scopes that a person's words stand for; said where that is worth a word.
pub(in super::super) fn scopes_for(
    words: &str,
    table: &ScopeTable,
    context: &mut Context<'_>,
) -> Result<Vec<String>, Error> {
    let ChosenScopes { scopes, unknown, not_understood } = table.choose(words);
    if let Some(word) = not_understood.first() {
        return Err(Error::usage(
            format!("--for does not know {}", visible(word)),
            format!("it takes {}; and scopes such as {}", table.tasks(), table.examples[1]),
        ));
    }
    if scopes.is_empty() {
        return Err(Error::usage("--for takes at least one task", "for example: --for git,packages"));
    }
    for scope in unknown {
        context.terminal.note(&format!("keyfob does not know the scope {scope}; it is passed on as it is"));
    }
    Ok(scopes)
}

pub(super) fn create(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let organisation = organisation(text(matches, "ORG").unwrap_or_default(), context)?;
    let (name, url) = (organisation.name(), organisation.url.clone());
    let words = text(matches, "for").unwrap_or_default();
    let scopes = scopes_for(words, organisation.scopes, context)?;
    let expires = time::end(text(matches, "expires").unwrap_or(LASTS), context.now)?;
    let (remote, user) = Remote::from_url(&url)?;
    let wish = AddRequest {
        account: add::account_name(text(matches, "account"))?,
        label: text(matches, "label").map(str::to_owned),
        default: matches.get_flag("default"),
        ..AddRequest::new(remote, user)
    };
    let planned = manage::plan(context.wallet, wish)?;
    if let Some(title) = text(matches, "name").filter(|title| is_long(title)) {
        return Err(Error::usage(
            format!(
                "--name takes at most {LONGEST} bytes, and this has {}: the service has to keep the mark behind it, by which a token \
                 is found again whose answer was lost",
                title.len()
            ),
            "give a shorter one; --label, which stays here, may be as long as you like",
        ));
    }
    let own = || format!("keyfob {words}{}", machine(context));
    let title = text(matches, "name").map_or_else(own, str::to_owned);
    let service = TokenService::begin(&organisation.realm, context)?;
    let making = Making {
        planned: planned.clone(),
        order: TokenRequest { name: title, scopes, expires },
        old: None,
        held: None,
        verify: !matches.get_flag("unchecked"),
    };
    let list = List::new(&context.data);
    let done = list.alone(|| {
        // What waits for a person waits on.
        let is_meant = |pending: &Pending| pending.url == url && pending.kind != Kind::ByHand;
        say_all(&finish_pending(&list, &is_meant, context)?, context);
        manage::rotate::make(context.wallet, &list, making, &service)
    })?;
    tell(&done, context);
    add::keep_answering(&planned, &done.added, context)?;
    // Another token of the same organisation is most often meant to be one more.
    if done.added.change == Change::Replaced && done.added.account == "-" {
        context.terminal.hint(&format!(
            "keyfob restore {url} takes the earlier one back; keyfob pat create {name} --account NAME keeps both"
        ));
    }
    super::super::setup::keep_in_step(context);
    done.unfinished.map_or(Ok(()), Err)
}

/// Says what was made good.
pub(in super::super) fn say_all(done: &[MadeGood], context: &mut Context<'_>) {
    done.iter().for_each(|done| context.terminal.note(&done.words));
}

/// What was made and where it is.
pub(in super::super) fn tell(done: &Done, context: &mut Context<'_>) {
    let Done { name, expires, added, revoked, was_refused, .. } = done;
    let end = expires.map(|at| format!(", until {}", date(at))).unwrap_or_default();
    let old = match added.change {
        _ if *revoked => "; the earlier one is revoked",
        Change::Replaced if *was_refused => "; the earlier one, which was not taken any more, is set aside",
        Change::Replaced => "; the earlier one is set aside, and works until it is revoked",
        Change::New | Change::Same => "",
    };
    context.terminal.note(&format!(
        "the token \"{}\" of {} is in the {} store{end}{old}",
        visible(name),
        added.whose(),
        added.store
    ));
    if added.chosen_now {
        add::say_choice(&added.store, context);
    }
}

/// The machine's name, where the environment tells it: people have several, and each its tokens.
fn machine(context: &Context<'_>) -> String {
    let name = context.environment.text("HOSTNAME").or_else(|| context.environment.text("COMPUTERNAME"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    name.filter(|name| name.chars().all(plain)).map(|name| format!(" on {name}")).unwrap_or_default()
}

/// The tokens that a person means: named, or the one that an account of the wallet holds.
fn meant(
    words: &[&str],
    matches: &ArgMatches,
    organisation: &Organisation,
    service: &TokenService<'_>,
    context: &Context<'_>,
) -> Result<Vec<Token>, Error> {
    let name = organisation.name();
    if words.is_empty() {
        let selection =
            manage::select(context.wallet, &organisation.url, text(matches, "account"))?.persons();
        let id = selection.only()?.service_id.as_deref().and_then(TokenId::parse);
        let id = id.ok_or_else(|| {
            Error::usage(
                "which token this account holds is not known: it was not made by keyfob",
                format!("name it: keyfob pat list {name} shows them all"),
            )
        })?;
        return Ok(vec![service.get(&id)?]);
    }
    let mut all = service.all(TokenFilter::Active)?;
    all.extend(service.all(TokenFilter::Expired)?);
    words.iter().map(|word| one_of(&all, word, name).cloned()).collect()
}

pub(super) fn extend(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let organisation = organisation(text(matches, "ORG").unwrap_or_default(), context)?;
    let expires = time::end(text(matches, "expires").unwrap_or(LASTS), context.now)?;
    let service = TokenService::begin(&organisation.realm, context)?;
    let words: Vec<&str> = text(matches, "WHICH").into_iter().collect();
    for token in meant(&words, matches, &organisation, &service, context)? {
        let token = service.extend(&token.id, expires)?;
        let expires = token.expires.unwrap_or(expires);
        let held =
            manage::rotate::record_expiry(context.wallet, &organisation.url, token.id.as_str(), expires)?;
        let here = if held { ", as the wallet now knows" } else { "" };
        context.terminal.note(&format!("\"{}\" ends on {}{here}", visible(&token.name), date(expires)));
    }
    Ok(())
}

pub(super) fn revoke(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let organisation = organisation(text(matches, "ORG").unwrap_or_default(), context)?;
    let Organisation { url, .. } = &organisation;
    let service = TokenService::begin(&organisation.realm, context)?;
    let words: Vec<&str> =
        matches.get_many::<String>("WHICH").into_iter().flatten().map(String::as_str).collect();
    let tokens = meant(&words, matches, &organisation, &service, context)?;
    let held = manage::rotate::service_ids(context.wallet, url)?;
    for token in tokens {
        let in_wallet = held.iter().find(|(id, _)| id == token.id.as_str());
        let here = if in_wallet.is_some() { ", which the wallet hands out" } else { "" };
        let question = format!("revoke \"{}\"{here}? It cannot be taken back", visible(&token.name));
        context.terminal.agree(&question, matches.get_flag("yes"))?;
        service.revoke(&token.id)?;
        context.terminal.note(&format!("\"{}\" is revoked", visible(&token.name)));
        if manage::rotate::reject(context.wallet, url, token.id.as_str())? {
            context.terminal.hint(&format!(
                "keyfob pat create {} --for git takes its place in the wallet",
                organisation.name()
            ));
        }
    }
    Ok(())
}
