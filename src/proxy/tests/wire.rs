//! HTTP/1.1 as it passes through (RFC 9110, RFC 9112).

use std::io::{Read as _, Write as _};

use super::rig::{Rig, Service, TOKEN, head_of, length, read_head, text};

#[test]
fn chunks_and_trailers_pass_both_ways() {
    let rig = Rig::new(Service::new(|head, stream| {
        assert!(head.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{head}");
        let mut body = Vec::new();
        while !body.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            body.push(byte[0]);
        }
        assert_eq!(text(&body).to_ascii_lowercase(), "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n");
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n3\r\nabc\r\n0\r\nX-End: 2\r\n\r\n";
        stream.write_all(answer.as_bytes()).is_ok()
    }));
    let mut client = rig.tls();
    client.write(
        format!(
            "POST /secret HTTP/1.1\r\nHost: {}\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
            rig.authority()
        )
        .as_bytes(),
    );
    let head = read_head(&mut *client.stream).unwrap().to_ascii_lowercase();
    assert!(head.contains("transfer-encoding: chunked") && head.contains("trailer: x-end"), "{head}");
    let body = read_head(&mut *client.stream).unwrap();
    assert_eq!(body.to_ascii_lowercase(), "3\r\nabc\r\n0\r\nx-end: 2\r\n\r\n");
}

#[test]
fn compressed_bytes_stay_as_they_are() {
    const BYTES: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let rig = Rig::new(Service::new(|_, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", BYTES.len());
        stream.write_all(&[head.as_bytes(), BYTES].concat()).is_ok()
    }));
    let answer = rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\nAccept-Encoding: gzip\r\n\r\n");
    assert!(answer.ends_with(BYTES));
    assert!(text(head_of(&answer)).to_ascii_lowercase().contains("content-encoding: gzip"));
}

#[test]
fn an_answer_to_head_has_its_length_and_no_body() {
    let rig = Rig::new(Service::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").is_ok()
    }));
    let mut client = rig.tls();
    for _ in 0..2 {
        client.write(format!("HEAD /secret HTTP/1.1\r\nHost: {}\r\n\r\n", rig.authority()).as_bytes());
        let head = read_head(&mut *client.stream).unwrap();
        assert_eq!(length(&head), 1000, "{head}");
    }
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on_unless_it_is_refused() {
    let rig = Rig::new(Service::echo());
    let request = |path: &str| {
        format!(
            "PUT {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
            rig.authority()
        )
    };
    let mut client = rig.tls();
    client.write(request("/secret").as_bytes());
    assert!(read_head(&mut *client.stream).unwrap().starts_with("HTTP/1.1 100 "));
    client.write(b"hello");
    assert!(text(&client.answer()).ends_with("hello"));
    let mut client = rig.tls();
    client.write(request("/refused").as_bytes());
    assert!(read_head(&mut *client.stream).unwrap().starts_with("HTTP/1.1 403 "));
}

#[test]
fn after_101_the_bytes_pass_as_they_are() {
    let rig = Rig::new(Service::new(|head, stream| {
        let head = head.to_ascii_lowercase();
        assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"), "{head}");
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(answer).unwrap();
        let mut four = [0; 4];
        stream.read_exact(&mut four).unwrap();
        stream.write_all(&four).unwrap();
        false
    }));
    let mut client = rig.tls();
    let ask = format!(
        "GET /secret HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        rig.authority()
    );
    client.write(ask.as_bytes());
    let head = read_head(&mut *client.stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    client.write(&[0, 255, 13, 10]);
    let mut four = [0; 4];
    client.stream.read_exact(&mut four).unwrap();
    assert_eq!(four, [0, 255, 13, 10]);
}

#[test]
fn a_body_without_a_length_ends_with_its_connection() {
    let rig = Rig::new(Service::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it").unwrap();
        false
    }));
    let mut client = rig.tls();
    client.write(
        format!("GET /secret HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", rig.authority()).as_bytes(),
    );
    assert!(text(&client.rest()).contains("all of it"));
}

#[test]
fn a_body_that_breaks_off_is_not_taken_for_whole() {
    let rig = Rig::new(Service::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").unwrap();
        false
    }));
    let mut client = rig.tls();
    client.write(format!("GET /secret HTTP/1.1\r\nHost: {}\r\n\r\n", rig.authority()).as_bytes());
    let seen = text(&client.rest());
    assert!(!seen.contains("\r\n0\r\n"), "{seen}");
}

#[test]
fn large_bodies_pass_whole_in_both_directions() {
    const SIZE: usize = 64 << 20;
    let rig = Rig::new(Service::new(|head, stream| {
        let mut left = length(head);
        let (mut buffer, mut sum) = (vec![0; 1 << 16], 0_u64);
        while left > 0 {
            let read = stream.read(&mut buffer).unwrap();
            sum += buffer[..read].iter().map(|byte| u64::from(*byte)).sum::<u64>();
            left -= read;
        }
        assert_eq!(sum, SIZE as u64 * 7);
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes()).unwrap();
        for _ in 0..SIZE >> 16 {
            stream.write_all(&[9; 1 << 16]).unwrap();
        }
        true
    }));
    let mut client = rig.tls();
    client.write(
        format!("PUT /secret HTTP/1.1\r\nHost: {}\r\nContent-Length: {SIZE}\r\n\r\n", rig.authority())
            .as_bytes(),
    );
    for _ in 0..SIZE >> 16 {
        client.stream.write_all(&[7; 1 << 16]).unwrap();
    }
    client.stream.flush().unwrap();
    let answer = client.answer();
    assert_eq!(answer.iter().rev().take(SIZE).filter(|byte| **byte == 9).count(), SIZE);
    let passed = rig.gate.wait_for_passed();
    assert_eq!((passed.sent, passed.received), (SIZE as u64, SIZE as u64));
}

#[test]
fn what_a_service_says_that_cannot_be_an_answer_is_told_as_that() {
    for (bytes, sentence) in [
        (&b"SSH-2.0-x\r\n\r\n"[..], "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "does not speak HTTP"),
        (b"", "the connection broke off"),
    ] {
        let rig = Rig::new(Service::new(move |_, stream| {
            let _ = stream.write_all(bytes);
            false
        }));
        let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
        assert!(seen.starts_with("HTTP/1.1 502 ") && seen.contains(sentence), "{}: {seen}", text(bytes));
        assert!(!seen.contains(TOKEN));
    }
}
