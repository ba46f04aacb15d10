//! `keyfob check`: does the service accept the token, as whom, until when. One request for each token.

use clap::ArgMatches;
use serde::Serialize;

use crate::error::{Error, target};
use crate::forge::verify::{Outcome, Problem, Verdict};
use crate::remote::Remote;
use crate::terminal::Colour;
use crate::text::{date, rfc3339, visible};
use crate::wallet::manage::verify::{Subject, mark_global};
use crate::wallet::{manage, renew_variable};

use super::network::{self, Job};
use super::table::{self, Column};
use super::{Command, Context, account, json, text, url, write_json};

/// `keyfob check`.
pub static COMMAND: Command = Command {
    name: "check",
    about: "Ask the services whether they accept the tokens",
    details: "Each token is shown to its own service, once, over TLS; at most four at a time. Where the service tells them, the \
              end and the scopes of the token are recorded. A token that a tool reported as refused and that the service accepts \
              is in use again; one that the service does not accept stays as it is.\n\n\
              KEYFOB_OFFLINE=1 keeps every command from the network.",
    example: "keyfob check https://dev.azure.com/contoso",
    arguments: |command| {
        command
            .arg(url().help("Only what this URL's realm holds; without it, everything"))
            .arg(account())
            .arg(json())
    },
    run,
};

/// What became of a token.
struct Told<'s> {
    subject: &'s Subject,
    /// The host that was asked.
    host: String,
    verdict: Verdict,
    /// Why it could not be asked.
    error: Option<Error>,
    /// Whether nothing is known that tells.
    no_way: bool,
    restored: bool,
}

/// One token in `--json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Row<'t> {
    realm: &'t str,
    account: Option<&'t str>,
    url: &'t str,
    store: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<&'t str>,
    result: &'t str,
    problem: Option<&'t str>,
    reason: Option<String>,
    #[serde(rename = "as")]
    who: Option<&'t str>,
    expires: Option<String>,
    scopes: &'t [String],
    restored: bool,
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    if network::is_offline(context.environment) {
        return Err(Error::usage(
            "check asks the services, and KEYFOB_OFFLINE says not to use the network",
            "unset KEYFOB_OFFLINE",
        ));
    }
    let place = text(matches, "URL");
    let subjects = manage::verify::subjects(context.wallet, place, text(matches, "account"))?;
    let mut told = ask(&subjects, context)?;
    mark(&mut told);
    // What was heard is told even where it cannot be written down.
    let mut unkept = None;
    for told in &mut told {
        match manage::verify::record_verdict(context.wallet, told.subject, &told.verdict) {
            Ok(restored) => told.restored = restored,
            Err(error) => unkept = unkept.or(Some(error)),
        }
    }
    if matches.get_flag("json") {
        let rows: Vec<Row<'_>> = told.iter().map(Told::row).collect();
        write_json(&rows, context)?;
    } else if told.is_empty() {
        context.terminal.note("the wallet is empty");
        context.terminal.hint("keyfob add https://dev.azure.com/contoso");
    } else {
        show(&told, context);
    }
    let concluded = conclude(told, place.is_some(), context);
    match unkept {
        Some(error) if concluded.is_ok() => Err(error),
        Some(error) => {
            context.terminal.error(&error);
            concluded
        }
        None => concluded,
    }
}

fn ask<'s>(subjects: &'s [Subject], context: &mut Context<'_>) -> Result<Vec<Told<'s>>, Error> {
    let (mut told, mut jobs, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for subject in subjects {
        let mut one = Told {
            subject,
            host: String::new(),
            verdict: Verdict::default(),
            error: None,
            no_way: false,
            restored: false,
        };
        if let Ok(question) = &subject.question {
            match &question.request {
                Some(request) => {
                    one.host = Remote::from_url(&request.url)?.0.authority();
                    let route = network::route(&request.url, subject.allow_http, context.environment)?;
                    places.push(told.len());
                    jobs.push(Job { question, route });
                }
                None => one.no_way = true,
            }
        }
        told.push(one);
    }
    let answers = network::ask_all(&jobs, &mut context.terminal);
    for ((at, job), answer) in places.into_iter().zip(&jobs).zip(answers) {
        match answer {
            Some(Ok(answer)) => told[at].verdict = job.question.read(&answer),
            Some(Err(error)) => told[at].error = Some(error),
            None => {}
        }
    }
    Ok(told)
}

fn mark(told: &mut [Told<'_>]) {
    let mut pairs: Vec<_> = told.iter().map(|one| (one.subject, one.verdict.clone())).collect();
    mark_global(&mut pairs);
    for (one, (_, verdict)) in told.iter_mut().zip(pairs) {
        one.verdict = verdict;
    }
}

impl Told<'_> {
    /// What kept us from asking.
    fn obstacle(&self) -> Option<&Error> {
        self.error.as_ref().or(self.subject.question.as_ref().err())
    }

    fn result(&self) -> &'static str {
        if self.no_way { "unknown" } else { self.verdict.outcome.as_str() }
    }

    fn problem(&self) -> Option<&'static str> {
        match self.obstacle() {
            Some(Error::Network { cause, .. }) => Some(cause.as_str()),
            Some(Error::Certificates { .. }) => Some("certificate"),
            Some(_) => Some("store"),
            None if self.no_way => Some("not-checkable"),
            None => self.verdict.problem.as_ref().map(Problem::as_str),
        }
    }

    fn row(&self) -> Row<'_> {
        let verdict = &self.verdict;
        Row {
            realm: &self.subject.realm,
            account: self.subject.account.as_deref(),
            url: &self.subject.url,
            store: &self.subject.store,
            variable: self.subject.variable,
            result: self.result(),
            problem: self.problem(),
            reason: self.obstacle().map(Error::to_string).or_else(|| verdict.reason.clone()),
            who: verdict.who.as_deref(),
            expires: verdict.expires.map(rfc3339),
            scopes: &verdict.scopes,
            restored: self.restored,
        }
    }

    fn whose(&self) -> String {
        let whose = match self.subject.account.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("{} ({name})", self.subject.realm),
            None => self.subject.realm.clone(),
        };
        match self.subject.variable {
            Some(variable) => format!("{whose}, in {variable}"),
            None => whose,
        }
    }

    /// The account, and the variable where the environment holds it: two lines of one realm are told apart by that.
    fn account(&self) -> String {
        let name = visible(self.subject.account.as_deref().unwrap_or("-"));
        self.subject.variable.map_or(name.clone(), |variable| format!("{name} (in {variable})"))
    }

    /// What is to be said beside the table, and how to go on.
    fn words(&self) -> Option<(String, Option<String>)> {
        if let Some(error) = self.obstacle() {
            return Some((error.to_string(), error.hint()));
        }
        if self.no_way {
            let what = "nothing is known that tells whether its token is accepted there".to_owned();
            return Some((what, None));
        }
        let problem = self.verdict.problem.as_ref()?;
        let place = target(&self.subject.url, self.subject.account.as_deref());
        let mut words = problem.words(&self.host);
        if let Some(reason) = &self.verdict.reason {
            words.push_str(&format!("; it says: {reason}"));
        }
        let hint = match self.subject.variable {
            // add would put a second one beside it, and the variable would go on answering.
            Some(variable) if problem.needs_a_new_token() => Some(renew_variable(variable)),
            _ => problem.hint(&place),
        };
        Some((words, hint))
    }
}

fn show(told: &[Told<'_>], context: &mut Context<'_>) {
    let row = |told: &Told<'_>| {
        [
            visible(&told.subject.place),
            told.account(),
            told.result().to_owned(),
            visible(told.verdict.who.as_deref().unwrap_or("-")),
            told.verdict.expires.map_or_else(|| "-".to_owned(), date),
        ]
    };
    let rows: Vec<_> = told.iter().map(row).collect();
    let colour = |row: usize, column: usize| {
        (column == 2).then(|| match told[row].verdict.outcome {
            Outcome::Accepted => Colour::Green,
            Outcome::Refused => Colour::Red,
            Outcome::Unclear => Colour::Yellow,
        })
    };
    let head = [
        ("HOST", Column::Middle(16)),
        ("ACCOUNT", Column::End(8)),
        ("RESULT", Column::Whole),
        ("AS", Column::End(8)),
        ("EXPIRES", Column::Whole),
    ];
    table::print(head, rows.len(), |at, _| rows[at].clone(), colour, &mut context.terminal);
}

/// Says what the table has no room for, and ends with the code of the worst.
fn conclude(told: Vec<Told<'_>>, one_place: bool, context: &mut Context<'_>) -> Result<(), Error> {
    let alone = told.len() == 1;
    let mut hints: Vec<String> = Vec::new();
    for one in &told {
        if one.restored {
            context.terminal.note(&format!("the token of {} is in use again", one.whose()));
        }
        let Some((words, hint)) = one.words() else { continue };
        // Alone, it is the error that the command ends with.
        let ends = alone && (one.verdict.outcome == Outcome::Refused || one.error.is_some());
        if !ends {
            context.terminal.note(&format!("{}: {words}", one.whose()));
            hints.extend(hint.filter(|hint| !hints.contains(hint)));
        }
    }
    hints.iter().for_each(|hint| context.terminal.hint(hint));
    let refused = told.iter().filter(|told| told.verdict.outcome == Outcome::Refused).count();
    let open = |told: &&Told<'_>| told.verdict.outcome == Outcome::Unclear && (one_place || !told.no_way);
    let unclear = told.iter().filter(open).count();
    if refused > 0 {
        let one = if alone { told.first().and_then(Told::words) } else { None };
        let (what, hint) = one.unwrap_or_else(|| (count_of(refused), None));
        // list does not tell: nothing is concluded from a "no" (docs/design.md section 10).
        let hint = hint.unwrap_or_else(|| "keyfob add URL puts a new one in the place of each".to_owned());
        return Err(Error::NotUsable { what, hint });
    }
    if unclear == 0 {
        return Ok(());
    }
    let again = told.iter().filter(open).any(|told| !told.no_way);
    let alone_in_trouble = told.into_iter().next().filter(|_| alone).and_then(|told| told.error);
    Err(alone_in_trouble.unwrap_or(Error::Unsettled { count: unclear, again }))
}

fn count_of(refused: usize) -> String {
    if refused == 1 {
        "1 token was not accepted".to_owned()
    } else {
        format!("{refused} tokens were not accepted")
    }
}
