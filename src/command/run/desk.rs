//! The run of a command behind the proxy: the proxy's threads ask, and this thread, which has the wallet and the terminal, answers
//! until the command has ended.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::environment::Environment;
use crate::error::Error;
use crate::process::supervise::{self, End};
use crate::proxy::{self, Decision, Gatekeeper, Outcome, Request};
use crate::text::visible;
use crate::tool::client::Client;
use crate::tool::client::settings::Found;

use super::super::Context;
use super::environment::{Making, names};
use super::folder::RunFolder;
use super::gate::{Answer, Given, Grants};
use super::log::Log;
use super::places::{Places, word};
use super::{PROXY, not_started};

/// How long an outer proxy has to answer.
const OUTER: Duration = Duration::from_millis(500);

/// The address of an outer run's proxy, if this process is within one.
pub(super) fn outer(environment: &Environment) -> Option<String> {
    let address = environment.text(PROXY)?;
    let at: SocketAddr = address.parse().ok()?;
    // One that has ended is none; a variable may outlive it in a daemon.
    proxy::listens(at, OUTER).then_some(address)
}

/// A command with what it may have.
pub(super) struct Proxied<'m> {
    /// The tool's name in the wallet's records.
    pub tool: &'static str,
    /// The command's name, for messages.
    pub name: String,
    /// Its client, if it is known.
    pub client: Option<&'static Client>,
    /// What it may have.
    pub places: Places,
    /// What its settings name.
    pub found: Found,
    /// Its arguments.
    pub arguments: Vec<&'m str>,
    /// Whether it may write.
    pub write: bool,
    /// The account that is meant.
    pub account: Option<String>,
}

/// What the proxy's threads ask and report.
enum Message {
    /// What becomes of a request.
    Question { request: Asking, reply: Sender<Decision> },
    /// How it came out.
    Finished { number: u64, method: String, url: String, outcome: (u16, u64, u64) },
    /// The command is over.
    Ended(std::io::Result<End>),
}

/// A request as it is put to the wallet.
struct Asking {
    number: u64,
    method: String,
    url: String,
    authorization: Option<Vec<u8>>,
}

impl Proxied<'_> {
    /// Whether there is anything that a login could be added for.
    pub(super) fn is_needed(&self) -> bool {
        !self.places.grants.is_empty()
    }

    /// Says what would be done.
    pub(super) fn describe(&self, context: &mut Context<'_>) {
        self.say_notes(context);
        if !self.is_needed() {
            context.terminal.note("no login is added: no place is named that the wallet has a token for");
            return;
        }
        for grant in &self.places.grants {
            let what = if self.write { "read and write" } else { "read" };
            let hosts: Vec<&str> =
                grant.origins.iter().map(|origin| crate::text::without_scheme(origin)).collect();
            let line = format!("{}: {} ({what}) at {}", grant.realm.as_str(), word(grant.need), hosts.join(", "));
            context.terminal.answer(&visible(&line));
        }
        context.terminal.answer(&format!("by these variables: {}", names(self.client).join(", ")));
    }

    fn say_notes(&self, context: &mut Context<'_>) {
        for note in &self.places.notes {
            context.terminal.hint(note);
        }
    }

    /// Runs the command to its end; returns the exit code.
    pub(super) fn run(
        self,
        mut command: Command,
        log: Option<&Path>,
        context: &mut Context<'_>,
    ) -> Result<i32, Error> {
        self.say_notes(context);
        let mut log = log.map(|path| Log::open(&context.folder.join(path))).transpose()?;
        let grants = Grants {
            all: self.places.grants.clone(),
            write: self.write,
            account: self.account.clone(),
            tool: self.tool,
        };
        let (send, receive) = channel();
        let desk = Desk { origins: grants.origins(), messages: Mutex::new(send.clone()) };
        let running = proxy::start(settings(context)?, Arc::new(desk))?;
        let folder = RunFolder::new(context.environment)?;
        let making = Making {
            environment: context.environment,
            proxy_url: &running.proxy_url,
            address: running.address,
            authority_pem: &running.authority_pem,
            served: &self.places.served,
            client: self.client,
            found: &self.found,
            arguments: &self.arguments,
            write: self.write,
        };
        for (name, value) in making.settings(&folder)? {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env(PROXY, running.address.to_string());
        if context.terminal.capabilities.stderr {
            for name in making.own_logins() {
                context.terminal.note(&format!("{name} is set, and the login in it goes before keyfob's"));
            }
        }
        let started = supervise::start(&mut command).map_err(not_started(command.get_program()))?;
        thread::Builder::new()
            .spawn(move || drop(send.send(Message::Ended(started.wait()))))
            .map_err(|source| Error::Wire { doing: "start a thread", source })?;
        let end = Counter { name: &self.name, grants: &grants, given: HashMap::new(), said: BTreeSet::new() }
            .serve(&receive, &mut log, context);
        drop(running);
        drop(folder);
        let end = end.map_err(|source| Error::Wire { doing: "wait for the command", source })?;
        Ok(supervise::end_like(end))
    }
}

fn settings(_context: &Context<'_>) -> Result<proxy::Settings, Error> {
    Ok(proxy::Settings)
}

/// The proxy's side: it asks, and waits for the answer.
struct Desk {
    origins: Vec<String>,
    messages: Mutex<Sender<Message>>,
}

impl Desk {
    fn send(&self, message: Message) {
        let _ = self.messages.lock().unwrap_or_else(PoisonError::into_inner).send(message);
    }
}

impl Gatekeeper for Desk {
    fn terminates(&self, origin: &str) -> bool {
        self.origins.iter().any(|one| one == origin)
    }

    fn decide(&self, request: &Request) -> Decision {
        let (reply, answer) = channel();
        let request = Asking {
            number: request.number,
            method: request.method.clone(),
            url: request.url.clone(),
            authorization: request.authorization.clone(),
        };
        self.send(Message::Question { request, reply });
        // Nobody answers any more when the command is over.
        answer.recv().unwrap_or(Decision::PassOn)
    }

    fn finished(&self, request: &Request, outcome: &Outcome) {
        let (method, url) = (request.method.clone(), request.url.clone());
        let outcome = (outcome.status, outcome.sent, outcome.received);
        self.send(Message::Finished { number: request.number, method, url, outcome });
    }
}

/// The wallet's side.
struct Counter<'c> {
    name: &'c str,
    grants: &'c Grants,
    /// What was given to requests that are under way.
    given: HashMap<u64, Given>,
    /// What was said already.
    said: BTreeSet<String>,
}

impl Counter<'_> {
    fn serve(
        mut self,
        messages: &Receiver<Message>,
        log: &mut Option<Log>,
        context: &mut Context<'_>,
    ) -> std::io::Result<End> {
        loop {
            match messages.recv() {
                Ok(Message::Question { request, reply }) => {
                    let _ = reply.send(self.decide(request, context));
                }
                Ok(Message::Finished { number, method, url, outcome }) => {
                    let given = self.given.remove(&number);
                    let failed = log.as_mut().and_then(|log| log.add(&method, &url, outcome, given.as_ref()).err());
                    if let Some(error) = failed.filter(|error| self.said.insert(error.to_string())) {
                        context.terminal.error(&error);
                    }
                    if let Some(given) = given.filter(|_| outcome.0 == 401) {
                        self.refused(&given, context);
                    }
                }
                Ok(Message::Ended(end)) => return end,
                Err(_) => return Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    fn decide(&mut self, request: Asking, context: &mut Context<'_>) -> Decision {
        let answer = self.grants.decide(
            context.wallet,
            &request.method,
            &request.url,
            request.authorization.as_deref(),
        );
        match answer {
            Ok(Answer::PassOn) => Decision::PassOn,
            Ok(Answer::Login(login)) => {
                self.given.insert(request.number, login.given);
                Decision::Login { header: login.name.to_owned(), value: login.value }
            }
            Ok(Answer::Refuse(sentence)) => Decision::Refuse { status: 403, sentence },
            Err(error) => {
                if self.said.insert(error.to_string()) {
                    context.terminal.error(&error);
                }
                Decision::Refuse { status: 403, sentence: format!("keyfob: {}", error.in_one_line()) }
            }
        }
    }

    /// Says at once that a service refused a token, and to whom it was given.
    fn refused(&mut self, given: &Given, context: &mut Context<'_>) {
        let words = match given.was_refused(context.wallet) {
            Ok(note) => note.map(|note| note.words()),
            Err(error) => Some(error.in_one_line()),
        };
        if let Some(words) = words.filter(|words| self.said.insert(words.clone())) {
            context.terminal.hint(&format!("{}: {words}", self.name));
        }
    }
}
