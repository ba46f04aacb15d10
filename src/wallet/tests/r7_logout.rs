//! R7, last sentence: what a person asks a tool for. A logout is no refusal.

use super::fixture::{TestWallet, query};
use crate::forge::Need;
use crate::wallet::{LoggedOut, Query, Wallet};

const HOST: &str = "https://registry.example";

fn forget(test: &TestWallet, need: Need, url: &str) -> LoggedOut {
    test.with(|wallet| wallet.logout(&Query { need, ..query(url) })).unwrap()
}

fn displace(test: &TestWallet, url: &str) {
    test.with(|wallet| wallet.displace(&Query { need: Need::Packages, ..query(url) })).unwrap();
}

#[test]
fn what_a_tool_stored_is_destroyed_with_its_earlier_secrets() {
    let test = TestWallet::new();
    test.store("https://bob@registry.example", "OLD");
    test.store("https://bob@registry.example", "NEW");
    assert_eq!(test.memory.len(), 2);
    assert_eq!(forget(&test, Need::Packages, HOST), LoggedOut { destroyed: 1, set_aside: None });
    assert_eq!(test.memory.len(), 0);
    assert!(test.entries().is_empty());
    assert_eq!(forget(&test, Need::Packages, HOST), LoggedOut::default(), "again is no harm");
}

#[test]
fn what_a_person_added_is_set_aside_for_this_need_only_and_can_be_restored() {
    let test = TestWallet::new();
    test.add("https://github.com", None, "T");
    let set_aside = Some("https://github.com".to_owned());
    assert_eq!(forget(&test, Need::Packages, "https://ghcr.io"), LoggedOut { destroyed: 0, set_aside });
    assert_eq!(test.get_for(Need::Packages, "https://ghcr.io"), "Rejected");
    assert_eq!(test.get("https://github.com/a/b"), "x-access-token:T", "git keeps it");
    assert_eq!(test.memory.len(), 1);
    assert_eq!(forget(&test, Need::Packages, "https://ghcr.io"), LoggedOut::default());
    test.restore("https://github.com", None).unwrap();
    assert_eq!(test.get_for(Need::Packages, "https://ghcr.io"), "x-access-token:T");
}

#[test]
fn a_user_name_forgets_only_that_one_and_a_foreign_place_nothing() {
    let test = TestWallet::new();
    test.store("https://alice@registry.example", "A");
    test.store("https://bob@registry.example", "B");
    for foreign in [
        "https://registry.example:8443",
        "http://registry.example",
        "https://other.example",
        "https://dev.azure.com",
        "https://carol@registry.example",
    ] {
        assert_eq!(forget(&test, Need::Packages, foreign), LoggedOut::default(), "{foreign}");
    }
    assert_eq!(forget(&test, Need::Packages, "https://alice@registry.example").destroyed, 1);
    assert_eq!(test.get_for(Need::Packages, HOST), "bob:B");
}

#[test]
fn with_a_locked_store_nothing_is_forgotten() {
    let test = TestWallet::new();
    test.store("https://bob@registry.example", "B");
    let before = test.files();
    crate::store::Store::lock(&test.memory).unwrap();
    test.with(|wallet| assert!(wallet.logout(&query(HOST)).is_err()));
    assert!(test.files() == before);
}

#[test]
fn with_a_locked_store_nothing_of_a_persons_is_set_aside() {
    let test = TestWallet::new();
    test.add("https://github.com", Some("alice"), "T");
    let before = test.files();
    crate::store::Store::lock(&test.memory).unwrap();
    test.with(|wallet| assert!(wallet.logout(&query("https://ghcr.io")).is_err()));
    assert!(test.files() == before);
}

#[test]
fn a_new_login_displaces_the_earlier_one_for_its_need_and_destroys_nothing() {
    let test = TestWallet::new();
    test.store("https://alice@registry.example", "A");
    test.store("https://bob@registry.example", "B");
    assert_eq!(test.get_for(Need::Packages, HOST), "alice:A");
    displace(&test, "https://bob@registry.example");
    assert_eq!(test.get_for(Need::Packages, HOST), "bob:B");
    assert_eq!(test.get("https://alice@registry.example"), "alice:A", "git still has both");
    assert_eq!(test.memory.len(), 2);
    let before = test.files();
    displace(&test, "https://bob@registry.example");
    assert!(test.files() == before, "nothing to do, nothing written");
}

#[test]
fn a_new_login_displaces_nothing_that_a_person_added() {
    let test = TestWallet::new();
    test.add(HOST, Some("carol"), "C");
    test.store("https://bob@registry.example", "B");
    displace(&test, "https://bob@registry.example");
    assert_eq!(test.get_for(Need::Packages, HOST), "carol:C");
}
