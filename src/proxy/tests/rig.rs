//! A proxy in front of a service, and clients, all in this process and on loopback.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::service::{SOON, Stream};
pub(super) use super::service::{Service, length, read_head};
use crate::environment::Environment;
use crate::http::{Route, proxy};
use crate::proxy::peer::Admission;
use crate::proxy::{Asked, Decision, Gatekeeper, Limits, Login, Passed, Running, Settings, start_with};
use crate::remote::Remote;

pub(super) const TOKEN: &str = "t0ken-of-the-wallet";

/// Judges by the path: `/secret` gets the token, `/refused` is refused.
#[derive(Default)]
pub(super) struct Gate {
    /// Whether TLS ends in the proxy.
    pub ends: bool,
    /// How long a question takes.
    pub takes: Duration,
    pub at_once: AtomicUsize,
    pub most_at_once: AtomicUsize,
    pub distrusted: Mutex<Vec<String>>,
    pub asked: Mutex<Vec<String>>,
    pub passed: Mutex<Vec<Passed>>,
    pub statuses: Arc<Mutex<Vec<u16>>>,
}

impl Gate {
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn statuses(&self) -> Vec<u16> {
        self.statuses.lock().unwrap().clone()
    }

    pub(super) fn wait_for_passed(&self) -> Passed {
        let start = Instant::now();
        loop {
            if let Some(passed) = self.passed.lock().unwrap().pop() {
                return passed;
            }
            assert!(start.elapsed() < SOON);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Gatekeeper for Gate {
    fn terminates(&self, host: &str, _: u16) -> bool {
        self.ends && host.starts_with("forge.")
    }

    fn was_distrusted(&self, host: &str) {
        self.distrusted.lock().unwrap().push(host.to_owned());
    }

    fn decide(&self, asked: &Asked<'_>) -> Decision {
        self.most_at_once.fetch_max(self.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(self.takes);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let own = String::from_utf8_lossy(asked.authorization.unwrap_or_default()).into_owned();
        self.asked.lock().unwrap().push(format!("{} {} {own}", asked.method, asked.url));
        let path = asked.url.splitn(4, '/').nth(3).unwrap_or_default();
        let is_service = asked.url.split('/').nth(2).is_some_and(|host| host.starts_with("forge."));
        if path.starts_with("secret") && is_service {
            let statuses = Arc::clone(&self.statuses);
            Decision::Login(Login {
                name: "Authorization",
                value: format!("Bearer {TOKEN}").into_bytes().into(),
                answered: Box::new(move |status| statuses.lock().unwrap().push(status)),
            })
        } else if path.starts_with("refused") {
            Decision::Refuse { status: 403, sentence: "only reads".to_owned() }
        } else {
            Decision::PassOn
        }
    }

    fn finished(&self, passed: &Passed) {
        self.passed.lock().unwrap().push(passed.clone());
    }
}

/// What is not as usual.
pub(super) struct Options {
    pub limits: Limits,
    /// The proxy of the network.
    pub by: String,
    /// Whether clients are known by a secret.
    pub by_login: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { limits: Limits::usual(), by: String::new(), by_login: false }
    }
}

/// All of it.
pub(super) struct Rig {
    pub service: Service,
    pub gate: Arc<Gate>,
    pub proxy: Running,
    _folder: tempfile::TempDir,
    authorities: PathBuf,
}

impl Rig {
    /// With TLS that ends in the proxy.
    pub(super) fn new(service: Service) -> Rig {
        Rig::with(service, Gate { ends: true, ..Gate::default() })
    }

    pub(super) fn with(service: Service, gate: Gate) -> Rig {
        Rig::made(service, gate, Options::default())
    }

    /// With TLS that ends in the proxy, and these limits.
    pub(super) fn limited(service: Service, limits: Limits) -> Rig {
        let gate = Gate { ends: true, ..Gate::default() };
        Rig::made(service, gate, Options { limits, ..Options::default() })
    }

    pub(super) fn made(mut service: Service, gate: Gate, options: Options) -> Rig {
        service.start();
        let folder = tempfile::tempdir().unwrap();
        let authorities = folder.path().join("authorities.pem");
        std::fs::write(&authorities, &service.authority).unwrap();
        let gate = Arc::new(gate);
        let (trusted, by) = (authorities.clone(), options.by);
        let route = move |url: &str| {
            let (remote, _) = Remote::from_url(url).unwrap();
            let proxy = proxy::of(&remote, Some(&by), &Environment::new([]));
            Ok(Route { proxy, authorities: Some(trusted.clone()), allow_http: true })
        };
        let settings = Settings { hosts: vec![service.host.to_owned()], route: Box::new(route) };
        let asked = Arc::clone(&gate) as Arc<dyn Gatekeeper>;
        let admission = if options.by_login { Admission::by_login() } else { Admission::new() };
        let proxy = start_with(settings, asked, options.limits, admission.unwrap()).unwrap();
        Rig { service, gate, proxy, _folder: folder, authorities }
    }

    /// The file of the authorities that the proxy trusts.
    pub(super) fn authorities(&self) -> &std::path::Path {
        &self.authorities
    }

    /// The service's host and port.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.service.host, self.service.address.port())
    }

    /// A client without TLS.
    pub(super) fn plain(&self) -> Client {
        let stream = TcpStream::connect(self.proxy.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let socket = stream.try_clone().unwrap();
        Client { stream: Box::new(stream), socket, authority: self.authority() }
    }

    /// A client with TLS, which ends in the proxy.
    pub(super) fn tls(&self) -> Client {
        self.tls_trusting(self.proxy.authority_pem(), self.service.host)
    }

    /// A client with TLS that trusts this authority and asks for this name.
    pub(super) fn tls_trusting(&self, authority: &str, name: &'static str) -> Client {
        self.tls_by(authority, name, &[])
    }

    /// A tunnel, without TLS so far.
    pub(super) fn tunnel(&self) -> Client {
        self.tunnel_to(&self.authority())
    }

    fn tunnel_to(&self, authority: &str) -> Client {
        let mut plain = self.plain();
        let connect = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        plain.write(connect.as_bytes());
        let head = read_head(&mut *plain.stream).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        plain
    }

    /// A client with TLS that offers these protocols (ALPN).
    pub(super) fn tls_by(&self, authority: &str, name: &'static str, protocols: &[&[u8]]) -> Client {
        self.within(self.tunnel(), authority, name, protocols)
    }

    /// A client with TLS that connects to a host under another name.
    pub(super) fn tls_to(&self, authority: &str) -> Client {
        let tunnel = self.tunnel_to(authority);
        self.within(tunnel, self.proxy.authority_pem(), self.service.host, &[])
    }

    fn within(&self, plain: Client, authority: &str, name: &'static str, protocols: &[&[u8]]) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let connection =
            ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
        let (stream, socket) = (Box::new(StreamOwned::new(connection, plain.stream)), plain.socket);
        Client { stream, socket, authority: self.authority() }
    }
}

/// A client that writes bytes.
pub(super) struct Client {
    pub stream: Box<dyn Stream>,
    /// The same, without TLS.
    pub socket: TcpStream,
    authority: String,
}

impl Client {
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// Sends a request, in which `HOST` stands for the service's, and reads the answer.
    pub(super) fn ask(&mut self, request: &str) -> Vec<u8> {
        let request = request.replace("HOST", &self.authority);
        self.write(request.as_bytes());
        self.answer()
    }

    /// Reads an answer: its head, and a body as long as it says.
    pub(super) fn answer(&mut self) -> Vec<u8> {
        let Some(head) = read_head(&mut *self.stream) else { return Vec::new() };
        let mut body = vec![0; length(&head)];
        self.stream.read_exact(&mut body).unwrap();
        [head.into_bytes(), body].concat()
    }

    /// Reads until the connection ends, however.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = self.stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..read]);
        }
        all
    }
}

/// The head of an answer.
pub(super) fn head_of(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    &answer[..end]
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The status of an answer; 0 if the connection ended without one.
pub(super) fn status(answer: &[u8]) -> u16 {
    let text = text(answer);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest[..3].parse().ok()).unwrap_or(0)
}

/// How many connections at once there is room for: each takes a file at both ends of both its parts, and they are all here.
#[cfg(unix)]
pub(super) fn room() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(limit.maximum.unwrap_or(u64::MAX).min(10_000));
    setrlimit(Resource::Nofile, limit).unwrap();
    usize::try_from(limit.current.unwrap()).unwrap() / 6
}

#[cfg(not(unix))]
pub(super) fn room() -> usize {
    1000
}
