//! A new data key: what was copied before opens nothing that is written after, and everything stays readable.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::STAYS_UNLOCKED;

/// What somebody copied: all of the data folder, as it was.
pub(super) struct Copied(Home);

impl Copied {
    pub(super) fn of(home: &Home) -> Copied {
        let copied = Home::new();
        copy(&home.data(), &copied.data());
        Copied(copied)
    }

    /// Puts back some of it.
    pub(super) fn restore(&self, home: &Home, names: &[&str]) {
        for name in names {
            let bytes = fs::read(self.0.data().join(name)).unwrap();
            files::write_private(&home.data().join(name), &bytes).unwrap();
        }
    }

    /// All that the copy opens of what lies in `home` today.
    fn opens(&self, home: &Home, person: &Person) -> Vec<String> {
        let header = self.0.vault().header().unwrap().unwrap();
        let old = self.0.with(person).open(&header, &UnlockMethods::ALL).unwrap();
        let today = home.vault().header().unwrap().unwrap();
        assert!(!today.is_sealed_with(&old.key));
        assert!(today.open_previous(&old.key).is_none() && today.open_authority(&old.key).is_none());
        // The old key on each file, whatever that says of itself, and the old secrets on today's header.
        let mut opened = Vec::new();
        for id in home.vault().sealed_ids().unwrap() {
            let bytes = fs::read(home.data().join("vault").join(id.as_str())).unwrap();
            for key in [None, header.key.as_ref(), today.key.as_ref()] {
                let bound = Bound { vault: &header.id, key };
                let read = sealed_file::read(&old.key, bound, &id, &home.data(), &bytes);
                opened.extend(read.map(|(key, _)| format!("{key:?}")));
            }
        }
        let thief = Home::new();
        copy(&home.data(), &thief.data());
        if self.0.key_file().exists() {
            fs::copy(self.0.key_file(), thief.key_file()).unwrap();
        }
        let survey = thief.with(person).survey();
        opened.extend(survey.into_iter().flat_map(|survey| survey.keys).map(|key| format!("{key:?}")));
        opened
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    files::make_folder(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A vault with a key file and two tokens.
pub(super) fn with_key_file() -> (Home, [Key; 2]) {
    let (home, keys) = (Home::new(), [key("ana"), key("bob")]);
    for key in &keys {
        home.vault().put(key, &secret(&format!("token of {}", key.account.name().unwrap()))).unwrap();
    }
    (home, keys)
}

#[track_caller]
pub(super) fn all_there(home: &Home, person: &dyn Prompter, keys: &[Key]) {
    for key in keys {
        let expected = format!("token of {}", key.account.name().unwrap());
        assert_eq!(text(&home.with(person), key), Some(expected));
    }
    assert_eq!(home.with(person).survey().unwrap().keys.len(), keys.len());
}

/// The finding: a backup from before, with its key file or passphrase.
#[test]
fn what_was_copied_before_a_way_in_was_taken_away_opens_nothing_that_is_written_later() {
    type Change = fn(&Home, &Person);
    let changes: [(&str, &'static str, Change); 6] = [
        ("protect", "new", |home, _| {
            _ = home.vault().replace_key_file_by_passphrase(&secret("new")).unwrap()
        }),
        ("reseal", "old", |home, _| {
            home.vault().reseal_all().unwrap();
        }),
        ("remove the key file", "old", |home, old| {
            home.vault().add_passphrase(&secret("old")).unwrap();
            home.with(old).remove_slot(&SlotName::KeyFile).unwrap();
        }),
        ("remove the passphrase", "old", |home, _| {
            home.vault().add_passphrase(&secret("old")).unwrap();
            home.vault().remove_slot(&SlotName::Passphrase).unwrap();
        }),
        ("change", "new", |home, _| {
            home.vault().add_passphrase(&secret("old")).unwrap();
            home.vault().change_passphrase(&secret("new")).unwrap();
        }),
        ("protect, then change", "new", |home, old| {
            home.vault().replace_key_file_by_passphrase(&secret("old")).unwrap();
            home.with(old).change_passphrase(&secret("new")).unwrap();
        }),
    ];
    for (name, says, change) in changes {
        let (home, mut keys) = (with_key_file().0, Vec::new());
        keys.extend(home.vault().survey().unwrap().keys);
        let copied = Copied::of(&home);
        change(&home, &Person::saying("old"));
        let person = Person::saying(says);
        keys.push(key("eve"));
        home.with(&person).put(&keys[2], &secret("token of eve")).unwrap();
        all_there(&home, &person, &keys);
        assert_eq!(copied.opens(&home, &Person::saying("nothing")), [""; 0], "{name}");
    }
}

/// The thief has yesterday's folder and learns yesterday's passphrase today.
#[test]
fn a_passphrase_that_was_changed_opens_nothing_new_even_with_the_folder_of_then() {
    let (home, keys) = with_key_file();
    home.vault().replace_key_file_by_passphrase(&secret("old")).unwrap();
    let copied = Copied::of(&home);
    home.with(&Person::saying("old")).change_passphrase(&secret("new")).unwrap();
    let person = Person::saying("new");
    let eve = key("eve");
    home.with(&person).put(&eve, &secret("token of eve")).unwrap();
    assert_eq!(copied.opens(&home, &Person::saying("old")), [""; 0]);
    all_there(&home, &person, &[keys[0].clone(), keys[1].clone(), eve]);
}

#[test]
fn sealing_anew_asks_for_no_passphrase_and_keeps_every_way_in() {
    let (home, keys) = with_key_file();
    home.vault().add_passphrase(&secret("p")).unwrap();
    for _ in 0..3 {
        assert_eq!(home.vault().reseal_all().unwrap(), 0, "nobody can be asked");
    }
    all_there(&home, &NoTerminal, &keys);
    fs::remove_file(home.key_file()).unwrap();
    all_there(&home, &Person::saying("p"), &keys);
}

#[test]
fn each_new_key_has_a_key_file_of_its_own() {
    let (home, keys) = with_key_file();
    let before = fs::read_to_string(home.key_file()).unwrap();
    home.vault().reseal_all().unwrap();
    let after = fs::read_to_string(home.key_file()).unwrap();
    assert!(after.lines().count() == 2 && after.lines().nth(1) != before.lines().nth(1));
    fs::write(home.key_file(), before).unwrap();
    let error = home.vault().get(&keys[0]).map(drop).unwrap_err().to_string();
    assert!(error.contains("not of the same time"), "{error}");
    fs::write(home.key_file(), after).unwrap();
    all_there(&home, &NoTerminal, &keys);
}

#[test]
fn a_key_that_rests_in_the_kernel_is_replaced_and_keeps_its_time() {
    if !kernel_keyring::available() {
        return;
    }
    let (home, keys) = with_key_file();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    let person = Person::saying("p");
    home.with(&person).unlock(Some(3000)).unwrap();
    let old = home.vault().header().unwrap().unwrap();
    home.vault().reseal_all().unwrap();
    all_there(&home, &NoTerminal, &keys);
    let new = home.vault().header().unwrap().unwrap();
    assert!(kernel_keyring::recall(old.bound()).is_none() && kernel_keyring::recall(new.bound()).is_some());
    let left = kernel_keyring::left(new.bound()).unwrap();
    assert!((2900..=3000).contains(&left), "{left}");
    // Neither does a change of the passphrase lengthen it, nor a tool that is answered.
    home.vault().change_passphrase(&secret("q")).unwrap();
    let context = StoreContext { stays_unlocked: Some(STAYS_UNLOCKED), ..home.context(&NoTerminal) };
    Vault::with_cost(context, CHEAP).get(&keys[0]).unwrap();
    let newest = home.vault().header().unwrap().unwrap();
    assert!(kernel_keyring::left(newest.bound()).unwrap() <= left);
    home.vault().lock().unwrap();
    for header in [old, new, newest] {
        assert!(kernel_keyring::recall(header.bound()).is_none());
    }
    assert!(matches!(home.vault().get(&keys[0]), Err(Error::Locked { .. })));
    // What does not rest there does not come to rest there.
    home.with(&Person::saying("q")).reseal_all().unwrap();
    assert!(matches!(home.vault().get(&keys[0]), Err(Error::Locked { .. })));
}

#[test]
fn the_command_that_seals_anew_goes_on_without_asking_again() {
    let (home, keys) = with_key_file();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    let (person, kept) = (Person::saying("p"), UnlockCache::default());
    let context = StoreContext { unlocked: Some(&kept), ..home.context(&person) };
    let vault = || Vault::with_cost(context.clone(), CHEAP);
    vault().reseal_all().unwrap();
    assert_eq!(text(&vault(), &keys[0]).as_deref(), Some("token of ana"));
    assert_eq!(person.asked.get(), 1);
}

/// A process that lives long has opened the vault before, and meets files that another one sealed anew.
#[test]
fn a_process_that_opened_the_vault_before_looks_again() {
    let (home, keys) = with_key_file();
    let vault = home.vault();
    assert_eq!(text(&vault, &keys[0]).as_deref(), Some("token of ana"));
    home.vault().reseal_all().unwrap();
    assert_eq!(text(&vault, &keys[0]).as_deref(), Some("token of ana"));
    let eve = key("eve");
    vault.put(&eve, &secret("token of eve")).unwrap();
    home.vault().reseal_all().unwrap();
    all_there(&home, &NoTerminal, &[keys[0].clone(), keys[1].clone(), eve]);
}

/// As another process has it.
fn elsewhere<'e>(environment: &'e Environment, data: &std::path::Path) -> Vault<'e> {
    let (timeout, prompt_timeout) = (Duration::from_secs(3), Duration::from_secs(3));
    let (data, ask, unlocked, stays_unlocked) = (data.to_owned(), &NoTerminal, None, None);
    let context = StoreContext { data, timeout, prompt_timeout, environment, ask, unlocked, stays_unlocked };
    Vault::with_cost(context, CHEAP)
}

#[test]
fn readers_and_writers_lose_nothing_while_everything_is_sealed_anew_again_and_again() {
    let (home, keys) = with_key_file();
    let data = home.data();
    let over = AtomicBool::new(false);
    let (over, data, keys) = (&over, &data, &keys);
    let written: Vec<Key> = std::thread::scope(|scope| {
        let sealers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(move || {
                    let environment = Environment::default();
                    let mut rounds = 0;
                    while rounds < 6 || !over.load(Ordering::SeqCst) {
                        rounds += 1;
                        // Who waits for the lock looks again every few milliseconds.
                        std::thread::sleep(Duration::from_millis(10));
                        // Two at once: one may find that the other one was faster.
                        match elsewhere(&environment, data).reseal_all() {
                            Ok(left) => assert_eq!(left, 0),
                            Err(error) => assert!(error.to_string().contains("meanwhile"), "{error}"),
                        }
                    }
                })
            })
            .collect();
        let reader = scope.spawn(move || {
            let (environment, mut count) = (Environment::default(), 0);
            while !over.load(Ordering::SeqCst) {
                for key in keys {
                    assert!(elsewhere(&environment, data).get(key).unwrap().is_some());
                    count += 1;
                }
            }
            count
        });
        let writer = scope.spawn(move || {
            let (environment, mut written) = (Environment::default(), Vec::new());
            while written.len() < 6 {
                let (kept, gone) = (key(&format!("writer{}", written.len())), key("gone"));
                for key in [&kept, &gone] {
                    let token = format!("token of {}", key.account.name().unwrap());
                    elsewhere(&environment, data).put(key, &secret(&token)).unwrap();
                }
                elsewhere(&environment, data).delete(&gone).unwrap();
                written.push(kept);
            }
            written
        });
        let written = writer.join();
        over.store(true, Ordering::SeqCst);
        sealers.into_iter().for_each(|sealer| sealer.join().unwrap());
        assert!(reader.join().unwrap() > 10);
        written.unwrap()
    });
    all_there(&home, &NoTerminal, &[keys.as_slice(), &written].concat());
}

#[test]
fn a_file_that_does_not_open_is_left_as_it_is_and_counted() {
    let (home, keys) = with_key_file();
    let mut bytes = fs::read(home.sealed(&keys[1])).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(home.sealed(&keys[1]), &bytes).unwrap();
    assert_eq!(home.vault().reseal_all().unwrap(), 1);
    assert_eq!(fs::read(home.sealed(&keys[1])).unwrap(), bytes);
    assert_eq!(text(&home.vault(), &keys[0]).as_deref(), Some("token of ana"));
    assert!(home.vault().header().unwrap().unwrap().previous().is_none());
}
