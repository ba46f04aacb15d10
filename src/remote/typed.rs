//! What a person types for a place: more than a URL is understood, because more than that is copied. Tools' requests never come here.

use std::net::Ipv4Addr;

use super::Remote;
use crate::error::Error;

impl Remote {
    /// From what a person types for a place: a URL, a host without its scheme (`github.com/acme`), or an ssh address as it is
    /// copied for a clone (`git@github.com:acme/site.git`). Both of these mean https.
    ///
    /// # Errors
    /// As [`Remote::from_url`].
    pub fn from_typed(text: &str) -> Result<(Remote, Option<String>), Error> {
        match https_of(text.trim()) {
            Some(url) => Remote::from_url(&url),
            None => Remote::from_url(text),
        }
    }
}

/// The https URL that is meant by a host without a scheme or by an ssh address; `None` for everything that is neither. The user of
/// an ssh address is the server's, not an account's.
fn https_of(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("ssh://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // Its port is that of ssh.
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        return is_name(host).then(|| format!("https://{host}/{path}"));
    }
    if text.contains("://") {
        return None;
    }
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    // `git@host:path`, as git and scp write it. What is a number there is a port.
    if let Some((_, address)) = authority.rsplit_once('@')
        && let Some((host, first)) = address.split_once(':')
        && !first.starts_with(|c: char| c.is_ascii_digit())
    {
        let path = if path.is_empty() { first.to_owned() } else { format!("{first}/{path}") };
        return is_name(host).then(|| format!("https://{host}/{}", path.trim_start_matches('/')));
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let is_host =
        is_name(name) || (!port.is_empty() && !name.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    is_host.then(|| format!("https://{text}"))
}

/// Whether a word is the name of a host on its face: labels with a dot between them, the last in letters. A token may have dots,
/// too, but hardly ends so.
fn is_name(host: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-._".contains(c);
    let Some((front, last)) = host.trim_end_matches('.').rsplit_once('.') else { return host == "localhost" };
    let is_address = host.parse::<Ipv4Addr>().is_ok();
    let in_letters = (2..=24).contains(&last.chars().count()) && last.chars().all(char::is_alphabetic);
    !front.is_empty() && host.chars().all(plain) && (in_letters || last.starts_with("xn--") || is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_scheme_and_an_ssh_address_mean_https() {
        for (typed, url) in [
            ("github.com", "https://github.com"),
            (" GitHub.com/acme ", "https://github.com/acme"),
            ("dev.azure.com/contoso/My Project", "https://dev.azure.com/contoso/My%20Project"),
            ("tfs.corp.example:8080/tfs/Coll", "https://tfs.corp.example:8080/tfs/Coll"),
            ("tfs:8080/tfs", "https://tfs:8080/tfs"),
            ("192.0.2.7/tfs", "https://192.0.2.7/tfs"),
            ("localhost:8443", "https://localhost:8443"),
            ("git@github.com:acme/site.git", "https://github.com/acme/site.git"),
            ("git@gitlab.corp.example:/group/sub/x.git", "https://gitlab.corp.example/group/sub/x.git"),
            ("ssh://git@bitbucket.corp.example:7999/prj/x.git", "https://bitbucket.corp.example/prj/x.git"),
            ("bücher.example", "https://xn--bcher-kva.example"),
            ("https://github.com/acme", "https://github.com/acme"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(Remote::from_typed(typed).unwrap().0.to_string(), url, "{typed}");
        }
        let (remote, user) = Remote::from_typed("alice@dev.azure.com/contoso").unwrap();
        assert_eq!(
            (remote.to_string(), user.as_deref()),
            ("https://dev.azure.com/contoso".to_owned(), Some("alice"))
        );
        assert_eq!(Remote::from_typed("git@github.com:acme/x").unwrap().1, None, "git is the server's user");
    }

    #[test]
    fn what_is_no_place_stays_an_error_and_a_token_is_no_host() {
        for typed in [
            "",
            "contoso",
            "contoso/Project",
            "/etc/passwd",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
            "glpat-abc.01.0a1b2c3d4",
            "bob:s3cret@github.com",
            "bob:s3cret@github.com/acme",
            "git@host:path",
            "ssh://git@nothing/x",
            "ftp://github.com",
            "a..",
            "git hub.com",
            "github.com\\acme",
        ] {
            let error = Remote::from_typed(typed).unwrap_err();
            assert!(typed.is_empty() || !error.to_string().contains(typed), "{error}");
        }
    }
}
