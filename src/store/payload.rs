//! How a credential lies inside a store: the token's bytes as they are, so that a person who looks into a keychain finds
//! the token; and behind it, only if there is more, one line each for what git kept with it:
//!
//! ```text
//! TOKEN
//! oauth_refresh_token=…
//! authtype=Bearer
//! ```
//!
//! A token with a line feed in it never gets here: no protocol that we speak can carry one.

use crate::error::Error;
use crate::secret::Secret;

/// What one secret of a store holds.
#[derive(Debug)]
pub struct Payload {
    /// The token, or for an `authtype` other than none, the `credential`.
    pub token: Secret,
    /// git's `oauth_refresh_token`.
    pub refresh: Option<Secret>,
    /// git's `authtype`, when the pair was stored as `authtype` and `credential`.
    pub authtype: Option<String>,
}

impl Payload {
    /// A token and nothing else.
    #[must_use]
    pub fn plain(token: Secret) -> Payload {
        Payload { token, refresh: None, authtype: None }
    }

    /// Whether both say the same.
    #[must_use]
    pub fn same_as(&self, other: &Payload) -> bool {
        let refresh = match (&self.refresh, &other.refresh) {
            (Some(one), Some(two)) => one.same_as(two),
            (None, None) => true,
            _ => false,
        };
        refresh && self.authtype == other.authtype && self.token.same_as(&other.token)
    }

    /// Into the form that a store keeps.
    ///
    /// # Errors
    /// [`Error::Token`] when a part has a line feed or NUL in it.
    pub fn pack(&self) -> Result<Secret, Error> {
        let Payload { token, refresh, authtype } = self;
        let length = |part: Option<usize>| part.map_or(0, |n| n + REFRESH.len() + 2);
        let mut bytes = Vec::with_capacity(
            token.len()
                + length(refresh.as_ref().map(Secret::len))
                + length(authtype.as_ref().map(String::len)),
        );
        bytes.extend_from_slice(token.expose());
        let refresh = refresh.as_ref().map(|refresh| (REFRESH, refresh.expose()));
        let authtype = authtype.as_ref().map(|authtype| (AUTHTYPE, authtype.as_bytes()));
        let mut broken = token.expose().iter().any(|b| BREAKS.contains(b));
        for (key, value) in refresh.into_iter().chain(authtype) {
            broken |= value.iter().any(|b| BREAKS.contains(b));
            bytes.push(b'\n');
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        let packed = Secret::new(bytes);
        if broken {
            return Err(Error::Token { why: "there is a line break or NUL in it".to_owned() });
        }
        Ok(packed)
    }

    /// From the form that a store keeps. Lines of later versions are passed over.
    #[must_use]
    pub fn unpack(secret: &Secret) -> Payload {
        let mut lines = secret.expose().split(|&b| b == b'\n');
        let mut payload = Payload::plain(Secret::copy_of(lines.next().unwrap_or_default()));
        for line in lines {
            if let Some(refresh) = line.strip_prefix(REFRESH) {
                payload.refresh = Some(Secret::copy_of(refresh));
            } else if let Some(authtype) = line.strip_prefix(AUTHTYPE) {
                payload.authtype = Some(String::from_utf8_lossy(authtype).into_owned());
            }
        }
        payload
    }
}

const REFRESH: &[u8] = b"oauth_refresh_token=";
const AUTHTYPE: &[u8] = b"authtype=";
const BREAKS: &[u8] = b"\n\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_token_lies_in_the_store_as_it_is() {
        let packed = Payload::plain(Secret::copy_of(b"t0ken\xff")).pack().unwrap();
        assert_eq!(packed.expose(), b"t0ken\xff");
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        for (token, refresh, authtype) in [
            (&b""[..], None, None),
            (b"a=b", Some(&b"xyzzy="[..]), None),
            (b"t", None, Some("Bearer")),
            (b"t", Some(b""), Some("Digest")),
        ] {
            let payload = Payload {
                token: Secret::copy_of(token),
                refresh: refresh.map(Secret::copy_of),
                authtype: authtype.map(str::to_owned),
            };
            assert!(Payload::unpack(&payload.pack().unwrap()).same_as(&payload));
        }
    }

    #[test]
    fn a_line_break_never_gets_into_a_store() {
        assert!(Payload::plain(Secret::copy_of(b"a\nauthtype=Bearer")).pack().is_err());
        assert!(Payload::plain(Secret::copy_of(b"a\0b")).pack().is_err());
    }
}
