//! The Secret Service store against the real GNOME Keyring on a bus of its own: what it keeps, and what it says when the
//! keyring is locked, missing, without a default collection, or mute.

use std::time::{Duration, Instant};

use keyfob::account::{Account, Id, Key};
use keyfob::environment::Environment;
use keyfob::error::Error;
use keyfob::remote::Realm;
use keyfob::secret::Secret;
use keyfob::store::{Availability, NoTerminal, Store, StoreContext, secret_service::STORE};

use crate::support::bus::{Desktop, Provider};
use crate::support::scene::Scene;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn key(realm: &str, account: Option<&str>) -> Key {
    Key {
        realm: Realm::from_text(realm).unwrap(),
        account: Account::from_name(account),
        id: Id::random().unwrap(),
    }
}

fn context<'a>(desktop: &Desktop, environment: &'a Environment, timeout: Duration) -> StoreContext<'a> {
    StoreContext {
        data: desktop.folder(),
        timeout,
        prompt_timeout: PATIENCE,
        environment,
        ask: &NoTerminal,
        unlocked: None,
        stays_unlocked: None,
    }
}

fn store<'a>(desktop: &Desktop, environment: &'a Environment) -> Box<dyn Store + 'a> {
    (STORE.open.unwrap())(context(desktop, environment, PATIENCE))
}

fn held(store: &dyn Store, key: &Key) -> Option<Vec<u8>> {
    store.get(key).unwrap().map(|secret| secret.expose().to_vec())
}

/// Every operation that needs the keyring, by name, and how it failed.
fn failures(store: &dyn Store, key: &Key) -> Vec<(&'static str, Error)> {
    vec![
        ("get", store.get(key).unwrap_err()),
        ("put", store.put(key, &Secret::copy_of(b"new")).unwrap_err()),
        ("delete", store.delete(key).unwrap_err()),
        ("keys", store.keys().unwrap_err()),
    ]
}

#[test]
fn a_secret_comes_back_as_it_was_put_and_is_gone_after_delete() {
    let Some(mut desktop) = Desktop::start(Provider::Unlocked) else { return };
    let environment = desktop.environment(&[]);
    let binary: Vec<u8> = (0..=255).collect();
    let long = b"0123456789".repeat(10_000);
    let [short, thousand] = [b"token".to_vec(), vec![b'x'; 1000]];
    for bytes in [short, thousand, binary, long, Vec::new()] {
        let key = key("azure-devops/contoso", Some("Zoë Example"));
        let store = store(&desktop, &environment);
        assert_eq!(held(&*store, &key), None);
        store.put(&key, &Secret::copy_of(&bytes)).unwrap();
        assert_eq!(held(&*store, &key), Some(bytes.clone()));
        desktop.restart_keyring();
        let store = self::store(&desktop, &environment);
        assert_eq!(held(&*store, &key), Some(bytes), "it did not outlive the keyring's process");
        store.delete(&key).unwrap();
        assert_eq!(held(&*store, &key), None);
        store.delete(&key).unwrap();
    }
}

#[test]
fn accounts_and_realms_are_kept_apart_and_all_keys_are_found_again() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let environment = desktop.environment(&[]);
    let store = store(&desktop, &environment);
    let one = key("azure-devops/contoso", Some("alice"));
    let two = Key { account: Account::Named("bob".to_owned()), id: Id::random().unwrap(), ..one.clone() };
    let three = key("generic/https://example.com:8443/a b", None);
    let keys = [&one, &two, &three];
    for (key, secret) in keys.iter().zip([b"1", b"2", b"3"]) {
        store.put(key, &Secret::copy_of(secret)).unwrap();
    }
    assert_eq!(keys.map(|key| held(&*store, key).unwrap()), [b"1", b"2", b"3"]);
    let found = store.keys().unwrap().unwrap();
    assert_eq!(found.len(), 3);
    assert!(keys.iter().all(|key| found.contains(key)), "{found:?}");
    // The same id in another realm is another secret.
    let elsewhere = Key { realm: Realm::from_text("azure-devops/fabrikam").unwrap(), ..one.clone() };
    assert_eq!(held(&*store, &elsewhere), None);
    store.delete(&elsewhere).unwrap();
    store.delete(&two).unwrap();
    assert_eq!(held(&*store, &one).unwrap(), b"1");
    assert_eq!(store.keys().unwrap().unwrap().len(), 2);
}

/// A bus without settings of its own lets a program wait for 128 answers at once, and refuses what is more.
#[test]
fn a_keyring_with_more_tokens_than_the_bus_allows_calls_is_listed_whole() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let environment = desktop.environment(&[]);
    let store = store(&desktop, &environment);
    for number in 0..140 {
        store.put(&key("azure-devops/contoso", Some(&number.to_string())), &Secret::copy_of(b"x")).unwrap();
    }
    assert_eq!(store.keys().unwrap().unwrap().len(), 140);
    let marks = [("application", "keyfob")];
    let context = context(&desktop, &environment, PATIENCE);
    let found = keyfob::store::secret_service::foreign::search(&context, &marks, true).unwrap();
    assert_eq!(found.len(), 140);
}

#[test]
fn people_see_what_an_entry_is() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let environment = desktop.environment(&[]);
    let store = store(&desktop, &environment);
    store.put(&key("azure-devops/contoso", Some("alice")), &Secret::copy_of(b"s3cret")).unwrap();
    let shown = desktop.secret_tool(&["search", "--all", "application", "keyfob"], "");
    for line in
        ["label = keyfob: azure-devops/contoso (alice)", "secret = s3cret", "schema = org.keyfob.Token"]
    {
        assert!(shown.contains(line), "no {line} in {shown}");
    }
}

#[test]
fn items_of_other_programs_with_our_attributes_do_not_confuse() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let environment = desktop.environment(&[]);
    let store = store(&desktop, &environment);
    let key = key("azure-devops/contoso", None);
    let marks = ["application", "keyfob", "realm", "azure-devops/contoso", "id", key.id.as_str()];
    let foreign = |more: &[&str], secret: &str| {
        desktop.secret_tool(&[&["store", "--label=foreign"], &marks[..], more].concat(), secret);
    };
    foreign(&[], "foreign");
    assert_eq!(held(&*store, &key), None, "another schema is not ours");
    store.put(&key, &Secret::copy_of(b"ours")).unwrap();
    assert_eq!(held(&*store, &key).unwrap(), b"ours");
    assert_eq!(store.keys().unwrap().unwrap(), std::slice::from_ref(&key));
    // A copy that somebody made of the item, all marks and more, is the same token …
    foreign(&["xdg:schema", "org.keyfob.Token", "more", "1"], "ours");
    assert_eq!(held(&*store, &key).unwrap(), b"ours");
    // … and one with another token in it makes the answer a guess.
    foreign(&["xdg:schema", "org.keyfob.Token", "more", "2"], "other");
    assert!(matches!(store.get(&key), Err(Error::Unavailable { .. })));
    store.delete(&key).unwrap();
    assert_eq!(held(&*store, &key), None);
    let rest = desktop.secret_tool(&["lookup", "application", "keyfob"], "");
    assert_eq!(rest, "foreign", "an item that is not ours was touched");
}

#[test]
fn locked_is_not_absent_and_nothing_is_changed() {
    let Some(mut desktop) = Desktop::start(Provider::Unlocked) else { return };
    let environment = desktop.environment(&[]);
    let kept = key("azure-devops/contoso", Some("alice"));
    let store = store(&desktop, &environment);
    assert_eq!(store.health().words, "unlocked");
    store.put(&kept, &Secret::copy_of(b"kept")).unwrap();
    let before = desktop.keyring_file();
    store.lock().unwrap();
    assert!(!store.health().usable);
    for key in [&kept, &key("azure-devops/contoso", Some("never there"))] {
        let start = Instant::now();
        for (call, error) in failures(&*store, key) {
            assert!(matches!(error, Error::Locked { how: Some(_), .. }), "{call}: {error}");
        }
        assert!(matches!(store.unlock(None), Err(Error::Locked { .. })));
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(
        (STORE.availability)(&context(&desktop, &environment, PATIENCE)),
        Availability::Yes,
        "locked is still there"
    );
    assert_eq!(desktop.keyring_file(), before);
    desktop.restart_keyring();
    let store = self::store(&desktop, &environment);
    assert_eq!(held(&*store, &kept).unwrap(), b"kept");
    assert_eq!(store.keys().unwrap().unwrap(), [kept]);
}

#[test]
fn a_prompt_is_shown_only_at_a_display_and_one_that_is_dismissed_leaves_it_locked() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let key = key("azure-devops/contoso", None);
    {
        let environment = desktop.environment(&[]);
        store(&desktop, &environment).put(&key, &Secret::copy_of(b"kept")).unwrap();
    }
    desktop.lock();
    let asked = |more: &[(&str, &str)]| {
        let environment = desktop.environment(more);
        match store(&desktop, &environment).get(&key) {
            // The words tell the two apart: nobody to be asked, or asked in vain (no prompter runs on this bus).
            Err(Error::Locked { how, .. }) => how.is_none(),
            other => panic!("{other:?}"),
        }
    };
    assert!(asked(&[("DISPLAY", ":99")]));
    assert!(asked(&[("WAYLAND_DISPLAY", "wayland-9"), ("GIT_TERMINAL_PROMPT", "1")]));
    assert!(!asked(&[]));
    assert!(!asked(&[("DISPLAY", ":99"), ("GIT_TERMINAL_PROMPT", "0")]));
    assert!(!asked(&[("DISPLAY", ":99"), ("CI", "true")]));
}

#[test]
fn without_a_default_keyring_it_is_unavailable_and_says_so() {
    let Some(desktop) = Desktop::start(Provider::WithoutDefault) else { return };
    let environment = desktop.environment(&[("DISPLAY", ":99")]);
    let store = store(&desktop, &environment);
    for (call, error) in failures(&*store, &key("azure-devops/contoso", None)) {
        assert!(error.to_string().contains("no default keyring"), "{call}: {error}");
        assert!(matches!(error, Error::Unavailable { .. }));
    }
    let Availability::No(why) = (STORE.availability)(&context(&desktop, &environment, PATIENCE)) else {
        panic!("it is available")
    };
    assert_eq!(why, store.health().words);
}

#[test]
fn without_a_provider_or_a_bus_it_is_unavailable_and_says_so() {
    let Some(desktop) = Desktop::start(Provider::None) else { return };
    let environment = desktop.environment(&[]);
    let store = store(&desktop, &environment);
    for (call, error) in failures(&*store, &key("azure-devops/contoso", None)) {
        assert!(error.to_string().contains("not running"), "{call}: {error}");
    }
    assert!(matches!((STORE.availability)(&context(&desktop, &environment, PATIENCE)), Availability::No(_)));
    for address in ["", "autolaunch:", "unix:path=/nonexistent/bus", "unix:abstract=keyfob-nobody-listens"] {
        let environment = desktop.environment(&[("DBUS_SESSION_BUS_ADDRESS", address)]);
        let store = self::store(&desktop, &environment);
        for (call, error) in failures(&*store, &key("azure-devops/contoso", None)) {
            assert!(error.to_string().contains("session bus"), "{call} at {address}: {error}");
        }
    }
}

#[test]
fn a_mute_keyring_or_bus_is_silent_within_the_time() {
    for mute in [Desktop::mute_keyring, Desktop::mute_bus] {
        let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
        let environment = desktop.environment(&[("DISPLAY", ":99")]);
        let timeout = Duration::from_millis(400);
        mute(&desktop);
        let store = (STORE.open.unwrap())(context(&desktop, &environment, timeout));
        let start = Instant::now();
        for (call, error) in failures(&*store, &key("azure-devops/contoso", None)) {
            assert!(matches!(error, Error::Silent { .. }), "{call}: {error}");
        }
        assert!(start.elapsed() >= 4 * timeout);
        assert!(start.elapsed() < 4 * 3 * timeout, "four calls took {:?}", start.elapsed());
        // A look takes a second at most, however patient the rest is.
        let start = Instant::now();
        let availability = (STORE.availability)(&context(&desktop, &environment, PATIENCE));
        assert_eq!(availability, Availability::No("not answering".to_owned()));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}

#[test]
fn a_program_that_is_stopped_while_it_waits_for_the_bus_goes_on_waiting() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
    use rustix::process::{Pid, Signal, kill_process};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let _fills_the_queue = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let mut scene = Scene::new();
    scene.set("KEYFOB_STORE", "secret-service").set("KEYFOB_TIMEOUT", "2");
    scene.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", path.display()));
    let start = Instant::now();
    let program = scene.program("keyfob").arg("unlock").start().spawn().unwrap();
    let pid = Pid::from_child(&program);
    while start.elapsed() < Duration::from_secs(1) {
        for signal in [Signal::STOP, Signal::CONT] {
            std::thread::sleep(Duration::from_millis(20));
            kill_process(pid, signal).unwrap();
        }
    }
    let output = program.wait_with_output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("did not answer within 2 s"), "{words}");
    assert!(start.elapsed() >= Duration::from_secs(2) && start.elapsed() < PATIENCE);
}

#[test]
fn many_may_read_and_write_at_once() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let desktop = &desktop;
            scope.spawn(move || {
                let environment = desktop.environment(&[]);
                let store = store(desktop, &environment);
                let key = key("azure-devops/contoso", Some(&format!("account {thread}")));
                let secret = format!("secret {thread}");
                store.put(&key, &Secret::copy_of(secret.as_bytes())).unwrap();
                for _ in 0..20 {
                    assert_eq!(held(&*store, &key).unwrap(), secret.as_bytes());
                }
            });
        }
    });
}
