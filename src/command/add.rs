//! `keyfob add`: a token comes in, from a hidden prompt or a pipe; never from the command line, which other programs of the
//! machine can read and the shell writes down. It is looked at before it is stored (a lost character shows in most kinds of
//! token), and the service is asked whether it takes it, so that what is in the wallet works. A service that cannot be reached
//! never keeps a token out.

use clap::ArgMatches;

use crate::error::Error;
use crate::forge::lifecycle;
use crate::forge::token::{RecognizedToken, recognize};
use crate::forge::verify::{Outcome, Verdict};
use crate::forge::{self, Need};
use crate::records::Source;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store;
use crate::text::{date, visible, without_scheme};
use crate::wallet::manage;
use crate::wallet::manage::Selection;
use crate::wallet::manage::add::{AddRequest, Added, Change, Planned};

use super::arguments::{self, list};
use super::network::{self, Job};
use super::{Command, Context, browser, flag, option, text, time, url};

/// The longest that is read from a pipe.
const LONGEST: usize = 64 * 1024;

/// `keyfob add`.
pub static COMMAND: Command = Command {
    name: "add",
    about: "Put a token into the wallet",
    details: "The token is asked for without showing it; if standard input is not a terminal, it is read from there. It is \
              never taken from the command line.\n\n\
              A second token for the same account replaces the first, which is set aside and not destroyed (keyfob \
              restore). To keep several accounts of one place, name them with --account.\n\n\
              The service is asked whether it accepts the token, and for its end and scopes where it tells them; --offline, or \
              KEYFOB_OFFLINE=1, leaves that out. If it cannot be reached, the token is kept all the same. A token that is not \
              accepted, is damaged or is another service's is kept only after a yes, or with --force.",
    example: "keyfob add https://dev.azure.com/contoso --account alice --expires 90d",
    arguments,
    run,
};

fn arguments(command: clap::Command) -> clap::Command {
    command
        .arg(url().required(true).help("The place that the token opens: any URL that you clone from will do"))
        .arg(option("account", "NAME").help("The user name, or any name to tell several accounts apart"))
        .arg(
            option("expires", "WHEN").help("When it ends: 2027-03-01, an RFC 3339 time, or 90d, 12w, 6m, 1y"),
        )
        .arg(
            option("scopes", "LIST")
                .help("What it may do, such as \"vso.code vso.packaging\"; blanks or commas between"),
        )
        .arg(option("label", "TEXT").help("Your own words, shown by list"))
        .arg(flag("default", "Prefer this account in its realm"))
        .arg(arguments::forge().help("What serves an unknown host"))
        .arg(flag("open", "Open the page where a token is made, in the browser"))
        .arg(option("for", "TASKS").help("What is to be ticked there: git, packages …"))
        .arg(flag("allow-http", "Accept that the token travels in clear text over plain http"))
        .arg(flag("offline", "Do not ask the service whether it accepts the token"))
        .arg(flag("force", "Keep the token even if it looks wrong or is not accepted"))
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let wish = wish(matches, context.now)?;
    let named = wish.account.clone().or(wish.url_user.clone());
    // Mistakes are found before the token is asked for.
    let mut planned = manage::plan(context.wallet, wish)?;
    say_what_was_understood(&planned, named.as_deref(), context);
    if let Some(lacks) = planned.lacks_name() {
        if !context.terminal.capabilities.can_ask() {
            return Err(lacks);
        }
        let name =
            context.terminal.question(&format!("user name for {}: ", planned.wish.remote.authority()))?;
        planned.wish.account = Some(name).filter(|name| !name.is_empty());
    }
    show_page(&planned, matches, matches.get_flag("open"), context);
    let force = matches.get_flag("force");
    let token = read_token(&planned, context)?;
    look_at(&token, &mut planned, force, context)?;
    let offline = matches.get_flag("offline") || network::is_offline(context.environment);
    let (token, answer) = if offline { (token, Asked::Not) } else { ask(token, &planned, force, context)? };
    let added = manage::add(context.wallet, &planned, token)?;
    if let Asked::Told(verdict, _) = &answer {
        manage::verify::record_verdict_of_new(context.wallet, &planned, verdict)?;
    }
    say_what_was_done(&planned, &added, context);
    keep_answering(&planned, &added, context)?;
    say_what_was_told(&planned, &answer, context);
    super::setup::keep_in_step(context);
    Ok(())
}

fn wish(matches: &ArgMatches, now: i64) -> Result<AddRequest, Error> {
    let text = |name: &str| text(matches, name).map(|text| text.trim().to_owned());
    let (remote, user) = Remote::from_typed(&text("URL").unwrap_or_default())?;
    let account = account_name(text("account").as_deref())?;
    let scopes = text("scopes").unwrap_or_default();
    Ok(AddRequest {
        remote,
        url_user: user,
        account,
        forge: text("forge").and_then(|name| forge::named(&name)),
        expires: text("expires").map(|text| time::end(&text, now)).transpose()?,
        scopes: list(&scopes).map(str::to_owned).collect(),
        label: text("label").filter(|label| !label.is_empty()),
        default: matches.get_flag("default"),
        allow_http: matches.get_flag("allow-http"),
        issued: None,
    })
}

/// With `open`: the page where a token is made, its ticks set where it can do that; and what is to be ticked there.
pub(super) fn show_page(planned: &Planned, matches: &ArgMatches, open: bool, context: &mut Context<'_>) {
    let tasks = text(matches, "for").unwrap_or_default();
    let mut tasks: Vec<String> =
        list(tasks).map(|task| lifecycle::task(&task.to_ascii_lowercase()).to_owned()).collect();
    tasks.dedup();
    let lifecycle = &planned.forge.lifecycle;
    if !open && tasks.is_empty() {
        return;
    }
    let options = lifecycle.options_for(&tasks);
    for option in &options {
        context.terminal.note(&format!("for {} tick: {}", option.task, option.label));
    }
    for task in tasks.iter().filter(|task| !options.iter().any(|option| option.task == **task)) {
        let known: Vec<&str> = lifecycle.options.iter().map(|option| option.task).collect();
        let name = planned.forge.name;
        let what = format!(
            "what {} needs at {name} is not known here; known are: {}",
            visible(task),
            known.join(", ")
        );
        context.terminal.note(&what);
    }
    // Nobody wants everything ticked who did not say so: git is what most tokens are for.
    let set = if tasks.is_empty() { lifecycle.options_for(&["git".to_owned()]) } else { options };
    let page =
        lifecycle.page_with(planned.url.trim_end_matches('/'), &set).or_else(|| planned.token_page.clone());
    match page {
        Some(page) if open => browser::open(&page, context),
        Some(page) => context.terminal.hint(&format!("open {page}")),
        None => {
            context.terminal.note(&format!("no page of {} is known where tokens are made", planned.realm))
        }
    }
}

/// The name after `--account`, where a new one may be given.
pub(super) fn account_name(text: Option<&str>) -> Result<Option<String>, Error> {
    match text {
        Some(name) if name.is_empty() || name == "-" || name.chars().any(char::is_control) => {
            Err(Error::usage(
                "--account takes a name",
                "leave --account out if the token belongs to no name in particular",
            ))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

fn say_what_was_understood(planned: &Planned, named: Option<&str>, context: &mut Context<'_>) {
    if planned.guessed {
        context.terminal.note(&format!(
            "{} is taken for {}; --forge generic if it is not",
            planned.wish.remote.authority(),
            planned.forge.name
        ));
    }
    // The organisation's name is what the Clone button puts there.
    let is_organisation = |name: &str| {
        let what = planned.realm.as_str().rsplit('/').next().unwrap_or_default();
        what.eq_ignore_ascii_case(name)
    };
    if let (Some(name), None) = (named.filter(|name| !is_organisation(name)), &planned.wish.account) {
        context
            .terminal
            .note(&format!("the name {name} means no account in particular here, so it is left out"));
    }
}

pub(super) fn read_token(planned: &Planned, context: &mut Context<'_>) -> Result<Secret, Error> {
    let typed = if !context.terminal.capabilities.stdin {
        context.terminal.piped(LONGEST)?
    } else if context.terminal.capabilities.can_ask() {
        let page = planned.token_page.as_ref().map(|page| format!(" (made at {page})")).unwrap_or_default();
        context.terminal.secret(&format!("token for {}{page}: ", planned.realm))?
    } else {
        return Err(Error::usage(
            "nobody can be asked for the token here",
            format!("pipe it in: keyfob add {} < FILE", planned.url),
        ));
    };
    typed.into_token()
}

/// Looks at the token before it is stored: whether a character was lost on the way, whether it is another service's.
pub(super) fn look_at(
    token: &Secret,
    planned: &mut Planned,
    force: bool,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let again_of = "copy the token again from the page that made it";
    let again = format!("{again_of}; --force keeps it as it is");
    match recognize(token, planned.forge) {
        _ if force => {}
        RecognizedToken::Damaged(why) => {
            return Err(Error::usage(format!("that is not a whole token: {why}"), again));
        }
        RecognizedToken::Fits { format, .. } if format.ended.is_some() => {
            let why = format!("that is {}, and {}", format.name, format.ended.unwrap_or_default());
            let page = planned.token_page.as_deref().unwrap_or("the service's page");
            return Err(Error::usage(why, format!("make another kind of token: {page}")));
        }
        RecognizedToken::Foreign { forge, format } => {
            let what =
                format!("that is {}, and {} belongs to {}", format.name, planned.realm, planned.forge.name);
            if !context.terminal.capabilities.can_ask() {
                let home = forge
                    .url_templates
                    .first()
                    .map_or("URL".to_owned(), |template| format!("https://{}", template.pattern));
                let home = forge::fill(&home, Some("ORGANISATION"), None);
                return Err(Error::usage(
                    what,
                    format!("keyfob add {home} if it is for that; --force keeps it here"),
                ));
            }
            context.terminal.note(&what);
            context.terminal.agree("Keep it here all the same?", false)?;
        }
        RecognizedToken::Fits { lifespan: Some(lifespan), .. }
            if let Some(odd) = lifespan.odd(context.now) =>
        {
            // Not recorded: it may have been extended since, and a clock may be wrong.
            context.terminal.note(&odd);
            context.terminal.hint(&format!("{again_of}; keyfob check {} asks the service", planned.url));
        }
        RecognizedToken::Fits { lifespan: Some(lifespan), .. } if planned.wish.expires.is_none() => {
            planned.wish.expires = Some(lifespan.expires_by);
            if context.terminal.capabilities.stderr {
                let day = date(lifespan.expires_by);
                context
                    .terminal
                    .note(&format!("by its look it ends on {day} at the latest; --expires says when"));
            }
        }
        RecognizedToken::Unknown if !planned.forge.token_formats.is_empty() => {
            let name = planned.forge.name;
            context.terminal.note(&format!(
                "the token looks like none of {name} that keyfob knows; it is not refused for that"
            ));
        }
        RecognizedToken::Fits { .. } | RecognizedToken::Unknown => {}
    }
    Ok(())
}

/// What came of asking the service.
pub(super) enum Asked {
    /// It was not asked.
    Not,
    /// It could not be asked.
    Failed(Error),
    /// It answered; beside it, its host.
    Told(Verdict, String),
}

/// Asks the service whether it takes the token, before anything is stored: a token that it refuses must not take the place of
/// one that works. Only a clear no counts.
pub(super) fn ask(
    token: Secret,
    planned: &Planned,
    force: bool,
    context: &mut Context<'_>,
) -> Result<(Secret, Asked), Error> {
    let question = manage::verify::question_for(context.wallet, planned, token);
    let Some(request) = &question.request else { return Ok((question.token, Asked::Not)) };
    let asked =
        network::route(&request.url, planned.wish.allow_http, context.environment).and_then(|route| {
            let answers = network::ask_all(&[Job { question: &question, route }], &mut context.terminal);
            answers.into_iter().next().flatten().transpose()
        });
    let host = Remote::from_url(&request.url).map(|(remote, _)| remote.authority()).unwrap_or_default();
    let verdict = match asked {
        Ok(Some(answer)) => question.read(&answer),
        Ok(None) => return Ok((question.token, Asked::Not)),
        Err(error) => return Ok((question.token, Asked::Failed(error))),
    };
    if verdict.outcome == Outcome::Refused && !force {
        let problem = verdict.problem.as_ref().map(|problem| problem.words(&host)).unwrap_or_default();
        let reason = verdict.reason.as_ref().map(|reason| format!("; it says: {reason}")).unwrap_or_default();
        let what = format!("{problem}{reason}");
        if !context.terminal.capabilities.can_ask() {
            return Err(Error::NotUsable {
                what,
                hint: "nothing was stored; --force keeps it all the same, --offline does not ask".to_owned(),
            });
        }
        context.terminal.note(&what);
        context.terminal.agree("Keep it all the same?", false)?;
    }
    Ok((question.token, Asked::Told(verdict, host)))
}

pub(super) fn say_what_was_told(planned: &Planned, asked: &Asked, context: &mut Context<'_>) {
    let terminal = &mut context.terminal;
    match asked {
        Asked::Not => {}
        Asked::Failed(error) => {
            terminal.note(&format!("it was not checked: {error}"));
            terminal.hint(&format!("keyfob check {} asks again", visible(&planned.url)));
        }
        Asked::Told(verdict, host) => {
            if let Some(problem) = &verdict.problem {
                let reason = verdict.reason.as_ref().map(|said| format!("; it says: {said}"));
                terminal.note(&format!("{}{}", problem.words(host), reason.unwrap_or_default()));
            } else {
                let who = verdict.who.as_deref().map(|who| format!(", as {who}")).unwrap_or_default();
                let end = verdict.expires.map(|at| format!(", until {}", date(at))).unwrap_or_default();
                terminal.note(&format!("{host} accepts it{who}{end}"));
            }
        }
    }
}

fn say_what_was_done(planned: &Planned, added: &Added, context: &mut Context<'_>) {
    let (whose, store) = (added.whose(), &added.store);
    let terminal = &mut context.terminal;
    match added.change {
        Change::New => terminal.note(&format!("the token of {whose} is in the {store} store")),
        Change::Replaced => {
            terminal
                .note(&format!("the token of {whose} is in the {store} store; the earlier one is set aside"));
            if planned.wish.account.is_none() {
                terminal.hint(&format!(
                    "keyfob restore {0} takes the earlier one back; keyfob add {0} --account NAME keeps both",
                    visible(&planned.url)
                ));
            }
        }
        Change::Same => terminal.note(&format!("{whose} holds this token already, in the {store} store")),
    }
    if added.chosen_now {
        say_choice(store, context);
    }
    // What cannot be found out here, the next request says.
    if let Ok(Some(variable)) = manage::add::variable_that_wins(context.wallet, &planned.wish.remote) {
        let words = format!("the token in {variable} answers first while that variable is set");
        context.terminal.note(&words);
        context.terminal.hint(&format!("unset {variable} where this token is to be used"));
    }
}

/// Beside a second account the first goes on answering; says so, and how to change it.
pub(super) fn keep_answering(
    planned: &Planned,
    added: &Added,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let Some(account) = manage::add::keep_answering(context.wallet, planned, added)? else {
        if added.change == Change::New {
            say_if_several_now(planned, context);
        }
        return Ok(());
    };
    let url = visible(&planned.url);
    let place = visible(without_scheme(&planned.url));
    context.terminal.note(&match account.as_str() {
        name if name.starts_with("- ") => {
            format!("the unnamed account is the default of {place}: tools that name no account get its token")
        }
        name => format!(
            "account {} is the default of {place}: tools that name no account get its token",
            visible(name)
        ),
    });
    context.terminal.hint(&format!("to choose another default: keyfob prefer {url} --account NAME"));
    if planned.wish.account.is_none() {
        context.terminal.hint(&format!(
            "if the new token was meant to replace another account's: keyfob remove {url} --account -, then keyfob add {url} \
             --account NAME"
        ));
    }
    Ok(())
}

/// A second account may be why tools get no answer from now on (R4), which must not be found out in a pipeline.
fn say_if_several_now(planned: &Planned, context: &mut Context<'_>) {
    let Ok(Selection { realm, .. }) = manage::select(context.wallet, &planned.url, None) else { return };
    let forge = realm.realm.split_once('/').and_then(|(forge, _)| forge::named(forge));
    let Some(forge) = forge else { return };
    let of_the_person = || realm.accounts.iter().filter(|account| account.source == Source::Person);
    // By their scopes one may be for repositories and the other for packages; then nothing is missing.
    let several_for =
        |need: &Need| of_the_person().filter(|account| forge.covers(&account.scopes, *need)).count() > 1;
    if [Need::Code, Need::Packages].iter().any(several_for)
        && !of_the_person().any(|account| account.default)
        && realm.rules.is_empty()
    {
        context.terminal.hint(&format!(
            "{} has several accounts now, and none is preferred; tools that name none get a token after: keyfob prefer {} \
             --account NAME",
            realm.realm,
            visible(&planned.url)
        ));
    }
}

/// Says which store was chosen just now, and what it protects.
pub(super) fn say_choice(store: &str, context: &mut Context<'_>) {
    let claim = store::named(store).map_or("", store::StoreRecord::claim_in_short);
    context.terminal.note(&format!("tokens are kept in the {store} store from now on: {claim}"));
    context.terminal.hint("keyfob storage shows the stores, and keyfob storage move NAME changes to another");
}
