//! One request's way: checked, judged, sent on with its login, answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderName, HeaderValue, UPGRADE};
use hyper::http::Uri;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::body::{AtEnd, Message};
use super::failure::Failure;
use super::request::{Origin, is_ambiguous, strip_hop_by_hop};
use super::upstream::Upstream;
use super::{Asked, Decision, Login, Passed, Shared, dial};

/// Sends the requests of one client's connection on, one after the other.
pub(super) struct Forward {
    shared: Arc<Shared>,
    upstream: Mutex<Option<Upstream>>,
}

impl Forward {
    pub(super) fn new(shared: Arc<Shared>) -> Forward {
        Forward { shared, upstream: Mutex::new(None) }
    }

    /// Answers a request for this origin.
    pub(super) async fn answer(&self, request: Request<Incoming>, origin: Origin) -> Response<Message> {
        self.forward(request, origin).await.unwrap_or_else(Failure::into_response)
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        origin: Origin,
    ) -> Result<Response<Message>, Failure> {
        let method = request.method().clone();
        // A service answers TRACE with what it was sent, the login among it.
        if matches!(method, Method::TRACE | Method::CONNECT) {
            let sentence = format!("the proxy passes no {method} request on");
            return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, sentence));
        }
        let path = match request.uri().path_and_query().map(|path| path.as_str()) {
            None | Some("") => "/".to_owned(),
            Some(path) if path.starts_with('?') => format!("/{path}"),
            Some(path) => path.to_owned(),
        };
        let client_side = request.headers().contains_key(UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let login = self.judge(&request, &origin, &path).await?;
        let with_login = login.is_some();

        let (mut parts, body) = request.into_parts();
        parts.uri =
            Uri::try_from(&path).map_err(|_| Failure::malformed("the path of the request is malformed"))?;
        let upgrade = strip_hop_by_hop(&mut parts.headers);
        let host = HeaderValue::try_from(origin.authority());
        parts
            .headers
            .insert(HOST, host.map_err(|_| Failure::malformed("the host of the request is malformed"))?);
        if let Some(protocol) = &upgrade {
            parts.headers.insert(UPGRADE, protocol.clone());
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        let answered = login.map(|login| put(login, &mut parts.headers)).transpose()?;

        let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut passed = Passed {
            method: method.to_string(),
            url: origin.url(path.split(['?', '#']).next().unwrap_or_default()),
            status: None,
            with_login,
            sent: 0,
            received: 0,
        };
        let outgoing = Request::from_parts(parts, Message::passing(body, Arc::clone(&sent), None));
        let mut response = match self.send(outgoing, &origin).await {
            Ok(response) => response,
            Err(failure) => {
                passed.sent = sent.load(Ordering::Relaxed);
                self.shared.gatekeeper.finished(&passed);
                return Err(failure);
            }
        };
        let status = response.status();
        if let Some(answered) = answered {
            // Waited for, so that a refusal is noted even if the client ends at it.
            let _ = spawn_blocking(move || answered(status.as_u16())).await;
        }
        passed.status = Some(status.as_u16());

        if status == StatusCode::SWITCHING_PROTOCOLS {
            let (Some(client_side), Some(_)) = (client_side, upgrade) else {
                return Err(Failure::new(
                    StatusCode::BAD_GATEWAY,
                    "the service changed the protocol, unasked",
                ));
            };
            let service_side = hyper::upgrade::on(&mut response);
            tokio::spawn(async move {
                if let (Ok(client), Ok(service)) = (client_side.await, service_side.await) {
                    // However it ends, both sides see it.
                    let _ = dial::splice(TokioIo::new(client), TokioIo::new(service)).await;
                }
            });
        }
        let gatekeeper = Arc::clone(&self.shared.gatekeeper);
        let counter = Arc::clone(&received);
        let at_end = AtEnd::new(move || {
            passed.sent = sent.load(Ordering::Relaxed);
            passed.received = received.load(Ordering::Relaxed);
            gatekeeper.finished(&passed);
        });
        let (mut parts, body) = response.into_parts();
        let protocol = strip_hop_by_hop(&mut parts.headers);
        if let (StatusCode::SWITCHING_PROTOCOLS, Some(protocol)) = (status, protocol) {
            parts.headers.insert(UPGRADE, protocol);
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        Ok(Response::from_parts(parts, Message::passing(body, counter, Some(at_end))))
    }

    /// Asks the gatekeeper. What servers could read in two ways gets no login, whoever it is for.
    async fn judge(
        &self,
        request: &Request<Incoming>,
        origin: &Origin,
        path: &str,
    ) -> Result<Option<Login>, Failure> {
        if is_ambiguous(path) {
            return Ok(None);
        }
        let gatekeeper = Arc::clone(&self.shared.gatekeeper);
        let method = request.method().as_str().to_owned();
        let url = origin.url(path);
        let authorization = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        let decide = move || {
            gatekeeper.decide(&Asked { method: &method, url: &url, authorization: authorization.as_deref() })
        };
        match spawn_blocking(decide).await {
            Ok(Decision::PassOn) => Ok(None),
            Ok(Decision::Login(login)) => Ok(Some(login)),
            Ok(Decision::Refuse { status, sentence }) => {
                Err(Failure::new(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), sentence))
            }
            Err(_) => Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the wallet could not be asked")),
        }
    }

    /// Sends on the connection that there is, else on a new one. A connection that the service has closed meanwhile is replaced, if
    /// nothing of the request was sent on it.
    async fn send(
        &self,
        mut request: Request<Message>,
        origin: &Origin,
    ) -> Result<Response<Incoming>, Failure> {
        let mut kept = self.upstream.lock().await;
        if let Some(mut upstream) = kept.take().filter(|upstream| upstream.is_ready_for(origin)) {
            match upstream.send(request).await {
                Ok(response) => {
                    *kept = Some(upstream);
                    return Ok(response);
                }
                Err((_, Some(unsent))) => request = *unsent,
                Err((failure, None)) => return Err(failure),
            }
        }
        let shared = Arc::clone(&self.shared);
        let url = origin.url("/");
        let route = spawn_blocking(move || (shared.route)(&url)).await;
        let route = route.unwrap_or_else(|_| Ok(crate::http::Route::default()));
        let route = route.map_err(|cause| Failure::new(StatusCode::BAD_GATEWAY, cause.to_string()))?;
        let mut upstream = Upstream::open(origin, &route, &self.shared.tls).await?;
        let response = upstream.send(request).await.map_err(|(failure, _)| failure)?;
        *kept = Some(upstream);
        Ok(response)
    }
}

/// Puts a login in the place of the client's own, and returns whom to tell of the answer.
fn put(login: Login, headers: &mut hyper::HeaderMap) -> Result<Box<dyn FnOnce(u16) + Send>, Failure> {
    let unusable = || Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the token cannot be sent in a header");
    let name = HeaderName::try_from(login.name).map_err(|_| unusable())?;
    let mut value = HeaderValue::from_bytes(&login.value).map_err(|_| unusable())?;
    value.set_sensitive(true);
    headers.remove(AUTHORIZATION);
    headers.insert(name, value);
    Ok(login.answered)
}
