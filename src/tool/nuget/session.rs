//! The plugin's side of a conversation in NuGet's plugin protocol 2.0, as a state machine: a line, an answer of the wallet or the
//! passing of time goes in, what has to be done comes out. Both sides send requests, each with ids of its own; an answer repeats
//! id and method. A Progress or an answer to what is not open any more would make NuGet end us and its whole operation, so what
//! is open is known here and nowhere else, and is closed before its answer is written.
//!
//! Deliberately absent: reading, writing, threads, clocks (`plugin` has them) and the wallet (`lookup`).
//! <https://learn.microsoft.com/nuget/reference/extensibility/nuget-cross-platform-plugins>

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::lookup::{Reply, SourceRequest, foreign_hosts};
use super::message::{self, Envelope, payload};

/// The version of the protocol, and the oldest that we speak.
const VERSION: &str = "2.0.0";

/// How often NuGet hears that an answer is still to come. It waits for 5 s, newer ones for 30 s.
const BEAT: Duration = Duration::from_secs(2);

/// How long work may go on after the end of the conversation, for whoever sends all and reads then.
const GRACE: Duration = Duration::from_secs(3);

/// How long an answer waits for NuGet to have taken what is said to people about it: nuget.exe may be over before it shows that,
/// when it has the answer first.
const HELD: Duration = Duration::from_secs(1);

/// The most questions that are open at a time, and the most sources whose retries are counted.
const MOST: usize = 256;

/// What has to be done.
#[derive(Debug)]
pub(super) enum Effect {
    /// This line is to be written.
    Send(Zeroizing<Vec<u8>>),
    /// This is to be asked of the wallet.
    Ask(SourceRequest),
    /// No more is to be read.
    End,
    /// Nobody is there any more: whatever is being done is in vain.
    Exit,
}

/// A conversation.
pub(super) struct Session {
    /// Whether there is a process of this number.
    lives: fn(u32) -> bool,
    /// NuGet's process, once it was told.
    host: Option<u32>,
    open: Vec<Open>,
    /// How often in a row each source was asked for again.
    retries: HashMap<String, u32>,
    /// NuGet takes no message for people before it has said which ones it wants.
    may_log: bool,
    beat: Duration,
    /// How many requests we have sent.
    sent: u32,
    /// What was said to people as a warning: once is enough.
    warned: HashSet<String>,
    /// The sources that got a credential.
    answered: HashSet<String>,
    ended: Option<Instant>,
}

/// A request that has no answer yet.
struct Open {
    id: String,
    method: String,
    next_beat: Instant,
    /// Whether a person waits for it, who has not been told yet why it takes long.
    is_watched: bool,
    /// The answer, when it is there.
    held: Option<HeldAnswer>,
}

/// An answer that waits.
struct HeldAnswer {
    answer: Effect,
    /// The id of our message for people.
    behind: String,
    until: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handshake {
    protocol_version: String,
    minimum_protocol_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Monitor {
    process_id: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Initialize {
    request_timeout: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HandshakeReply {
    response_code: String,
}

/// Asked for a source, and not in general.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Claims {
    package_source_repository: Option<serde_json::Value>,
    service_index: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Authentication {
    uri: String,
    #[serde(default)]
    is_retry: bool,
    #[serde(default)]
    is_non_interactive: bool,
}

impl Session {
    pub(super) fn new(lives: fn(u32) -> bool) -> Session {
        Session {
            lives,
            host: None,
            open: Vec::new(),
            retries: HashMap::new(),
            may_log: false,
            beat: BEAT,
            sent: 0,
            warned: HashSet::new(),
            answered: HashSet::new(),
            ended: None,
        }
    }

    /// Our own greeting; NuGet waits for it, whatever it sends itself.
    pub(super) fn begin(&mut self) -> Vec<Effect> {
        let versions =
            format!("{{\"ProtocolVersion\":\"{VERSION}\",\"MinimumProtocolVersion\":\"{VERSION}\"}}");
        vec![self.request("Handshake", versions.as_bytes())]
    }

    /// A line from NuGet. What is none of its messages has no id to answer to, and is passed over.
    pub(super) fn on_line(&mut self, line: &[u8], urls: &[String], now: Instant) -> Vec<Effect> {
        let Some(envelope) = Envelope::read(line) else { return Vec::new() };
        match (&*envelope.kind, &*envelope.method) {
            ("Request", _) => self.answer(&envelope, line, urls, now),
            ("Cancel", _) => match self.close(&envelope.id) {
                Some(open) => vec![say(&open.id, "Cancel", &open.method, None)],
                None => Vec::new(),
            },
            ("Response", "Handshake") => {
                let agreed =
                    payload::<HandshakeReply>(line).is_some_and(|said| said.response_code == "Success");
                if agreed { Vec::new() } else { vec![Effect::End] }
            }
            // Whatever NuGet makes of a message for people: it has been dealt with.
            ("Response" | "Fault", "Log") => self.release(|held| held.behind == envelope.id),
            _ => Vec::new(),
        }
    }

    /// The answers that need not wait any more.
    fn release(&mut self, may_go: impl Fn(&HeldAnswer) -> bool) -> Vec<Effect> {
        let goes = |open: &mut Open| open.held.as_ref().is_some_and(&may_go);
        self.open.extract_if(.., goes).filter_map(|open| Some(open.held?.answer)).collect()
    }

    fn answer(&mut self, envelope: &Envelope<'_>, line: &[u8], urls: &[String], now: Instant) -> Vec<Effect> {
        let (id, method) = (&*envelope.id, &*envelope.method);
        if self.open.iter().any(|open| open.id == id) {
            return Vec::new();
        }
        let answer = |payload: &str| vec![say(id, "Response", method, Some(payload.as_bytes()))];
        let code = |code: &str| answer(&format!("{{\"ResponseCode\":\"{code}\"}}"));
        match method {
            "Handshake" => match payload::<Handshake>(line) {
                Some(offer) if covers_ours(&offer) => {
                    answer(&format!("{{\"ResponseCode\":\"Success\",\"ProtocolVersion\":\"{VERSION}\"}}"))
                }
                _ => code("Error").into_iter().chain([Effect::End]).collect(),
            },
            "MonitorNuGetProcessExit" => match payload::<Monitor>(line) {
                Some(monitor) if (self.lives)(monitor.process_id) => {
                    self.host = Some(monitor.process_id);
                    code("Success")
                }
                Some(_) => code("NotFound"),
                None => code("Error"),
            },
            "Initialize" => {
                let timeout =
                    payload::<Initialize>(line).and_then(|told| message::time_span(&told.request_timeout));
                if let Some(timeout) = timeout.filter(|timeout| !timeout.is_zero()) {
                    self.beat = BEAT.min(timeout / 3);
                }
                code("Success")
            }
            // Once we answer the general question without this claim, NuGet does not start us again for thirty days.
            "GetOperationClaims" => match payload::<Claims>(line) {
                Some(Claims { package_source_repository: None, service_index: None }) | None => {
                    answer("{\"Claims\":[\"Authentication\"]}")
                }
                Some(claims) => {
                    let mut effects = answer("{\"Claims\":[]}");
                    let source = claims.package_source_repository.as_ref().and_then(|source| source.as_str());
                    effects.extend(source.and_then(|source| self.name_hosts(source, urls)));
                    effects
                }
            },
            "SetLogLevel" => {
                self.may_log = true;
                code("Success")
            }
            // Those of a proxy; they are not for us.
            "SetCredentials" => code("Success"),
            "GetAuthenticationCredentials" => match payload::<Authentication>(line) {
                Some(asked) if self.open.len() < MOST => self.ask(envelope, asked, now),
                _ => code("Error"),
            },
            "Close" => vec![Effect::End],
            // A Fault in reply would make NuGet end us.
            _ => code("Error"),
        }
    }

    /// Names the hosts of a service index that are not of the source's realm, once: NuGet gives the source's token to those that
    /// ask for one, and asks keyfob for the source alone, so nothing else can be done about it.
    fn name_hosts(&mut self, source: &str, urls: &[String]) -> Option<Effect> {
        if !self.may_log || !self.answered.contains(source) {
            return None;
        }
        let hosts = foreign_hosts(source, urls);
        let words = format!(
            "{source} sends NuGet to {}; NuGet gives the token of the feed to a host there that asks for one",
            hosts.join(", ")
        );
        let is_new = !hosts.is_empty() && self.warned.insert(words.clone());
        is_new.then(|| self.request("Log", &message::log("Warning", &words, false)))
    }

    fn ask(&mut self, envelope: &Envelope<'_>, asked: Authentication, now: Instant) -> Vec<Effect> {
        if self.retries.len() >= MOST {
            self.retries.clear();
        }
        let retries = self.retries.entry(asked.uri.clone()).or_default();
        *retries = if asked.is_retry { retries.saturating_add(1) } else { 0 };
        let question = SourceRequest {
            id: envelope.id.to_string(),
            url: asked.uri,
            retries: *retries,
            in_silence: asked.is_non_interactive,
        };
        let (id, method) = (envelope.id.to_string(), envelope.method.to_string());
        let is_watched = !question.in_silence;
        self.open.push(Open { id, method, next_beat: now + self.beat, is_watched, held: None });
        vec![Effect::Ask(question)]
    }

    /// What the wallet said. Nothing is said of a question that was cancelled meanwhile.
    pub(super) fn reply(&mut self, question: &SourceRequest, reply: &Reply, now: Instant) -> Vec<Effect> {
        let Some(mut open) = self.close(&question.id) else { return Vec::new() };
        let payload = message::credential(reply).unwrap_or_else(|| {
            // After NotFound NuGet warns by itself; where it asks another plugin next, that would be wrong.
            let is_error = matches!(reply, Reply::NotOurs | Reply::LeftToOthers(_) | Reply::Failed(_));
            let code = if is_error { "Error" } else { "NotFound" };
            Zeroizing::new(format!("{{\"ResponseCode\":\"{code}\"}}").into_bytes())
        });
        let answer = say(&open.id, "Response", &open.method, Some(&payload));
        if matches!(reply, Reply::Credential { .. }) && self.answered.len() < MOST {
            self.answered.insert(question.url.clone());
        }
        let level = reply.level();
        let words = reply
            .words()
            .filter(|words| self.may_log && (level != "Warning" || self.warned.insert((*words).to_owned())));
        let Some(words) = words else { return vec![answer] };
        let log = self.request("Log", &message::log(level, words, !question.in_silence));
        if self.ended.is_some() {
            return vec![log, answer];
        }
        open.held = Some(HeldAnswer { answer, behind: self.last_id(), until: now + HELD });
        self.open.push(open);
        vec![log]
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let is_orphan = self.host.is_some_and(|host| !(self.lives)(host));
        if is_orphan || self.ended.is_some_and(|ended| now.saturating_duration_since(ended) > GRACE) {
            return vec![Effect::Exit];
        }
        let mut effects = self.release(|held| held.until <= now);
        let mut is_news = false;
        for open in self.open.iter_mut().filter(|open| open.next_beat <= now) {
            open.next_beat = now + self.beat;
            is_news |= std::mem::take(&mut open.is_watched);
            effects.push(say(&open.id, "Progress", &open.method, Some(b"{}")));
        }
        if is_news && self.may_log && self.ended.is_none() {
            let words = "waiting for the store that holds the token; a window may ask you to unlock it";
            effects.push(self.request("Log", &message::log("Minimal", words, true)));
        }
        effects
    }

    /// No more will be heard.
    pub(super) fn end(&mut self, now: Instant) -> Vec<Effect> {
        self.ended = Some(now);
        self.release(|_| true)
    }

    /// Whether the request of this id still waits for its answer.
    pub(super) fn awaits(&self, id: &str) -> bool {
        self.open.iter().any(|open| open.id == id && open.held.is_none())
    }

    /// NuGet's process, once it was told.
    pub(super) fn host(&self) -> Option<u32> {
        self.host
    }

    fn close(&mut self, id: &str) -> Option<Open> {
        let at = self.open.iter().position(|open| open.id == id)?;
        Some(self.open.remove(at))
    }

    fn request(&mut self, method: &str, payload: &[u8]) -> Effect {
        self.sent += 1;
        say(&self.last_id(), "Request", method, Some(payload))
    }

    /// The id of the last request that we sent.
    fn last_id(&self) -> String {
        format!("keyfob-{}", self.sent)
    }
}

fn say(id: &str, kind: &str, method: &str, payload: Option<&[u8]>) -> Effect {
    Effect::Send(message::line(id, kind, method, payload))
}

/// Whether what the other side speaks holds our version.
fn covers_ours(offer: &Handshake) -> bool {
    let ours = message::version(VERSION);
    let (most, least) =
        (message::version(&offer.protocol_version), message::version(&offer.minimum_protocol_version));
    least.is_some() && most.is_some() && least <= ours && ours <= most
}
