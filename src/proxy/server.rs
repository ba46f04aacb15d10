//! Connections of clients: who may, how many, and what each asks for: a tunnel, TLS that ends here, or a request in absolute form.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{EXPECT, PROXY_AUTHORIZATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::body::Message;
use super::failure::Failure;
use super::forward::{Forward, Place};
use super::request::{self, Origin};
use super::tls::READ;
use super::tunnel::splice;
use super::{Limits, Shared, dial};

/// The most headers of a request.
const MOST_HEADERS: usize = 256;

/// The longest head of a request.
const LONGEST_HEAD: usize = 256 * 1024;

/// The first byte of a client that speaks TLS: a handshake (RFC 8446, section 5.1).
const TLS: u8 = 22;

/// How long to wait after the system had no connection to give, for want of files or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        // Closed never; it is not asked to.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                // However it ends, the client sees it.
                tokio::spawn(client(stream, Arc::clone(&shared), Arc::new(place)));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn client(stream: TcpStream, shared: Arc<Shared>, place: Place) -> io::Result<()> {
    let (peer, own) = (stream.peer_addr()?, stream.local_addr()?);
    let asked = Arc::clone(&shared);
    let admitted = spawn_blocking(move || asked.admission.admits(peer, own)).await;
    if !admitted.unwrap_or(false) {
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let forward = Arc::new(Forward::new(Arc::clone(&shared), Arc::clone(&place)));
    serve(TokioIo::new(stream), shared.limits, |request| {
        let (shared, forward, place) = (Arc::clone(&shared), Arc::clone(&forward), Arc::clone(&place));
        async move { from_client(request, shared, &forward, place).await }
    })
    .await;
    Ok(())
}

/// Speaks HTTP/1.1 on a connection until it ends.
async fn serve<I, F>(io: I, limits: Limits, answer: impl Fn(Request<Message>) -> F)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    F: Future<Output = Response<Message>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let waits_for_100 = request.headers().contains_key(EXPECT);
        let answer = answer(request.map(|body| Message::of_client(body, limits.still, waits_for_100)));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
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
    request: Request<Message>,
    shared: Arc<Shared>,
    forward: &Forward,
    place: Place,
) -> Response<Message> {
    let login = request.headers().get(PROXY_AUTHORIZATION).map(|value| value.as_bytes());
    if !shared.admission.accepts(login) {
        let sentence = "the proxy requires the login that stands in its URL";
        return Failure::new(StatusCode::PROXY_AUTHENTICATION_REQUIRED, sentence).into_response();
    }
    if request.method() == Method::CONNECT {
        return connect(request, shared, place).await.unwrap_or_else(Failure::into_response);
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
async fn connect(
    request: Request<Message>,
    shared: Arc<Shared>,
    place: Place,
) -> Result<Response<Message>, Failure> {
    let malformed = || Failure::malformed("CONNECT names a host and a port");
    let authority = request.uri().authority().ok_or_else(malformed)?;
    // The port has to be named here (RFC 9110, section 9.3.6).
    if authority.port_u16().is_none() {
        return Err(malformed());
    }
    let mut origin = Origin::of(true, authority).ok_or_else(malformed)?;
    // A dot at the end makes no other host of it (R1).
    let name = origin.host.strip_suffix('.').unwrap_or(&origin.host).to_owned();
    if shared.gatekeeper.terminates(&name, origin.port) {
        origin.host = name;
        let tls = shared.authority.tls(&origin.host).map_err(|_| malformed())?;
        upgrade(request, move |upgraded| within(upgraded, TlsAcceptor::from(tls), origin, shared, place));
    } else {
        let route = dial::route(&shared, &origin).await?;
        let service = dial::connect(&origin, &route, &shared.tls)
            .await
            .map_err(|cause| Failure::unreachable(&origin.authority(), &cause))?;
        let still = shared.limits.still;
        upgrade(request, move |upgraded| async move {
            // However it ends, both sides see it.
            let _ = splice(TokioIo::new(upgraded), service, still).await;
            drop(place);
        });
    }
    Ok(Response::new(Message::empty()))
}

/// Goes on with the bytes of a connection once the answer was sent.
fn upgrade<F>(request: Request<Message>, then: impl FnOnce(Upgraded) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            then(upgraded).await;
        }
    });
}

/// The requests within a tunnel whose TLS ends here; some clients tunnel plain http, too.
async fn within(
    upgraded: Upgraded,
    acceptor: TlsAcceptor,
    origin: Origin,
    shared: Arc<Shared>,
    place: Place,
) {
    let (mut reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    let mut first = [0];
    let handshake = shared.limits.handshake;
    let Ok(Ok(1)) = timeout(handshake, reader.read(&mut first)).await else { return };
    let stream = tokio::io::join(io::Cursor::new(first).chain(reader), writer);
    if first == [TLS] {
        let stream = BufReader::with_capacity(READ, stream);
        match timeout(handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, origin, shared, place).await,
            Ok(Err(cause)) if is_distrust(&cause) => shared.gatekeeper.was_distrusted(&origin.host),
            _ => {}
        }
    } else {
        requests(stream, Origin { https: false, ..origin }, shared, place).await;
    }
}

/// Whether a client ended the agreement on TLS because it does not accept the certificate (RFC 8446, section 6.2).
fn is_distrust(cause: &io::Error) -> bool {
    use rustls::AlertDescription as Alert;
    let cause = cause.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        cause,
        Some(rustls::Error::AlertReceived(
            Alert::UnknownCA
                | Alert::BadCertificate
                | Alert::CertificateUnknown
                | Alert::UnsupportedCertificate
        ))
    )
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Origin,
    shared: Arc<Shared>,
    place: Place,
) {
    let limits = shared.limits;
    let forward = Arc::new(Forward::new(shared, place));
    let origin = Arc::new(origin);
    serve(TokioIo::new(stream), limits, |request| {
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
