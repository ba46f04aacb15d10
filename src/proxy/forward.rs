//! One request's way: checked, judged, sent on with its login, answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::{Body as _, Incoming};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::Uri;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio::task::spawn_blocking;

use super::body::Message;
use super::failure::Failure;
use super::request::{Origin, is_ambiguous, may_upgrade, strip_hop_by_hop};
use super::tunnel::splice;
use super::upstream::{Unanswered, Upstream};
use super::{Asked, Decision, Gatekeeper, Login, Passed, Shared, dial};

/// The place that a connection takes of those that there are. It is free again when this is dropped.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

/// Sends the requests of one client's connection on, one after the other.
pub(super) struct Forward {
    shared: Arc<Shared>,
    place: Place,
    upstream: Mutex<Option<Upstream>>,
}

/// Tells of a request when it is dropped.
struct Report {
    gatekeeper: Arc<dyn Gatekeeper>,
    passed: Passed,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
}

impl Drop for Report {
    fn drop(&mut self) {
        self.passed.sent = self.sent.load(Ordering::Relaxed);
        self.passed.received = self.received.load(Ordering::Relaxed);
        self.gatekeeper.finished(&self.passed);
    }
}

impl Forward {
    pub(super) fn new(shared: Arc<Shared>, place: Place) -> Forward {
        Forward { shared, place, upstream: Mutex::new(None) }
    }

    /// Answers a request for this origin.
    pub(super) async fn answer(&self, request: Request<Message>, origin: Origin) -> Response<Message> {
        self.forward(request, origin).await.unwrap_or_else(Failure::into_response)
    }

    async fn forward(
        &self,
        mut request: Request<Message>,
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
        parts.version = Version::HTTP_11;
        let upgrade = strip_hop_by_hop(&mut parts.headers);
        let upgrade = upgrade.filter(|protocol| may_upgrade(protocol, with_login));
        let host = HeaderValue::try_from(origin.authority());
        parts
            .headers
            .insert(HOST, host.map_err(|_| Failure::malformed("the host of the request is malformed"))?);
        if let Some(protocol) = &upgrade {
            parts.headers.insert(UPGRADE, protocol.clone());
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        let answered = login.map(|login| put(login, &mut parts.headers)).transpose()?;

        let received = Arc::new(AtomicU64::new(0));
        let passed = Passed {
            method: method.to_string(),
            url: origin.url(path.split(['?', '#']).next().unwrap_or_default()),
            status: None,
            with_login,
            sent: 0,
            received: 0,
        };
        let mut report = Report {
            gatekeeper: Arc::clone(&self.shared.gatekeeper),
            passed,
            sent: body.counter(),
            received: Arc::clone(&received),
        };
        let mut response = self.send(Request::from_parts(parts, body), &origin).await?;
        let status = response.status();
        if let Some(answered) = answered {
            // Waited for, so that a refusal is noted even if the client ends at it.
            let _ = spawn_blocking(move || answered(status.as_u16())).await;
        }
        report.passed.status = Some(status.as_u16());

        if status == StatusCode::SWITCHING_PROTOCOLS {
            let (Some(client_side), Some(_)) = (client_side, upgrade) else {
                return Err(Failure::new(
                    StatusCode::BAD_GATEWAY,
                    "the service changed the protocol, unasked",
                ));
            };
            let service_side = hyper::upgrade::on(&mut response);
            let (place, still) = (Arc::clone(&self.place), self.shared.limits.still);
            tokio::spawn(async move {
                if let (Ok(client), Ok(service)) = (client_side.await, service_side.await) {
                    // However it ends, both sides see it.
                    let _ = splice(TokioIo::new(client), TokioIo::new(service), still).await;
                }
                drop(place);
            });
        }
        let (mut parts, body) = response.into_parts();
        if parts.headers.contains_key(TRANSFER_ENCODING) {
            // It is what counts (RFC 9112, section 6.3).
            parts.headers.remove(CONTENT_LENGTH);
        }
        let protocol = strip_hop_by_hop(&mut parts.headers);
        if let (StatusCode::SWITCHING_PROTOCOLS, Some(protocol)) = (status, protocol) {
            parts.headers.insert(UPGRADE, protocol);
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        Ok(Response::from_parts(parts, Message::of_service(body, self.shared.limits.still, received, report)))
    }

    /// Asks the gatekeeper. What servers could read in two ways gets no login, whoever it is for.
    async fn judge(
        &self,
        request: &Request<Message>,
        origin: &Origin,
        path: &str,
    ) -> Result<Option<Login>, Failure> {
        if is_ambiguous(path, request.headers()) {
            return Ok(None);
        }
        let gatekeeper = Arc::clone(&self.shared.gatekeeper);
        let method = request.method().as_str().to_owned();
        let url = origin.url(path);
        let authorization = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        // Here and not in the gatekeeper, so that no thread waits for another; to the end, even if the client has gone.
        let alone = Arc::clone(&self.shared.asking).lock_owned().await;
        let decide = move || {
            let _alone = alone;
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
    /// nothing of the request was sent on it, or if sending it twice does no harm (RFC 9110, section 9.2.2): services close
    /// connections that were idle just when the next request is on its way.
    async fn send(
        &self,
        mut request: Request<Message>,
        origin: &Origin,
    ) -> Result<Response<Incoming>, Failure> {
        let patience = self.shared.limits.still;
        let mut kept = self.upstream.lock().await;
        if let Some(mut upstream) = kept.take().filter(|upstream| upstream.is_ready_for(origin)) {
            let copy = copy(&request);
            match (upstream.send(request, patience).await, copy) {
                (Ok(response), _) => {
                    *kept = Some(upstream);
                    return Ok(response);
                }
                (Err(Unanswered::Unsent(unsent, _)), _) => request = *unsent,
                (Err(Unanswered::BrokeOff(_)), Some(copy)) => request = copy,
                (Err(unanswered), _) => return Err(unanswered.into()),
            }
        }
        let route = dial::route(&self.shared, origin).await?;
        let mut upstream = Upstream::open(origin, &route, &self.shared.tls).await?;
        let response = upstream.send(request, patience).await?;
        *kept = Some(upstream);
        Ok(response)
    }
}

/// Copies a request that may be sent again.
fn copy(request: &Request<Message>) -> Option<Request<Message>> {
    let is_harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && request.body().is_end_stream()
        && !request.headers().contains_key(UPGRADE);
    is_harmless.then(|| {
        let mut copy = Request::new(Message::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        copy
    })
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
