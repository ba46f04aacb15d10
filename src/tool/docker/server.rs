//! Registries as docker names them: `registry.example.com`, `localhost:5000`, and for Docker Hub alone a URL,
//! `https://index.docker.io/v1/`. Without a scheme it is https; a registry on this machine may also be plain http, which
//! docker tries there, too.

use crate::error::Error;
use crate::forge;
use crate::remote::Remote;

/// Docker Hub, as docker names it.
const HUB: &str = "https://index.docker.io/v1/";

/// Docker Hub's other names: podman says `docker.io`, and people add what they see in the browser.
const HUB_HOSTS: &[&str] = &["index.docker.io", "docker.io", "hub.docker.com", "registry-1.docker.io"];

/// What the docker command keeps beside its login to Docker Hub when that was made in the browser: its own tokens, to end it with at
/// logout. They go by names below the login's, and are neither a login nor one another.
const OF_DOCKER: &[&str] = &["access-token", "refresh-token"];

/// The scheme of what is kept under those names: never equal to a web address.
const OWN: &str = "docker";

/// Where a credential for this server may be held, most likely first; never empty.
///
/// # Errors
/// [`Error::Request`] for what is no server.
pub(super) fn places(name: &str) -> Result<Vec<Remote>, Error> {
    let (scheme, rest) = name.split_once("://").map_or((None, name), |(scheme, rest)| (Some(scheme), rest));
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let scheme_or_https = scheme.unwrap_or("https");
    if !["https", "http"].iter().any(|known| scheme_or_https.eq_ignore_ascii_case(known)) {
        return Err(Error::Request { why: "the protocol is not one of http and https" });
    }
    let remote = Remote::from_parts(scheme_or_https, host, path)?;
    if is_hub(&remote) {
        if let [_, name] = remote.path()
            && OF_DOCKER.contains(&name.as_str())
        {
            return Ok(vec![Remote::from_parts(OWN, HUB_HOSTS[0], path)?]);
        }
        let hosts = HUB_HOSTS.iter().map(|host| Remote::from_parts("https", host, None));
        return std::iter::once(Remote::from_parts("https", HUB_HOSTS[0], Some("v1")))
            .chain(hosts.skip(1))
            .collect();
    }
    let mut places = vec![remote];
    if scheme.is_none() && places[0].is_loopback() {
        places.push(Remote::from_parts("http", host, path)?);
    }
    Ok(places)
}

/// What docker calls the registry of a place of the wallet; `None` where there is none.
pub(super) fn registry_of(realm: &str, place: &Remote) -> Option<String> {
    let containers = &forge::of_realm(realm).packages.containers;
    if !(place.is_https() || place.is_http()) {
        return None;
    }
    match containers.of(realm) {
        Some(named) => named.into_iter().next(),
        None if !containers.own => None,
        None if is_hub(place) => Some(HUB.to_owned()),
        None if place.is_https() || place.is_loopback() => Some(place.authority()),
        None => Some(place.origin()),
    }
}

fn is_hub(remote: &Remote) -> bool {
    remote.is_https() && remote.port().is_none() && HUB_HOSTS.contains(&remote.host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(name: &str) -> Vec<String> {
        places(name).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_spelling_of_dockers_is_a_place() {
        assert_eq!(all("registry.example.com"), ["https://registry.example.com"]);
        assert_eq!(all("registry.example.com:5000"), ["https://registry.example.com:5000"]);
        assert_eq!(all("REGISTRY.example.com:443"), ["https://registry.example.com"]);
        assert_eq!(all("https://registry.example.com/v2/"), ["https://registry.example.com/v2"]);
        assert_eq!(all("http://registry.example.com"), ["http://registry.example.com"]);
        assert_eq!(all("localhost:5000"), ["https://localhost:5000", "http://localhost:5000"]);
        assert_eq!(all("127.0.0.1:5000"), ["https://127.0.0.1:5000", "http://127.0.0.1:5000"]);
        assert_eq!(all("[::1]:5000"), ["https://[::1]:5000", "http://[::1]:5000"]);
        assert_eq!(all("http://localhost:5000"), ["http://localhost:5000"]);
    }

    #[test]
    fn docker_hub_is_one_place_by_all_its_names() {
        for name in ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"] {
            assert_eq!(all(name)[0], "https://index.docker.io/v1", "{name}");
            assert!(all(name).contains(&"https://docker.io".to_owned()), "{name}");
        }
        assert_eq!(all("docker.io.example"), ["https://docker.io.example"]);
        assert_eq!(all("docker.io:5000"), ["https://docker.io:5000"]);
        assert_eq!(all("http://docker.io"), ["http://docker.io"], "a token for https never goes to http");
    }

    #[test]
    fn what_docker_keeps_for_itself_is_not_docker_hub() {
        for name in ["access-token", "refresh-token"] {
            let place = format!("docker://index.docker.io/v1/{name}");
            assert_eq!(all(&format!("https://index.docker.io/v1/{name}")), [place]);
        }
        assert_eq!(all("https://index.docker.io/v1/other")[0], "https://index.docker.io/v1");
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for name in
            ["", "a b", "ssh://h", "://h", "https://", "u:p@h", "h\\x", "h/../x", "h:99999", "a\nb", "h\0"]
        {
            assert!(places(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_place_is_named_as_docker_names_its_registry() {
        for (realm, url, name) in [
            ("generic/x", "https://index.docker.io/v1", Some("https://index.docker.io/v1/")),
            ("generic/x", "https://hub.docker.com", Some("https://index.docker.io/v1/")),
            ("github/github.com", "https://github.com", Some("ghcr.io")),
            ("github/contoso.ghe.com", "https://contoso.ghe.com", Some("containers.contoso.ghe.com")),
            ("gitlab/gitlab.com", "https://gitlab.com", Some("registry.gitlab.com")),
            ("generic/x", "https://git.example:5050/team", Some("git.example:5050")),
            ("generic/x", "http://127.0.0.1:5000", Some("127.0.0.1:5000")),
            ("generic/x", "http://registry.example", Some("http://registry.example")),
            ("azure-devops/contoso", "https://dev.azure.com/contoso", None),
            ("azure-devops-server/x", "https://tfs.example/tfs/One", None),
            ("bitbucket/bitbucket.org", "https://bitbucket.org", None),
        ] {
            let place = Remote::from_url(url).unwrap().0;
            assert_eq!(registry_of(realm, &place).as_deref(), name, "{url}");
        }
    }
}
