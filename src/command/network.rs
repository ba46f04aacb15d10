//! What the commands that use the network share (R12): whether they may, the route to each host, and asking about several tokens at
//! once. What is asked comes from the forges, what it means goes back to them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, Builder};

use crate::environment::{Environment, means_no};
use crate::error::Error;
use crate::git_config;
use crate::http::proxy;
use crate::http_message::Response;
use crate::remote::Remote;
use crate::terminal::Terminal;
use crate::wallet::manage::verify::Question;

pub(super) use crate::http::Client;
pub(super) use crate::http::Route;

/// The most requests that are under route together.
const AT_ONCE: usize = 4;

/// Whether the network is not to be used.
pub(super) fn is_offline(environment: &Environment) -> bool {
    environment.says_yes("KEYFOB_OFFLINE")
}

/// How a URL is reached: by the proxy and with the certificates that git would use there.
pub(super) fn route(url: &str, allow_http: bool, environment: &Environment) -> Result<Route, Error> {
    let (remote, _) = Remote::from_url(url)?;
    if remote.is_loopback() && !remote.is_https() {
        return Ok(Route { allow_http, ..Route::default() });
    }
    // git's settings may differ by path, too.
    let settings = git_config::for_url(environment, "http", url.split(['?', '#']).next().unwrap_or(url));
    let setting =
        |name: &str| settings.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    // What git trusts for this host, then what is trusted for every one. Windows's own TLS does not look at the file, which Git
    // for Windows names anyway.
    let windows =
        setting("sslbackend") == Some("schannel") && setting("schannelusesslcainfo").is_none_or(means_no);
    let from_git = setting("sslcainfo").filter(|file| !file.is_empty() && !windows);
    let from_git = from_git.map(|file| match (file.strip_prefix("~/"), git_config::home(environment)) {
        (Some(below), Some(home)) => home.join(below).into_os_string(),
        _ => OsString::from(file),
    });
    let authorities = environment.os("GIT_SSL_CAINFO").or(from_git);
    let authorities = authorities.or_else(|| environment.os("SSL_CERT_FILE")).map(PathBuf::from);
    Ok(Route { proxy: proxy::of(&remote, setting("proxy"), environment), authorities, allow_http })
}

/// Whether an entry of `NO_PROXY` names the host of a place.
pub(super) fn is_exempt(remote: &Remote, entry: &str) -> bool {
    proxy::is_exempt(remote, entry)
}

/// A question on its route.
pub(super) struct Job<'q> {
    /// The question, which has a request.
    pub question: &'q Question,
    /// The route.
    pub route: Route,
}

impl Job<'_> {
    fn run(&self, client: &Client) -> Option<Result<Response, Error>> {
        let request = self.question.request.as_ref()?;
        Some(client.send(request, &self.question.token, &self.route))
    }
}

/// What the threads that ask report.
enum Report {
    Answer(usize, Option<Result<Response, Error>>),
    Waiting(String, u64),
}

/// That a service is left alone for a while, because it said so.
pub(super) fn waiting(host: &str, seconds: u64) -> String {
    format!("{host} wants to be left alone for {seconds} s; waiting")
}

/// Asks everything, one request each, and returns the answers in the same order.
pub(super) fn ask_all(jobs: &[Job<'_>], terminal: &mut Terminal<'_>) -> Vec<Option<Result<Response, Error>>> {
    let (send, receive) = mpsc::channel();
    let told = send.clone();
    let client = Client::telling_of_waits(move |host, seconds| {
        // Nobody listens any more only when all is over.
        let _ = told.send(Report::Waiting(host.to_owned(), seconds));
    });
    let next = AtomicUsize::new(0);
    let mut answers: Vec<Option<Result<Response, Error>>> = jobs.iter().map(|_| None).collect();
    let ask = |send: &mpsc::Sender<Report>| {
        while let Some((at, job)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(at).map(|job| (at, job))
        } {
            if send.send(Report::Answer(at, job.run(&client))).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..jobs.len().min(AT_ONCE) {
            let (sender, ask) = (send.clone(), &ask);
            // Where the machine allows no more threads, those that there are do it all, be it this one.
            let started = Builder::new().spawn_scoped(scope, move || ask(&sender));
            if started.is_err() && number == 0 {
                ask(&send);
            }
        }
        let mut done = 0;
        terminal.progress(done, jobs.len());
        while done < jobs.len() {
            match receive.recv() {
                Ok(Report::Answer(at, answer)) => {
                    answers[at] = answer;
                    done += 1;
                }
                Ok(Report::Waiting(host, seconds)) => {
                    terminal.end_of_progress();
                    terminal.note(&waiting(&host, seconds));
                }
                Err(_) => break,
            }
            terminal.progress(done, jobs.len());
        }
    });
    terminal.end_of_progress();
    answers
}
