//! The client against a scripted peer that is bus and keyring in one, for what the real ones do not do on demand: answers
//! in pieces or out of order, prompts that a person answers, refusals, rubbish.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use super::super::NoPrompt;
use super::*;
use crate::dbus::{Writer, addresses};
use crate::environment::Environment;
use crate::secret_bytes::append;
use peer::*;

mod other_services;
mod peer;

fn got(outcome: Result<Option<Secret>, Error>) -> Option<Vec<u8>> {
    outcome.unwrap().map(|secret| secret.expose().to_vec())
}

fn names(calls: &[(String, usize)]) -> Vec<&str> {
    calls.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_get_is_three_calls_and_nothing_overtakes_the_first() {
    let (secret, calls) = peer(4096, well).with(&[], |store| got(store.get(&key())));
    assert_eq!(secret.unwrap(), b"s3cret");
    assert_eq!(names(&calls), ["Hello", "SearchItems", "OpenSession", "GetSecret"]);
    // GNOME Keyring may die of an OpenSession that comes before its first answer.
    assert_eq!(calls[1].1, 0, "something was sent behind the first call");
}

#[test]
fn a_search_that_came_before_the_caller_was_noted_is_made_again_once() {
    let answer = |times: usize| {
        let mut early = 0;
        move |member: &str, serial| match member {
            "SearchItems" if early < times => {
                early += 1;
                refusal(serial, "org.freedesktop.DBus.Error.UnknownMethod")
            }
            _ => well(member, serial),
        }
    };
    let (secret, calls) = peer(4096, answer(1)).with(&[], |store| got(store.get(&key())));
    assert_eq!(secret.unwrap(), b"s3cret");
    assert_eq!(names(&calls), ["Hello", "SearchItems", "SearchItems", "OpenSession", "GetSecret"]);
    let (outcome, _) = peer(4096, answer(2)).with(&[], |store| store.get(&key()));
    assert!(matches!(outcome, Err(Error::Unavailable { .. })), "a refusal became an absence");
}

#[test]
fn nothing_found_is_looked_for_once_more_when_the_keyring_is_there_and_open() {
    let mut searches = 0;
    let answer = move |member: &str, serial| match member {
        "SearchItems" => {
            searches += 1;
            if searches == 1 { found([&[], &[]], serial) } else { well(member, serial) }
        }
        _ => well(member, serial),
    };
    let (secret, calls) = peer(4096, answer).with(&[], |store| got(store.get(&key())));
    assert_eq!(secret.unwrap(), b"s3cret");
    assert_eq!(names(&calls)[1..5], ["SearchItems", "ReadAlias", "Get", "SearchItems"]);
}

#[test]
fn an_answer_may_come_in_pieces() {
    for piece in [1, 3, 17] {
        let (secret, _) = peer(piece, well).with(&[], |store| got(store.get(&key())));
        assert_eq!(secret.unwrap(), b"s3cret");
    }
}

#[test]
fn answers_may_come_out_of_order_and_among_signals() {
    let mut held = Vec::new();
    let answer = move |member: &str, serial| match member {
        "SearchItems" => found([&["/item/1", "/item/2"], &[]], serial),
        "GetSecret" if held.is_empty() => {
            held = well(member, serial);
            completed("/of/somebody/else", false)
        }
        "GetSecret" => [well(member, serial), std::mem::take(&mut held)].concat(),
        _ => well(member, serial),
    };
    let (secret, _) = peer(4096, answer).with(&[], |store| got(store.get(&key())));
    assert_eq!(secret.unwrap(), b"s3cret");
}

#[test]
fn a_flood_of_signals_answers_or_calls_is_not_waited_out() {
    let flood = |one: fn(usize) -> Vec<u8>| {
        let answer = move |member: &str, serial| match member {
            // Never the answer that was asked for.
            "SearchItems" => one(serial).repeat(5000),
            _ => well(member, serial),
        };
        peer(65_536, answer).with(&[], |store| store.get(&key())).0
    };
    let signal: fn(usize) -> Vec<u8> = |_| completed("/of/somebody/else", false);
    let other: fn(usize) -> Vec<u8> = |serial| well("ReadAlias", serial + 1);
    let call: fn(usize) -> Vec<u8> = |_| message(1, &[], 0, "", &Writer::default());
    for kind in [signal, other, call] {
        assert!(matches!(flood(kind), Err(Error::Unavailable { .. })), "a flood was waited out");
    }
}

#[test]
fn a_flood_of_long_messages_fills_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("bus")).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut long = Writer::default();
        long.bytes(&vec![b'x'; 1 << 20]);
        let signal = message(4, &[], 0, "ay", &long);
        stream.write_all(b"OK 0123456789abcdef\r\n").unwrap();
        (0..500).take_while(|_| stream.write_all(&signal).is_ok()).count()
    });
    let environment = environment(&[("XDG_RUNTIME_DIR", folder.path().to_str().unwrap())]);
    let fault = dbus::Bus::connect(&environment, Duration::from_secs(60)).and_then(|mut bus| bus.reply(1));
    assert_eq!(fault.err(), Some(dbus::Error::Broken));
    let taken = thread.join().unwrap();
    assert!(taken < 30, "{taken} messages of a mebibyte were taken");
}

#[test]
fn a_prompt_that_the_person_answers_opens_the_item() {
    let answer = |member: &str, serial| match member {
        "SearchItems" => one_locked(serial),
        "Unlock" => prompt_needed(serial),
        // Somebody else's prompt ends first.
        "Prompt" => {
            [completed("/prompt/2", true), well(member, serial), completed("/prompt/1", false)].concat()
        }
        _ => well(member, serial),
    };
    let (secret, calls) = peer(4096, answer).with(&DISPLAY, |store| got(store.get(&key())));
    assert_eq!(secret.unwrap(), b"s3cret");
    assert_eq!(names(&calls)[2..], ["Unlock", "AddMatch", "Prompt", "OpenSession", "GetSecret"]);
}

#[test]
fn a_prompt_that_nobody_answers_ends_and_the_item_is_locked() {
    let answer = |member: &str, serial| match member {
        "SearchItems" => one_locked(serial),
        "Unlock" => prompt_needed(serial),
        _ => well(member, serial),
    };
    let start = Instant::now();
    let (outcome, _) = peer(4096, answer).with(&DISPLAY, |store| store.get(&key()));
    assert!(matches!(outcome, Err(Error::Locked { how: None, .. })));
    assert!(start.elapsed() >= Duration::from_millis(300) && start.elapsed() < Duration::from_secs(5));
    let (outcome, calls) = peer(4096, answer).with(&[], |store| store.get(&key()));
    assert!(matches!(outcome, Err(Error::Locked { how: Some(_), .. })));
    assert!(!names(&calls).contains(&"Unlock"), "nobody could have answered");
    let (outcome, calls) = peer(4096, answer).asking(&NoPrompt, &DISPLAY, |store| store.get(&key()));
    assert!(matches!(outcome, Err(Error::Locked { how: Some(_), .. })));
    assert!(!names(&calls).contains(&"Unlock"), "the tool said that nobody may be asked");
}

#[test]
fn a_put_into_a_locked_keyring_unlocks_it_first_or_changes_nothing() {
    let answer = || {
        let mut locked = true;
        move |member: &str, serial| match member {
            "CreateItem" if locked => refusal(serial, IS_LOCKED),
            "Unlock" => {
                locked = false;
                well(member, serial)
            }
            _ => well(member, serial),
        }
    };
    let put = |store: &dyn Store| store.put(&key(), &Secret::copy_of(b"new"));
    let (outcome, calls) = peer(4096, answer()).with(&DISPLAY, put);
    outcome.unwrap();
    assert_eq!(names(&calls)[3..], ["CreateItem", "Unlock", "CreateItem"]);
    let (outcome, calls) = peer(4096, answer()).with(&[], put);
    assert!(matches!(outcome, Err(Error::Locked { .. })));
    assert_eq!(names(&calls)[3..], ["CreateItem"]);
}

#[test]
fn refusals_are_told_in_our_words() {
    let cases = [
        ("org.freedesktop.DBus.Error.ServiceUnknown", "not running"),
        ("org.freedesktop.DBus.Error.Spawn.ChildExited", "could not be started"),
        ("org.freedesktop.DBus.Error.NoReply", "went away"),
        ("org.freedesktop.DBus.Error.AccessDenied", "does not let"),
        ("org.example.\u{1b}[31mEvil", "refused"),
        (IS_LOCKED, "locked"),
    ];
    for (name, words) in cases {
        let (outcome, _) = peer(4096, |_, serial| refusal(serial, name)).with(&[], |store| store.get(&key()));
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(words) && !text.contains("org."), "{name}: {text}");
    }
}

#[test]
fn an_item_that_somebody_removes_meanwhile_is_absent() {
    // The specification's word, the bus's, and what GNOME Keyring says.
    for name in ["Secret.Error.NoSuchObject", "DBus.Error.UnknownObject", "DBus.Error.UnknownMethod"] {
        let gone = move |member: &str, serial| match member {
            "GetSecret" | "Delete" => refusal(serial, &format!("org.freedesktop.{name}")),
            _ => well(member, serial),
        };
        assert_eq!(peer(4096, gone).with(&[], |store| got(store.get(&key()))).0, None);
        peer(4096, gone).with(&[], |store| store.delete(&key())).0.unwrap();
    }
}

#[test]
fn what_is_not_the_protocol_is_an_error_and_never_an_answer() {
    let wrong_type = |member: &str, serial| match member {
        "GetSecret" => message(2, &[], serial, "s", &Writer::default()),
        _ => well(member, serial),
    };
    let cut = |member: &str, serial| {
        let mut answer = well(member, serial);
        // The length is true, the content is not.
        let length = answer.len();
        if member == "GetSecret" {
            answer[length - 40..].fill(0xff);
        }
        answer
    };
    let rubbish = |_: &str, _| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    for (outcome, _) in [
        peer(4096, wrong_type).with(&[], |store| store.get(&key())),
        peer(4096, cut).with(&[], |store| store.get(&key())),
        peer(4096, rubbish).with(&[], |store| store.get(&key())),
    ] {
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains("not the Secret Service's protocol"), "{text}");
    }
}

#[test]
fn a_bus_that_does_not_let_us_in_is_unavailable() {
    for words in ["REJECTED EXTERNAL\r\n", ""] {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("bus")).unwrap();
        let thread = std::thread::spawn(move || listener.accept().unwrap().0.write_all(words.as_bytes()));
        let runtime = folder.path().to_str().unwrap();
        let environment = environment(&[("XDG_RUNTIME_DIR", runtime)]);
        let fault =
            dbus::Bus::connect(&environment, Duration::from_secs(10)).and_then(|mut bus| bus.reply(1));
        assert!(matches!(fault, Err(dbus::Error::NoBus(_))), "{words}");
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn addresses_are_read_as_the_specification_says() {
    let read = |text: &str| {
        let environment =
            environment(&[("DBUS_SESSION_BUS_ADDRESS", text), ("XDG_RUNTIME_DIR", "/run/user/7")]);
        let path =
            |address: &rustix::net::SocketAddrUnix| address.path().map(|path| path.to_bytes().to_vec());
        addresses(&environment)
            .iter()
            .map(|address| path(address).map(|path| String::from_utf8(path).unwrap()))
            .collect::<Vec<_>>()
    };
    let path = |text: &str| Some(text.to_owned());
    assert_eq!(read("unix:path=/run/bus,guid=0123"), [path("/run/bus")]);
    assert_eq!(read("unix:guid=0123,path=/a%20b%2Fc"), [path("/a b/c")]);
    assert_eq!(read("tcp:host=evil.test;unix:path=/1;unix:path=/2;"), [path("/1"), path("/2")]);
    assert_eq!(read("unix:runtime=yes"), [path("/run/user/7/bus")]);
    assert_eq!(read(""), [path("/run/user/7/bus")]);
    for unusable in
        ["autolaunch:", "unixexec:path=/bin/sh", "unix:", "unix:path=/%2", "unix:path=/%zz", "unix:path"]
    {
        assert_eq!(read(unusable), [], "{unusable}");
    }
    assert_eq!(read(&format!("unix:path=/{}", "x".repeat(200))), []);
    #[cfg(target_os = "linux")]
    assert_eq!(read("unix:abstract=/tmp/dbus-1"), [None]);
    assert!(addresses(&Environment::default()).is_empty());
}

#[test]
fn a_bus_that_does_not_even_accept_is_silent_within_the_time() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let _fills_the_queue = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let address = format!("unix:path={0};unix:path={0}", path.display());
    let environment = environment(&[("DBUS_SESSION_BUS_ADDRESS", &address)]);
    let start = Instant::now();
    let fault = dbus::Bus::connect(&environment, Duration::from_millis(300)).err();
    let waited = Duration::from_millis(300);
    assert_eq!(fault, Some(dbus::Error::Silent { waited }));
    let words = Error::Silent { store: "secret-service", waited }.to_string();
    assert_eq!(words, "the secret-service store did not answer within 0.3 s");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn a_bus_that_drips_a_message_without_end_is_silent_within_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("bus")).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut long = Writer::default();
        append(&mut long.0, &[if cfg!(target_endian = "big") { b'B' } else { b'l' }, 2, 0, 1]);
        [16_000_000, 7, 0].into_iter().for_each(|number| long.number(number));
        stream.write_all(&[b"OK 0123456789abcdef\r\n", long.0.as_slice()].concat()).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) && stream.write_all(b"x").is_ok() {}
    });
    let environment = environment(&[("XDG_RUNTIME_DIR", folder.path().to_str().unwrap())]);
    let waited = Duration::from_millis(300);
    let fault = dbus::Bus::connect(&environment, waited).and_then(|mut bus| bus.reply(1)).err();
    assert_eq!(fault, Some(dbus::Error::Silent { waited }));
    thread.join().unwrap();
}
