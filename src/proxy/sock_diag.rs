//! Asks Linux whose a connection is (sock_diag(7)): one question about one connection. The table in `/proc/net/tcp` says the same,
//! but takes 8 ms to read on a machine with much memory, whatever is in it.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// `SOCK_DIAG_BY_FAMILY`: the type of question and answer.
const BY_FAMILY: u16 = 20;

/// `NLMSG_ERROR`: the type of an answer that is none.
const ERROR: u16 = 2;

/// `ENOENT`: there is no such connection.
const NO_ENTRY: i32 = -2;

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;

/// The length of a question: `nlmsghdr` and `inet_diag_req_v2`.
const QUESTION: u32 = 16 + 56;

/// The user whose socket has these addresses, and is connected; `None` if there is none.
///
/// # Errors
/// If the system cannot be asked.
pub(super) fn user(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (local, remote) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    send(&socket, &question(local, remote), SendFlags::empty())?;
    let mut answer = [0; 256];
    // The kernel has answered by the time that the question is sent.
    let (_, length) = recv(&socket, &mut answer, RecvFlags::DONTWAIT)?;
    read(answer.get(..length).unwrap_or_default(), local, remote).ok_or(io::ErrorKind::InvalidData)?
}

/// The addresses and ports as they stand in questions and answers: a part of `inet_diag_sockid`.
fn addresses(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    for address in [local, remote] {
        bytes.extend(address.ip().octets());
        bytes.extend([0; 12]);
    }
    bytes
}

fn question(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(QUESTION.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    // NLM_F_REQUEST; a number of the question and the sender's, of which nothing depends.
    bytes.extend(1_u16.to_ne_bytes());
    bytes.extend([0; 8]);
    // AF_INET, IPPROTO_TCP, nothing besides; in any state.
    bytes.extend([2, 6, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(addresses(local, remote));
    // Any interface; INET_DIAG_NOCOOKIE.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// Reads an answer: `nlmsghdr`, then `inet_diag_msg` or the number of an error. `None` if it is something else.
fn read(answer: &[u8], local: SocketAddrV4, remote: SocketAddrV4) -> Option<io::Result<Option<u32>>> {
    let four = |at: usize| answer.get(at..at + 4).and_then(|four| four.try_into().ok());
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    match kind {
        ERROR => match i32::from_ne_bytes(four(16)?) {
            NO_ENTRY => Some(Ok(None)),
            error => Some(Err(io::Error::from_raw_os_error(error.wrapping_neg()))),
        },
        BY_FAMILY => {
            let is_it = *answer.get(17)? == ESTABLISHED && is_same(answer.get(20..56)?, local, remote);
            let user = u32::from_ne_bytes(four(80)?);
            Some(Ok(is_it.then_some(user)))
        }
        _ => None,
    }
}

/// Whether an answer is about these addresses. Those of an IPv6 socket are mapped ones (RFC 4291, section 2.5.5.2).
fn is_same(found: &[u8], local: SocketAddrV4, remote: SocketAddrV4) -> bool {
    let mut mapped = Vec::with_capacity(36);
    mapped.extend(local.port().to_be_bytes());
    mapped.extend(remote.port().to_be_bytes());
    for address in [local, remote] {
        mapped.extend(address.ip().to_ipv6_mapped().octets());
    }
    found == addresses(local, remote) || found == mapped
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_kernel_says_whose_a_connection_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = Some(rustix::process::geteuid().as_raw());
        // The second is an IPv6 socket, as Java has them.
        for address in ["127.0.0.1".to_owned(), "[::ffff:127.0.0.1]".to_owned()] {
            let client = TcpStream::connect(format!("{address}:{port}")).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let here = server.local_addr().unwrap();
            assert_eq!(user(peer, here).unwrap(), own, "{address}");
            // Its other end is a socket of its own; one to another port is none.
            assert_eq!(user(here, peer).unwrap(), own);
            assert_eq!(user(peer, SocketAddr::new(here.ip(), 1)).unwrap(), None);
            drop(client);
            drop(server);
            assert_eq!(user(peer, here).unwrap(), None, "closed");
        }
        // One that only listens is not at the other end of anything.
        let listening = listener.local_addr().unwrap();
        assert_eq!(user(listening, "127.0.0.1:1".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn an_answer_about_another_connection_or_none_is_not_taken() {
        let (local, remote) = ("127.0.0.1:5000".parse().unwrap(), "127.0.0.1:6000".parse().unwrap());
        let mut answer = question(local, remote);
        answer[17] = ESTABLISHED;
        // Where the question has them, the answer has the same but for the four bytes of states.
        answer.splice(20..24, []);
        answer.resize(88, 0);
        answer[80..84].copy_from_slice(&1000_u32.to_ne_bytes());
        let user = |answer: &[u8]| read(answer, local, remote).map(Result::unwrap);
        assert_eq!(user(&answer), Some(Some(1000)));
        let mut other = answer.clone();
        other[23] ^= 1;
        assert_eq!(user(&other), Some(None));
        answer[17] = 6;
        assert_eq!(user(&answer), Some(None), "it waits for its end");
        for length in [0, 5, 17, 60, 83] {
            assert_eq!(user(&answer[..length]), None, "{length}");
        }
    }
}
