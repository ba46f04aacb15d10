//! Addresses, and what peers and services say.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use keyfob::account::{Account, Id, Key};
use keyfob::environment::Environment;
use keyfob::forge;
use keyfob::forge::verify::{Outcome, Problem, Target};
use keyfob::http::proxy;
use keyfob::http_message::Response;
use keyfob::remote::{Realm, Remote};
use keyfob::secret::Secret;
use keyfob::store::{NoTerminal, StoreContext, secret_service};
use zeroize::Zeroizing;

use super::scratch;

/// A URL, and the parts of one.
pub fn remote(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok((remote, user)) = Remote::from_url(&text) {
        is_sound(&remote);
        assert!(!user.is_some_and(|user| user.contains('\0')));
    }
    let mut parts = text.splitn(3, '\n');
    let (protocol, host) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok(remote) = Remote::from_parts(protocol, host, parts.next()) {
        is_sound(&remote);
    }
}

/// What holds for every remote: it has no password, climbs nowhere, and its text is itself.
fn is_sound(remote: &Remote) {
    let text = remote.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    for segment in remote.path() {
        assert!(
            segment != "." && segment != ".." && !segment.is_empty() && !segment.contains(['\\', '\0']),
            "{segment:?}"
        );
    }
    // Protocols that are no web's are compared bytewise, and their hosts may be anything.
    if !remote.is_https() && !remote.is_http() {
        return;
    }
    assert_eq!(remote.host(), remote.host().to_ascii_lowercase());
    let (again, user) = Remote::from_url(&text).unwrap_or_else(|error| panic!("{text:?} is no URL: {error}"));
    assert_eq!((&again, user), (remote, None), "{text:?}");
    // A realm's text leads back to it.
    for forge in forge::ALL {
        assert!(Realm::from_text(&format!("{}/{}", forge.id, remote.origin())).is_some());
    }
}

/// A bus and a Secret Service in one that says this, whatever it was asked.
pub fn dbus(data: &[u8]) {
    let folder = scratch::folder("bus");
    let path = folder.join("bus");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let address = format!("unix:path={}", path.display());
    let environment = Environment::new([("DBUS_SESSION_BUS_ADDRESS".into(), address.into())]);
    let said = data.to_vec();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked);
        let _ = stream.write_all(b"OK 0123456789abcdef\r\n");
        let _ = stream.write_all(&said);
        // It says no more, so whoever waits for more is told at once.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        while matches!(stream.read(&mut asked), Ok(1..)) {}
    });
    let context = StoreContext {
        data: folder,
        timeout: Duration::from_millis(300),
        prompt_timeout: Duration::from_millis(300),
        environment: &environment,
        ask: &NoTerminal,
        unlocked: None,
        stays_unlocked: None,
    };
    let store = (secret_service::STORE.open.unwrap())(context);
    let key = Key {
        realm: Realm::from_text("azure-devops/contoso").unwrap(),
        account: Account::Unnamed,
        id: Id::parse("0123456789abcdef0123456789abcdef").unwrap(),
    };
    match data.first().unwrap_or(&0) % 3 {
        // What it gives was in what the peer said.
        0 => {
            if let Ok(Some(secret)) = store.get(&key) {
                let held = secret.expose();
                assert!(held.is_empty() || data.windows(held.len()).any(|window| window == held));
            }
        }
        1 => drop(store.keys()),
        _ => drop(store.put(&key, &Secret::copy_of(b"token"))),
    }
    drop(store);
    peer.join().unwrap();
}

/// A service's answer: two lines with status and headers, an empty one, the body.
pub fn http_answer(data: &[u8]) {
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &b""[..]),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let response = Response { status, headers, body: Zeroizing::new(body.to_vec()) };
    const DAY: u64 = 86_400;
    assert!(response.retry_after().is_none_or(|seconds| seconds <= DAY));
    assert!(response.limit_ends().is_none_or(|seconds| seconds <= DAY));
    let _ = response.is_page();
    let token = Secret::copy_of(b"TOKEN-0123456789");
    for forge in forge::ALL {
        let Some(check) = forge.check else { continue };
        for example in forge.examples {
            let Some(realm) = example.realm.and_then(Realm::from_text) else { continue };
            let home = "https://git.example".to_owned();
            let target = Target { realm: &realm, home, account: Some("alice"), token: &token };
            let verdict = (check.read)(&response, &target);
            let accepted = verdict.outcome == Outcome::Accepted;
            // Nothing accepts but an answer that says as whom, or one that only misses a scope.
            let scope = status == 403 && verdict.problem == Some(Problem::MissingScope);
            assert!(!accepted || (200..300).contains(&status) || scope, "{}: {status}", forge.id);
            let words = format!("{verdict:?}");
            assert!(words.len() <= 65_536 + 16 * data.len());
        }
    }
}

/// Variables that name a proxy, and git's own word for it: lines of `NAME=VALUE`, `git=VALUE`.
pub fn proxy(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace('\0', "");
    let pairs: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let git = pairs.iter().find(|(name, _)| *name == "git").map(|(_, value)| *value);
    let environment = Environment::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    for url in ["https://dev.azure.com/contoso", "http://[::1]:8080/x", "https://10.1.2.3:8443"] {
        let (remote, _) = Remote::from_url(url).unwrap();
        let Some(proxy) = proxy::of(&remote, git, &environment) else { continue };
        // Neither name nor password is for people.
        let shown = proxy.shown();
        assert!(!shown.contains('@'), "{shown}");
        assert!(format!("{proxy:?}").len() <= shown.len() + 7);
    }
}
