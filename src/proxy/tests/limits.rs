//! Slow peers, and many.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::rig::{Client, Gate, Options, Rig, Service, TOKEN, length, read_head, room, status, text};
use crate::proxy::Limits;

/// A limit that is passed in a test.
const SHORT: Duration = Duration::from_secs(1);

/// When a limit of that length has certainly ended something, on a machine that does much else.
const SOON: Duration = Duration::from_secs(20);

/// One within which something comes even on such a machine.
const LONG: Duration = Duration::from_secs(3);

/// More than the buffers on the way hold.
const SIZE: usize = 64 << 20;

fn short() -> Limits {
    Limits { head: SHORT, handshake: SHORT, still: SHORT, ..Limits::usual() }
}

/// Writes byte by byte until that fails; says how long that took.
fn drip(mut client: Client, bytes: &[u8]) -> Duration {
    let started = Instant::now();
    for byte in bytes.iter().cycle() {
        if client.stream.write_all(&[*byte]).and_then(|()| client.stream.flush()).is_err()
            || started.elapsed() > SOON
        {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    started.elapsed()
}

#[test]
fn a_head_that_comes_byte_by_byte_is_given_up() {
    let rig = Rig::limited(Service::echo(), short());
    for open in [Rig::plain, Rig::tls, Rig::tunnel] {
        let took = drip(open(&rig), b"GET /aaaaaaaaaaaaaaaaaaaaaaaa");
        assert!(took >= SHORT / 2 && took < SOON, "{took:?}");
    }
}

#[test]
fn a_client_that_says_nothing_in_its_tunnel_is_given_up() {
    let rig = Rig::limited(Service::echo(), short());
    for greeting in [&b""[..], &[22, 3, 1]] {
        let mut client = rig.tunnel();
        client.write(greeting);
        let started = Instant::now();
        assert_eq!(client.rest(), b"");
        assert!(started.elapsed() < SOON);
    }
}

#[test]
fn a_body_that_stands_still_is_given_up_on_both_sides() {
    let service = Service::new(|head, stream| {
        if head.starts_with("GET") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        }
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        false
    });
    let rig = Rig::limited(service, short());
    for request in [
        "GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "PUT /secret HTTP/1.1\r\nHost: HOST\r\nContent-Length: 10\r\n\r\nhello",
        "PUT /refused HTTP/1.1\r\nHost: HOST\r\nContent-Length: 10\r\n\r\nhello",
    ] {
        let mut client = rig.tls();
        client.write(request.replace("HOST", &rig.authority()).as_bytes());
        let started = Instant::now();
        let seen = text(&client.rest());
        assert!(started.elapsed() < SOON, "{seen}");
        assert!(!seen.starts_with("HTTP/1.1 200 ") || seen.ends_with("\r\n\r\nhello"), "{seen}");
    }
}

#[test]
fn a_long_body_that_moves_is_not_given_up() {
    let service = Service::new(|head, stream| {
        let mut body = vec![0; length(head)];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").unwrap();
        for _ in 0..12 {
            thread::sleep(LONG / 8);
            stream.write_all(b"d").unwrap();
            stream.flush().unwrap();
        }
        true
    });
    let rig = Rig::limited(service, Limits { still: LONG, ..Limits::usual() });
    let mut client = rig.tls();
    let head = format!("PUT /secret HTTP/1.1\r\nHost: {}\r\nContent-Length: 12\r\n\r\n", rig.authority());
    client.write(head.as_bytes());
    for _ in 0..12 {
        thread::sleep(LONG / 8);
        client.write(b"u");
    }
    assert!(text(&client.answer()).ends_with("dddddddddddd"));
}

#[test]
fn a_service_that_does_not_answer_is_given_up_with_a_sentence() {
    let service = Service::new(|_, stream| {
        let _ = stream.read(&mut [0]);
        false
    });
    let rig = Rig::limited(service, Limits { still: Duration::from_secs(1), ..Limits::usual() });
    let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 504 keyfob run: forge.localhost"), "{seen}");
    assert!(seen.contains("within 1 s"), "{seen}");
}

/// So that memory stays flat, whatever the size of what passes.
#[test]
fn a_client_that_does_not_read_stops_the_service_and_is_waited_for() {
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let service = Service::new(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..SIZE >> 16 {
            stream.write_all(&[9; 1 << 16]).unwrap();
            counter.fetch_add(1 << 16, Ordering::SeqCst);
        }
        true
    });
    let rig = Rig::limited(service, Limits { still: LONG, ..Limits::usual() });
    let mut client = rig.tls();
    client.write(format!("GET /secret HTTP/1.1\r\nHost: {}\r\n\r\n", rig.authority()).as_bytes());
    let most = settled(&written);
    assert!(most < SIZE / 2, "{most} bytes are held somewhere");
    // That took longer than a body may stand still; but it was the client that was waited for.
    let head = read_head(&mut *client.stream).unwrap();
    assert_eq!(length(&head), SIZE);
    let mut body = vec![0; SIZE];
    client.stream.read_exact(&mut body).unwrap();
    assert!(body.iter().all(|byte| *byte == 9));
}

#[test]
fn a_service_that_does_not_read_stops_the_client() {
    let reads = Arc::new(AtomicBool::new(false));
    let go = Arc::clone(&reads);
    let rig = Rig::new(Service::new(move |head, stream| {
        while !go.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        let mut body = vec![0; length(head)];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
    }));
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let mut client = rig.tls();
    let head = format!("PUT /secret HTTP/1.1\r\nHost: {}\r\nContent-Length: {SIZE}\r\n\r\n", rig.authority());
    let writing = thread::spawn(move || {
        client.write(head.as_bytes());
        for _ in 0..SIZE >> 16 {
            client.stream.write_all(&[7; 1 << 16]).unwrap();
            counter.fetch_add(1 << 16, Ordering::SeqCst);
        }
        client.stream.flush().unwrap();
        text(&client.answer())
    });
    let most = settled(&written);
    assert!(most < SIZE / 2, "{most} bytes are held somewhere");
    reads.store(true, Ordering::SeqCst);
    assert!(writing.join().unwrap().ends_with("ok"));
}

/// Waits until a count has not grown for longer than [`LONG`].
fn settled(count: &AtomicUsize) -> usize {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        thread::sleep(Duration::from_millis(20));
        let now = count.load(Ordering::SeqCst);
        if now == last && now > 0 && since.elapsed() > LONG + SHORT {
            return now;
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

#[test]
fn more_connections_than_there_is_room_for_wait_until_one_ends() {
    let limits = Limits { connections: 3, ..Limits::usual() };
    let rig = Rig::limited(Service::echo().plain(), limits);
    // A tunnel takes its place for as long as it is open, too.
    let held = [rig.tunnel(), rig.plain(), rig.plain()];
    let ask = format!("GET http://{0}/secret HTTP/1.1\r\nHost: {0}\r\n\r\n", rig.authority());
    let mut waiting = rig.plain();
    waiting.write(ask.as_bytes());
    thread::sleep(SHORT);
    assert!(rig.gate.asked().is_empty());
    let [tunnel, _one, _other] = held;
    drop(tunnel);
    assert!(text(&waiting.answer()).contains(TOKEN));
}

#[test]
fn a_thousand_connections_are_served_and_idle_ones_keep_nobody_out() {
    let limits = Limits { connections: 1024, ..Limits::usual() };
    let rig = Rig::limited(Service::echo().plain(), limits);
    let number = 1000.min(room());
    let ask = format!("GET http://{0}/secret HTTP/1.1\r\nHost: {0}\r\n\r\n", rig.authority());
    let mut clients: Vec<Client> = (0..number).map(|_| rig.plain()).collect();
    assert!(text(&rig.plain().ask(&ask)).contains(TOKEN));
    clients.iter_mut().for_each(|client| client.write(ask.as_bytes()));
    assert!(clients.iter_mut().all(|client| text(&client.answer()).contains(TOKEN)));
    assert_eq!(rig.service.requests(), number + 1);
}

#[test]
fn a_tunnel_of_which_one_side_has_ended_is_given_up_when_the_other_says_nothing() {
    let service = Service::new(|_, stream| {
        // It does not mind that the client has ended.
        let _ = stream.read(&mut [0]);
        thread::sleep(SOON);
        false
    });
    let limits = Limits { connections: 1, ..short() };
    let rig = Rig::made(service.plain(), Gate::default(), Options { limits, ..Options::default() });
    let mut client = rig.tunnel();
    client.write(b"hello\r\n\r\n");
    drop(client);
    let started = Instant::now();
    // The one place is free again.
    assert_eq!(status(&rig.plain().ask("GET / HTTP/1.1\r\nHost: HOST\r\n\r\n")), 400);
    assert!(started.elapsed() < SOON);
}

#[test]
fn a_tunnel_may_be_silent_for_long() {
    let rig = Rig::made(
        Service::echo().plain(),
        Gate::default(),
        Options { limits: short(), ..Options::default() },
    );
    let mut client = rig.tunnel();
    thread::sleep(3 * SHORT);
    assert_eq!(status(&client.ask("GET / HTTP/1.1\r\nHost: HOST\r\n\r\n")), 200);
}
