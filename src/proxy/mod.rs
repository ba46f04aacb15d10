//! The credential proxy of `keyfob run`: an HTTP proxy on loopback that adds the login to the requests which may have one, so that
//! the command behind it needs no token. It decides nothing itself: what a request may have, the [`Gatekeeper`] says.
//!
//! - `CONNECT` to a host that the gatekeeper knows: TLS ends here, with a certificate of the run's own authority, and each
//!   request is judged by its whole URL. To any other host: a tunnel of bytes.
//! - Absolute form (plain http): judged likewise, and passed on.
//! - The way to the service (proxies, certificates, names, time limits) is that of [`crate::http`].
//!
//! HTTP/1.1 on both sides (RFC 9112). Deliberately absent: caching, HTTP/2, following redirects, any retry of a request that may
//! have reached the service.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::Error;
use crate::http::Route;
use crate::secret_bytes::Bytes;

mod authority;
mod body;
mod dial;
mod failure;
mod forward;
mod peer;
mod request;
mod server;
#[cfg(target_os = "linux")]
mod sock_diag;
#[cfg(test)]
mod tests;
mod tls;
mod tunnel;
mod upstream;

use authority::Authority;
use peer::Admission;

/// Says what a request may have. [`Gatekeeper::decide`] may block, and is asked one question at a time; the others may not.
pub trait Gatekeeper: Send + Sync {
    /// Whether the proxy looks into a tunnel to this host and port: TLS ends here, and plain http is read, too. The host is in lower
    /// case, an IPv6 address without brackets.
    fn terminates(&self, host: &str, port: u16) -> bool;

    /// Is told that a client did not accept the certificate of the run for a host: it reads none of the variables that name the
    /// run's authority, or accepts its own only.
    fn was_distrusted(&self, host: &str) {
        let _ = host;
    }

    /// Judges a request. Asked once for each.
    fn decide(&self, request: &Asked<'_>) -> Decision;

    /// Is told of each request that was passed on, when the answer's body has ended or the connection broke.
    fn finished(&self, passed: &Passed);
}

/// A request that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The method.
    pub method: &'r str,
    /// The whole URL.
    pub url: &'r str,
    /// The client's own `Authorization` header: a login of its own, or a placeholder.
    pub authorization: Option<&'r [u8]>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It goes on as it came.
    PassOn,
    /// It goes on with this login in place of the client's own.
    Login(Login),
    /// It goes no further.
    Refuse {
        /// The status of the answer.
        status: u16,
        /// A sentence for the reader of the client's output.
        sentence: String,
    },
}

/// A login.
pub struct Login {
    /// The header's name: `Authorization`, or a service's own.
    pub name: &'static str,
    /// Its value.
    pub value: Bytes,
    /// Is told the status of the service's answer, on a thread that may wait.
    pub answered: Box<dyn FnOnce(u16) + Send>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A request that was passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The method.
    pub method: String,
    /// The whole URL, without its query, which may hold a secret.
    pub url: String,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// Whether it had a login of the wallet.
    pub with_login: bool,
    /// The bytes of the request's body that were passed on.
    pub sent: u64,
    /// The bytes of the answer's body that were passed on.
    pub received: u64,
}

/// What a proxy is started with.
pub struct Settings {
    /// The hosts for which the authority may vouch: DNS names and IP addresses, these without brackets.
    pub hosts: Vec<String>,
    /// The way to a URL.
    pub route: RouteTo,
}

/// Finds the way to a URL.
pub type RouteTo = Box<dyn Fn(&str) -> Result<Route, Error> + Send + Sync>;

/// A proxy that listens until this is dropped.
pub struct Running {
    address: SocketAddr,
    secret: Option<String>,
    authority: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// The address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL by which clients use it. It holds a secret where connections of other users cannot be told by the system.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.secret {
            Some(secret) => format!("http://{}:{secret}@{}", peer::USER, self.address),
            None => format!("http://{}", self.address),
        }
    }

    /// The certificate of the run's authority, as PEM (RFC 7468).
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once: what is under way is dropped. A panic there was reported there.
            let _ = thread.join();
        }
    }
}

/// Limits, which tests make smaller.
#[derive(Clone, Copy)]
struct Limits {
    /// The most connections of clients at once; more wait until one ends.
    connections: usize,
    /// How long a client may take to send the head of a request, or to begin the next one.
    head: Duration,
    /// How long a client may take to agree on TLS.
    handshake: Duration,
    /// How long a body may stand still, and a service that was sent all of a request may think about it.
    still: Duration,
}

impl Limits {
    fn usual() -> Limits {
        Limits {
            connections: peer::most_connections(),
            head: Duration::from_secs(120),
            handshake: Duration::from_secs(20),
            // Some services make an index or a package before they answer.
            still: Duration::from_secs(300),
        }
    }
}

/// The most threads that wait for the wallet, for names and for lists of connections.
const THREADS: usize = 128;

/// What all connections share.
struct Shared {
    gatekeeper: Arc<dyn Gatekeeper>,
    /// Held while the gatekeeper is asked.
    asking: Arc<tokio::sync::Mutex<()>>,
    limits: Limits,
    authority: Authority,
    admission: Admission,
    route: RouteTo,
    tls: tls::TlsConfigs,
    port: u16,
}

/// Starts to listen on loopback, at a port of the system's choice.
///
/// # Errors
/// [`Error::Proxy`] if there is no port, thread or key to be had.
pub fn start(settings: Settings, gatekeeper: Arc<dyn Gatekeeper>) -> Result<Running, Error> {
    start_with(settings, gatekeeper, Limits::usual(), Admission::new()?)
}

fn start_with(
    settings: Settings,
    gatekeeper: Arc<dyn Gatekeeper>,
    limits: Limits,
    admission: Admission,
) -> Result<Running, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let authority = Authority::new(&settings.hosts).map_err(io::Error::other).map_err(failed)?;
    let (pem, secret) = (authority.pem().to_owned(), admission.secret().map(str::to_owned));
    let shared = Shared {
        gatekeeper,
        asking: Arc::default(),
        limits,
        authority,
        admission,
        route: settings.route,
        tls: Default::default(),
        port: address.port(),
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(THREADS).build().map_err(failed)?;
    let listener = {
        let _within = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(failed)?
    };
    let (stop, stopped) = oneshot::channel();
    let serve = move || {
        runtime.block_on(async {
            tokio::spawn(server::listen(listener, Arc::new(shared)));
            // The sender is dropped; nothing is ever sent.
            let _ = stopped.await;
        });
        // Questions to the wallet that still wait are not waited for.
        runtime.shutdown_background();
    };
    let thread = Builder::new().name("proxy".to_owned()).spawn(serve).map_err(failed)?;
    Ok(Running { address, secret, authority: pem, stop: Some(stop), thread: Some(thread) })
}

fn failed(source: io::Error) -> Error {
    Error::Proxy { why: source.to_string() }
}
