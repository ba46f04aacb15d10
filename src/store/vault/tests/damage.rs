//! What was changed, lost or put in another's place: noticed, named, and never made worse.

use super::*;

fn assert_damaged(vault: &Vault<'_>, key: &Key) {
    let error = vault.get(key).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn swapped_and_renamed_files_are_noticed() {
    let home = Home::new();
    let (ana, bob, eve) = (key("ana"), key("bob"), key("eve"));
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().put(&bob, &secret("b")).unwrap();
    let (a, b) = (fs::read(home.sealed(&ana)).unwrap(), fs::read(home.sealed(&bob)).unwrap());
    files::write_private(&home.sealed(&ana), &b).unwrap();
    files::write_private(&home.sealed(&bob), &a).unwrap();
    files::write_private(&home.sealed(&eve), &a).unwrap();
    for key in [&ana, &bob, &eve] {
        assert_damaged(&home.vault(), key);
    }
}

#[test]
fn the_same_id_under_another_account_or_realm_is_noticed() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    let realm = Realm::from_text("azure-devops/fabrikam").unwrap();
    for other in [
        Key { account: Account::Named("bob".to_owned()), ..ana.clone() },
        Key { account: Account::Unnamed, ..ana.clone() },
        Key { realm, ..ana.clone() },
    ] {
        assert_damaged(&home.vault(), &other);
    }
}

#[test]
fn flipped_bits_and_cuts_are_noticed_wherever_they_are() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    let good = fs::read(home.sealed(&ana)).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(home.sealed(&ana), &bad).unwrap();
        assert_damaged(&home.vault(), &ana);
        fs::write(home.sealed(&ana), &good[..place]).unwrap();
        assert_damaged(&home.vault(), &ana);
    }
    fs::write(home.sealed(&ana), &good).unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
}

#[test]
fn a_file_of_another_vault_is_noticed_even_with_the_same_key_file() {
    let (home, other) = (Home::new(), Home::new());
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    fs::copy(home.key_file(), other.key_file()).unwrap();
    other.vault().put(&key("bob"), &secret("b")).unwrap();
    fs::copy(home.sealed(&ana), other.sealed(&ana)).unwrap();
    assert_damaged(&other.vault(), &ana);
}

#[test]
fn one_broken_file_does_not_hide_the_others() {
    let home = Home::new();
    let (ana, bob) = (key("ana"), key("bob"));
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().put(&bob, &secret("b")).unwrap();
    fs::write(home.sealed(&bob), b"junk").unwrap();
    let survey = home.vault().survey().unwrap();
    assert_eq!(survey.keys, [ana]);
    assert!(survey.broken[0].to_string().contains(bob.id.as_str()), "{:?}", survey.broken);
}

#[test]
fn a_missing_key_file_is_named_and_never_made_anew() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    let kept = fs::read(home.key_file()).unwrap();
    fs::remove_file(home.key_file()).unwrap();
    for error in [
        home.vault().get(&ana).map(|_| ()).unwrap_err(),
        home.vault().put(&key("bob"), &secret("b")).unwrap_err(),
        home.vault().keys().map(|_| ()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("vault.key: it is missing"), "{error}");
        assert!(error.hint().unwrap().starts_with("restore "), "{error}");
        assert_eq!(error.exit_code(), 3);
    }
    assert!(!home.key_file().exists());
    assert!(!home.vault().health().usable);
    files::write_private(&home.key_file(), &kept).unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
}

#[test]
fn a_wrong_key_file_is_named_and_stays_as_it_is() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    let other = Home::new();
    other.vault().put(&ana, &secret("a")).unwrap();
    for (wrong, why) in
        [(fs::read(other.key_file()).unwrap(), "another vault"), (b"junk".to_vec(), "not a key file")]
    {
        files::write_private(&home.key_file(), &wrong).unwrap();
        let error = home.vault().get(&ana).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::KeyFile { .. }) && error.to_string().contains(why), "{error}");
        assert!(home.vault().put(&key("bob"), &secret("b")).is_err());
        assert_eq!(fs::read(home.key_file()).unwrap(), wrong);
    }
}

#[test]
fn a_lost_header_is_an_error_and_no_new_vault_covers_it_up() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    let header = home.data().join("vault/header.json");
    let kept = fs::read(&header).unwrap();
    fs::remove_file(&header).unwrap();
    assert_damaged(&home.vault(), &ana);
    assert!(home.vault().put(&key("bob"), &secret("b")).is_err());
    assert!(home.vault().keys().is_err());
    assert!(!header.exists());
    files::write_private(&header, &kept).unwrap();
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
}

#[test]
fn a_header_of_a_later_keyfob_is_called_so_and_left_alone() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    let header = home.data().join("vault/header.json");
    let newer = fs::read_to_string(&header).unwrap().replace("\"version\":2", "\"version\":3");
    fs::write(&header, &newer).unwrap();
    for error in
        [home.vault().get(&ana).map(|_| ()).unwrap_err(), home.vault().put(&ana, &secret("b")).unwrap_err()]
    {
        assert!(matches!(error, Error::Newer { found: 3, known: 2, .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(&header).unwrap(), newer);
}
