//! Answers of the proxy itself: a status and one sentence, which stands in the reason phrase, too, because that is what many
//! clients show.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_TYPE, HeaderValue, PROXY_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::error::NetworkError;

use super::body::Message;

/// Why a request is answered by the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The status.
    pub status: StatusCode,
    /// The sentence.
    pub sentence: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Failure {
        Failure { status, sentence: sentence.into() }
    }

    /// A request that no client sends which means well.
    pub(super) fn malformed(sentence: &str) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// A service that cannot be reached, or does not answer as one.
    pub(super) fn unreachable(host: &str, cause: &NetworkError) -> Failure {
        let status = match cause {
            NetworkError::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        Failure::new(status, format!("{host}: {cause}"))
    }

    pub(super) fn into_response(self) -> Response<Message> {
        let sentence = format!("keyfob run: {}", self.sentence);
        let mut response = Response::new(Message::Own(Full::new(Bytes::from(format!("{sentence}\n")))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            headers.insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"keyfob\""));
        }
        if let Ok(reason) = ReasonPhrase::try_from(sentence) {
            response.extensions_mut().insert(reason);
        }
        response
    }
}
