//! What went wrong on the way, from the library's errors into ours: which of name, network, proxy, certificate and server it
//! was. The library's own texts never get out, since they may repeat what was sent.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;
use ureq::Timeout;

use crate::error::NetworkError;

use super::proxy::Proxy;
use super::{CONNECTING, TIME};

const UNUSABLE: &str = "its address is not one that keyfob can use";

/// Of one that does not speak as proxies do.
pub(super) const NO_PROXY: &str = "what answers there is no proxy";

/// What went wrong with the proxy, as it passes through the library's errors.
#[derive(Debug)]
pub(super) struct ByProxy(pub String);

impl std::fmt::Display for ByProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ByProxy {}

/// What an error means; `proxy` if one was used.
pub(crate) fn of(error: ureq::Error, proxy: Option<&Proxy>) -> NetworkError {
    use ureq::Error as E;
    let by_proxy = |why: &str| NetworkError::Proxy {
        at: proxy.map(Proxy::shown).unwrap_or_default(),
        why: why.to_owned(),
    };
    match error {
        E::Timeout(which) => NetworkError::Silent { seconds: limit(which) },
        E::HostNotFound if proxy.is_some_and(Proxy::needs_addresses) => by_proxy(
            "it has to be told addresses, and the name is not known here; socks5h:// lets it look them up",
        ),
        E::HostNotFound => NetworkError::NoSuchHost,
        E::InvalidProxyUrl => by_proxy(UNUSABLE),
        E::Other(told) => match told.downcast_ref::<ByProxy>() {
            Some(ByProxy(why)) => by_proxy(why),
            None => NetworkError::NotHttp,
        },
        E::Rustls(error) => of_tls(&error),
        E::Io(error) => of_io(error, proxy),
        E::LargeResponseHeader(..) | E::BodyExceedsLimit(_) => NetworkError::TooLarge,
        E::Tls(_) | E::Pem(_) | E::TlsRequired => NetworkError::Tls,
        _ => NetworkError::NotHttp,
    }
}

/// What went wrong with the proxy itself, in words.
pub(super) fn with_proxy(error: ureq::Error) -> String {
    if let ureq::Error::Io(error) = &error
        && let Some(why) = by_socks(error)
    {
        return why.to_owned();
    }
    match of(error, None) {
        NetworkError::Network { why } => why,
        NetworkError::NotHttp => NO_PROXY.to_owned(),
        NetworkError::Certificate { why } => format!("its certificate is not to be trusted: {why}"),
        other => other.to_string(),
    }
}

/// What a SOCKS proxy said; the library tells it by kinds and words only.
fn by_socks(error: &io::Error) -> Option<&'static str> {
    let inner = error.get_ref()?;
    if inner.is::<ureq::Error>() || inner.is::<rustls::Error>() {
        return None;
    }
    Some(match error.kind() {
        io::ErrorKind::UnexpectedEof => return None,
        // A name or password that the protocol has no room for.
        io::ErrorKind::InvalidInput => UNUSABLE,
        io::ErrorKind::InvalidData => NO_PROXY,
        _ if error.to_string().contains("auth") => "it does not let us in",
        _ => "it refuses to connect there",
    })
}

/// What a proxy wants that wants to know who we are; `told` if we said it.
pub(crate) fn unauthorized(offers: &str, told: bool) -> String {
    let offers = offers.to_ascii_lowercase();
    let others = [("negotiate", "Negotiate"), ("ntlm", "NTLM"), ("digest", "Digest")];
    let others: Vec<&str> =
        others.iter().filter(|(word, _)| offers.contains(word)).map(|(_, name)| *name).collect();
    if !offers.contains("basic") && !others.is_empty() {
        return format!("it wants {}, and keyfob knows Basic only", others.join(" or "));
    }
    if told {
        "it does not accept the user name and the password"
    } else {
        "it wants a user name and a password"
    }
    .to_owned()
}

fn limit(which: Timeout) -> u64 {
    if matches!(which, Timeout::Connect | Timeout::Resolve) { CONNECTING } else { TIME }.as_secs()
}

/// What a failure of a connection means; `proxy` if one was used.
pub(crate) fn of_io(error: io::Error, proxy: Option<&Proxy>) -> NetworkError {
    let mut inner: Option<&(dyn StdError + 'static)> =
        error.get_ref().map(|e| e as &(dyn StdError + 'static));
    while let Some(cause) = inner {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        inner = cause.source();
    }
    let kind = error.kind();
    // TLS passes on what happened below it.
    if let Some(Ok(below)) = error.into_inner().map(|inner| inner.downcast::<ureq::Error>()) {
        return of(*below, proxy);
    }
    let network = |why: &str| NetworkError::Network { why: why.to_owned() };
    match kind {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            NetworkError::Silent { seconds: TIME.as_secs() }
        }
        io::ErrorKind::ConnectionRefused => network("the connection was refused"),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            network("there is no way there")
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => network("the connection broke off"),
        kind => network(&kind.to_string()),
    }
}

/// What a failure of TLS means.
pub(crate) fn of_tls(error: &rustls::Error) -> NetworkError {
    use CertificateError as C;
    let rustls::Error::InvalidCertificate(why) = error else {
        // On Linux the library says so when it found no certificates at all.
        return if matches!(error, rustls::Error::General(_)) {
            NetworkError::Certificate { why: "this system has no list of authorities" }
        } else {
            NetworkError::Tls
        };
    };
    let why = match why {
        // One of the same name, but not the same.
        C::UnknownIssuer | C::BadSignature => "its authority is not one that this system trusts",
        C::NotValidForName | C::NotValidForNameContext { .. } => "it is for another name",
        C::Expired | C::ExpiredContext { .. } => "it has ended",
        C::NotValidYet | C::NotValidYetContext { .. } => "it is not valid yet",
        C::Revoked => "it was revoked",
        _ => "it is not valid",
    };
    NetworkError::Certificate { why }
}
