//! `keyfob add`: a token comes in, from a hidden prompt or a pipe; never from the command line, which other programs of the
//! machine can read and the shell writes down. Deliberately absent: asking the server whether the token is good.

use clap::{Arg, ArgAction, ArgMatches};

use crate::credential::Secret;
use crate::error::Error;
use crate::forge;
use crate::remote::Remote;
use crate::store;
use crate::terminal::visible;
use crate::wallet::person::add::{Added, Change, Planned, Wish};

use super::{Command, Context, time, url};

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
              add does not ask the server whether the token is accepted, so --offline changes nothing yet.",
    example: "keyfob add https://dev.azure.com/contoso --account alice --expires 90d",
    arguments,
    run,
};

fn arguments(command: clap::Command) -> clap::Command {
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let forges = forge::ALL.iter().map(|forge| forge.id);
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
        .arg(flag("default").help("Prefer this account in its realm"))
        .arg(
            option("forge", "FORGE")
                .help("What serves an unknown host")
                .value_parser(clap::builder::PossibleValuesParser::new(forges)),
        )
        .arg(flag("allow-http").help("Accept that the token travels in clear text over plain http"))
        .arg(flag("offline").help("Do not ask the server (add never does yet)"))
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let wish = wish(matches, context.now)?;
    let named = wish.account.clone().or(wish.url_user.clone());
    // Mistakes are found before the token is asked for.
    let mut planned = context.wallet.plan(wish)?;
    say_what_was_understood(&planned, named.as_deref(), context);
    if let Some(lacks) = planned.lacks_name() {
        if !context.terminal.about.can_ask() {
            return Err(lacks);
        }
        let name =
            context.terminal.question(&format!("user name for {}: ", planned.wish.remote.authority()))?;
        planned.wish.account = Some(name).filter(|name| !name.is_empty());
    }
    let token = read_token(&planned, context)?;
    let added = context.wallet.add(&planned, token)?;
    say_what_was_done(&planned, &added, context);
    super::setup::keep_in_step(context);
    Ok(())
}

fn wish(matches: &ArgMatches, now: i64) -> Result<Wish, Error> {
    let text = |name: &str| matches.get_one::<String>(name).map(|text| text.trim().to_owned());
    let (remote, user) = Remote::from_url(&text("URL").unwrap_or_default())?;
    let account = text("account");
    if account
        .as_deref()
        .is_some_and(|name| name.is_empty() || name == "-" || name.chars().any(char::is_control))
    {
        return Err(Error::usage(
            "--account takes a name",
            "leave --account out if the token belongs to no name in particular",
        ));
    }
    let scopes = text("scopes").unwrap_or_default();
    let scopes = scopes.split(|c: char| c.is_whitespace() || c == ',').filter(|scope| !scope.is_empty());
    Ok(Wish {
        remote,
        url_user: user,
        account,
        forge: text("forge").and_then(|name| forge::named(&name)),
        expires: text("expires").map(|text| time::end(&text, now)).transpose()?,
        scopes: scopes.map(str::to_owned).collect(),
        label: text("label").filter(|label| !label.is_empty()),
        default: matches.get_flag("default"),
        allow_http: matches.get_flag("allow-http"),
    })
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

fn read_token(planned: &Planned, context: &mut Context<'_>) -> Result<Secret, Error> {
    let typed = if !context.terminal.about.stdin {
        context.terminal.piped(LONGEST)?
    } else if context.terminal.about.can_ask() {
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

fn say_what_was_done(planned: &Planned, added: &Added, context: &mut Context<'_>) {
    let Added { realm, account, store, chosen_now, change } = added;
    let whose = match &planned.wish.account {
        Some(_) => format!("account {account} of {realm}"),
        None => realm.clone(),
    };
    let terminal = &mut context.terminal;
    match change {
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
    if *chosen_now {
        say_choice(store, context);
    }
}

/// Says which store was chosen just now, and what it protects.
pub(super) fn say_choice(store: &str, context: &mut Context<'_>) {
    let claim = store::named(store).map_or("", store::Record::claim_in_short);
    context.terminal.note(&format!("tokens are kept in the {store} store from now on: {claim}"));
    context.terminal.hint("keyfob storage shows the stores, and keyfob storage move NAME changes to another");
}
