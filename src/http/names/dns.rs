//! A small resolver: the hosts file, then the servers of resolv.conf by DNS (RFC 1035), over TCP where an answer is too long for a
//! datagram. What a name server sends is read as a stranger's. Deliberately absent: caching, and the C library's other sources
//! (mDNS, LDAP …); a machine that needs those has a dynamically linked keyfob, or a proxy.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one server may take before the next is asked.
const PER_SERVER: Duration = Duration::from_secs(3);

/// Rounds over the servers.
const ROUNDS: usize = 2;

const A: u16 = 1;
const AAAA: u16 = 28;

/// What the machine says of name resolution.
pub(super) struct Settings {
    /// The text of the hosts file.
    pub hosts: String,
    /// Name servers.
    pub servers: Vec<SocketAddr>,
    /// Domains that short names are completed with.
    pub search: Vec<String>,
    /// How many dots make a name a whole one.
    pub dots: usize,
}

impl Settings {
    /// From the usual files; what is missing is left out, as the C library does.
    pub(super) fn of_this_machine() -> Settings {
        Settings::read("/etc/hosts".as_ref(), "/etc/resolv.conf".as_ref())
    }

    /// Old files have comments in old encodings.
    fn read(hosts: &Path, conf: &Path) -> Settings {
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        Settings::parse(read(hosts), &read(conf))
    }

    fn parse(hosts: String, conf: &str) -> Settings {
        let mut settings = Settings { hosts, servers: Vec::new(), search: Vec::new(), dots: 1 };
        for line in conf.lines() {
            let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
            match words.next() {
                Some("nameserver") => settings.servers.extend(words.next().and_then(server_at)),
                Some("search" | "domain") => settings.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let dots = words.find_map(|word| word.strip_prefix("ndots:")?.parse().ok());
                    settings.dots = dots.unwrap_or(settings.dots);
                }
                _ => {}
            }
        }
        if settings.servers.is_empty() {
            settings.servers.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53));
        }
        settings
    }

    fn in_hosts(&self, name: &str) -> Vec<IpAddr> {
        let line = |line: &str| {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let ip = words.next()?.parse::<IpAddr>().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(ip)
        };
        self.hosts.lines().filter_map(line).collect()
    }

    /// The names to ask for, in order.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_owned()];
        }
        let mut completed: Vec<String> =
            self.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.'))).collect();
        let at = if name.matches('.').count() >= self.dots { 0 } else { completed.len() };
        completed.insert(at, name.to_owned());
        completed
    }
}

/// A server, by the address that resolv.conf has for it. One that is good on one link only has that link behind a `%`, as a router
/// announces itself; without it, nothing could be sent there.
fn server_at(word: &str) -> Option<SocketAddr> {
    let (ip, link) = word.split_once('%').unwrap_or((word, ""));
    Some(match ip.parse().ok()? {
        IpAddr::V6(ip) => SocketAddrV6::new(ip, 53, 0, number_of(link)).into(),
        ip => SocketAddr::new(ip, 53),
    })
}

/// The number of a link that is named by its name or its number; 0, which is none, where there is no such link.
fn number_of(link: &str) -> u32 {
    // A file, so that no socket is needed to ask by.
    let named =
        || std::fs::read_to_string(format!("/sys/class/net/{link}/ifindex")).ok()?.trim().parse().ok();
    link.parse().ok().or_else(|| if link.contains('/') { None } else { named() }).unwrap_or(0)
}

/// The addresses of a name; none if there is no such name.
pub(super) fn look_up(name: &str, settings: &Settings, within: Duration) -> io::Result<Vec<IpAddr>> {
    let until = Instant::now() + within;
    let known = settings.in_hosts(name.trim_end_matches('.'));
    if !known.is_empty() {
        return Ok(known);
    }
    let (mut failed, mut servers) = (None, settings.servers.clone());
    for candidate in settings.candidates(name) {
        let mut found = Vec::new();
        for kind in [A, AAAA] {
            match ask_all(&candidate, kind, &mut servers, until) {
                Ok(more) => found.extend(more),
                // One family is enough to go on with; and a search domain that nobody answers for must not hide the name itself.
                Err(error) => failed = Some(error),
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    failed.map_or(Ok(Vec::new()), Err)
}

/// Asks one server after the other until one answers, be it that there is no such name. One that is mute is asked last from then on,
/// or it would take its time for each search domain anew. One that refuses costs none and keeps its place: a company's own server
/// may know nothing but the company's names, which the next one in turn does not know.
fn ask_all(name: &str, kind: u16, servers: &mut Vec<SocketAddr>, until: Instant) -> io::Result<Vec<IpAddr>> {
    // A name that cannot be one is none.
    let Some(mut question) = question(name, kind) else { return Ok(Vec::new()) };
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    let order = servers.to_owned();
    for server in std::iter::repeat_n(&order, ROUNDS).flatten() {
        let end = until.min(Instant::now() + PER_SERVER);
        left(until)?;
        // Each has a number of its own, so that nobody knows the next.
        let id = crate::secret::fill_random(&mut question[..2]);
        id.map_err(|_| io::Error::from(io::ErrorKind::Other))?;
        match ask(&question, kind, *server, end) {
            Ok(found) => return Ok(found),
            Err(error) => {
                if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
                    servers.sort_by_key(|other| other == server);
                }
                last = error;
            }
        }
    }
    Err(last)
}

/// How long it is until then; an error when it is over.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn ask(question: &[u8], kind: u16, server: SocketAddr, until: Instant) -> io::Result<Vec<IpAddr>> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // The system chooses the port at random; connected, the socket hears nobody else.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(question)?;
    let mut buffer = [0u8; 4096];
    loop {
        socket.set_read_timeout(Some(left(until)?))?;
        let read = socket.recv(&mut buffer)?;
        match read_answer(&buffer[..read], question, kind) {
            Said::Addresses(found) => return Ok(found),
            Said::CutOff => return ask_by_tcp(question, kind, server, until),
            Said::Failure => return Err(io::ErrorKind::Other.into()),
            // Somebody guesses; the real answer may still come.
            Said::NotOurs => {}
        }
    }
}

fn ask_by_tcp(question: &[u8], kind: u16, server: SocketAddr, until: Instant) -> io::Result<Vec<IpAddr>> {
    let mut stream = TcpStream::connect_timeout(&server, left(until)?)?;
    stream.set_write_timeout(Some(left(until)?))?;
    let length = u16::try_from(question.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0u8; 2];
    fill(&mut stream, &mut length, until)?;
    let mut answer = vec![0u8; usize::from(u16::from_be_bytes(length))];
    fill(&mut stream, &mut answer, until)?;
    match read_answer(&answer, question, kind) {
        Said::Addresses(found) => Ok(found),
        Said::CutOff | Said::Failure | Said::NotOurs => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Fills `buffer` until then, in however small pieces it comes: each of them would have a time of its own.
fn fill(stream: &mut TcpStream, buffer: &mut [u8], until: Instant) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(())
}

/// A question whose number is still to be chosen; `None` for a name that cannot be asked for.
fn question(name: &str, kind: u16) -> Option<Vec<u8>> {
    // Recursion is wanted; one question.
    let mut bytes = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    if name.len() > 253 || !name.is_ascii() {
        return None;
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    Some(bytes)
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Addresses(Vec<IpAddr>),
    CutOff,
    Failure,
    NotOurs,
}

fn read_answer(message: &[u8], question: &[u8], kind: u16) -> Said {
    let is_ours = message.len() >= question.len()
        && message[..2] == question[..2]
        && message[2] & 0x80 != 0
        && message[4..6] == [0, 1]
        // The question comes back; letter case is kept by every server, but need not be.
        && message[12..question.len()].eq_ignore_ascii_case(&question[12..]);
    if !is_ours {
        return Said::NotOurs;
    }
    if message[2] & 0x02 != 0 {
        return Said::CutOff;
    }
    match message[3] & 0x0f {
        0 => {}
        // There is no such name.
        3 => return Said::Addresses(Vec::new()),
        _ => return Said::Failure,
    }
    let count = u16::from_be_bytes([message[6], message[7]]);
    let mut rest = &message[question.len()..];
    let mut found = Vec::new();
    for _ in 0..count {
        // The chain of aliases stands before the addresses, and the server has followed it.
        let Some((of, data, next)) = record(rest) else { return Said::Failure };
        if of == kind {
            let v4 = <[u8; 4]>::try_from(data).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(data).map(IpAddr::from);
            found.extend(if kind == A { v4.ok() } else { v6.ok() });
        }
        rest = next;
    }
    Said::Addresses(found)
}

/// The type and data of the record that begins here, and what follows it.
fn record(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            0 => break at += 1,
            // A pointer ends a name; where it points does not matter to us.
            length if length & 0xc0 == 0xc0 => break at += 2,
            length if length & 0xc0 == 0 => at += usize::from(length) + 1,
            _ => return None,
        }
    }
    let head = bytes.get(at..at + 10)?;
    let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
    let data = bytes.get(at + 10..at + 10 + length)?;
    let class = u16::from_be_bytes([head[2], head[3]]);
    let kind = if class == 1 { u16::from_be_bytes([head[0], head[1]]) } else { 0 };
    Some((kind, data, &bytes[at + 10 + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name server on loopback that answers each question with what `answer` makes of it.
    fn server(answer: impl Fn(&str, u16, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((read, from)) = socket.recv_from(&mut buffer) {
                let question = &buffer[..read];
                let (mut name, mut at) = (Vec::new(), 12);
                while question[at] != 0 {
                    let length = usize::from(question[at]);
                    name.push(String::from_utf8(question[at + 1..=at + length].to_vec()).unwrap());
                    at += length + 1;
                }
                let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
                for message in answer(&name.join("."), kind, question) {
                    socket.send_to(&message, from).unwrap();
                }
            }
        });
        address
    }

    /// An answer to a question with this code and these records (type and data).
    fn answered(question: &[u8], code: u8, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = question.to_vec();
        (message[2], message[3]) = (0x81, 0x80 | code);
        message[7] = u8::try_from(records.len()).unwrap();
        for (kind, data) in records {
            message.extend_from_slice(&[0xc0, 12]);
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
            message.extend_from_slice(data);
        }
        message
    }

    fn settings(servers: &[SocketAddr], conf: &str, hosts: &str) -> Settings {
        Settings { servers: servers.to_vec(), ..Settings::parse(hosts.to_owned(), conf) }
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn addresses_of_both_families_are_found_behind_an_alias() {
        let at = server(|_, kind, question| {
            let data: &[u8] = if kind == A { &[192, 0, 2, 1] } else { &[0x20; 16] };
            vec![answered(question, 0, &[(5, b"\x01x\x00"), (kind, data)])]
        });
        let found = look_up("dev.azure.com", &settings(&[at], "", ""), LIMIT).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], IpAddr::from([192, 0, 2, 1]));
    }

    #[test]
    fn short_names_are_completed_and_whole_ones_are_not() {
        let at = server(|name, kind, question| {
            let known = name == "tfs.corp.example" && kind == A;
            vec![answered(
                question,
                if known { 0 } else { 3 },
                if known { &[(A, &[10, 0, 0, 1])] } else { &[] },
            )]
        });
        let settings = settings(&[at], "search x.example corp.example # more\noptions ndots:1", "");
        assert_eq!(look_up("tfs", &settings, LIMIT).unwrap(), [IpAddr::from([10, 0, 0, 1])]);
        assert_eq!(look_up("tfs.", &settings, LIMIT).unwrap(), Vec::<IpAddr>::new());
        assert_eq!(look_up("no such name", &settings, LIMIT).unwrap(), Vec::<IpAddr>::new());
    }

    #[test]
    fn the_hosts_file_comes_first() {
        let hosts = "127.0.0.1 localhost\n192.0.2.7\ttfs.corp.example tfs # ours\n";
        let settings = settings(&[], "", hosts);
        assert_eq!(look_up("TFS", &settings, LIMIT).unwrap(), [IpAddr::from([192, 0, 2, 7])]);
    }

    #[test]
    fn forged_and_garbled_answers_are_not_believed() {
        let at = server(|_, kind, question| {
            let good = answered(question, 0, if kind == A { &[(A, &[192, 0, 2, 1])] } else { &[] });
            let forged = answered(question, 0, &[(A, &[6, 6, 6, 6])]);
            let (mut other_id, mut other_name) = (forged.clone(), forged.clone());
            other_id[0] ^= 1;
            other_name[13] ^= 1;
            vec![other_id, other_name, question.to_vec(), vec![0; 3], good]
        });
        let found = look_up("dev.azure.com", &settings(&[at], "", ""), LIMIT).unwrap();
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
        let question = question("a.b", A).unwrap();
        let whole = answered(&question, 0, &[(A, &[192, 0, 2, 1])]);
        for end in question.len()..whole.len() {
            assert_eq!(read_answer(&whole[..end], &question, A), Said::Failure, "{end}");
        }
    }

    #[test]
    fn a_server_that_fails_is_passed_over() {
        let bad = server(|_, _, question| vec![answered(question, 2, &[])]);
        let good = server(|_, kind, question| {
            vec![answered(question, 0, if kind == A { &[(A, &[192, 0, 2, 1])] } else { &[] })]
        });
        let found = look_up("dev.azure.com", &settings(&[bad, good], "", ""), LIMIT).unwrap();
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
        assert!(look_up("dev.azure.com", &settings(&[bad], "", ""), LIMIT).is_err());
    }

    #[test]
    fn a_server_that_cannot_be_sent_to_is_passed_over() {
        let good = server(|_, kind, question| {
            vec![answered(question, 0, if kind == A { &[(A, &[192, 0, 2, 1])] } else { &[] })]
        });
        // An address of one link, and nothing says which: the system calls that an invalid argument.
        let nowhere = "[fe80::1]:53".parse().unwrap();
        let found = look_up("dev.azure.com", &settings(&[nowhere, good], "", ""), LIMIT).unwrap();
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
        assert!(look_up("dev.azure.com", &settings(&[nowhere], "", ""), LIMIT).is_err());
    }

    #[test]
    fn an_answer_that_drips_is_given_up_when_the_time_is_over() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let datagrams = UdpSocket::bind(at).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (read, from) = datagrams.recv_from(&mut buffer).unwrap();
            let mut cut_off = answered(&buffer[..read], 0, &[]);
            cut_off[2] |= 2;
            datagrams.send_to(&cut_off, from).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            // An answer of 257 bytes, in five seconds.
            while stream.write_all(&[1]).is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let start = Instant::now();
        assert!(look_up("dev.azure.com", &settings(&[at], "", ""), Duration::from_millis(300)).is_err());
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }

    #[test]
    fn a_server_that_is_mute_costs_its_time_once_and_not_for_each_search_domain() {
        let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
        let good = server(|name, kind, question| {
            let known = name == "dev.azure.com" && kind == A;
            vec![answered(
                question,
                if known { 0 } else { 3 },
                if known { &[(A, &[192, 0, 2, 1])] } else { &[] },
            )]
        });
        let servers = [mute.local_addr().unwrap(), good];
        let settings =
            settings(&servers, "search a.example b.example c.example d.example\noptions ndots:5", "");
        let found = look_up("dev.azure.com", &settings, 3 * PER_SERVER).unwrap();
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
    }

    #[test]
    fn a_server_that_refuses_strange_names_is_still_the_first_to_be_asked_for_its_own() {
        let companys = server(|name, kind, question| match (name, kind) {
            ("tfs.dept.corp.example", A) => vec![answered(question, 0, &[(A, &[192, 0, 2, 1])])],
            ("tfs.dept.corp.example", _) => vec![answered(question, 0, &[])],
            _ => vec![answered(question, 5, &[])],
        });
        let public = server(|_, _, question| vec![answered(question, 3, &[])]);
        let settings = settings(&[companys, public], "search corp.example", "");
        assert_eq!(look_up("tfs.dept", &settings, LIMIT).unwrap(), [IpAddr::from([192, 0, 2, 1])]);
    }

    #[test]
    fn a_search_domain_that_fails_does_not_hide_the_name_itself() {
        let at = server(|name, kind, question| {
            let (code, records): (u8, &[(u16, &[u8])]) = match name {
                "dev.azure.com" if kind == A => (0, &[(A, &[192, 0, 2, 1])]),
                "dev.azure.com" => (0, &[]),
                _ => (2, &[]),
            };
            vec![answered(question, code, records)]
        });
        // As Kubernetes has it.
        let settings = settings(&[at], "search corp.example\noptions ndots:5", "");
        assert_eq!(look_up("dev.azure.com", &settings, LIMIT).unwrap(), [IpAddr::from([192, 0, 2, 1])]);
        let nowhere = look_up("nowhere.example", &settings, LIMIT);
        assert!(nowhere.is_err(), "a failure became the answer that there is no such name");
    }

    #[test]
    fn files_with_a_comment_in_an_old_encoding_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (hosts, conf) = (folder.path().join("hosts"), folder.path().join("resolv.conf"));
        std::fs::write(&hosts, b"192.0.2.7 tfs # B\xfcro\n").unwrap();
        std::fs::write(&conf, b"# f\xfcr alle\nnameserver 192.0.2.53\n").unwrap();
        let settings = Settings::read(&hosts, &conf);
        assert_eq!(settings.servers, ["192.0.2.53:53".parse().unwrap()]);
        assert_eq!(look_up("tfs", &settings, LIMIT).unwrap(), [IpAddr::from([192, 0, 2, 7])]);
    }

    #[test]
    fn resolv_conf_is_read_as_the_c_library_reads_it() {
        let read = Settings::parse(
            String::new(),
            "# made by dhcp\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\ndomain a.example\noptions timeout:1 ndots:3\n",
        );
        assert_eq!(read.servers.len(), 2);
        #[cfg(target_os = "linux")]
        for (link, number) in [("%lo", 1), ("%3", 3), ("%nosuch", 0), ("", 0)] {
            let conf = format!("nameserver fe80::1{link}\n");
            let server = SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0, number);
            assert_eq!(Settings::parse(String::new(), &conf).servers, [SocketAddr::from(server)], "{link}");
        }
        assert_eq!((read.search, read.dots), (vec!["a.example".to_owned()], 3));
        assert_eq!(Settings::parse(String::new(), "").servers.len(), 1);
        assert!(!Settings::of_this_machine().servers.is_empty());
    }
}
