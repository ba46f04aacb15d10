//! Passphrases, key files, the kernel's keyring; adding and removing slots.

use super::*;

#[test]
fn a_vault_turned_to_a_passphrase_asks_and_loses_its_key_file() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().replace_key_file_by_passphrase(&secret("correct horse")).unwrap();
    assert!(!home.key_file().exists());
    assert_eq!(names(&home.vault()), ["passphrase"]);

    let error = home.vault().get(&ana).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Locked { store: "vault", .. }), "{error}");
    assert!(home.vault().put(&key("bob"), &secret("b")).is_err(), "locked is not absent");
    assert!(!home.vault().health().usable);

    let (right, wrong) = (Person::saying("correct horse"), Person::saying("wrong"));
    let error = home.with(&wrong).get(&ana).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::WrongPassphrase), "{error}");
    let vault = home.with(&right);
    for _ in 0..3 {
        assert_eq!(text(&vault, &ana).as_deref(), Some("a"));
    }
    assert_eq!(right.asked.get(), 1, "one process asks once");
    vault.delete(&ana).unwrap();
    assert_eq!(text(&vault, &ana), None);
}

#[test]
fn a_new_vault_can_have_a_passphrase_from_the_start_and_never_a_key_file() {
    let home = Home::new();
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    assert!(!home.key_file().exists());
    assert_eq!(names(&home.vault()), ["passphrase"]);
    let (ana, person) = (key("ana"), Person::saying("p"));
    home.with(&person).put(&ana, &secret("a")).unwrap();
    assert_eq!(text(&home.with(&person), &ana).as_deref(), Some("a"));
}

#[test]
fn a_passphrase_is_changed_and_the_old_one_no_longer_opens() {
    let home = Home::new();
    let ana = key("ana");
    let (old, new) = (Person::saying("old"), Person::saying("new"));
    home.vault().replace_key_file_by_passphrase(&secret("old")).unwrap();
    home.with(&old).put(&ana, &secret("a")).unwrap();
    assert!(matches!(home.with(&new).change_passphrase(&secret("new")), Err(Error::WrongPassphrase)));
    home.with(&old).change_passphrase(&secret("new")).unwrap();
    assert!(matches!(home.with(&old).get(&ana), Err(Error::WrongPassphrase)));
    assert_eq!(text(&home.with(&new), &ana).as_deref(), Some("a"));
}

#[test]
fn with_key_file_and_passphrase_nobody_is_asked_until_the_key_file_is_gone() {
    let home = Home::new();
    let (ana, person) = (key("ana"), Person::saying("p"));
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().add_passphrase(&secret("p")).unwrap();
    assert_eq!(text(&home.with(&person), &ana).as_deref(), Some("a"));
    assert_eq!(person.asked.get(), 0);
    fs::remove_file(home.key_file()).unwrap();
    assert_eq!(text(&home.with(&person), &ana).as_deref(), Some("a"));
    assert_eq!(person.asked.get(), 1);
    let error = home.vault().get(&ana).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "the passphrase is a way out: {error}");
    assert!(home.vault().health().words.contains("its key file: it is missing"));
}

#[test]
fn a_slot_goes_only_when_another_was_proven_to_open() {
    let home = Home::new();
    let (ana, right, wrong) = (key("ana"), Person::saying("p"), Person::saying("forgotten"));
    let refused = |result: Result<usize, Error>| result.unwrap_err().to_string();
    assert!(refused(home.vault().remove_slot(&SlotName::KeyFile)).contains("no vault"));
    home.vault().put(&ana, &secret("a")).unwrap();
    assert!(refused(home.vault().remove_slot(&SlotName::KeyFile)).contains("the only slot"));
    assert!(refused(home.vault().remove_slot(&SlotName::Passphrase)).contains("no such slot"));

    home.vault().add_passphrase(&secret("p")).unwrap();
    assert!(refused(home.vault().add_passphrase(&secret("q")).map(|()| 0)).contains("already"));
    let error = home.vault().remove_slot(&SlotName::KeyFile).unwrap_err();
    assert!(matches!(error, Error::NobodyToAsk { .. }), "{error}");
    assert!(matches!(home.with(&wrong).remove_slot(&SlotName::KeyFile), Err(Error::WrongPassphrase)));
    assert!(home.key_file().exists());
    home.with(&right).remove_slot(&SlotName::KeyFile).unwrap();
    assert!(!home.key_file().exists());

    home.with(&right).add_key_file().unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
    home.vault().remove_slot(&SlotName::Passphrase).unwrap();
    assert_eq!(names(&home.vault()), ["key-file"]);
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
}

#[test]
fn a_passphrase_does_not_go_while_the_key_file_does_not_open() {
    let home = Home::new();
    let (ana, person) = (key("ana"), Person::saying("p"));
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().add_passphrase(&secret("p")).unwrap();
    fs::remove_file(home.key_file()).unwrap();
    let error = home.with(&person).remove_slot(&SlotName::Passphrase).unwrap_err();
    assert!(matches!(error, Error::KeyFile { .. }), "{error}");
    assert_eq!(names(&home.vault()), ["key-file", "passphrase"]);
}

#[test]
fn an_empty_passphrase_is_refused() {
    let home = Home::new();
    assert!(home.vault().add_passphrase(&secret("")).is_err());
    assert!(home.vault().replace_key_file_by_passphrase(&secret("")).is_err());
    assert_eq!(fs::read_dir(home.data()).unwrap().count(), 0);
}

#[test]
fn unlocking_keeps_the_key_in_the_kernel_or_says_that_it_cannot() {
    let home = Home::new();
    let (ana, person) = (key("ana"), Person::saying("p"));
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    home.with(&person).put(&ana, &secret("a")).unwrap();

    assert!(home.vault().unlock(None).is_err(), "nobody to ask");
    assert!(home.with(&person).unlock(Some(0)).is_err(), "to the kernel, 0 means for ever");
    if !kernel_keyring::available() {
        let error = home.with(&person).unlock(Some(60)).unwrap_err();
        assert!(error.to_string().contains("asked for at each use"), "{error}");
        assert!(matches!(home.vault().get(&ana), Err(Error::Locked { .. })));
        return;
    }
    home.with(&person).unlock(Some(60)).unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"), "another process, nobody there");
    assert!(home.vault().health().words.starts_with("unlocked for a while"));
    home.vault().lock().unwrap();
    assert!(matches!(home.vault().get(&ana), Err(Error::Locked { .. })));
    let vault = home.with(&person);
    assert_eq!(text(&vault, &ana).as_deref(), Some("a"));
    vault.lock().unwrap();
    let asked = person.asked.get();
    assert_eq!(text(&vault, &ana).as_deref(), Some("a"));
    assert_eq!(person.asked.get(), asked + 1, "a locked vault forgets in this process too");
}

#[test]
fn a_vault_with_a_key_file_is_always_open_and_says_so_when_it_shall_be_locked() {
    let home = Home::new();
    home.vault().unlock(None).unwrap();
    home.vault().lock().unwrap();
    home.vault().put(&key("ana"), &secret("a")).unwrap();
    home.vault().unlock(None).unwrap();
    let error = home.vault().lock().unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert_eq!(
        home.vault().health(),
        Health { usable: true, words: "unlocked by its key file; slots: key-file".to_owned() }
    );
}

#[test]
fn slots_have_names_that_read_back() {
    for name in [SlotName::KeyFile, SlotName::Passphrase, SlotName::SshAgent("SHA256:x".to_owned())] {
        assert_eq!(name.to_string().parse::<SlotName>().unwrap(), name);
    }
    assert!("tpm".parse::<SlotName>().is_err());
}
