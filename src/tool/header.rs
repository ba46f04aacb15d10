//! The whole of an Authorization header, for tools that carry one from us to a server. Deliberately absent: which
//! server, and whether it may have the token at all; that is decided when there is an [`Answer`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::forge::Presentation;
use crate::wallet::Answer;

/// Forges whose package registries and interfaces take a token as Bearer, as their own documentation has it.
pub(super) const BEARER: &[&str] = &["github", "gitlab", "gitea"];

/// `Basic …` of a user name and a token.
pub(super) fn basic(user: &str, token: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + 1 + token.len()));
    pair.extend_from_slice(user.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(token);
    let mut out = Zeroizing::new(Vec::with_capacity(16 + pair.len().div_ceil(3) * 4));
    out.extend_from_slice(b"Basic ");
    let start = out.len();
    // There is room, so nothing moves and leaves a copy behind.
    out.resize(start + pair.len().div_ceil(3) * 4, 0);
    BASE64.encode_slice(&*pair, &mut out[start..]).ok()?;
    Some(out)
}

/// The header for an answer: as it was stored, if it was stored with its scheme; Bearer where the forge is among `bearer` or
/// takes nothing else; Basic otherwise. `None` if it cannot be said in a header.
pub(super) fn authorization(answer: &Answer, bearer: &[&str]) -> Option<Zeroizing<Vec<u8>>> {
    let token = answer.token.expose();
    let scheme = match &answer.authtype {
        Some(scheme) => scheme.as_str(),
        None if answer.presentation == Presentation::Bearer || bearer.contains(&answer.realm.forge()) => {
            "Bearer"
        }
        None => {
            // A server could not tell where such a name ends.
            let user = answer.user.as_deref().filter(|user| !user.is_empty()).unwrap_or("pat");
            return if user.contains(':') { None } else { basic(user, token) };
        }
    };
    let plain = |byte: &u8| (0x21..=0x7e).contains(byte);
    if !scheme.as_bytes().iter().all(plain) || !token.iter().all(plain) {
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + token.len()));
    out.extend_from_slice(scheme.as_bytes());
    out.push(b' ');
    out.extend_from_slice(token);
    Some(out)
}
