//! R9: locked is not absent.

use super::fixture::{TestWallet, query, secret};
use crate::wallet::{Wallet, manage};

const CONTOSO: &str = "https://dev.azure.com/contoso";

#[test]
fn a_locked_store_is_an_error_and_nothing_is_changed() {
    let test = TestWallet::new();
    test.add(CONTOSO, None, "T");
    test.store("https://bob@git.example", "T2");
    let before = test.files();
    test.memory.set_locked(true);
    for url in [CONTOSO, "https://bob@git.example"] {
        assert_eq!(test.get(url), "error: the memory store is locked");
        assert!(test.with(|wallet| wallet.erase(&query(url), Some(&secret("T")))).is_err(), "{url}");
        assert!(test.store_given(url, secret("T").into()).is_err(), "{url}");
        assert!(test.store_given(url, secret("new").into()).is_err(), "{url}");
    }
    assert!(test.with(|wallet| wallet.erase(&query("https://dev.azure.com"), Some(&secret("T")))).is_err());
    assert!(test.add_as(CONTOSO, "new", |_| {}).is_err());
    let remove = |force| {
        test.with(|wallet| manage::remove(wallet, &manage::select(wallet, CONTOSO, None).unwrap(), force))
    };
    assert!(remove(false).is_err());
    test.memory.set_locked(false);
    assert!(test.files() == before);
    assert_eq!(test.memory.len(), 2);
    assert_eq!(test.get(CONTOSO), "contoso:T");
    assert_eq!(test.get("https://git.example"), "bob:T2");
    // Said outright, the record goes; what the store could not destroy is told.
    test.memory.set_locked(true);
    assert_eq!(remove(true).unwrap().len(), 1);
    test.memory.set_locked(false);
    assert_eq!(test.get(CONTOSO), "NoAccount");
}

#[test]
fn what_needs_no_secret_works_with_a_locked_store() {
    let test = TestWallet::new();
    test.add(CONTOSO, None, "T");
    test.memory.set_locked(true);
    assert_eq!(test.get("https://dev.azure.com/other"), "NoAccount");
    assert_eq!(test.get("https://other.example"), "NotOurs");
    assert_eq!(test.entries().len(), 1);
}

#[test]
fn a_lost_secret_is_an_error_of_its_own_and_the_record_stays() {
    let test = TestWallet::new();
    test.add(CONTOSO, None, "T");
    test.lose_secrets();
    let before = test.files();
    assert_eq!(
        test.get(CONTOSO),
        "error: the memory store no longer holds the token of azure-devops/contoso"
    );
    assert_eq!(test.erase(CONTOSO, "T"), 0);
    assert!(test.files() == before);
    test.add(CONTOSO, None, "T");
    assert_eq!(test.get(CONTOSO), "contoso:T", "adding it again mends it");
}

#[test]
fn an_empty_secret_is_lost_where_a_person_added_the_token_and_not_where_a_tool_stored_one() {
    let test = TestWallet::new();
    test.add(CONTOSO, None, "T");
    test.store("https://me@git.example", "");
    assert_eq!(test.get("https://git.example"), "me:");
    test.empty_secrets();
    assert_eq!(
        test.get(CONTOSO),
        "error: the memory store no longer holds the token of azure-devops/contoso"
    );
    assert_eq!(test.get("https://git.example"), "me:");
    test.add(CONTOSO, None, "T");
    assert_eq!(test.get(CONTOSO), "contoso:T", "adding it again mends it");
}

#[test]
fn a_hit_costs_one_call_of_the_store_and_a_miss_none() {
    let test = TestWallet::new();
    test.add(CONTOSO, Some("alice"), "T");
    test.add(CONTOSO, Some("bob"), "T");
    test.store("https://bob@git.example", "T2");
    for (url, calls) in [
        ("https://alice@dev.azure.com/contoso", 1),
        ("https://git.example", 1),
        (CONTOSO, 0),
        ("https://carol@dev.azure.com/contoso", 0),
        ("https://dev.azure.com/fabrikam", 0),
        ("https://dev.azure.com", 0),
        ("https://marketplace.visualstudio.com", 0),
        ("https://other.example", 0),
        ("https://alice@git.example", 0),
    ] {
        let before = (test.memory.calls(), test.files());
        test.get(url);
        assert_eq!(test.memory.calls() - before.0, calls, "{url}");
        assert!(test.files() == before.1, "{url}");
    }
}

#[test]
fn an_empty_wallet_is_not_made_by_looking_at_it() {
    let test = TestWallet::new();
    for url in [CONTOSO, "https://git.example", "https://dev.azure.com"] {
        test.get(url);
        test.erase(url, "T");
    }
    assert!(test.files().is_empty());
}

#[test]
fn a_damaged_record_is_an_error_and_is_left_as_it_is() {
    let test = TestWallet::new();
    test.add(CONTOSO, None, "T");
    let path = test.with(|wallet| wallet.records.path("azure-devops/contoso"));
    crate::files::write_private(&path, b"{").unwrap();
    let before = test.files();
    assert!(test.get(CONTOSO).starts_with("error: "));
    assert!(test.store_given(CONTOSO, secret("new").into()).is_err());
    assert!(test.with(|wallet| wallet.erase(&query(CONTOSO), Some(&secret("T")))).is_err());
    assert!(test.files() == before);
}
