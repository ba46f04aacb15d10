//! What was in the way of asking a service: name, network, proxy, certificate, server; each with its own sentence and hint.

use thiserror::Error as ThisError;

/// What was in the way of asking a service.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum NetworkError {
    /// There is no such host, or nobody who could tell.
    #[error("its name is not known")]
    NoSuchHost,
    /// No connection.
    #[error("{why}")]
    Network {
        /// What happened.
        why: String,
    },
    /// The proxy.
    #[error("the proxy {at} is in the way: {why}")]
    Proxy {
        /// Its address, without user name and password.
        at: String,
        /// What it did.
        why: String,
    },
    /// The certificate that was shown.
    #[error("the certificate that answers there is not to be trusted: {why}")]
    Certificate {
        /// What is wrong with it.
        why: &'static str,
    },
    /// No agreement on encryption.
    #[error("it does not speak TLS as keyfob does")]
    Tls,
    /// No answer in time.
    #[error("no answer within {seconds} s")]
    Silent {
        /// How long we waited.
        seconds: u64,
    },
    /// It wants to be left alone.
    #[error("it wants to be left alone for {seconds} s")]
    RateLimited {
        /// For how long yet.
        seconds: u64,
    },
    /// Too much came back.
    #[error("its answer is too large")]
    TooLarge,
    /// Something came back, but no HTTP.
    #[error("what answers there does not speak HTTP")]
    NotHttp,
    /// Plain http, which was never accepted for it.
    #[error("the token would travel in clear text")]
    ClearText,
    /// A token with bytes that no header can hold.
    #[error("this token cannot be sent in a header")]
    Unsendable,
}

impl NetworkError {
    /// How to go on.
    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            NetworkError::NoSuchHost | NetworkError::Network { .. } | NetworkError::Silent { .. } => {
                "see whether the network is there; behind a proxy: export HTTPS_PROXY=http://HOST:PORT, or git config --global http.proxy http://HOST:PORT"
            }
            NetworkError::Proxy { .. } => {
                "look at HTTPS_PROXY, NO_PROXY and git config http.proxy; user name and password go into its URL"
            }
            NetworkError::Certificate { .. } => {
                "nothing was sent; if your network looks into TLS by a proxy of its own: export SSL_CERT_FILE=FILE with its certificates"
            }
            NetworkError::Tls => "nothing was sent; the server needs TLS 1.2 or newer",
            NetworkError::RateLimited { .. } => "ask again after that time",
            NetworkError::TooLarge | NetworkError::NotHttp => {
                "see what answers there: a portal of the network, or another program at that port"
            }
            NetworkError::ClearText => "use https, or add the place with --allow-http if you accept that",
            NetworkError::Unsendable => return None,
        })
    }

    /// Its word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            NetworkError::NoSuchHost | NetworkError::Network { .. } => "unreachable",
            NetworkError::Proxy { .. } => "proxy",
            NetworkError::Certificate { .. } => "certificate",
            NetworkError::Tls => "tls",
            NetworkError::Silent { .. } => "timeout",
            NetworkError::RateLimited { .. } => "rate-limit",
            NetworkError::TooLarge | NetworkError::NotHttp => "odd-answer",
            NetworkError::ClearText => "clear-text",
            NetworkError::Unsendable => "unsendable",
        }
    }
}
