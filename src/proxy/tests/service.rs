//! A service: answers requests with bytes, with TLS or without.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// The time within which everything here happens.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// Bytes both ways.
pub(super) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// Answers a request, whose head was read; says whether the connection goes on.
type Handler = dyn Fn(&str, &mut dyn Stream) -> bool + Send + Sync;

/// A service with a certificate of its own authority.
pub(super) struct Service {
    pub host: &'static str,
    /// As PEM.
    pub authority: String,
    pub address: SocketAddr,
    https: bool,
    wants_certificate: bool,
    handler: Arc<Handler>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Service {
    /// One that answers so.
    pub(super) fn new(handler: impl Fn(&str, &mut dyn Stream) -> bool + Send + Sync + 'static) -> Service {
        Service {
            host: "forge.localhost",
            authority: String::new(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            https: true,
            wants_certificate: false,
            handler: Arc::new(handler),
            counts: Arc::default(),
        }
    }

    /// One that answers with the request that it got.
    pub(super) fn echo() -> Service {
        Service::new(|head, stream| {
            let mut body = vec![0; length(head)];
            stream.read_exact(&mut body).unwrap();
            let whole = [head.as_bytes(), &body].concat();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len());
            stream.write_all(&[answer.as_bytes(), &whole].concat()).is_ok()
        })
    }

    /// Under this name.
    pub(super) fn named(mut self, host: &'static str) -> Service {
        self.host = host;
        self
    }

    /// Without TLS.
    pub(super) fn plain(mut self) -> Service {
        self.https = false;
        self
    }

    /// That requires a client's certificate.
    pub(super) fn requiring_certificates(mut self) -> Service {
        self.wants_certificate = true;
        self
    }

    pub(super) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    pub(super) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(super) fn start(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        self.authority = issuer.pem();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([self.host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if self.wants_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = Arc::new(builder.with_single_cert(vec![leaf.der().clone()], key.into()).unwrap());
        let (https, handler, counts) = (self.https, Arc::clone(&self.handler), Arc::clone(&self.counts));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(SOON)).unwrap();
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let (config, handler, counts) =
                    (Arc::clone(&config), Arc::clone(&handler), Arc::clone(&counts));
                thread::spawn(move || {
                    let mut stream: Box<dyn Stream> = if https {
                        let connection = ServerConnection::new(config).unwrap();
                        Box::new(StreamOwned::new(connection, stream))
                    } else {
                        Box::new(stream)
                    };
                    while let Some(head) = read_head(&mut *stream) {
                        counts.requests.fetch_add(1, Ordering::SeqCst);
                        if !handler(&head, &mut *stream) {
                            return;
                        }
                    }
                });
            }
        });
    }
}

/// Reads a head, byte by byte, so that nothing behind it is lost; `None` at the end of the connection.
pub(super) fn read_head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// What a head says of the body's length.
pub(super) fn length(head: &str) -> usize {
    let line = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    line.unwrap_or(0)
}
