//! The only place that opens network connections, for people's commands that say so (R12); tools and the wallet never reach
//! it, which a test proves. One [`Request`] out, one [`Response`] back:
//!
//! - TLS only, but for loopback and where plain http was accepted; the system's certificates, or those of `SSL_CERT_FILE`;
//! - a redirect is an answer, never followed: the token would go along;
//! - a proxy where the environment or git's settings name one, never to loopback;
//! - limits on time, headers and body; nothing is asked again while a service wants to be left alone.
//!
//! Deliberately absent: cookies, compression, caches, any retry, turning certificates off (git's `http.sslVerify` does not count
//! here). Copies of the token that the TLS library makes on its way out are not wiped; the process is short-lived and not
//! dumpable.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ureq::http as wire;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::transport::{Connector, RustlsConnector, TcpConnector};
use zeroize::Zeroizing;

use crate::error::{Error, NetworkError};
use crate::http_message::{Auth, Method, Request, Response};
use crate::remote::Remote;
use crate::secret::Secret;

mod connect;
pub(crate) mod error;
mod pinned;
pub mod proxy;
pub(crate) mod resolver;
pub(crate) mod tls;

use proxy::Proxy;

/// The longest that a whole exchange may take.
const TIME: Duration = Duration::from_secs(20);

/// The longest that connecting may take.
pub(crate) const CONNECTING: Duration = Duration::from_secs(10);

/// The largest body that is read.
const LARGEST: usize = 1024 * 1024;

/// The longest head of an answer. (The number of headers is limited by the library, to 128.)
const LONGEST_HEAD: usize = 64 * 1024;

/// The longest that we wait for a service that wants to be left alone; beyond it, it is not asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a place is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Route {
    /// Through this proxy.
    pub proxy: Option<Proxy>,
    /// Trusting the certificates of this file in place of the system's.
    pub authorities: Option<PathBuf>,
    /// Whether plain http was accepted.
    pub allow_http: bool,
}

/// Carries requests. May be used by several threads at once.
#[derive(Default)]
pub struct Client {
    agents: Mutex<HashMap<Route, ureq::Agent>>,
    backoffs: Mutex<HashMap<String, Backoff>>,
    on_wait: Option<OnWait>,
}

/// Is told of a host, and for how many seconds it is left alone from now on.
type OnWait = Box<dyn Fn(&str, u64) + Send + Sync>;

/// That a host wants to be left alone.
#[derive(Clone, Copy)]
struct Backoff {
    until: Instant,
    told: bool,
}

impl Client {
    /// One that says when it waits; for those who send more than one request.
    pub fn telling_of_waits(on_wait: impl Fn(&str, u64) + Send + Sync + 'static) -> Client {
        Client { on_wait: Some(Box::new(on_wait)), ..Client::default() }
    }

    /// Sends a request with a token, and reads the answer.
    ///
    /// # Errors
    /// [`Error::Network`]; [`Error::Certificates`] about the file of certificates. An answer of any status
    /// is none.
    pub fn send(&self, request: &Request, token: &Secret, route: &Route) -> Result<Response, Error> {
        let (remote, _) = Remote::from_url(&request.url)?;
        let host = remote.authority();
        let failed = |cause| Error::Network { host: host.clone(), cause };
        if !remote.is_https() && !remote.is_loopback() && !route.allow_http {
            return Err(failed(NetworkError::ClearText));
        }
        // Through a proxy it would leave the machine, perhaps in clear text.
        let route = if remote.is_loopback() { Route { proxy: None, ..route.clone() } } else { route.clone() };
        self.wait_for(&host)?;
        let agent = self.agent(&route, &host)?;
        let shown = shown(request, token).ok_or_else(|| failed(NetworkError::Unsendable))?;
        let named = |error| error::of(error, route.proxy.as_ref());
        let composed = composed(&request.auth, token).ok_or_else(|| failed(NetworkError::Unsendable))?;
        let mut response = match composed.as_ref().or(request.json.as_ref()) {
            Some(body) => agent.run(shown.map(|()| body.expose())),
            None => agent.run(shown),
        }
        .map_err(|error| failed(named(error)))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let text = |value: &wire::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let mut headers: Vec<(String, String)> = headers.collect();
        // One without a date gets the time at which it came (RFC 9110, section 6.6.1).
        if !headers.iter().any(|(name, _)| name == "date") {
            let now =
                jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
            headers.extend(now.ok().map(|now| ("date".to_owned(), now)));
        }
        let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
        let reader = response.body_mut().as_reader();
        let read = reader.take(LARGEST as u64 + 1).read_to_end(&mut body);
        read.map_err(|error| failed(named(ureq::Error::from(error))))?;
        if body.len() > LARGEST {
            return Err(failed(NetworkError::TooLarge));
        }
        let answer = Response { status, headers, body };
        if let Some(seconds) = answer.retry_after() {
            let now = Instant::now();
            let until = now + Duration::from_secs(seconds);
            let mut all = self.backoffs.lock().unwrap_or_else(PoisonError::into_inner);
            let backoff = all.entry(host).or_insert(Backoff { until, told: false });
            // Answers that come together are one wish.
            backoff.told &= backoff.until > now;
            backoff.until = backoff.until.max(until);
        }
        Ok(answer)
    }

    /// Waits while the host wants to be left alone, if that is not long, and says so.
    fn wait_for(&self, host: &str) -> Result<(), Error> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let mut all = self.backoffs.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(backoff) = all.get_mut(host) else { return Ok(()) };
            let left = backoff.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            // It may have been put off since by another thread's answer.
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            if backoff.until > limit {
                return Err(Error::Network {
                    host: host.to_owned(),
                    cause: NetworkError::RateLimited { seconds },
                });
            }
            let on_wait = self.on_wait.as_ref().filter(|_| !std::mem::replace(&mut backoff.told, true));
            drop(all);
            if let Some(on_wait) = on_wait {
                on_wait(host, seconds);
            }
            std::thread::sleep(left);
        }
    }

    fn agent(&self, route: &Route, host: &str) -> Result<ureq::Agent, Error> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(route) {
            return Ok(agent.clone());
        }
        let roots = match &route.authorities {
            None => RootCerts::PlatformVerifier,
            Some(file) => RootCerts::Specific(Arc::new(tls::certificates(file)?)),
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots)
            // Named, so that nothing else in the process decides it.
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let proxy = match &route.proxy {
            None => None,
            Some(proxy) => match proxy.parsed() {
                Some(parsed) => Some(parsed),
                None => {
                    let cause = error::of(ureq::Error::InvalidProxyUrl, Some(proxy));
                    return Err(Error::Network { host: host.to_owned(), cause });
                }
            },
        };
        let config = |proxy| {
            ureq::Agent::config_builder()
                .tls_config(tls.clone())
                .proxy(proxy)
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .max_response_header_size(LONGEST_HEAD)
                .timeout_global(Some(TIME))
                .timeout_connect(Some(CONNECTING))
                .user_agent(concat!("keyfob/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let connector =
            ().chain(connect::Tunnel::new(config(None)))
                .chain(TcpConnector::default())
                .chain(RustlsConnector::default());
        let agent = ureq::Agent::with_parts(config(proxy), connector, resolver::SystemResolver);
        agents.insert(route.clone(), agent.clone());
        Ok(agent)
    }
}

/// The head of the request, with the token in it where it belongs there. `None` if a header cannot hold it.
fn shown(request: &Request, token: &Secret) -> Option<wire::Request<()>> {
    let method = match request.method {
        Method::Get => wire::Method::GET,
        Method::Post => wire::Method::POST,
        Method::Put => wire::Method::PUT,
        Method::Delete => wire::Method::DELETE,
    };
    let mut made = wire::Request::builder().method(method).uri(&request.url);
    if let Some((name, value)) = header_with(&request.auth, token) {
        // More than ASCII is allowed, but what it means is not, and the library sends none.
        let mut secret = wire::HeaderValue::from_bytes(&value).ok().filter(|_| value.is_ascii())?;
        secret.set_sensitive(true);
        made = made.header(name, secret);
    }
    for (name, value) in &request.headers {
        made = made.header(*name, *value);
    }
    made = match &request.auth {
        Auth::InForm(_) => made.header("Content-Type", "application/x-www-form-urlencoded"),
        Auth::InJson(..) => made.header("Content-Type", "application/json"),
        _ if request.json.is_some() => made.header("Content-Type", "application/json"),
        _ => made,
    };
    made.body(()).ok()
}

/// The header that shows the token; `None` where the body does.
fn header_with(auth: &Auth, token: &Secret) -> Option<(&'static str, Zeroizing<Vec<u8>>)> {
    let mut value = Zeroizing::new(Vec::with_capacity(token.len() * 2 + 64));
    let name = match auth {
        Auth::Basic(user) => {
            let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + 1 + token.len()));
            pair.extend_from_slice(user.as_bytes());
            pair.push(b':');
            pair.extend_from_slice(token.expose());
            value.extend_from_slice(b"Basic ");
            value.extend_from_slice(in_base64(&pair).as_bytes());
            "Authorization"
        }
        Auth::Bearer => {
            value.extend_from_slice(b"Bearer ");
            value.extend_from_slice(token.expose());
            "Authorization"
        }
        Auth::Token => {
            value.extend_from_slice(b"token ");
            value.extend_from_slice(token.expose());
            "Authorization"
        }
        Auth::Header(name) => {
            value.extend_from_slice(token.expose());
            name
        }
        Auth::InJson(..) | Auth::InForm(_) | Auth::None => return None,
    };
    Some((name, value))
}

/// Wiped when it is no longer needed.
fn in_base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(bytes))
}

/// The body that shows the token, where one does. `None` for a token that is no text.
fn composed(auth: &Auth, token: &Secret) -> Option<Option<Secret>> {
    let (before, after) = match auth {
        Auth::InJson(before, after) => (*before, *after),
        Auth::InForm(before) => (before.as_str(), ""),
        _ => return Some(None),
    };
    let text = std::str::from_utf8(token.expose()).ok()?;
    // The longest that a byte becomes: `\u001f`, `%1F`.
    let mut body = Vec::with_capacity(before.len() + token.len() * 6 + 2 + after.len());
    body.extend_from_slice(before.as_bytes());
    if let Auth::InJson(..) = auth {
        serde_json::to_writer(&mut body, text).ok()?;
    } else {
        url::form_urlencoded::byte_serialize(text.as_bytes())
            .for_each(|part| body.extend_from_slice(part.as_bytes()));
    }
    body.extend_from_slice(after.as_bytes());
    Some(Some(Secret::new(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_header_can_hold_is_not_sent() {
        let request = |auth| Request::get("https://h/".to_owned(), auth);
        for token in ["s\u{e9}cret", "s\ncret"] {
            let token = Secret::copy_of(token.as_bytes());
            assert!(shown(&request(Auth::Bearer), &token).is_none());
            // In Base64 it can be.
            assert!(shown(&request(Auth::Basic(String::new())), &token).is_some());
        }
    }

    #[test]
    fn a_token_in_a_body_is_whole_and_in_no_header() {
        let body = |auth: &Auth, token: &str| {
            let token = Secret::copy_of(token.as_bytes());
            assert!(header_with(auth, &token).is_none());
            String::from_utf8(composed(auth, &token).unwrap().unwrap().expose().to_vec()).unwrap()
        };
        let json = Auth::InJson("{\"credentials\":[", "]}");
        assert_eq!(body(&json, "a\"b\\\u{1}"), "{\"credentials\":[\"a\\\"b\\\\\\u0001\"]}");
        assert_eq!(body(&Auth::InForm("x=1&code=".to_owned()), "a b&c=d"), "x=1&code=a+b%26c%3Dd");
        assert_eq!(body(&Auth::InForm("x=1".to_owned()), ""), "x=1");
        assert!(composed(&json, &Secret::copy_of(b"\xff")).is_none());
        assert!(composed(&Auth::Bearer, &Secret::copy_of(b"t")).unwrap().is_none());
    }
}
