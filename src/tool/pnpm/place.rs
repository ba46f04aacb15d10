//! Places as pnpm's settings and our links name them, and which of them belong to a realm.

use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::error::Error;
use crate::forge;
use crate::percent::{RESERVED, decode_with};
use crate::remote::Remote;

/// The longest name of a link: file systems take 255 bytes.
const LONGEST: usize = 200;

/// What `~XX` stands for.
const ENCODED: &AsciiSet = &RESERVED.add(b'~');

/// A place in the name of a link: `+https+pkgs.dev.azure.com+contoso`. Letters, digits and `.-_` are as they are, `+` stands for
/// what divides the parts of a URL, `~XX` for any other byte. `None` if it would be too long.
pub(super) fn encode(remote: &Remote) -> Option<String> {
    let mut name = format!("+{}", remote.scheme());
    for part in std::iter::once(remote.authority()).chain(remote.path().iter().cloned()) {
        name.push('+');
        name.push_str(&utf8_percent_encode(&part, ENCODED).to_string().replace('%', "~"));
    }
    Some(name).filter(|name| name.len() <= LONGEST)
}

/// The URL of such a name; what does not begin with `+` is a URL already.
///
/// # Errors
/// [`Error::Url`].
pub(super) fn decode(name: &str) -> Result<String, Error> {
    let bad = || Error::Url { why: "the name of the link does not tell a place" };
    let Some(name) = name.strip_prefix('+') else { return Ok(name.to_owned()) };
    let (scheme, rest) = name.split_once('+').ok_or_else(bad)?;
    let mut parts = rest.split('+');
    let host = decode_with('~', parts.next().unwrap_or_default())
        .filter(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#']));
    let mut url = format!("{scheme}://{}", host.ok_or_else(bad)?.as_str());
    for part in parts {
        let part = decode_with('~', part).ok_or_else(bad)?;
        // As in a URL, so that nothing in a segment ends it.
        url.push('/');
        url.extend(utf8_percent_encode(&part, RESERVED));
    }
    Ok(url)
}

/// How pnpm's settings name a place. They have no scheme.
pub(super) fn key(remote: &Remote) -> String {
    let url = remote.to_string();
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    format!("//{rest}/:tokenHelper")
}

/// Where the packages of a realm are; nothing for a service that has none.
pub(super) fn packages(realm: &str, home: &Remote) -> Vec<Remote> {
    let npm = &forge::of_realm(realm).packages.npm;
    let Some(named) = npm.of(realm) else { return if npm.own { vec![home.clone()] } else { Vec::new() } };
    let mut places = Vec::new();
    for place in named {
        let (host, path) = place.split_once('/').unwrap_or((&place, ""));
        places.push(Remote::from_parts("https", host, Some(path)));
        // pnpm compares letter by letter, and the URL of a feed may have the organisation as the person wrote it.
        let is_so_written = |written: &&String| *written != path && written.eq_ignore_ascii_case(path);
        if let Some(written) = home.path().first().filter(is_so_written) {
            places.push(Remote::from_parts("https", host, Some(written)));
        }
    }
    places.into_iter().filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        Remote::from_url(url).unwrap().0
    }

    #[test]
    fn a_place_comes_back_from_the_name_of_its_link() {
        for (url, name) in [
            ("https://pkgs.dev.azure.com/contoso", "+https+pkgs.dev.azure.com+contoso"),
            ("http://127.0.0.1:8080/a/b", "+http+127.0.0.1~3A8080+a+b"),
            ("https://[::1]:8443", "+https+~5B~3A~3A1~5D~3A8443"),
            ("https://tfs.example/tfs/My%20Team+x~1", "+https+tfs.example+tfs+My~20Team~2Bx~7E1"),
        ] {
            assert_eq!(encode(&remote(url)).unwrap(), name);
            assert_eq!(remote(&decode(name).unwrap()), remote(url));
        }
        assert_eq!(encode(&remote(&format!("https://h/{}", "x".repeat(300)))), None);
        assert_eq!(decode("https://h/p").unwrap(), "https://h/p");
    }

    #[test]
    fn a_name_that_is_no_place_is_refused() {
        for name in [
            "+",
            "+https",
            "+https+h~",
            "+https+h~Z",
            "+https+h~GG",
            "+https+~FF",
            "+https++p",
            "+https+a~2F~2Fb",
        ] {
            let remote = decode(name).and_then(|url| Remote::from_url(&url));
            assert!(remote.is_err(), "{name}: {remote:?}");
        }
        // A segment cannot climb or name another host.
        let climbed = decode("+https+h+~2E~2E+x").and_then(|url| Remote::from_url(&url));
        assert!(climbed.is_err() || climbed.unwrap().0.host() == "h");
    }

    #[test]
    fn each_realm_has_its_package_hosts() {
        for (realm, home, keys) in [
            (
                "azure-devops/contoso",
                "https://dev.azure.com/contoso",
                &[
                    "//pkgs.dev.azure.com/contoso/:tokenHelper",
                    "//contoso.pkgs.visualstudio.com/:tokenHelper",
                ][..],
            ),
            (
                "azure-devops/contoso",
                "https://dev.azure.com/Contoso",
                &[
                    "//pkgs.dev.azure.com/contoso/:tokenHelper",
                    "//pkgs.dev.azure.com/Contoso/:tokenHelper",
                    "//contoso.pkgs.visualstudio.com/:tokenHelper",
                ],
            ),
            (
                "azure-devops-server/x",
                "https://tfs.example:8443/tfs/One",
                &["//tfs.example:8443/tfs/One/:tokenHelper"],
            ),
            ("github/github.com", "https://github.com", &["//npm.pkg.github.com/:tokenHelper"]),
            ("github/acme.ghe.com", "https://acme.ghe.com", &["//npm.acme.ghe.com/:tokenHelper"]),
            ("gitlab/gitlab.com", "https://gitlab.com", &["//gitlab.com/:tokenHelper"]),
            ("bitbucket/bitbucket.org", "https://bitbucket.org", &[]),
        ] {
            let found: Vec<String> = packages(realm, &remote(home)).iter().map(key).collect();
            assert_eq!(found, keys, "{home}");
        }
    }
}
