//! Connects to a host on its route: directly, or through the proxy that the user's network requires.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::{Socks4Stream, Socks5Stream};
use ureq::ProxyProtocol;
use zeroize::Zeroizing;

use crate::error::{Error, NetworkError};
use crate::http::error::unauthorized;
use crate::http::proxy::Proxy;
use crate::http::{CONNECTING, Route, error, resolver};
use crate::remote::Remote;

use super::Shared;
use super::failure::Failure;
use super::request::Origin;
use super::tls::{Connection, TlsConfigs};

/// Finds the way to an origin. As in [`crate::http`], no proxy leads to this machine itself.
///
/// # Errors
/// The answer, if the settings that name the way cannot be read.
pub(super) async fn route(shared: &Arc<Shared>, origin: &Origin) -> Result<Route, Failure> {
    let (asked, url) = (Arc::clone(shared), origin.url("/"));
    let found = tokio::task::spawn_blocking(move || {
        let mut route = (asked.route)(&url)?;
        if Remote::from_url(&url).is_ok_and(|(remote, _)| remote.is_loopback()) {
            route.proxy = None;
        }
        Ok::<_, Error>(route)
    });
    let unknown = |why: String| Failure::new(StatusCode::BAD_GATEWAY, why);
    let found = found.await.map_err(|_| unknown("the way to the service is not known".to_owned()))?;
    found.map_err(|cause| unknown(cause.in_one_line()))
}

/// How many addresses of one host are tried at most.
const MAX_ADDRESSES: usize = 4;

/// Connects to an origin's host and port; TLS to it is the caller's.
///
/// # Errors
/// Why it cannot be reached, within [`CONNECTING`].
pub(super) async fn connect(
    origin: &Origin,
    route: &Route,
    tls: &TlsConfigs,
) -> Result<Connection, NetworkError> {
    let connecting = async {
        match &route.proxy {
            None => Ok(Box::new(direct(&origin.host, origin.port).await?) as Connection),
            Some(proxy) => through(proxy, origin, route, tls).await.map_err(|cause| match cause {
                NetworkError::Network { why } => by_proxy(proxy, &why),
                NetworkError::NoSuchHost => by_proxy(proxy, "its name is not known"),
                NetworkError::Certificate { why } => {
                    by_proxy(proxy, &format!("its certificate is not to be trusted: {why}"))
                }
                other => other,
            }),
        }
    };
    timeout(CONNECTING, connecting).await.unwrap_or_else(|_| Err(silent()))
}

/// Connects to a proxy itself, for requests in absolute form. `None` if it is not one that takes them.
///
/// # Errors
/// As [`connect`].
pub(super) async fn to_proxy(
    proxy: &Proxy,
    route: &Route,
    tls: &TlsConfigs,
) -> Result<Option<(Connection, Option<HeaderValue>)>, NetworkError> {
    let parsed =
        proxy.parsed().ok_or_else(|| by_proxy(proxy, "its address is not one that keyfob can use"))?;
    if !matches!(parsed.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Ok(None);
    }
    let connecting = to_http_proxy(&parsed, route, tls);
    let connection = timeout(CONNECTING, connecting).await.unwrap_or_else(|_| Err(silent()))?;
    Ok(Some((connection, login(&parsed))))
}

fn silent() -> NetworkError {
    NetworkError::Silent { seconds: CONNECTING.as_secs() }
}

fn by_proxy(proxy: &Proxy, why: &str) -> NetworkError {
    NetworkError::Proxy { at: proxy.shown(), why: why.to_owned() }
}

/// The addresses of a host, asked of the system on a thread that may wait.
async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, NetworkError> {
    let asked = host.to_owned();
    let found = tokio::task::spawn_blocking(move || resolver::addresses(&asked, CONNECTING)).await;
    let found = found.map_err(|_| NetworkError::NoSuchHost)?.map_err(|cause| error::of(cause, None))?;
    let all: Vec<SocketAddr> =
        found.into_iter().take(MAX_ADDRESSES).map(|ip| SocketAddr::new(ip, port)).collect();
    if all.is_empty() { Err(NetworkError::NoSuchHost) } else { Ok(all) }
}

async fn direct(host: &str, port: u16) -> Result<TcpStream, NetworkError> {
    let all = addresses(host, port).await?;
    let share = CONNECTING / u32::try_from(all.len()).unwrap_or(1);
    let mut last = silent();
    for address in all {
        match timeout(share.max(Duration::from_secs(1)), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Requests are written whole; waiting for more only delays them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(cause)) => last = error::of_io(cause, None),
            Err(_) => last = silent(),
        }
    }
    Err(last)
}

async fn through(
    proxy: &Proxy,
    origin: &Origin,
    route: &Route,
    tls: &TlsConfigs,
) -> Result<Connection, NetworkError> {
    let parsed =
        proxy.parsed().ok_or_else(|| by_proxy(proxy, "its address is not one that keyfob can use"))?;
    let refused = |_: tokio_socks::Error| by_proxy(proxy, "it refuses to connect there");
    match parsed.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => {
            let connection = to_http_proxy(&parsed, route, tls).await?;
            tunnel(connection, origin, login(&parsed)).await.map_err(|why| by_proxy(proxy, &why))
        }
        kind => {
            let target = match origin.host.parse() {
                Ok(ip) => TargetAddr::Ip(SocketAddr::new(ip, origin.port)),
                Err(_) if proxy.needs_addresses() => {
                    // Version 4 knows no other addresses than these.
                    let fits = |one: &SocketAddr| one.is_ipv4() || kind == ProxyProtocol::Socks5;
                    let found = addresses(&origin.host, origin.port).await?.into_iter().find(fits);
                    TargetAddr::Ip(found.ok_or(NetworkError::NoSuchHost)?)
                }
                Err(_) => TargetAddr::Domain(origin.host.clone().into(), origin.port),
            };
            let socket = direct(parsed.host(), parsed.port()).await?;
            match (kind, parsed.username()) {
                (ProxyProtocol::Socks4 | ProxyProtocol::Socks4A, user) => {
                    let user = user.unwrap_or_default();
                    let made = Socks4Stream::connect_with_userid_and_socket(socket, target, user).await;
                    Ok(Box::new(made.map_err(refused)?))
                }
                (_, Some(user)) => {
                    let password = parsed.password().unwrap_or_default();
                    let made =
                        Socks5Stream::connect_with_password_and_socket(socket, target, user, password).await;
                    Ok(Box::new(made.map_err(refused)?))
                }
                (_, None) => {
                    Ok(Box::new(Socks5Stream::connect_with_socket(socket, target).await.map_err(refused)?))
                }
            }
        }
    }
}

async fn to_http_proxy(
    parsed: &ureq::Proxy,
    route: &Route,
    tls: &TlsConfigs,
) -> Result<Connection, NetworkError> {
    let stream = direct(parsed.host(), parsed.port()).await?;
    if parsed.protocol() == ProxyProtocol::Http {
        return Ok(Box::new(stream));
    }
    tls.encrypt(Box::new(stream), parsed.host(), route).await
}

fn login(proxy: &ureq::Proxy) -> Option<HeaderValue> {
    let pair = Zeroizing::new(format!("{}:{}", proxy.username()?, proxy.password().unwrap_or_default()));
    let value = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6).
async fn tunnel(
    stream: Connection,
    origin: &Origin,
    login: Option<HeaderValue>,
) -> Result<Connection, String> {
    const NO_PROXY: &str = "what answers there is no proxy";
    let has_login = login.is_some();
    let authority = origin.with_port();
    let mut request = Request::connect(&authority)
        .header(HOST, &authority)
        .header(USER_AGENT, concat!("keyfob/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|_| NO_PROXY.to_owned())?;
    if let Some(login) = login {
        request.headers_mut().insert(PROXY_AUTHORIZATION, login);
    }
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| NO_PROXY.to_owned())?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(|_| NO_PROXY.to_owned())?;
    match response.status() {
        status if status.is_success() => {
            let upgraded = hyper::upgrade::on(response).await.map_err(|_| NO_PROXY.to_owned())?;
            Ok(Box::new(TokioIo::new(upgraded)))
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let offers = response.headers().get_all(PROXY_AUTHENTICATE).iter();
            let offers = offers.map(|offer| String::from_utf8_lossy(offer.as_bytes()));
            Err(unauthorized(&offers.collect::<Vec<_>>().join(", "), has_login))
        }
        status => Err(format!("it refuses to connect there ({})", status.as_u16())),
    }
}
