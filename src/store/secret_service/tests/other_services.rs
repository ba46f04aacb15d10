//! The shapes of answers that GNOME Keyring does not give and others do: oo7, KeePassXC, KWallet. tests/it/desktop asks the real ones.

use super::*;

const GONE: &str = "org.freedesktop.DBus.Error.UnknownObject";

/// A path as the answer to a change: no prompt, or this one.
fn with_prompt(member: &str, prompt: &str, serial: usize) -> Vec<u8> {
    let mut body = Writer::default();
    let signature = match member {
        "CreateItem" => {
            body.text("/");
            "oo"
        }
        "Lock" => {
            paths(&[&[]], &mut body);
            "aoo"
        }
        _ => "o",
    };
    body.text(prompt);
    message(2, &[], serial, signature, &body)
}

/// As KeePassXC: each change comes with a prompt, which ends so; `None`: nobody answers.
fn confirming(locked: bool, dismissed: Option<bool>) -> impl FnMut(&str, usize) -> Vec<u8> + Send {
    move |member, serial| match member {
        "CreateItem" | "Delete" | "Lock" => with_prompt(member, "/prompt/1", serial),
        "Prompt" => {
            let end = dismissed.map(|dismissed| completed("/prompt/1", dismissed)).unwrap_or_default();
            [well(member, serial), end].concat()
        }
        "Get" => is_locked(locked, serial),
        _ => well(member, serial),
    }
}

fn is_locked(locked: bool, serial: usize) -> Vec<u8> {
    let mut body = Writer::default();
    body.signature("b");
    body.number(usize::from(locked));
    message(2, &[], serial, "v", &body)
}

type Change = fn(&dyn Store) -> Result<(), Error>;

/// Everything that changes something, by name.
const CHANGES: [(&str, Change); 3] = [
    ("put", |store| store.put(&key(), &Secret::copy_of(b"new"))),
    ("delete", |store| store.delete(&key())),
    ("lock", |store| store.lock()),
];

/// What writes a value.
type Value = fn(&mut Writer);

#[test]
fn a_session_may_be_opened_with_any_value() {
    let values: [(&str, Value); 4] = [
        ("ay", |body| body.bytes(b"")),
        ("ay", |body| body.bytes(b"key")),
        ("s", |body| body.text("")),
        ("a{ss}", |body| write_entries(body, &[("a", "b")])),
    ];
    for (signature, value) in values {
        let answer = move |member: &str, serial| match member {
            "OpenSession" => {
                let mut body = Writer::default();
                body.signature(signature);
                value(&mut body);
                body.text("/session/1");
                message(2, &[], serial, "vo", &body)
            }
            _ => well(member, serial),
        };
        assert_eq!(peer(4096, answer).with(&[], |store| got(store.get(&key()))).0.unwrap(), b"s3cret");
        peer(4096, answer).with(&[], |store| store.put(&key(), &Secret::copy_of(b"new"))).0.unwrap();
    }
}

fn write_entries(body: &mut Writer, entries: &[(&str, &str)]) {
    body.array(8, |list| {
        for (name, value) in entries {
            list.align(8);
            list.text(name);
            list.text(value);
        }
    });
}

#[test]
fn a_default_collection_that_is_not_on_the_bus_yet_is_waited_for() {
    for call in ["CreateItem", "Get"] {
        let mut early = 3;
        let answer = move |member: &str, serial| match member {
            // Nothing is found at first, so that a get has to ask for the collection.
            "SearchItems" if early > 0 => found([&[], &[]], serial),
            _ if member == call && early > 0 => {
                early -= 1;
                refusal(serial, GONE)
            }
            _ => well(member, serial),
        };
        let work = |store: &dyn Store| {
            if call == "Get" {
                assert_eq!(got(store.get(&key())).unwrap(), b"s3cret");
            } else {
                store.put(&key(), &Secret::copy_of(b"new")).unwrap();
            }
        };
        let ((), calls) = peer(4096, answer).with(&[], work);
        assert_eq!(names(&calls).iter().filter(|name| **name == call).count(), 4, "{call}");
    }
}

#[test]
fn a_default_collection_that_never_comes_is_an_error_within_the_time() {
    let answer = |member: &str, serial| match member {
        "SearchItems" => found([&[], &[]], serial),
        "CreateItem" | "Get" => refusal(serial, GONE),
        _ => well(member, serial),
    };
    let timeout = Duration::from_millis(300);
    let works: [fn(&dyn Store) -> Error; 2] = [
        |store| store.get(&key()).unwrap_err(),
        |store| store.put(&key(), &Secret::copy_of(b"new")).unwrap_err(),
    ];
    for work in works {
        let start = Instant::now();
        let (error, _) = peer(4096, answer).within(timeout, &[], work);
        assert!(error.to_string().contains("its default keyring is gone"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

#[test]
fn a_change_in_an_open_keyring_is_confirmed_where_nobody_may_be_asked() {
    for (name, change) in CHANGES {
        let (outcome, calls) = peer(4096, confirming(false, Some(false))).with(&[], change);
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
        let calls = names(&calls);
        assert!(calls.ends_with(&["Get", "AddMatch", "Prompt"]), "{name}: {calls:?}");
    }
}

#[test]
fn a_change_that_nobody_confirms_ends_and_its_prompt_is_taken_back() {
    for (name, change) in CHANGES {
        let start = Instant::now();
        let peer = peer(4096, confirming(false, None));
        let (outcome, calls) = peer.within(Duration::from_millis(300), &[], change);
        let Err(error @ Error::Unavailable { .. }) = outcome else { panic!("{name}: {outcome:?}") };
        assert!(error.to_string().contains("asks in a window to confirm the change"), "{name}: {error}");
        assert!(names(&calls).contains(&"Dismiss"), "{name}: {calls:?}");
        assert!(start.elapsed() < Duration::from_secs(3), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn a_change_that_a_person_refuses_is_no_locked_keyring() {
    for (name, change) in CHANGES {
        for display in [&[][..], &DISPLAY] {
            let (outcome, _) = peer(4096, confirming(false, Some(true))).with(display, change);
            let Err(error @ Error::Unavailable { .. }) = outcome else { panic!("{name}: {outcome:?}") };
            assert!(error.to_string().contains("was not confirmed"), "{name}: {error}");
        }
    }
}

#[test]
fn a_prompt_of_a_locked_keyring_is_shown_only_where_a_person_may_be_asked() {
    for (name, change) in CHANGES {
        let (outcome, calls) = peer(4096, confirming(true, Some(false))).with(&[], change);
        assert!(matches!(outcome, Err(Error::Locked { how: Some(_), .. })), "{name}: {outcome:?}");
        let calls = names(&calls);
        assert!(!calls.contains(&"Prompt") && calls.ends_with(&["Dismiss"]), "{name}: {calls:?}");
        peer(4096, confirming(true, Some(false))).with(&DISPLAY, change).0.unwrap();
        let (outcome, _) = peer(4096, confirming(true, Some(true))).with(&DISPLAY, change);
        assert!(matches!(outcome, Err(Error::Locked { how: None, .. })), "{name}: {outcome:?}");
    }
}

#[test]
fn an_item_that_an_open_keyring_asks_about_is_said_to_be_such_a_one() {
    let answer = |member: &str, serial| match member {
        "SearchItems" => one_locked(serial),
        _ => well(member, serial),
    };
    let (outcome, calls) = peer(4096, answer).with(&[], |store| store.get(&key()));
    let Err(error @ Error::Locked { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(error.hint().unwrap().contains("asks before a program reads an item"), "{error:?}");
    assert!(!names(&calls).contains(&"Unlock"), "{calls:?}");
}

#[test]
fn a_service_that_opens_no_session_is_not_called_good() {
    for name in ["DBus.Error.NotSupported", "DBus.Error.Failed", "DBus.Error.UnknownMethod"] {
        let answer = move |member: &str, serial| match member {
            "OpenSession" => refusal(serial, &format!("org.freedesktop.{name}")),
            _ => well(member, serial),
        };
        let (health, _) = peer(4096, answer).with(&[], |store| store.health());
        assert!(!health.usable && !health.words.contains("locked"), "{name}: {health:?}");
        let found = peer(4096, answer).opened(&[], |context| availability(&context));
        assert_eq!(found, Availability::No(health.words), "{name}");
    }
    let (health, _) = peer(4096, well).with(&[], |store| store.health());
    assert!(health.usable, "{health:?}");
}

/// As KeePassXC with a locked database: a search is answered when the person has opened it.
fn searching(opens: bool) -> impl FnMut(&str, usize) -> Vec<u8> + Send {
    let mut waiting = None;
    move |member, serial| match member {
        "SearchItems" if waiting.is_none() => {
            waiting = Some(serial);
            Vec::new()
        }
        "Get" => {
            let late =
                waiting.filter(|_| opens).map(|serial| well("SearchItems", serial)).unwrap_or_default();
            [is_locked(true, serial), late].concat()
        }
        _ => well(member, serial),
    }
}

#[test]
fn a_search_that_waits_for_a_person_to_unlock_gets_the_time_of_a_prompt() {
    let timeout = Duration::from_millis(300);
    let get = |store: &dyn Store| store.get(&key());
    let (outcome, _) = peer(4096, searching(true)).within(timeout, &DISPLAY, get);
    assert_eq!(got(outcome).unwrap(), b"s3cret");
    for display in [&[][..], &DISPLAY] {
        let start = Instant::now();
        let (outcome, calls) = peer(4096, searching(false)).within(timeout, display, get);
        assert!(matches!(outcome, Err(Error::Locked { .. })), "{outcome:?}");
        assert_eq!(names(&calls), ["Hello", "SearchItems", "ReadAlias", "Get"]);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn a_search_in_an_open_keyring_that_is_busy_is_waited_for() {
    let mut waiting = None;
    let answer = move |member: &str, serial| match member {
        "SearchItems" => {
            waiting = Some(serial);
            Vec::new()
        }
        "Get" => [well(member, serial), well("SearchItems", waiting.unwrap())].concat(),
        _ => well(member, serial),
    };
    let (outcome, _) = peer(4096, answer).within(Duration::from_secs(1), &[], |store| store.get(&key()));
    assert_eq!(got(outcome).unwrap(), b"s3cret");
}
