//! The connection to a service, on which the requests of one client's connection follow each other.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::Uri;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::{Error, NetworkError};
use crate::http::{CONNECTING, Route, error, tls};

use super::body::Message;
use super::dial::{self, Connection};
use super::failure::Failure;
use super::request::Origin;

/// How long a service may take until it begins to answer; some make an index or a package first.
const ANSWERING: Duration = Duration::from_secs(300);

/// The most headers of an answer.
const MOST_HEADERS: usize = 256;

/// The longest head of an answer.
const LONGEST_HEAD: usize = 256 * 1024;

/// How TLS is spoken, for each file of authorities.
#[derive(Default)]
pub(super) struct TlsConfigs(Mutex<HashMap<Option<PathBuf>, Arc<rustls::ClientConfig>>>);

impl TlsConfigs {
    fn of(&self, route: &Route, host: &str) -> Result<Arc<rustls::ClientConfig>, Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = all.get(&route.authorities) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(tls::client_config(route.authorities.as_deref(), host)?);
        all.insert(route.authorities.clone(), Arc::clone(&config));
        Ok(config)
    }

    /// Speaks TLS on a connection.
    ///
    /// # Errors
    /// Why that failed.
    pub(super) async fn encrypt(
        &self,
        stream: Connection,
        host: &str,
        route: &Route,
    ) -> Result<Connection, NetworkError> {
        let config = self.of(route, host).map_err(|cause| match cause {
            Error::Network { cause, .. } => cause,
            other => NetworkError::Network { why: other.to_string() },
        })?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| NetworkError::NoSuchHost)?;
        let made = timeout(CONNECTING, TlsConnector::from(config).connect(name, stream)).await;
        let silent = NetworkError::Silent { seconds: CONNECTING.as_secs() };
        Ok(Box::new(made.map_err(|_| silent)?.map_err(|cause| error::of_io(cause, None))?))
    }
}

/// A connection to a service.
pub(super) struct Upstream {
    origin: Origin,
    sender: SendRequest<Message>,
    /// What a proxy that takes whole URLs requires, if that is where it leads.
    by_proxy: Option<Option<HeaderValue>>,
}

impl Upstream {
    /// Opens one.
    ///
    /// # Errors
    /// The answer, if the service cannot be reached.
    pub(super) async fn open(origin: &Origin, route: &Route, tls: &TlsConfigs) -> Result<Upstream, Failure> {
        let unreachable = |cause: NetworkError| Failure::unreachable(origin, &cause);
        let mut by_proxy = None;
        let mut connection = None;
        if let (false, Some(proxy)) = (origin.https, &route.proxy)
            && let Some((stream, login)) = dial::to_proxy(proxy, route, tls).await.map_err(unreachable)?
        {
            (connection, by_proxy) = (Some(stream), Some(login));
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

    /// Sends a request, whose URI is a path, and waits until an answer begins.
    ///
    /// # Errors
    /// The answer, if there is none; with the request, if the service cannot have seen any of it.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Message>,
    ) -> Result<Response<Incoming>, (Failure, Option<Box<Request<Message>>>)> {
        if let Some(login) = &self.by_proxy {
            let whole = self.origin.url(request.uri().path_and_query().map_or("/", |path| path.as_str()));
            if let Ok(whole) = Uri::try_from(whole) {
                *request.uri_mut() = whole;
            }
            if let Some(login) = login {
                request.headers_mut().insert(PROXY_AUTHORIZATION, login.clone());
            }
        }
        match timeout(ANSWERING, self.sender.try_send_request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(mut cause)) => {
                let request = cause.take_message().map(Box::new);
                Err((Failure::unreachable(&self.origin, &of(cause.error())), request))
            }
            Err(_) => {
                let cause = NetworkError::Silent { seconds: ANSWERING.as_secs() };
                Err((Failure::unreachable(&self.origin, &cause), None))
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
