//! The connection to a service, on which the requests of one client's connection follow each other.

use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use hyper::http::Uri;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::error::NetworkError;
use crate::http::error::unauthorized;
use crate::http::{Route, error};

use super::body::Message;
use super::dial;
use super::failure::Failure;
use super::request::Origin;
use super::tls::TlsConfigs;

/// What a proxy answers that wants to know who asks.
const LOGIN_REQUIRED: StatusCode = StatusCode::PROXY_AUTHENTICATION_REQUIRED;

/// The most headers of an answer.
const MOST_HEADERS: usize = 256;

/// The longest head of an answer.
const LONGEST_HEAD: usize = 256 * 1024;

/// A proxy of the user's network that takes whole URLs.
struct ByProxy {
    /// Its address, for people.
    at: String,
    /// What it requires.
    login: Option<HeaderValue>,
}

impl ByProxy {
    /// That it wants to know who asks. The client would take its answer for that of this proxy.
    fn refusal(&self, headers: &HeaderMap) -> NetworkError {
        let offers = headers.get_all(PROXY_AUTHENTICATE).iter();
        let offers: Vec<_> = offers.map(|offer| String::from_utf8_lossy(offer.as_bytes())).collect();
        let why = unauthorized(&offers.join(", "), self.login.is_some());
        NetworkError::Proxy { at: self.at.clone(), why }
    }
}

/// A connection to a service.
pub(super) struct Upstream {
    origin: Origin,
    sender: SendRequest<Message>,
    /// The proxy that takes whole URLs, if that is where it leads.
    by_proxy: Option<ByProxy>,
}

impl Upstream {
    /// Opens one.
    ///
    /// # Errors
    /// The answer, if the service cannot be reached.
    pub(super) async fn open(origin: &Origin, route: &Route, tls: &TlsConfigs) -> Result<Upstream, Failure> {
        let unreachable = |cause: NetworkError| Failure::unreachable(&origin.authority(), &cause);
        let mut by_proxy = None;
        let mut connection = None;
        if let (false, Some(proxy)) = (origin.https, &route.proxy)
            && let Some((stream, login)) = dial::to_proxy(proxy, route, tls).await.map_err(unreachable)?
        {
            (connection, by_proxy) = (Some(stream), Some(ByProxy { at: proxy.shown(), login }));
        }
        let connection = match connection {
            Some(connection) => connection,
            None => {
                let plain = dial::connect(origin, route, tls).await.map_err(unreachable)?;
                if origin.https {
                    tls.encrypt(plain, &origin.host, route).await.map_err(unreachable)?
                } else {
                    plain
                }
            }
        };
        let handshake = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(MOST_HEADERS)
            .max_header_size(LONGEST_HEAD)
            .handshake(TokioIo::new(connection))
            .await;
        let (sender, connection) = handshake.map_err(|_| unreachable(NetworkError::NotHttp))?;
        // It ends with its sender; what went wrong is told to who waits for an answer.
        tokio::spawn(connection.with_upgrades());
        Ok(Upstream { origin: origin.clone(), sender, by_proxy })
    }

    /// Whether a request for this origin may be sent on it.
    pub(super) fn is_ready_for(&self, origin: &Origin) -> bool {
        self.origin == *origin && self.sender.is_ready()
    }

    /// Sends a request, whose URI is a path, and waits until an answer begins: as long as its body moves, and `patience` longer.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Message>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Unanswered> {
        if let Some(proxy) = &self.by_proxy {
            let whole = self.origin.url(request.uri().path_and_query().map_or("/", |path| path.as_str()));
            if let Ok(whole) = Uri::try_from(whole) {
                *request.uri_mut() = whole;
            }
            if let Some(login) = &proxy.login {
                request.headers_mut().insert(PROXY_AUTHORIZATION, login.clone());
            }
        }
        let unreachable = |cause: &NetworkError| Failure::unreachable(&self.origin.authority(), cause);
        let sent = request.body().counter();
        let mut before = 0;
        let mut sending = pin!(self.sender.try_send_request(request));
        loop {
            match timeout(patience, &mut sending).await {
                Ok(Ok(response)) if response.status() == LOGIN_REQUIRED => {
                    return match &self.by_proxy {
                        Some(proxy) => {
                            Err(Unanswered::Other(unreachable(&proxy.refusal(response.headers()))))
                        }
                        None => Ok(response),
                    };
                }
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(mut cause)) => {
                    let told = of(cause.error());
                    let failure = unreachable(&told);
                    return Err(match (cause.take_message(), told) {
                        (Some(request), _) => Unanswered::Unsent(Box::new(request), failure),
                        (None, NetworkError::Network { .. }) => Unanswered::BrokeOff(failure),
                        (None, _) => Unanswered::Other(failure),
                    });
                }
                Err(_) => {
                    let now = sent.load(Ordering::Relaxed);
                    if now == before {
                        let cause = NetworkError::Silent { seconds: patience.as_secs() };
                        return Err(Unanswered::Other(unreachable(&cause)));
                    }
                    before = now;
                }
            }
        }
    }
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// The connection had ended; the service has seen nothing of the request, which is this.
    Unsent(Box<Request<Message>>, Failure),
    /// The connection broke off.
    BrokeOff(Failure),
    /// Anything else.
    Other(Failure),
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Failure {
        match unanswered {
            Unanswered::Unsent(_, failure) | Unanswered::BrokeOff(failure) | Unanswered::Other(failure) => {
                failure
            }
        }
    }
}

/// What a failure of the library means.
fn of(cause: &hyper::Error) -> NetworkError {
    if cause.is_parse() || cause.is_parse_too_large() {
        return NetworkError::NotHttp;
    }
    let mut below: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(cause);
    while let Some(one) = below {
        if let Some(tls) = one.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        if let Some(tls) = one
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return of_tls(tls);
        }
        below = one.source();
    }
    NetworkError::Network { why: "the connection broke off".to_owned() }
}

fn of_tls(cause: &rustls::Error) -> NetworkError {
    match cause {
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired) => {
            NetworkError::Network { why: "it requires a client certificate, and keyfob has none".to_owned() }
        }
        other => error::of_tls(other),
    }
}
