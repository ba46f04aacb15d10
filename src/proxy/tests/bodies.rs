//! Bodies: those that nobody wants, those that break off, and requests that are sent twice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::rig::{Client, Rig, Service, TOKEN, length, read_head, text};

/// More than the buffers on the way hold.
const LARGE: usize = 32 << 20;

/// Uploads that much, and reads the answer.
fn upload(rig: &Rig, client: &mut Client, path: &str) -> String {
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {LARGE}\r\n\r\n", rig.authority());
    client.write(head.as_bytes());
    for _ in 0..LARGE >> 16 {
        client.write(&[7; 1 << 16]);
    }
    text(&client.answer())
}

#[test]
fn a_client_that_is_refused_in_the_middle_of_its_upload_sees_the_sentence() {
    let rig = Rig::new(Service::echo());
    let mut client = rig.tls();
    for _ in 0..2 {
        let seen = upload(&rig, &mut client, "/refused");
        assert!(seen.starts_with("HTTP/1.1 403 ") && seen.ends_with("only reads\n"), "{seen}");
    }
    assert_eq!(rig.service.requests(), 0);
}

#[test]
fn an_answer_that_comes_before_the_end_of_an_upload_is_seen() {
    let rig = Rig::new(Service::new(|_, stream| {
        let answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
        stream.write_all(answer).unwrap();
        // Time for the answer to arrive before the connection ends.
        thread::sleep(Duration::from_millis(200));
        false
    }));
    assert!(upload(&rig, &mut rig.tls(), "/secret").ends_with("no"));
    assert_eq!(rig.gate.statuses(), [401]);
}

#[test]
fn an_upload_whose_service_breaks_off_is_answered() {
    let rig = Rig::new(Service::new(|_, _| false));
    let seen = upload(&rig, &mut rig.tls(), "/secret");
    assert!(seen.starts_with("HTTP/1.1 502 ") && seen.contains("broke off"), "{seen}");
}

#[test]
fn an_upload_that_breaks_off_is_not_taken_for_whole() {
    let (send, ends) = channel();
    let send = Mutex::new(send);
    let rig = Rig::new(Service::new(move |_, stream| {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        send.lock().unwrap().send(text(&all)).unwrap();
        false
    }));
    for framing in ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Content-Length: 10\r\n\r\nhello"] {
        let mut client = rig.tls();
        client.write(format!("POST /secret HTTP/1.1\r\nHost: {}\r\n{framing}", rig.authority()).as_bytes());
        thread::sleep(Duration::from_millis(100));
        drop(client);
        let seen = ends.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(seen.contains("hello") && !seen.contains("0\r\n\r\n"), "{seen}");
    }
}

/// Breaks off at its second request, whatever the connection.
fn forgetful() -> Service {
    let number = AtomicUsize::new(0);
    Service::new(move |head, stream| {
        let mut body = vec![0; length(head)];
        stream.read_exact(&mut body).unwrap();
        if number.fetch_add(1, Ordering::SeqCst) == 1 {
            return false;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
    })
}

#[test]
fn a_request_that_does_no_harm_is_sent_again_when_an_old_connection_breaks_off() {
    let rig = Rig::new(forgetful());
    let mut client = rig.tls();
    for _ in 0..2 {
        assert!(text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).ends_with("ok"));
    }
    assert_eq!((rig.service.requests(), rig.service.connections()), (3, 2));
    // The wallet was asked once for each.
    assert_eq!(rig.gate.asked().len(), 2);
}

#[test]
fn a_request_that_may_do_something_is_never_sent_twice() {
    let rig = Rig::new(forgetful());
    let mut client = rig.tls();
    assert!(text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).ends_with("ok"));
    let seen = text(&client.ask("POST /secret HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nx"));
    assert!(seen.starts_with("HTTP/1.1 502 ") && seen.contains("broke off"), "{seen}");
    assert_eq!(rig.service.requests(), 2);
}

#[test]
fn a_new_connection_that_breaks_off_is_not_tried_again() {
    let rig = Rig::new(Service::new(|_, _| false));
    let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 502 "), "{seen}");
    assert_eq!(rig.service.connections(), 1);
}

#[test]
fn a_client_of_http_1_0_is_served() {
    let rig = Rig::new(Service::new(|head, stream| {
        assert!(head.starts_with("GET /secret HTTP/1.1\r\n"), "{head}");
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        stream.write_all(answer).is_ok()
    }));
    let mut client = rig.tls();
    client.write(format!("GET /secret HTTP/1.0\r\nHost: {}\r\n\r\n", rig.authority()).as_bytes());
    let head = read_head(&mut *client.stream).unwrap();
    assert!(!head.to_ascii_lowercase().contains("chunked") && !head.contains(TOKEN), "{head}");
    assert_eq!(text(&client.rest()), "hello");
}
