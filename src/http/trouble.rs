//! What went wrong on the way, from the library's errors into ours: which of name, network, proxy, certificate and server it
//! was. The library's own texts never get out, since they may repeat what was sent.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use crate::error::Trouble;

/// What an error means; `proxy` if one was used, `limit` the time that there was.
pub(super) fn of(error: ureq::Error, proxy: Option<&str>, limit: Duration) -> Trouble {
    use ureq::Error as E;
    let by_proxy = |why: &str| Trouble::Proxy { why: why.to_owned() };
    match error {
        E::Timeout(_) => Trouble::Silent { seconds: limit.as_secs() },
        E::HostNotFound if proxy.is_some() => by_proxy("its name is not known"),
        E::HostNotFound => Trouble::NoSuchHost,
        E::ConnectProxyFailed(why) if why.contains("407") => by_proxy("it wants a user name and a password"),
        E::ConnectProxyFailed(why) => {
            let status: String = why.chars().filter(char::is_ascii_digit).take(3).collect();
            by_proxy(&if status.is_empty() {
                "it does not answer".to_owned()
            } else {
                format!("it refuses to connect there ({status})")
            })
        }
        E::InvalidProxyUrl => by_proxy("its address is not one that keyfob can use"),
        E::Rustls(error) => of_tls(&error),
        E::Io(error) => of_io(&error, proxy.is_some(), limit),
        E::LargeResponseHeader(..) | E::BodyExceedsLimit(_) => Trouble::TooLarge,
        E::Tls(_) | E::Pem(_) | E::TlsRequired => Trouble::Tls,
        _ => Trouble::NotHttp,
    }
}

fn of_io(error: &io::Error, proxy: bool, limit: Duration) -> Trouble {
    let mut inner: Option<&(dyn StdError + 'static)> =
        error.get_ref().map(|e| e as &(dyn StdError + 'static));
    while let Some(cause) = inner {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        inner = cause.source();
    }
    let network = |why: &str| {
        if proxy { Trouble::Proxy { why: why.to_owned() } } else { Trouble::Network { why: why.to_owned() } }
    };
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Trouble::Silent { seconds: limit.as_secs() },
        io::ErrorKind::ConnectionRefused => network("the connection was refused"),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            network("there is no way there")
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Trouble::Network { why: "the connection broke off".to_owned() }
        }
        kind => Trouble::Network { why: kind.to_string() },
    }
}

fn of_tls(error: &rustls::Error) -> Trouble {
    use CertificateError as C;
    let rustls::Error::InvalidCertificate(why) = error else {
        // On Linux the library says so when it found no certificates at all.
        return if matches!(error, rustls::Error::General(_)) {
            Trouble::Certificate { why: "this system has no list of authorities" }
        } else {
            Trouble::Tls
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
    Trouble::Certificate { why }
}
