//! The run of a command behind the proxy: the proxy's threads ask, and this thread, which has the wallet and the terminal, answers
//! until the command has ended.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::environment::Environment;
use crate::error::Error;
use crate::process;
use crate::process::supervise::{self, End};
use crate::proxy::{self, Asked, Decision, Gatekeeper, Login, Passed};
use crate::remote::Remote;
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

/// The address of an outer run's proxy, if this process is within one. The variable may outlive it, in a daemon.
pub(super) fn outer(environment: &Environment) -> Option<String> {
    let text = environment.text(PROXY)?;
    let (number, address) = text.split_once(' ')?;
    number.parse().is_ok_and(process::lives).then(|| address.to_owned())
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
    /// What becomes of a request: its method, its URL, and the login or placeholder of the client.
    Question { method: String, url: String, authorization: Option<Vec<u8>>, reply: Sender<Decision> },
    /// What the service answered to a login, when that is a refusal.
    Refused(Given),
    /// How a request came out.
    Finished(Passed),
    /// The command is over.
    Ended(std::io::Result<End>),
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
            let line =
                format!("{}: {} ({what}) at {}", grant.realm.as_str(), word(grant.need), hosts.join(", "));
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
        let folder = RunFolder::new(context.environment)?;
        let desk = Desk { origins: grants.origins(), messages: Mutex::new(send.clone()) };
        let hosts = self.places.served.iter().map(|place| place.host().trim_matches(['[', ']']).to_owned());
        let settings = proxy::Settings {
            hosts: hosts.collect(),
            route: super::upstream::route(context.environment, &folder)?,
        };
        let running = proxy::start(settings, Arc::new(desk))?;
        let proxy_url = running.url();
        let making = Making {
            environment: context.environment,
            proxy_url: &proxy_url,
            address: running.address(),
            authority_pem: running.authority_pem(),
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
        command.env(PROXY, format!("{} {}", std::process::id(), running.address()));
        if context.terminal.capabilities.stderr {
            for name in making.own_logins() {
                context.terminal.note(&format!("{name} is set, and the login in it goes before keyfob's"));
            }
        }
        let started = supervise::start(&mut command).map_err(not_started(command.get_program()))?;
        let back = send.clone();
        thread::Builder::new()
            .spawn(move || drop(send.send(Message::Ended(started.wait()))))
            .map_err(|source| Error::Wire { doing: "start a thread", source })?;
        let end = Counter { name: &self.name, grants: &grants, back, said: BTreeSet::new() }
            .serve(&receive, &mut log, context);
        drop(running);
        drop(folder);
        let end = end.map_err(|source| Error::Wire { doing: "wait for the command", source })?;
        Ok(supervise::end_like(end))
    }
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
    fn terminates(&self, host: &str, port: u16) -> bool {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        // As the origin of a URL has it: without the usual port.
        let remote = Remote::from_parts("https", &format!("{host}:{port}"), None);
        remote.is_ok_and(|remote| self.origins.contains(&remote.origin()))
    }

    fn decide(&self, request: &Asked<'_>) -> Decision {
        let (reply, answer) = channel();
        let (method, url) = (request.method.to_owned(), request.url.to_owned());
        let authorization = request.authorization.map(<[u8]>::to_vec);
        self.send(Message::Question { method, url, authorization, reply });
        // Nobody answers any more when the command is over.
        answer.recv().unwrap_or(Decision::PassOn)
    }

    fn finished(&self, passed: &Passed) {
        self.send(Message::Finished(passed.clone()));
    }
}

/// The wallet's side.
struct Counter<'c> {
    name: &'c str,
    grants: &'c Grants,
    /// For what a login comes back with.
    back: Sender<Message>,
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
        let mut ended = None;
        loop {
            // What was reported before the command ended is heard to its end.
            let message = match &ended {
                None => messages.recv().ok(),
                Some(_) => messages.try_recv().ok(),
            };
            match message {
                Some(Message::Question { method, url, authorization, reply }) => {
                    let decision = self.decide(&method, &url, authorization.as_deref(), context);
                    let _ = reply.send(decision);
                }
                Some(Message::Finished(passed)) => {
                    let failed = log.as_mut().and_then(|log| log.add(&passed).err());
                    if let Some(error) = failed {
                        self.once(&error, context);
                    }
                }
                Some(Message::Refused(given)) => self.refused(&given, context),
                Some(Message::Ended(end)) => ended = Some(end),
                None => return ended.unwrap_or_else(|| Err(std::io::ErrorKind::BrokenPipe.into())),
            }
        }
    }

    fn decide(
        &mut self,
        method: &str,
        url: &str,
        authorization: Option<&[u8]>,
        context: &mut Context<'_>,
    ) -> Decision {
        match self.grants.decide(context.wallet, method, url, authorization) {
            Ok(Answer::PassOn) => Decision::PassOn,
            Ok(Answer::Login(login)) => {
                let (back, given) = (self.back.clone(), login.given);
                let answered = move |status| {
                    if status == REFUSED {
                        let _ = back.send(Message::Refused(given));
                    }
                };
                Decision::Login(Login { name: login.name, value: login.value, answered: Box::new(answered) })
            }
            Ok(Answer::Refuse(sentence)) => Decision::Refuse { status: FORBIDDEN, sentence },
            Err(error) => {
                self.once(&error, context);
                Decision::Refuse { status: FORBIDDEN, sentence: format!("keyfob: {}", error.in_one_line()) }
            }
        }
    }

    fn once(&mut self, error: &Error, context: &mut Context<'_>) {
        if self.said.insert(error.to_string()) {
            context.terminal.error(error);
        }
    }

    /// Says at once that a service refused a token, and to whom it was given.
    fn refused(&mut self, given: &Given, context: &mut Context<'_>) {
        match given.was_refused(context.wallet) {
            Ok(Some(note)) => {
                let words = note.words();
                if self.said.insert(words.clone()) {
                    context.terminal.hint(&format!("{}: {words}", self.name));
                }
            }
            Ok(None) => {}
            Err(error) => self.once(&error, context),
        }
    }
}

/// The status by which a service refuses a login (RFC 9110). 403 says that it knows the account.
const REFUSED: u16 = 401;

/// The status with which the proxy refuses.
const FORBIDDEN: u16 = 403;
