//! R9: locked is not absent.

use super::fixture::{Bench, query, secret};
use crate::wallet::{Wallet, manage};

const CONTOSO: &str = "https://dev.azure.com/contoso";

#[test]
fn a_locked_store_is_an_error_and_nothing_is_changed() {
    let bench = Bench::new();
    bench.add(CONTOSO, None, "T");
    bench.store("https://bob@git.example", "T2");
    let before = bench.files();
    bench.memory.set_locked(true);
    for url in [CONTOSO, "https://bob@git.example"] {
        assert_eq!(bench.get(url), "error: the memory store is locked");
        assert!(bench.with(|wallet| wallet.erase(&query(url), Some(&secret("T")))).is_err(), "{url}");
        assert!(bench.store_given(url, secret("T").into()).is_err(), "{url}");
        assert!(bench.store_given(url, secret("new").into()).is_err(), "{url}");
    }
    assert!(bench.with(|wallet| wallet.erase(&query("https://dev.azure.com"), Some(&secret("T")))).is_err());
    assert!(bench.add_as(CONTOSO, "new", |_| {}).is_err());
    let remove = |force| {
        bench.with(|wallet| manage::remove(wallet, &manage::select(wallet, CONTOSO, None).unwrap(), force))
    };
    assert!(remove(false).is_err());
    bench.memory.set_locked(false);
    assert!(bench.files() == before);
    assert_eq!(bench.memory.len(), 2);
    assert_eq!(bench.get(CONTOSO), "contoso:T");
    assert_eq!(bench.get("https://git.example"), "bob:T2");
    // Said outright, the record goes; what the store could not destroy is told.
    bench.memory.set_locked(true);
    assert_eq!(remove(true).unwrap().len(), 1);
    bench.memory.set_locked(false);
    assert_eq!(bench.get(CONTOSO), "NoAccount");
}

#[test]
fn what_needs_no_secret_works_with_a_locked_store() {
    let bench = Bench::new();
    bench.add(CONTOSO, None, "T");
    bench.memory.set_locked(true);
    assert_eq!(bench.get("https://dev.azure.com/other"), "NoAccount");
    assert_eq!(bench.get("https://other.example"), "NotOurs");
    assert_eq!(bench.entries().len(), 1);
}

#[test]
fn a_lost_secret_is_an_error_of_its_own_and_the_record_stays() {
    let bench = Bench::new();
    bench.add(CONTOSO, None, "T");
    bench.lose_secrets();
    let before = bench.files();
    assert_eq!(
        bench.get(CONTOSO),
        "error: the memory store no longer holds the token of azure-devops/contoso"
    );
    assert_eq!(bench.erase(CONTOSO, "T"), 0);
    assert!(bench.files() == before);
    bench.add(CONTOSO, None, "T");
    assert_eq!(bench.get(CONTOSO), "contoso:T", "adding it again mends it");
}

#[test]
fn an_empty_secret_is_lost_where_a_person_added_the_token_and_not_where_a_tool_stored_one() {
    let bench = Bench::new();
    bench.add(CONTOSO, None, "T");
    bench.store("https://me@git.example", "");
    assert_eq!(bench.get("https://git.example"), "me:");
    bench.empty_secrets();
    assert_eq!(
        bench.get(CONTOSO),
        "error: the memory store no longer holds the token of azure-devops/contoso"
    );
    assert_eq!(bench.get("https://git.example"), "me:");
    bench.add(CONTOSO, None, "T");
    assert_eq!(bench.get(CONTOSO), "contoso:T", "adding it again mends it");
}

#[test]
fn a_hit_costs_one_call_of_the_store_and_a_miss_none() {
    let bench = Bench::new();
    bench.add(CONTOSO, Some("alice"), "T");
    bench.add(CONTOSO, Some("bob"), "T");
    bench.store("https://bob@git.example", "T2");
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
        let before = (bench.memory.calls(), bench.files());
        bench.get(url);
        assert_eq!(bench.memory.calls() - before.0, calls, "{url}");
        assert!(bench.files() == before.1, "{url}");
    }
}

#[test]
fn an_empty_wallet_is_not_made_by_looking_at_it() {
    let bench = Bench::new();
    for url in [CONTOSO, "https://git.example", "https://dev.azure.com"] {
        bench.get(url);
        bench.erase(url, "T");
    }
    assert!(bench.files().is_empty());
}

#[test]
fn a_damaged_record_is_an_error_and_is_left_as_it_is() {
    let bench = Bench::new();
    bench.add(CONTOSO, None, "T");
    let path = bench.with(|wallet| wallet.records.path("azure-devops/contoso"));
    crate::files::write_private(&path, b"{").unwrap();
    let before = bench.files();
    assert!(bench.get(CONTOSO).starts_with("error: "));
    assert!(bench.store_given(CONTOSO, secret("new").into()).is_err());
    assert!(bench.with(|wallet| wallet.erase(&query(CONTOSO), Some(&secret("T")))).is_err());
    assert!(bench.files() == before);
}
