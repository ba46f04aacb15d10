//! What git's own helpers keep in the system's keyring: git-credential-libsecret, -osxkeychain, -wincred.

use crate::error::Error;
use crate::secret::Secret;

use super::{Entry, Outside, Reading, Source, SourceLocation, keyrings};

/// git's own helpers.
pub static SOURCE: Source = Source {
    name: "git-keyring",
    title: "git's own helper",
    places: "the system's keyring: libsecret, osxkeychain, wincred",
    takes_file: false,
    read,
};

/// Why an entry with a refresh token is left.
pub(super) const RENEWED: &str = "it comes with a refresh token: another helper renews it";

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let mut reading = Reading::default();
    let items = keyrings::items(outside, keyrings::Wanted::Git)?;
    if !items.is_empty() {
        reading.places.push(keyrings::KEYRING.to_owned());
    }
    for item in items {
        let Some(secret) = item.secret else {
            reading.unread += 1;
            continue;
        };
        let url = item.service.strip_prefix("git:").unwrap_or(&item.service).to_owned();
        let at = keyrings::KEYRING.to_owned();
        match parts(&secret) {
            None => reading.skip(at, &url, RENEWED),
            Some((token, expires)) => {
                let location = SourceLocation::Item(item.handle);
                reading.add(Entry { at, url, user: item.user, token, expires, location }, outside.now);
            }
        }
    }
    Ok(reading)
}

/// The token and its end: all of them write lines behind the token, wincred with Windows' line ends. `None` for what a helper
/// renews by itself.
pub(super) fn parts(secret: &Secret) -> Option<(Secret, Option<i64>)> {
    let lines = secret.expose().split(|byte| *byte == b'\n');
    let mut lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let token = Secret::copy_of(lines.next().unwrap_or_default());
    let mut expires = None;
    for line in lines {
        if line.starts_with(b"oauth_refresh_token=") {
            return None;
        }
        if let Some(at) = line.strip_prefix(b"password_expiry_utc=") {
            expires = std::str::from_utf8(at).ok().and_then(|at| at.parse().ok());
        }
    }
    Some((token, expires))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_behind_a_token_are_read_and_are_not_part_of_it() {
        let parts = |text: &str| parts(&Secret::copy_of(text.as_bytes()));
        let (token, expires) = parts("t0ken\npassword_expiry_utc=5").unwrap();
        assert_eq!((token.expose(), expires), (&b"t0ken"[..], Some(5)));
        assert_eq!(parts("t0ken").unwrap().1, None);
        assert_eq!(parts("t0ken\npassword_expiry_utc=soon").unwrap().1, None);
        assert!(parts("t0ken\noauth_refresh_token=r").is_none());
        assert!(parts("t0ken\r\noauth_refresh_token=r").is_none());
        assert_eq!(parts("t0ken\r\n").unwrap().0.expose(), b"t0ken");
    }
}
