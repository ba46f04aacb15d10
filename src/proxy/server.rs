//! Connections of clients: who may, how many, and what each asks for: a tunnel, TLS that ends here, or a request in absolute form.

use std::convert::Infallible;
use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::PROXY_AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::body::Message;
use super::failure::Failure;
use super::forward::Forward;
use super::request::{self, Origin};
use super::{Shared, dial};

/// The most connections at once; more wait until one ends.
const MOST_CONNECTIONS: usize = 1024;

/// How long a client may take to send the head of a request, or to begin the next one.
const HEAD: Duration = Duration::from_secs(120);

/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// The most headers of a request.
const MOST_HEADERS: usize = 256;

/// The longest head of a request.
const LONGEST_HEAD: usize = 256 * 1024;

/// How long to wait after the system had no connection to give, for want of files or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        // Closed never; it is not asked to.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // However it ends, the client sees it.
                    let _ = client(stream, shared).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn client(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let (peer, own) = (stream.peer_addr()?, stream.local_addr()?);
    let asked = Arc::clone(&shared);
    let admitted = spawn_blocking(move || asked.admission.admits(peer, own)).await;
    if !admitted.unwrap_or(false) {
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let forward = Arc::new(Forward::new(Arc::clone(&shared)));
    serve(TokioIo::new(stream), |request| {
        let (shared, forward) = (Arc::clone(&shared), Arc::clone(&forward));
        async move { from_client(request, shared, &forward).await }
    })
    .await;
    Ok(())
}

/// Speaks HTTP/1.1 on a connection until it ends.
async fn serve<I, F>(io: I, answer: impl Fn(Request<Incoming>) -> F)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    F: Future<Output = Response<Message>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MOST_HEADERS)
        .max_header_size(LONGEST_HEAD)
        .preserve_header_case(true)
        .serve_connection(io, service)
        .with_upgrades();
    // What a client did wrong was answered, if it could be.
    let _ = connection.await;
}

/// A request as proxies get them.
async fn from_client(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    forward: &Forward,
) -> Response<Message> {
    let login = request.headers().get(PROXY_AUTHORIZATION).map(|value| value.as_bytes());
    if !shared.admission.accepts(login) {
        let sentence = "the proxy requires the login that stands in its URL";
        return Failure::new(StatusCode::PROXY_AUTHENTICATION_REQUIRED, sentence).into_response();
    }
    if request.method() == Method::CONNECT {
        return connect(request, shared).await.unwrap_or_else(Failure::into_response);
    }
    match request::absolute(&request) {
        // To itself, for ever.
        Ok(origin)
            if origin.port == shared.port && matches!(origin.host.as_str(), "127.0.0.1" | "localhost") =>
        {
            Failure::malformed("the proxy does not ask itself").into_response()
        }
        Ok(origin) => forward.answer(request, origin).await,
        Err(failure) => failure.into_response(),
    }
}

/// Opens a tunnel: to the service, or to the proxy's own TLS.
async fn connect(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Message>, Failure> {
    let malformed = || Failure::malformed("CONNECT names a host and a port");
    let authority = request.uri().authority().ok_or_else(malformed)?;
    // The port has to be named here (RFC 9110, section 9.3.6).
    if authority.port_u16().is_none() {
        return Err(malformed());
    }
    let origin = Origin::of(true, authority).ok_or_else(malformed)?;
    if shared.gatekeeper.terminates(&origin.host, origin.port) {
        let tls = shared.authority.tls(&origin.host).map_err(|_| malformed())?;
        upgrade(request, move |upgraded| within(upgraded, TlsAcceptor::from(tls), origin, shared));
    } else {
        let asked = Arc::clone(&shared);
        let url = origin.url("/");
        let route = spawn_blocking(move || (asked.route)(&url)).await;
        let route = route.unwrap_or_else(|_| Ok(crate::http::Route::default()));
        let route = route.map_err(|cause| Failure::new(StatusCode::BAD_GATEWAY, cause.to_string()))?;
        let service = dial::connect(&origin, &route, &shared.tls)
            .await
            .map_err(|cause| Failure::unreachable(&origin, &cause))?;
        upgrade(request, |upgraded| async move {
            // However it ends, both sides see it.
            let _ = dial::splice(TokioIo::new(upgraded), service).await;
        });
    }
    Ok(Response::new(Message::Own(Full::default())))
}

/// Goes on with the bytes of a connection once the answer was sent.
fn upgrade<F>(request: Request<Incoming>, then: impl FnOnce(Upgraded) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            then(upgraded).await;
        }
    });
}

/// The requests within a tunnel whose TLS ends here.
async fn within(upgraded: Upgraded, acceptor: TlsAcceptor, origin: Origin, shared: Arc<Shared>) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(TokioIo::new(upgraded))).await else { return };
    let forward = Arc::new(Forward::new(shared));
    let origin = Arc::new(origin);
    serve(TokioIo::new(stream), |request| {
        let (forward, origin) = (Arc::clone(&forward), Arc::clone(&origin));
        async move {
            match request::within(&request, &origin) {
                Ok(()) => forward.answer(request, (*origin).clone()).await,
                Err(failure) => failure.into_response(),
            }
        }
    })
    .await;
}
