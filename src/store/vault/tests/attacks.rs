//! Against the new data keys: who has an earlier copy, who can write the folder, and who can do both. docs/decisions/0045 has the table.

use super::reseal::{Copied, all_there, with_key_file};
use super::*;

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
