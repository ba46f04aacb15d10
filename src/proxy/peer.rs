//! Who may use the proxy: the processes of this user. Loopback is open to every user of the machine, so the system is asked who is at
//! the other end; where it does not say, a secret in the proxy's URL decides.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::error::Error;
use crate::secret::fill_random;

#[cfg(target_os = "linux")]
use super::sock_diag;

/// The user name in the proxy's URL.
pub(super) const USER: &str = "keyfob";

/// The most connections at once.
const MOST_CONNECTIONS: usize = 1024;

/// Files that are open besides.
#[cfg(unix)]
const OTHER_FILES: u64 = 64;

/// How many connections the system has room for: each takes one file, and another one for the service.
#[cfg(unix)]
pub(super) fn most_connections() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let room = limit.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES) / 2;
    usize::try_from(room).unwrap_or(usize::MAX).clamp(1, MOST_CONNECTIONS)
}

#[cfg(not(unix))]
pub(super) fn most_connections() -> usize {
    MOST_CONNECTIONS
}

/// How a connection is admitted.
pub(super) enum Admission {
    /// By the user of the process at its other end, who must be this one.
    User(u32),
    /// By the login that it sends (RFC 9110, section 11.7.2).
    Login { secret: String, header: Vec<u8> },
}

impl Admission {
    /// Chooses what the system allows.
    ///
    /// # Errors
    /// [`Error::Randomness`] if a secret is needed and there is none.
    pub(super) fn new() -> Result<Admission, Error> {
        match this_user() {
            Some(user) => Ok(Admission::User(user)),
            None => Admission::by_login(),
        }
    }

    /// One with a new secret.
    pub(super) fn by_login() -> Result<Admission, Error> {
        let mut bytes = [0; 24];
        fill_random(&mut bytes)?;
        let secret = URL_SAFE_NO_PAD.encode(bytes);
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{secret}"));
        Ok(Admission::Login { secret, header: pair.into_bytes() })
    }

    /// The secret, if one is needed.
    pub(super) fn secret(&self) -> Option<&str> {
        match self {
            Admission::User(_) => None,
            Admission::Login { secret, .. } => Some(secret),
        }
    }

    /// Whether a connection may speak at all. May block for as long as the system needs to list its connections.
    pub(super) fn admits(&self, peer: SocketAddr, own: SocketAddr) -> bool {
        match self {
            Admission::User(user) => user_of(peer, own) == Some(*user),
            Admission::Login { .. } => true,
        }
    }

    /// Whether a request may be answered, by its `Proxy-Authorization`.
    pub(super) fn accepts(&self, authorization: Option<&[u8]>) -> bool {
        let Admission::Login { header, .. } = self else { return true };
        let Some((scheme, pair)) = authorization.and_then(|value| value.split_at_checked(6)) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Basic ") && bool::from(pair.ct_eq(header))
    }
}

#[cfg(target_os = "linux")]
fn this_user() -> Option<u32> {
    // Not every container lets it be asked, or mounts the table.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
    if sock_diag::user(nobody, nobody).is_err() {
        std::fs::File::open("/proc/net/tcp").ok()?;
    }
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(target_os = "linux"))]
fn this_user() -> Option<u32> {
    None
}

/// Finds the user of the socket at the other end of a connection: the one whose own address is our peer's. A socket that was closed
/// in between has no user any more.
#[cfg(target_os = "linux")]
fn user_of(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    sock_diag::user(peer, own).unwrap_or_else(|_| user_by_table(peer, own))
}

/// As [`user_of`], from the system's table (proc_net_tcp, in the kernel's documentation).
#[cfg(target_os = "linux")]
fn user_by_table(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    // A client may reach an IPv4 address through an IPv6 socket, as Java does.
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|file| {
        let table = std::fs::read_to_string(file).ok()?;
        table.lines().skip(1).find_map(|line| user_in(line, peer, own))
    })
}

#[cfg(not(target_os = "linux"))]
fn user_of(_: SocketAddr, _: SocketAddr) -> Option<u32> {
    None
}

/// The user in a line of the table, if the line is this connection's.
#[cfg(target_os = "linux")]
fn user_in(line: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    /// Established, which is the state that has an owner.
    const ESTABLISHED: &str = "01";
    let mut words = line.split_ascii_whitespace().skip(1);
    let (one, other, state) = (words.next()?, words.next()?, words.next()?);
    let is_ours = state == ESTABLISHED && address(one)? == local && address(other)? == remote;
    // Queues, timer, retransmissions, then the user.
    is_ours.then(|| words.nth(3)?.parse().ok()).flatten()
}

/// An address as the table has it: each group of four bytes in the machine's own order, in hexadecimal.
#[cfg(target_os = "linux")]
fn address(text: &str) -> Option<SocketAddr> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let (host, port) = text.split_once(':')?;
    let groups = |at: usize| {
        let group = u32::from_str_radix(host.get(8 * at..8 * at + 8)?, 16).ok()?;
        Some(group.to_ne_bytes())
    };
    let host = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(groups(0)?)),
        32 => {
            let all = [groups(0)?, groups(1)?, groups(2)?, groups(3)?].concat();
            let address = Ipv6Addr::from(<[u8; 16]>::try_from(all).ok()?);
            address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
        }
        _ => return None,
    };
    Some(SocketAddr::new(host, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_user_at_the_other_end_is_found_by_both_addresses() {
        use std::net::{TcpListener, TcpStream};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let own = server.local_addr().unwrap();
        let admission = Admission::new().unwrap();
        assert!(admission.admits(peer, own));
        assert_eq!(user_by_table(peer, own), user_of(peer, own));
        assert_eq!(user_of(peer, SocketAddr::new(own.ip(), own.port() ^ 1)), None);
        assert_eq!(user_of(own, own), None);
        let Admission::User(user) = admission else { panic!("by a secret") };
        assert!(!Admission::User(user ^ 1).admits(peer, own));
        // Nobody is at the other end of what was closed.
        drop(client);
        drop(server);
        assert_eq!((user_of(peer, own), user_by_table(peer, own)), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_line_of_the_table_is_read_as_the_kernel_writes_it() {
        let line = "   3: 0100007F:D1F0 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0";
        let (local, remote) = ("127.0.0.1:53744".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(user_in(line, local, remote), Some(1000));
        assert_eq!(user_in(line, remote, local), None);
        assert_eq!(user_in(&line.replace(" 01 ", " 06 "), local, remote), None);
        let mapped = line.replace("0100007F:", "0000000000000000FFFF00000100007F:");
        assert_eq!(user_in(&mapped, local, remote), Some(1000));
        assert_eq!(user_in("   3: 01", local, remote), None);
    }

    #[test]
    fn where_the_system_does_not_tell_the_secret_of_the_url_decides() {
        let admission = Admission::by_login().unwrap();
        let secret = admission.secret().unwrap().to_owned();
        let header =
            |pair: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        assert!(admission.accepts(Some(header(format!("{USER}:{secret}")).as_bytes())));
        assert!(
            admission.accepts(Some(header(format!("{USER}:{secret}")).replace("Basic", "basic").as_bytes()))
        );
        for wrong in [header(format!("{USER}:{secret}x")), header(secret.clone()), String::new(), secret] {
            assert!(!admission.accepts(Some(wrong.as_bytes())), "{wrong}");
        }
        assert!(!admission.accepts(None));
    }
}
