//! The whole of an Authorization header, for tools that carry one from us to a server. Deliberately absent: which
//! server, and whether it may have the token at all; that is decided when there is an [`Credential`].

use crate::forge::{self, Presentation, Scheme};
use crate::tool::Presented;
use crate::wallet::Credential;

use crate::secret_bytes::{Bytes, base64, joined};

/// How the registries of an answer's forge accept its token.
pub(super) fn scheme(answer: &Credential) -> Scheme {
    forge::of_realm(answer.realm.as_str()).packages.scheme
}

/// `Basic …` of a user name and a token (RFC 7617).
pub(super) fn basic(user: &str, token: &[u8]) -> Bytes {
    joined(&[b"Basic ", &base64(&joined(&[user.as_bytes(), b":", token]))])
}

/// Whether a word can stand in a header: a blank would end it.
pub(super) fn fits(word: &[u8]) -> bool {
    word.iter().all(|byte| (0x21..=0x7e).contains(byte))
}

/// The header for an answer: as it was stored, if it was stored with its scheme; Bearer where the `registry` or the place
/// wants that; Basic otherwise. `None` if it cannot be said in a header.
pub(super) fn header(answer: &Credential, registry: Scheme) -> Option<Bytes> {
    let token = answer.token.expose();
    match presented(answer, registry) {
        Presented::Scheme(scheme) if fits(scheme.as_bytes()) && fits(token) => {
            Some(joined(&[scheme.as_bytes(), b" ", token]))
        }
        // A server could not tell where a name with a colon ends.
        Presented::Pair(user) if !user.contains(':') => Some(basic(&user, token)),
        _ => None,
    }
}

/// What such a header says besides the token.
pub(super) fn presented(answer: &Credential, registry: Scheme) -> Presented {
    match &answer.authtype {
        Some(scheme) => Presented::Scheme(scheme.clone()),
        None if answer.presentation == Presentation::Bearer || registry == Scheme::Bearer => {
            Presented::Scheme("Bearer".to_owned())
        }
        None => {
            let user = answer.user.as_deref().filter(|user| !user.is_empty()).unwrap_or("pat");
            Presented::Pair(user.to_owned())
        }
    }
}
