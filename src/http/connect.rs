//! The way through a proxy: CONNECT (RFC 9110, section 9.3.6) for http and https ones, the library's own for SOCKS. Written here
//! because the library's CONNECT has no deadline for a proxy that drips, and because what goes wrong with a proxy is told as the
//! proxy's, not as the service's. Deliberately absent: proxy authentication other than Basic.

use std::io::{self, Write};
use std::time::Duration;

use ureq::ProxyProtocol;
use ureq::config::Config;
use ureq::unversioned::transport::time::{Duration as Span, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, SocksConnector, Transport, TransportAdapter,
};
use zeroize::Zeroizing;

use super::error::{self, ByProxy, NO_PROXY};

/// The longest head that a proxy may answer with.
const LONGEST: usize = 16 * 1024;

/// Connects by way of the proxy, if there is one.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// How the proxy itself is reached: as everything else, without a proxy.
    direct: Config,
    socks: SocksConnector,
}

fn refused(why: impl Into<String>) -> ureq::Error {
    ureq::Error::Other(Box::new(ByProxy(why.into())))
}

impl Tunnel {
    /// For agents with this configuration, but for the proxy.
    pub(super) fn new(direct: Config) -> Tunnel {
        Tunnel { direct, socks: SocksConnector::default() }
    }
}

impl<In: Transport> Connector<In> for Tunnel {
    type Out = Either<In, Box<dyn Transport>>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let Some(proxy) = details.config.proxy() else { return Ok(None) };
        let made = match proxy.protocol() {
            ProxyProtocol::Http | ProxyProtocol::Https => self.by_connect(proxy, details),
            _ => self.socks.connect(details, None::<Box<dyn Transport>>).map(|made| {
                made.map(|made| match made {
                    Either::A(transport) => transport,
                    Either::B(transport) => Box::new(transport),
                })
            }),
        };
        let made = made.map_err(|error| match error {
            ureq::Error::Other(told) if told.is::<ByProxy>() => ureq::Error::Other(told),
            error => refused(error::with_proxy(error)),
        })?;
        Ok(made.map(Either::B))
    }
}

impl Tunnel {
    fn by_connect(
        &self,
        proxy: &ureq::Proxy,
        details: &ConnectionDetails<'_>,
    ) -> Result<Option<Box<dyn Transport>>, ureq::Error> {
        let host = details.uri.host().unwrap_or_default();
        let port = details.uri.port_u16().unwrap_or(if details.needs_tls() { 443 } else { 80 });
        let mut head = Zeroizing::new(String::with_capacity(4096));
        head.push_str(&format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
        head.push_str(concat!("User-Agent: keyfob/", env!("CARGO_PKG_VERSION"), "\r\n"));
        if let Some(user) = proxy.username() {
            let pair = Zeroizing::new(format!("{user}:{}", proxy.password().unwrap_or_default()));
            head.push_str("Proxy-Authorization: Basic ");
            head.push_str(&super::in_base64(pair.as_bytes()));
            head.push_str("\r\n");
        }
        head.push_str("\r\n");

        let addrs = details.resolver.resolve(proxy.uri(), &self.direct, left(details)?)?;
        let there = ConnectionDetails {
            uri: proxy.uri(),
            addrs,
            config: &self.direct,
            request_level: details.request_level,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: left(details)?,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let transport = (details.run_connector)(&there)?;
        let mut writer = TransportAdapter::new(transport, details.current_time.clone());
        writer.set_timeout(left(details)?);
        writer.write_all(head.as_bytes())?;
        let mut transport = writer.into_inner();
        loop {
            let head = read_head(&mut *transport, details)?;
            match status(&head) {
                // Not yet the answer.
                Some(100..=199) => {}
                Some(200..=299) => return Ok(Some(Box::new(Within(transport)))),
                Some(407) => {
                    return Err(refused(error::unauthorized(&offers(&head), proxy.username().is_some())));
                }
                Some(status) => return Err(refused(format!("it refuses to connect there ({status})"))),
                None => return Err(refused(NO_PROXY)),
            }
        }
    }
}

/// What is left of the time for connecting.
fn left(details: &ConnectionDetails<'_>) -> Result<NextTimeout, ureq::Error> {
    let mut left = details.timeout;
    if let (Span::Exact(limit), Instant::Exact(begun)) = (left.after, details.now) {
        let rest = limit.saturating_sub(begun.elapsed());
        if rest < Duration::from_millis(1) {
            return Err(ureq::Error::Timeout(left.reason));
        }
        left.after = Span::Exact(rest);
    }
    Ok(left)
}

/// The head of the proxy's answer, and not a byte more.
fn read_head(transport: &mut dyn Transport, details: &ConnectionDetails<'_>) -> Result<Vec<u8>, ureq::Error> {
    loop {
        let input = transport.buffers().input();
        let end = input.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        if let Some(end) = end {
            let head = input[..end].to_vec();
            transport.buffers().input_consume(end);
            return Ok(head);
        }
        if input.len() > LONGEST || !b"HTTP/".starts_with(&input[..input.len().min(5)]) {
            return Err(refused(NO_PROXY));
        }
        if !transport.await_input(left(details)?)? {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.strip_prefix("HTTP/1.")?.split(' ');
    let status = words.nth(1)?;
    (status.len() == 3).then(|| status.parse().ok())?
}

/// The ways to log in that a proxy's answer offers.
fn offers(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let offers = text.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authenticate").then(|| value.trim())
    });
    // Each line may hold several; which they are is all that matters.
    offers.collect::<Vec<_>>().join(", ")
}

/// A connection within the proxy's: TLS to the proxy is none to the service.
#[derive(Debug)]
struct Within(Box<dyn Transport>);

impl Transport for Within {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        false
    }
}
