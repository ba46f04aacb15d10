//! `keyfob explain`: the same decision that a tool would get, step by step, without the secret. Nothing is changed and nothing
//! is marked as said.

use clap::ArgMatches;
use serde::Serialize;

use crate::error::{Error, NoCredential};
use crate::forge::Presentation;
use crate::text::{date, rfc3339, visible};
use crate::tool::{self, Presented, Quirks, Tool};
use crate::wallet::{Credential, Lookup, Query, get, manage};

use super::{Command, Context, json, option, place, text, url, whose, write_json};

/// `keyfob explain`.
pub static COMMAND: Command = Command {
    name: "explain",
    about: "Show which token a tool would get for a URL, and why; never the token",
    details: "Ends with the code of the outcome: 0 there is an answer, 1 there is none, 3 a store is locked or unavailable, \
              4 several could answer, 5 the token was refused or has ended. git leaves the path of a URL away unless \
              credential.useHttpPath is set: give the URL without it to see that.",
    example: "keyfob explain https://dev.azure.com/contoso/website/_git/website",
    arguments: |command| {
        command
            .arg(url().required(true))
            .arg(option("user", "NAME").help("The user name that the tool asks for"))
            .arg(
                option("tool", "TOOL")
                    .default_value("git")
                    .help("The tool that asks")
                    .value_parser(super::arguments::tool_words(tool::ALL.iter().copied())),
            )
            .arg(json())
    },
    run,
};

/// `--json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Explained<'e> {
    url: String,
    user: Option<&'e str>,
    tool: &'e str,
    need: &'e str,
    steps: &'e [String],
    outcome: &'static str,
    realm: Option<&'e str>,
    account: Option<&'e str>,
    store: Option<&'e str>,
    username: Option<&'e str>,
    presentation: Option<&'static str>,
    expires: Option<String>,
    reason: Option<String>,
    hint: Option<String>,
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let (remote, in_url) = place(context, text(matches, "URL").unwrap_or_default())?;
    let tool = tool::by_name(text(matches, "tool").unwrap_or_default()).unwrap_or(&tool::git::TOOL);
    let user = text(matches, "user").map(str::to_owned).or(in_url);
    let shown = remote.to_string();
    let query = Query { user, takes_authtype: true, ..Query::new(tool.name, remote, tool.need) };
    let (steps, found) = decision(tool, &query, context);
    let as_json = matches.get_flag("json");
    if !as_json {
        context.terminal.answer(&visible(&format!("{shown}, asked by {}", tool.title)));
        for (at, step) in steps.iter().enumerate() {
            context.terminal.answer(&visible(&format!("  {}. {step}", at + 1)));
        }
    }
    let mut explained = Explained {
        url: shown.clone(),
        user: query.user.as_deref(),
        tool: tool.name,
        need: tool.need.as_str(),
        steps: &steps,
        outcome: "answer",
        realm: None,
        account: None,
        store: None,
        username: None,
        presentation: None,
        expires: None,
        reason: None,
        hint: None,
    };
    match found {
        Ok(Lookup::Found(answer)) => {
            if let Some(what) = quirks(tool).and_then(|quirks| (quirks.withheld)(&answer, &query.remote)) {
                explained.outcome = "none";
                return end(Error::NoSuchCredential { what, hint: None }, explained, as_json, context);
            }
            let presented = match tool.protocol {
                Some(protocol) => protocol.presents.map(|presents| presents(&query, &answer)),
                None => as_pair(&answer),
            };
            if as_json {
                explained.realm = Some(answer.realm.as_str());
                explained.account = answer.account.name();
                explained.store = Some(&answer.store);
                (explained.username, explained.presentation) = match &presented {
                    Some(Presented::Pair(user)) => (Some(user.as_str()), Some("basic")),
                    Some(Presented::Scheme(scheme)) if scheme.eq_ignore_ascii_case("bearer") => {
                        (None, Some("bearer"))
                    }
                    Some(Presented::Scheme(_)) => (None, Some("as-stored")),
                    Some(Presented::Token) => (None, Some("plain")),
                    None => (answer.user.as_deref(), Some(word(&answer))),
                };
                explained.expires = answer.expires.map(rfc3339);
                write_json(&explained, context)?;
            } else {
                tell(&answer, presented.as_ref(), context);
            }
            Ok(())
        }
        Ok(Lookup::None { reason, .. }) => {
            explained.outcome = kind(&reason);
            end(reason.into_error(&shown), explained, as_json, context)
        }
        Err(error) => {
            explained.outcome = "error";
            end(error, explained, as_json, context)
        }
    }
}

fn quirks(tool: &Tool) -> Option<&'static Quirks> {
    tool.protocol?.quirks
}

/// The steps and the outcome: of the first of the tool's places that the wallet knows, else of the first.
fn decision(tool: &Tool, query: &Query, context: &Context<'_>) -> (Vec<String>, Result<Lookup, Error>) {
    let mut first = None;
    let places =
        quirks(tool).map_or_else(|| vec![query.remote.clone()], |quirks| (quirks.places)(&query.remote));
    for place in places {
        let query = Query { remote: place, ..query.clone() };
        let mut steps = manage::storage::environment_notes(context.wallet);
        let found = get::get(context.wallet, &query, &mut |step| steps.push(step.to_string()));
        if !matches!(found, Ok(Lookup::None { reason: NoCredential::NotOurs, .. })) {
            return (steps, found);
        }
        first.get_or_insert((steps, found));
    }
    first.unwrap_or_else(|| (Vec::new(), Err(Error::Request { why: "the host is missing" })))
}

fn end(
    error: Error,
    mut explained: Explained<'_>,
    json: bool,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    explained.reason = Some(error.to_string());
    explained.hint = error.hint();
    if json {
        write_json(&explained, context)?;
    } else {
        context.terminal.answer("no answer");
    }
    Err(error)
}

/// In words; how it gets past other offers is said of git alone, because other tools are told so in their own protocols.
fn tell(answer: &Credential, presented: Option<&Presented>, context: &mut Context<'_>) {
    let whose = whose(&answer.account, answer.realm.as_str());
    let end = answer.expires.map(|at| format!(", until {}", date(at))).unwrap_or_default();
    let user = match &answer.user {
        Some(user) => format!("with user name {user}"),
        None => "without a user name".to_owned(),
    };
    let how = match (&answer.authtype, answer.presentation) {
        _ if let Some(Presented::Pair(user)) = presented => format!("with user name {user}, as Basic"),
        _ if let Some(Presented::Scheme(scheme)) = presented => format!("as {scheme}"),
        _ if presented == Some(&Presented::Token) => "as the token alone, without a user name".to_owned(),
        (Some(authtype), _) => format!("as it was stored, with authtype {authtype}"),
        (None, Presentation::Basic) => {
            format!("{user}, as Basic; past NTLM and Negotiate if the server offers them (git 2.46 or newer)")
        }
        (None, Presentation::ForcedBasic) => {
            format!("{user}, as Basic past NTLM and Negotiate (git 2.46 or newer)")
        }
        (None, Presentation::Bearer) => format!("as Bearer where the tool can, else {user}"),
        (None, Presentation::Plain) => format!("{user}, as it is"),
    };
    context.terminal.answer(&visible(&format!("answer: {whose}, from the {} store{end}", answer.store)));
    context.terminal.answer(&visible(&format!("  presented {how}")));
}

/// For a tool that cannot ask, and gets user name and token in variables.
fn as_pair(answer: &Credential) -> Option<Presented> {
    let is_basic = matches!(answer.presentation, Presentation::Basic | Presentation::ForcedBasic);
    let user = answer.user.clone().filter(|_| is_basic && answer.authtype.is_none())?;
    Some(Presented::Pair(user))
}

fn word(answer: &Credential) -> &'static str {
    match (&answer.authtype, answer.presentation) {
        (Some(_), _) => "as-stored",
        (None, Presentation::Basic) => "basic",
        (None, Presentation::ForcedBasic) => "forced-basic",
        (None, Presentation::Bearer) => "bearer",
        (None, Presentation::Plain) => "plain",
    }
}

fn kind(reason: &NoCredential) -> &'static str {
    match reason {
        NoCredential::NotOurs
        | NoCredential::NoOrganisation { .. }
        | NoCredential::NoAccount { .. }
        | NoCredential::Uncovered { .. }
        | NoCredential::Unusable { .. }
        | NoCredential::PlainHttp { .. } => "none",
        NoCredential::Ambiguous { .. } | NoCredential::NoPath { .. } | NoCredential::Variables { .. } => {
            "ambiguous"
        }
        NoCredential::Rejected { .. } => "rejected",
        NoCredential::Expired { .. } => "expired",
    }
}
