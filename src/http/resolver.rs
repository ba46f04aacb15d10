//! Resolves host names within a deadline. The system's resolver does it; its call has no deadline, so a thread makes it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How many addresses of one host are tried at most.
const MAX_ADDRESSES: usize = 8;

/// The system's resolver with a deadline.
#[derive(Debug)]
pub(super) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default);
        let found = addresses(host, (*timeout.after).min(super::CONNECTING))?;
        let mut addresses = self.empty();
        found.into_iter().take(MAX_ADDRESSES).for_each(|ip| addresses.push(SocketAddr::new(ip, port)));
        if addresses.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// Returns the addresses of a host, an IPv6 address without brackets. Blocks no longer than `time`.
///
/// # Errors
/// [`ureq::Error::HostNotFound`]; [`ureq::Error::Timeout`].
pub(crate) fn addresses(host: &str, time: Duration) -> Result<Vec<IpAddr>, ureq::Error> {
    match fixed_addresses(host) {
        Some(found) => Ok(found),
        None => within(time, look_up(host.to_owned())),
    }
}

/// Returns the addresses of hosts that need no lookup: IP addresses, and the names that RFC 6761 reserves for this machine.
fn fixed_addresses(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(ip) = host.parse() {
        return Some(vec![ip]);
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let here = host == "localhost" || host.ends_with(".localhost");
    here.then(|| vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)])
}

/// Returns the call that asks the system for all addresses of a host.
fn look_up(host: String) -> impl FnOnce() -> io::Result<Vec<IpAddr>> + Send + 'static {
    move || Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// Calls `look_up` in a thread and waits for it no longer than `time`. A call that takes longer goes on until the process ends.
fn within(
    time: Duration,
    look_up: impl FnOnce() -> io::Result<Vec<IpAddr>> + Send + 'static,
) -> Result<Vec<IpAddr>, ureq::Error> {
    let (send, receive) = sync_channel(1);
    // If no thread can be started, `send` is dropped and nothing is received.
    let _ = thread::Builder::new().spawn(move || send.send(look_up()));
    match receive.recv_timeout(time) {
        Ok(Ok(found)) => Ok(found),
        // The standard library has no error kind for "no such name". A name server that refuses or fails must not look as if the
        // service itself had refused.
        Ok(Err(_)) => Err(ureq::Error::HostNotFound),
        Err(_) => Err(ureq::Error::Timeout(ureq::Timeout::Resolve)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_fails_is_not_mistaken_for_the_service() {
        let refused = within(Duration::from_secs(20), || Err(io::ErrorKind::ConnectionRefused.into()));
        assert!(matches!(refused, Err(ureq::Error::HostNotFound)));
    }

    #[test]
    fn a_resolver_that_does_not_answer_is_given_up() {
        let (_still_open, never) = sync_channel::<()>(0);
        let late = within(Duration::from_millis(20), move || {
            let _ = never.recv();
            Ok(Vec::new())
        });
        assert!(matches!(late, Err(ureq::Error::Timeout(ureq::Timeout::Resolve))));
    }

    #[test]
    fn what_the_system_resolves_is_returned_and_a_name_that_does_not_exist_is_not_found() {
        let time = Duration::from_secs(20);
        assert_eq!(
            within(time, look_up("192.0.2.7".to_owned())).unwrap(),
            ["192.0.2.7".parse::<IpAddr>().unwrap()]
        );
        // No name has an empty label, so no server is asked.
        assert!(matches!(within(time, look_up("a..b".to_owned())), Err(ureq::Error::HostNotFound)));
    }

    #[test]
    fn this_machines_own_name_is_never_asked_for() {
        let here = Some(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        assert_eq!(fixed_addresses("localhost"), here);
        assert_eq!(fixed_addresses("a.LOCALHOST."), here);
        assert_eq!(fixed_addresses("127.0.0.1"), Some(vec!["127.0.0.1".parse().unwrap()]));
        assert_eq!(fixed_addresses("localhost.evil.test"), None);
    }
}
