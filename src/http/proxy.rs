//! Which proxy a host is reached by, as curl and git have it. Pure: the environment and git's setting are passed in.

use crate::environment::Environment;
use crate::remote::Remote;

/// The proxy for a remote: what git's `http.proxy` says for it, else the environment; none where `NO_PROXY` names the host.
#[must_use]
pub fn of(remote: &Remote, git: Option<&str>, environment: &Environment) -> Option<String> {
    let either = |name: &str| environment.text(name).or_else(|| environment.text(&name.to_ascii_uppercase()));
    if either("no_proxy").is_some_and(|list| is_exempt(remote, &list)) {
        return None;
    }
    // An empty http.proxy means none at all (git-config(1)). HTTP_PROXY in capitals is what a CGI program gets from whoever
    // calls it, so curl does not look at it, and nor do we.
    let named = match git {
        Some(git) => Some(git.to_owned()),
        None if remote.is_https() => either("https_proxy").or_else(|| either("all_proxy")),
        None => environment.text("http_proxy").or_else(|| either("all_proxy")),
    };
    let named = named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())?;
    Some(if named.contains("://") { named } else { format!("http://{named}") })
}

/// Whether a `NO_PROXY` list names the host: `*`, a host, a domain with everything below it, each also with a port.
fn is_exempt(remote: &Remote, list: &str) -> bool {
    let port = remote.port().unwrap_or(if remote.is_https() { 443 } else { 80 });
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
            _ => (entry, None),
        };
        let name = name.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
        let host = remote.host().trim_start_matches('[').trim_end_matches(']');
        let below = |host: &str| {
            let at = host.len().checked_sub(name.len());
            at.is_some_and(|at| {
                host.is_char_boundary(at)
                    && host[at..].eq_ignore_ascii_case(name)
                    && (at == 0 || host[..at].ends_with('.'))
            })
        };
        !name.is_empty() && wanted.is_none_or(|wanted| wanted == port) && below(host)
    })
}

/// A proxy's address for people: without its password.
#[must_use]
pub fn without_password(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, git: Option<&str>, pairs: &[(&str, &str)]) -> Option<String> {
        let environment = Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())));
        of(&Remote::from_url(url).unwrap().0, git, &environment)
    }

    #[test]
    fn the_proxy_is_the_one_that_git_would_take() {
        let url = "https://dev.azure.com/contoso";
        assert_eq!(proxy(url, None, &[]), None);
        assert_eq!(proxy(url, None, &[("https_proxy", "p:3128")]).as_deref(), Some("http://p:3128"));
        assert_eq!(proxy(url, None, &[("HTTPS_PROXY", "http://p:1")]).as_deref(), Some("http://p:1"));
        assert_eq!(proxy(url, None, &[("http_proxy", "http://p:1")]), None);
        assert_eq!(proxy(url, None, &[("ALL_PROXY", "http://p:1")]).as_deref(), Some("http://p:1"));
        assert_eq!(proxy(url, Some("g:1"), &[("HTTPS_PROXY", "http://p:1")]).as_deref(), Some("http://g:1"));
        assert_eq!(proxy(url, Some(""), &[("HTTPS_PROXY", "http://p:1")]), None);
        assert_eq!(proxy("http://tfs/tfs", None, &[("HTTP_PROXY", "http://p:1")]), None);
        assert_eq!(
            proxy("http://tfs/tfs", None, &[("http_proxy", "http://p:1")]).as_deref(),
            Some("http://p:1")
        );
    }

    #[test]
    fn no_proxy_names_hosts_and_domains_by_whole_labels() {
        let exempt = |url: &str, list: &str| proxy(url, Some("p:1"), &[("NO_PROXY", list)]).is_none();
        for list in [
            "dev.azure.com",
            ".azure.com",
            "azure.com",
            "*.azure.com",
            "x, AZURE.com",
            "*",
            "dev.azure.com:443",
        ] {
            assert!(exempt("https://dev.azure.com/contoso", list), "{list}");
        }
        for list in ["zure.com", "dev.azure.com.evil.test", "dev.azure.com:8443", "", ".", "com.azure"] {
            assert!(!exempt("https://dev.azure.com/contoso", list), "{list}");
        }
        assert!(exempt("https://[2001:db8::1]:8443/x", "2001:db8::1"));
    }

    #[test]
    fn a_proxys_password_is_not_shown() {
        assert_eq!(without_password("http://me:s3cret@p:3128"), "http://p:3128");
        assert_eq!(without_password("p:3128"), "http://p:3128");
    }
}
