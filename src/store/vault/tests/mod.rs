//! The vault as a whole, against real files; the ssh-agent and the kernel's keyring have their own beside this.

use std::cell::Cell;
use std::fs;
use std::time::Duration;

use super::*;
use crate::account::Account;
use crate::environment::Environment;
use crate::remote::Realm;
use crate::store::{NoTerminal, Prompter};

#[cfg(unix)]
mod agents;
mod attacks;
mod damage;
#[cfg(unix)]
mod fake_agent;
#[cfg(unix)]
mod modes;
mod person;
mod reseal;
mod slots;
#[cfg(unix)]
mod version_1;

/// Cheap, so that tests do not wait for what is meant to be slow.
const CHEAP: Cost = Cost { memory_kib: 16, passes: 1, lanes: 1 };

/// A person who knows one passphrase.
struct Person {
    says: &'static str,
    asked: Cell<usize>,
}

impl Person {
    fn saying(says: &'static str) -> Person {
        Person { says, asked: Cell::new(0) }
    }
}

impl Prompter for Person {
    fn possible(&self) -> bool {
        true
    }
    fn passphrase(&self, _prompt: &str, _within: Duration) -> Option<Secret> {
        self.asked.set(self.asked.get() + 1);
        Some(Secret::copy_of(self.says.as_bytes()))
    }
}

/// A fresh data folder.
struct Home {
    folder: tempfile::TempDir,
    environment: Environment,
}

impl Home {
    fn new() -> Home {
        let home = Home { folder: tempfile::tempdir().unwrap(), environment: Environment::default() };
        files::make_folder(&home.data()).unwrap();
        home
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn context<'a>(&'a self, ask: &'a dyn Prompter) -> StoreContext<'a> {
        StoreContext {
            data: self.data(),
            timeout: Duration::from_secs(3),
            prompt_timeout: Duration::from_secs(10),
            environment: &self.environment,
            ask,
            unlocked: None,
            stays_unlocked: None,
        }
    }

    fn vault(&self) -> Vault<'_> {
        self.with(&NoTerminal)
    }

    fn with<'a>(&'a self, ask: &'a dyn Prompter) -> Vault<'a> {
        Vault::with_cost(self.context(ask), CHEAP)
    }

    fn key_file(&self) -> PathBuf {
        self.data().join("vault.key")
    }

    fn sealed(&self, key: &Key) -> PathBuf {
        self.data().join("vault").join(key.id.as_str())
    }
}

fn key(account: &str) -> Key {
    Key {
        realm: Realm::from_text("azure-devops/contoso").unwrap(),
        account: Account::Named(account.to_owned()),
        id: Id::random().unwrap(),
    }
}

fn secret(text: &str) -> Secret {
    Secret::copy_of(text.as_bytes())
}

/// What `get` answers, as text.
fn text(vault: &Vault<'_>, key: &Key) -> Option<String> {
    vault.get(key).unwrap().map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
}

fn names(vault: &Vault<'_>) -> Vec<String> {
    vault.slots().unwrap().iter().map(|slot| slot.name.to_string()).collect()
}

#[test]
fn a_token_goes_in_comes_out_and_is_destroyed() {
    let home = Home::new();
    let (ana, bob) = (key("ana"), key("bob"));
    assert_eq!(text(&home.vault(), &ana), None);
    assert_eq!(fs::read_dir(home.data()).unwrap().count(), 0, "reading makes nothing");
    home.vault().put(&ana, &secret("token-a")).unwrap();
    home.vault().put(&bob, &secret("token-b")).unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("token-a"));
    assert_eq!(text(&home.vault(), &bob).as_deref(), Some("token-b"));
    home.vault().delete(&ana).unwrap();
    home.vault().delete(&ana).unwrap();
    assert_eq!(text(&home.vault(), &ana), None);
    assert_eq!(text(&home.vault(), &bob).as_deref(), Some("token-b"));
}

#[test]
fn all_keys_are_found_again_with_realm_and_account() {
    let home = Home::new();
    assert_eq!(home.vault().keys().unwrap(), Some(Vec::new()));
    let unnamed = Key { account: Account::Unnamed, ..key("") };
    let mut keys = vec![key("ana"), key(""), unnamed];
    for key in &keys {
        home.vault().put(key, &secret("t")).unwrap();
    }
    let mut found = home.vault().keys().unwrap().unwrap();
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, keys);
}

#[test]
fn the_key_lies_beside_the_folder_and_nothing_in_it_is_in_the_clear() {
    let home = Home::new();
    home.vault().put(&key("hidden-account"), &secret("hidden-token")).unwrap();
    let key_text = fs::read_to_string(home.key_file()).unwrap();
    let key_line = key_text.lines().nth(1).unwrap();
    for entry in fs::read_dir(home.data().join("vault")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let content = String::from_utf8_lossy(&bytes);
        for clear in ["hidden", "contoso", key_line] {
            assert!(!content.contains(clear), "{clear}");
        }
    }
}

#[test]
fn what_a_crash_left_before_the_header_is_taken_up() {
    // Folder and key file are there, the header never came: no secret was ever sealed.
    let home = Home::new();
    files::make_folder(&home.data().join("vault")).unwrap();
    let before = key_file::make(&home.key_file(), &home.data().join("vault")).unwrap();
    let line = |text: String| text.lines().nth(1).unwrap().to_owned();
    drop(before);
    let before = line(fs::read_to_string(home.key_file()).unwrap());
    let ana = key("ana");
    assert_eq!(text(&home.vault(), &ana), None);
    home.vault().put(&ana, &secret("a")).unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
    let text = fs::read_to_string(home.key_file()).unwrap();
    assert!(!text.lines().nth(1).unwrap().contains(&before), "a key of which there may be copies");
    assert!(text.contains(&format!("other {before}\n")), "a key that may be needed elsewhere is kept");
}

#[test]
fn twenty_first_puts_at_once_all_succeed_in_one_vault() {
    let home = Home::new();
    let data = home.data();
    let start = std::sync::Barrier::new(20);
    // Each with its own vault, as separate processes have.
    let put = |n: usize| {
        let environment = Environment::default();
        let (timeout, prompt_timeout) = (Duration::from_secs(3), Duration::from_secs(3));
        let (data, ask) = (data.clone(), &NoTerminal);
        let vault = Vault::new(StoreContext {
            data,
            timeout,
            prompt_timeout,
            environment: &environment,
            ask,
            unlocked: None,
            stays_unlocked: None,
        });
        let key = key(&n.to_string());
        start.wait();
        vault.put(&key, &secret(&format!("token-{n}"))).unwrap();
        key
    };
    let keys: Vec<Key> = std::thread::scope(|scope| {
        let put = &put;
        let threads: Vec<_> = (0..20).map(|n| scope.spawn(move || put(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(text(&home.vault(), key), Some(format!("token-{n}")));
    }
    assert_eq!(names(&home.vault()), ["key-file"]);
    assert_eq!(fs::read_dir(home.data().join("vault")).unwrap().count(), 21, "nothing is left over");
}
