//! A new data key: what was copied before opens nothing that is written after, and everything stays readable.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::STAYS_UNLOCKED;

/// What somebody copied: all of the data folder, as it was.
struct Copied(Home);

impl Copied {
    fn of(home: &Home) -> Copied {
        let copied = Home::new();
        copy(&home.data(), &copied.data());
        Copied(copied)
    }

    /// Puts back some of it.
    fn restore(&self, home: &Home, names: &[&str]) {
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
fn with_key_file() -> (Home, [Key; 2]) {
    let (home, keys) = (Home::new(), [key("ana"), key("bob")]);
    for key in &keys {
        home.vault().put(key, &secret(&format!("token of {}", key.account.name().unwrap()))).unwrap();
    }
    (home, keys)
}

#[track_caller]
fn all_there(home: &Home, person: &dyn Prompter, keys: &[Key]) {
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

#[test]
fn an_older_copy_that_is_put_back_is_read_and_not_written_until_a_person_says_so() {
    let (home, keys) = with_key_file();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    let person = Person::saying("p");
    let copied = Copied::of(&home);
    home.with(&person).reseal_all().unwrap();
    // The folder, but not what lies beside it.
    let sealed: Vec<String> = keys.iter().map(|key| format!("vault/{}", key.id.as_str())).collect();
    let mut names = vec!["vault/header.json"];
    names.extend(sealed.iter().map(String::as_str));
    copied.restore(&home, &names);
    all_there(&home, &person, &keys);
    assert!(home.with(&person).health().words.contains("older than the vault"));
    let before = fs::read(home.data().join("vault/header.json")).unwrap();
    let eve = key("eve");
    for error in [
        home.with(&person).put(&eve, &secret("x")).unwrap_err(),
        home.with(&person).add_key_file().unwrap_err(),
    ] {
        assert!(error.to_string().contains("an older copy of the vault was put back"), "{error}");
        assert_eq!(error.hint().unwrap(), "if you did that: keyfob storage reseal");
    }
    assert_eq!(fs::read(home.data().join("vault/header.json")).unwrap(), before);
    let wrong = Person::saying("not the one");
    assert!(matches!(home.with(&wrong).reseal_all(), Err(Error::WrongPassphrase)));
    home.with(&person).reseal_all().unwrap();
    home.with(&person).put(&eve, &secret("token of eve")).unwrap();
    all_there(&home, &person, &[keys[0].clone(), keys[1].clone(), eve]);
}

/// Whoever can write the folder and knows a key that no longer counts.
#[test]
fn an_old_header_over_new_files_is_noticed_by_readers_and_writers() {
    let (home, keys) = with_key_file();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    let (person, copied) = (Person::saying("p"), Copied::of(&home));
    home.with(&person).reseal_all().unwrap();
    let good = fs::read(home.data().join("vault/header.json")).unwrap();
    copied.restore(&home, &["vault/header.json"]);
    let error = home.with(&person).get(&keys[0]).map(drop).unwrap_err();
    assert!(error.to_string().contains("it or the vault is an older copy"), "{error}");
    assert!(home.with(&person).put(&key("eve"), &secret("x")).is_err());
    files::write_private(&home.data().join("vault/header.json"), &good).unwrap();
    all_there(&home, &person, &keys);
    // One file of then.
    copied.restore(&home, &[&format!("vault/{}", keys[0].id.as_str())]);
    let error = home.with(&person).get(&keys[0]).map(drop).unwrap_err();
    assert!(error.to_string().contains("it or the vault is an older copy"), "{error}");
    assert_eq!(home.with(&person).reseal_all().unwrap(), 1);
}

/// Whoever can write the folder and knows no key puts a slot of his own in the place of one, and waits for the next key.
#[test]
fn a_slot_that_somebody_else_put_there_gets_no_key() {
    let other = Home::new();
    other.vault().put(&key("x"), &secret("x")).unwrap();
    other.vault().add_passphrase(&secret("theirs")).unwrap();
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let theirs = json(&fs::read(other.data().join("vault/header.json")).unwrap());
    for part in ["", "/recipient", "/recipient/public", "/recipient/private", "/salt"] {
        let (home, keys) = with_key_file();
        home.vault().add_passphrase(&secret("p")).unwrap();
        let path = home.data().join("vault/header.json");
        let mut mixed = json(&fs::read(&path).unwrap());
        let place = format!("/slots/1{part}");
        *mixed.pointer_mut(&place).unwrap() = theirs.pointer(&place).unwrap().clone();
        let mixed = mixed.to_string();
        files::write_private(&path, mixed.as_bytes()).unwrap();
        all_there(&home, &NoTerminal, &keys);
        // Nobody can be asked for the passphrase, which alone would prove the slot.
        assert!(home.vault().reseal_all().is_err(), "{part}");
        assert!(home.with(&Person::saying("theirs")).reseal_all().is_err(), "{part}");
        assert!(home.with(&Person::saying("theirs")).remove_slot(&SlotName::KeyFile).is_err(), "{part}");
        assert!(
            home.vault().enrol_ssh_agent(None).is_err() && home.vault().add_passphrase(&secret("q")).is_err()
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), mixed, "nothing was changed");
        // The slot can go, and what is left is the owner's.
        home.vault().remove_slot(&SlotName::Passphrase).unwrap();
        home.vault().add_passphrase(&secret("p")).unwrap();
        home.vault().reseal_all().unwrap();
        all_there(&home, &NoTerminal, &keys);
    }
}

/// A header in which somebody sealed a key of their own for the owner's slot, whose public key everybody can read.
#[test]
fn a_key_that_somebody_else_chose_is_not_taken_for_the_vaults() {
    let home = Home::new();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    let (person, ana) = (Person::saying("p"), key("ana"));
    home.with(&person).put(&ana, &secret("a")).unwrap();
    let mut header = home.vault().header().unwrap().unwrap();
    let (chosen, guessed) = (seal::SymmetricKey::random().unwrap(), seal::SymmetricKey::random().unwrap());
    let id = data_key::key_id(&chosen, &header.id).unwrap();
    let bound = Bound { vault: &header.id.clone(), key: Some(&id) };
    header.slots[0].seal(&chosen, bound, &guessed).unwrap();
    let forged = Header::new(header.id.clone(), &chosen, header.slots, Some(&guessed), None).unwrap();
    let path = home.data().join("vault/header.json");
    let good = fs::read(&path).unwrap();
    files::write_private(&path, &forged.to_bytes().unwrap()).unwrap();
    let error = home.with(&person).put(&key("eve"), &secret("new")).unwrap_err();
    assert!(error.to_string().contains("tampered with"), "{error}");
    files::write_private(&path, &good).unwrap();
    assert_eq!(text(&home.with(&person), &ana).as_deref(), Some("a"));
}

#[test]
fn whatever_is_cut_off_is_noticed_and_nothing_is_made_worse() {
    let (home, keys) = with_key_file();
    home.vault().add_passphrase(&secret("p")).unwrap();
    home.vault().reseal_all().unwrap();
    for name in ["vault/header.json", "vault.key", "vault.latest"] {
        let path = home.data().join(name);
        let good = fs::read(&path).unwrap();
        for length in [0, 1, 20, good.len() / 2, good.len() - 2] {
            files::write_private(&path, &good[..length]).unwrap();
            let got = home.vault().get(&keys[0]);
            assert!(got.is_err() || name == "vault.latest", "{name} {length}");
            assert!(home.vault().put(&key("eve"), &secret("x")).is_err(), "{name} {length}");
            // What is noted of the latest key can be made again, when each slot has proven itself.
            assert!(home.vault().reseal_all().is_err(), "{name} {length}");
            assert_eq!(fs::read(&path).unwrap(), &good[..length]);
        }
        files::write_private(&path, &good).unwrap();
        all_there(&home, &NoTerminal, &keys);
    }
    files::write_private(&home.data().join("vault.latest"), b"cut").unwrap();
    home.with(&Person::saying("p")).reseal_all().unwrap();
    all_there(&home, &NoTerminal, &keys);
    assert_eq!(fs::read_dir(home.data().join("vault")).unwrap().count(), 3);
}

/// Slots of the header before, with the same secrets and in the same vault, in the present header.
#[test]
fn a_slot_of_then_opens_nothing_in_the_header_of_today() {
    let (home, _) = with_key_file();
    home.vault().add_passphrase(&secret("p")).unwrap();
    let path = home.data().join("vault/header.json");
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let then = json(&fs::read(&path).unwrap());
    home.vault().reseal_all().unwrap();
    fs::remove_file(home.key_file()).unwrap();
    let today = json(&fs::read(&path).unwrap());
    for (place, what) in
        [("/slots/1", "all of it"), ("/slots/1/wrapped", "its key"), ("/slots/1/recipient", "its pair")]
    {
        let mut mixed = today.clone();
        *mixed.pointer_mut(place).unwrap() = then.pointer(place).unwrap().clone();
        files::write_private(&path, mixed.to_string().as_bytes()).unwrap();
        let error = home.with(&Person::saying("p")).survey().map(drop).unwrap_err();
        assert!(error.to_string().contains("tampered with"), "{what}: {error}");
    }
    // And the other way round: the header of then that names the key of today.
    let mut mixed = then.clone();
    mixed["key"] = today["key"].clone();
    files::write_private(&path, mixed.to_string().as_bytes()).unwrap();
    assert!(home.with(&Person::saying("p")).survey().is_err());
}

/// The thief of yesterday's folder and secret writes a header of his own under yesterday's key, with the name of today's.
#[test]
fn a_header_under_a_key_of_then_is_never_written_under() {
    let home = Home::new();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    let person = Person::saying("p");
    home.with(&person).put(&key("ana"), &secret("a")).unwrap();
    let header = home.vault().header().unwrap().unwrap();
    let old = home.with(&person).open(&header, &UnlockMethods::ALL).unwrap();
    let authority = header.open_authority(&old.key).unwrap();
    home.with(&person).reseal_all().unwrap();
    let today = home.vault().header().unwrap().unwrap();
    let path = home.data().join("vault/header.json");
    // The passphrase's slot takes it: it was sealed with the authority key, which the thief has.
    for named in [header.key, today.key] {
        let id = header.id.clone();
        let mut slots = today.slots.clone();
        let bound = Bound { vault: &id, key: named.as_ref() };
        slots[0].seal(&old.key, bound, &authority).unwrap();
        let mut forged = Header::new(id.clone(), &old.key, slots, Some(&authority), None).unwrap();
        forged.key = named;
        files::write_private(&path, &forged.to_bytes().unwrap()).unwrap();
        let error = home.with(&person).put(&key("eve"), &secret("new")).unwrap_err();
        let words = error.to_string();
        assert!(words.contains("older copy") || words.contains("not the one that it names"), "{words}");
        assert_eq!(home.vault().sealed_ids().unwrap().len(), 1, "nothing was sealed under his key");
    }
}
