//! Requests put together at random from what is odd, and what must be true of whatever arrives: the token is with the service alone,
//! for a path that was judged and granted, once.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::rig::{Client, Gate, Options, Rig, Service, TOKEN, length, text};

/// How long a client waits for more of an answer.
const PATIENCE: Duration = Duration::from_millis(150);

const METHODS: &[&str] =
    &["GET", "GET", "POST", "PUT", "HEAD", "get", "TRACE", "CONNECT", "OPTIONS", "G\tT", ""];

const TARGETS: &[&str] = &[
    "/secret/a",
    "/secret/a",
    "/other",
    "/secret/../other",
    "/secret%2f..%2fother",
    "/other/..%2fsecret",
    "/secret\\..\\other",
    "/secret/%00",
    "/%73ecret",
    "/secret?x=/../#y",
    "//EVIL/secret",
    "https://HOST/secret/a",
    "http://HOST/secret/a",
    "https://EVIL/secret/a",
    "http://EVIL/secret/a",
    "https://HOST@EVIL/secret/a",
    "http://HOST%2eEVIL/secret/a",
    "http:///secret/a",
    "HOST",
    "*",
    "?secret",
    "/secret HTTP/1.1\r\nHost: EVIL\r\nX: x",
];

const HOSTS: &[&str] = &[
    "Host: HOST\r\n",
    "Host: HOST\r\n",
    "Host: HOST\r\n",
    "",
    "Host: EVIL\r\n",
    "Host: HOST\r\nHost: EVIL\r\n",
    "Host: EVIL\r\nHost: HOST\r\n",
    "Host: HOST@EVIL\r\n",
    "Host: HOST, EVIL\r\n",
    "Host:\tHOST\r\n",
    "Host : HOST\r\n",
    "Host: HOST\r\n EVIL\r\n",
    "hOsT: forge.LOCALHOST\r\n",
];

const HEADERS: &[&str] = &[
    "Authorization: Basic b3duOm93bg==\r\n",
    "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
    "Connection: close, authorization, host\r\n",
    "Connection: transfer-encoding, content-length\r\n",
    "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Expect: 100-continue\r\n",
    "X-Original-URL: /other\r\n",
    "X-Forwarded-Host: EVIL\r\n",
    "Proxy-Authorization: Basic b3duOm93bg==\r\n",
    "TE: trailers\r\nTrailer: Authorization\r\n",
    "X: a\rb\r\n",
    "X: a\0b\r\n",
    ": x\r\n",
    "X: \u{fc}\r\n",
];

const FRAMINGS: &[&str] = &[
    "",
    "",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 0\r\nContent-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding:\x0bchunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
];

const BODIES: &[&str] = &[
    "",
    "hello",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "5;x=y\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n",
    "-1\r\nhello\r\n0\r\n\r\n",
    "fffffffffffffffff\r\nhello",
];

const HIDDEN: &[&str] = &[
    "",
    "GET /secret/hidden HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "GET /other HTTP/1.1\r\nHost: EVIL\r\n\r\n",
    "GET http://EVIL/secret HTTP/1.1\r\nHost: HOST\r\n\r\n",
];

/// Numbers that are the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn pick<'t>(&mut self, all: &[&'t str]) -> &'t str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        all[usize::try_from(self.0 >> 33).unwrap() % all.len()]
    }

    /// Mostly the first, which is as it should be.
    fn usually<'t>(&mut self, all: &[&'t str]) -> &'t str {
        if self.pick(&["", "", "", "x"]).is_empty() { all[0] } else { self.pick(all) }
    }

    fn request(&mut self) -> String {
        let version = self.usually(&["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", ""]);
        let (method, target) = (self.usually(METHODS), self.usually(TARGETS));
        let mut request = format!("{method} {target} {version}\r\n{}", self.usually(HOSTS));
        for _ in 0..self.pick(&["", "-", "--"]).len() {
            request += self.pick(HEADERS);
        }
        request += self.usually(FRAMINGS);
        request += "\r\n";
        if self.usually(&["", "x"]) == "x" {
            request = request.replace("\r\n", "\n");
        }
        request += self.pick(BODIES);
        request + self.pick(HIDDEN)
    }
}

/// A service that keeps the heads which arrive, and reads bodies as their heads say.
fn recording(log: &Arc<Mutex<Vec<String>>>) -> Service {
    let log = Arc::clone(log);
    Service::new(move |head, stream| {
        log.lock().unwrap().push(head.to_owned());
        let mut body = vec![0; length(head)];
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        while is_chunked && !(body.starts_with(b"0\r\n\r\n") || text(&body).contains("\r\n0\r\n")) {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(1) => body.push(byte[0]),
                _ => return false,
            }
        }
        if !is_chunked && stream.read_exact(&mut body).is_err() {
            return false;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
    })
}

/// What must be true of a request at the service.
fn check(head: &str, authority: &str, asked: &[String]) {
    let lower = head.to_ascii_lowercase();
    let mut line = head.lines().next().unwrap().split(' ');
    let (method, path) = (line.next().unwrap(), line.next().unwrap());
    assert_eq!(line.next(), Some("HTTP/1.1"), "{head}");
    assert_eq!(lower.matches("\r\nhost: ").count(), 1, "{head}");
    assert!(lower.contains(&format!("\r\nhost: {authority}\r\n")), "{head}");
    let framings =
        lower.matches("\r\ncontent-length:").count() + lower.matches("\r\ntransfer-encoding:").count();
    assert!(framings <= 1 && !lower.contains("proxy-authorization"), "{head}");
    if head.contains(TOKEN) {
        assert_eq!(lower.matches("\r\nauthorization:").count(), 1, "{head}");
        let bare = path.split('?').next().unwrap();
        assert!(bare.starts_with("/secret") && !bare.contains(".."), "{head}");
        let judged = format!("{method} https://{authority}{path} ");
        assert!(asked.iter().any(|one| one.starts_with(&judged)), "{head}");
    }
}

#[test]
fn whatever_a_client_sends_the_token_reaches_the_service_alone_and_only_for_what_was_judged() {
    let (seen, evil_seen) = (Arc::default(), Arc::default());
    let rig = Rig::new(recording(&seen));
    let evil =
        Rig::made(recording(&evil_seen).named("evil.localhost").plain(), Gate::default(), Options::default());
    let (authority, evil) = (rig.authority(), evil.authority());
    let fill = |request: String| request.replace("HOST", &authority).replace("EVIL", &evil);
    thread::scope(|scope| {
        for seed in 1..=16_u64 {
            let (rig, fill) = (&rig, &fill);
            scope.spawn(move || {
                let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 32));
                for number in 0..40 {
                    let mut client: Client = match number % 5 {
                        0 => rig.plain(),
                        1 => rig.tunnel(),
                        _ => rig.tls(),
                    };
                    let request = fill(dice.request());
                    let _ = client.stream.write_all(request.as_bytes());
                    let _ = client.stream.flush();
                    client.socket.set_read_timeout(Some(PATIENCE)).unwrap();
                    let answer = text(&client.rest());
                    assert!(!answer.contains(TOKEN), "{request}\n{answer}");
                }
            });
        }
    });
    let asked = rig.gate.asked();
    let (seen, evil_seen) = (seen.lock().unwrap().clone(), evil_seen.lock().unwrap().concat());
    assert!(!evil_seen.contains(TOKEN), "{evil_seen}");
    seen.iter().for_each(|head| check(head, &authority, &asked));
    // There was something to be seen.
    let with_token = seen.iter().filter(|head| head.contains(TOKEN)).count();
    assert!(with_token > 10 && seen.len() > with_token + 10, "{with_token} of {}", seen.len());
}
