//! Names to addresses. Where the C library is linked statically, glibc's resolver would load parts of itself at run time, of whatever
//! version the machine has, and may crash on them; so there it is done here, in [`dns`], with musl as well: the hosts file, then the
//! servers of resolv.conf. Everywhere else the system does it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

#[cfg(any(test, all(target_os = "linux", target_feature = "crt-static")))]
mod dns;

/// The most addresses of one host that are tried.
const MOST: usize = 8;

/// No answer in the time that names have, which is not that of the whole request.
const LATE: ureq::Error = ureq::Error::Timeout(ureq::Timeout::Resolve);

/// Our resolver.
#[derive(Debug)]
pub(super) struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default);
        let found = match known(host) {
            Some(found) => found,
            None => ask(host, (*timeout.after).min(super::CONNECTING))?,
        };
        let mut addresses = self.empty();
        found.into_iter().take(MOST).for_each(|ip| addresses.push(SocketAddr::new(ip, port)));
        if addresses.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// What needs no asking: addresses, and the name that RFC 6761 keeps for this machine, whatever a server might say.
fn known(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(ip) = host.parse() {
        return Some(vec![ip]);
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let here = host == "localhost" || host.ends_with(".localhost");
    here.then(|| vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)])
}

#[cfg(all(target_os = "linux", target_feature = "crt-static"))]
fn ask(host: &str, within: Duration) -> Result<Vec<IpAddr>, ureq::Error> {
    dns::look_up(host, &dns::Settings::of_this_machine(), within).map_err(failed)
}

/// A name server that refuses or fails must not sound as if the service had done so; a network that is not there is told as what it is.
#[cfg(any(test, all(target_os = "linux", target_feature = "crt-static")))]
fn failed(error: std::io::Error) -> ureq::Error {
    use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut, WouldBlock};
    match error.kind() {
        TimedOut | WouldBlock => LATE,
        NetworkUnreachable | HostUnreachable => ureq::Error::from(error),
        _ => ureq::Error::HostNotFound,
    }
}

#[cfg(not(all(target_os = "linux", target_feature = "crt-static")))]
fn ask(host: &str, within: Duration) -> Result<Vec<IpAddr>, ureq::Error> {
    use std::net::ToSocketAddrs;
    // The system's call has no deadline; a thread that waits for it in vain ends with the process.
    let (send, receive) = std::sync::mpsc::sync_channel(1);
    let host = (host.to_owned(), 0);
    // Where no thread can be had, `send` goes with it, and nothing is heard.
    let _ = std::thread::Builder::new().spawn(move || {
        let found = host.to_socket_addrs().map(|found| found.map(|address| address.ip()).collect());
        let _ = send.send(found);
    });
    match receive.recv_timeout(within) {
        Ok(Ok(found)) => Ok(found),
        // The library has no kind of its own for "no such name"; a broken network shows when a known name is asked for.
        Ok(Err(_)) => Err(ureq::Error::HostNotFound),
        Err(_) => Err(LATE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_that_refuses_or_is_mute_is_not_taken_for_the_service() {
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings =
            dns::Settings { hosts: String::new(), servers: vec![nobody], search: Vec::new(), dots: 1 };
        let error = dns::look_up("dev.azure.com", &settings, Duration::from_secs(20)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(matches!(failed(error), ureq::Error::HostNotFound));
        let mute = failed(std::io::Error::from(std::io::ErrorKind::WouldBlock));
        assert!(matches!(mute, ureq::Error::Timeout(ureq::Timeout::Resolve)));
        let offline = std::io::Error::from(std::io::ErrorKind::NetworkUnreachable);
        assert!(matches!(failed(offline), ureq::Error::Io(_)));
    }

    #[test]
    fn this_machines_own_name_is_never_asked_for() {
        let here = Some(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        assert_eq!(known("localhost"), here);
        assert_eq!(known("a.LOCALHOST."), here);
        assert_eq!(known("127.0.0.1"), Some(vec!["127.0.0.1".parse().unwrap()]));
        assert_eq!(known("localhost.evil.test"), None);
    }
}
