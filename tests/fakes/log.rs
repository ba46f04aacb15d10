//! What was asked of a server, kept for the test that wants to know who got to see a token.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http::Request;
use super::leaks;

/// One request and what it was answered with.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request, as the handler saw it.
    pub request: Request,
    /// The status of the answer.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
}

impl Deref for Entry {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl Entry {
    /// The Authorization header.
    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// User name and password of a Basic Authorization header.
    pub fn basic(&self) -> Option<(String, String)> {
        basic(self.authorization()?)
    }

    /// Whether `secret` stands anywhere in the request's head, also inside a Basic header.
    pub fn carries(&self, secret: &str) -> bool {
        let seen = |text: &str| {
            text.contains(secret) || basic(text).is_some_and(|(user, pass)| user == secret || pass == secret)
        };
        seen(&self.target) || self.headers.iter().any(|(_, value)| seen(value))
    }
}

/// User name and password of a `Basic …` header value.
pub fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The requests of one or more servers, in the order of their answers.
#[derive(Clone, Default)]
pub struct Log {
    entries: Arc<Mutex<Vec<Entry>>>,
    /// What was taken is judged, too.
    taken: Arc<Mutex<Vec<Entry>>>,
    forgiven: Arc<AtomicBool>,
    watcher: Arc<Mutex<Option<Watcher>>>,
}

/// Told of each request as it is answered.
type Watcher = Box<dyn FnMut(&Entry) + Send>;

impl Log {
    /// Also tells `watcher` of each request from now on.
    pub fn watch(&self, watcher: impl FnMut(&Entry) + Send + 'static) {
        *self.watcher.lock().unwrap() = Some(Box::new(watcher));
    }

    /// Adds an entry.
    pub fn push(&self, entry: Entry) {
        if let Some(watcher) = self.watcher.lock().unwrap().as_mut() {
            watcher(&entry);
        }
        self.entries.lock().unwrap().push(entry);
    }

    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    /// Everything so far, and the log begins anew.
    pub fn take(&self) -> Vec<Entry> {
        let entries = std::mem::take(&mut *self.entries.lock().unwrap());
        self.taken.lock().unwrap().extend_from_slice(&entries);
        entries
    }

    /// Leaves this server's requests out of the common judgement: the test itself shows a token where it does not belong.
    pub fn forgive(&self) {
        self.forgiven.store(true, Ordering::SeqCst);
    }

    /// Sees to it that nothing leaked; at the end of the server that it belongs to.
    pub fn judge(&self) {
        if !self.forgiven.load(Ordering::SeqCst) {
            self.take();
            leaks::judge(&std::mem::take(&mut *self.taken.lock().unwrap()));
        }
    }

    /// The Host headers of the requests that carried `secret`, each once.
    pub fn hosts_that_saw(&self, secret: &str) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .entries()
            .into_iter()
            .filter(|entry| entry.carries(secret))
            .map(|entry| entry.request.host)
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}
