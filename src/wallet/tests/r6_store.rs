//! R6: store from a tool.

use super::fixture::{TestWallet, on, query, secret};
use crate::forge::bitbucket_data_center;
use crate::wallet::{NewCredential, Query, Stored, Wallet};

fn is_kept(stored: &Stored) -> bool {
    matches!(stored, Stored::Written { .. })
}

#[test]
fn an_identical_store_writes_nothing_and_asks_the_store_once() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T1");
    test.add("https://dev.azure.com/fabrikam", Some("alice"), "T2");
    test.store("https://bob@git.example", "T3");
    let before = test.files();
    for (url, token) in [
        ("https://contoso@dev.azure.com", "T1"),
        ("https://anyone@dev.azure.com/contoso/p/_git/r", "T1"),
        ("https://dev.azure.com/contoso", "T1"),
        ("https://alice@fabrikam.visualstudio.com", "T2"),
        ("https://VssSessionToken@pkgs.dev.azure.com/fabrikam", "T2"),
        ("https://bob@git.example", "T3"),
    ] {
        let (calls, held) = (test.memory.calls(), test.memory.len());
        assert_eq!(test.store(url, token), Stored::Unchanged, "{url}");
        assert_eq!((test.memory.calls() - calls, test.memory.len()), (1, held), "{url}");
    }
    assert!(test.files() == before);
}

#[test]
fn a_store_on_a_sign_in_page_proves_nothing_and_changes_nothing_of_what_is_known() {
    let test = TestWallet::new();
    test.add_as("https://dev.azure.com/contoso", "T", |wish| wish.expires = Some(1)).unwrap();
    let before = test.files();
    assert_eq!(test.store("https://contoso@dev.azure.com", "T"), Stored::Unchanged);
    assert!(test.files() == before);
}

#[test]
fn a_store_of_a_refused_token_clears_the_refusal() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T1");
    test.store("https://bob@git.example", "T2");
    test.erase("https://contoso@dev.azure.com", "T1");
    test.erase("https://bob@git.example", "T2");
    assert_eq!(test.get("https://git.example"), "Rejected");
    assert_eq!(test.store("https://contoso@dev.azure.com", "T1"), Stored::Cleared);
    assert_eq!(test.store("https://bob@git.example", "T2"), Stored::Cleared);
    assert_eq!(test.get("https://contoso@dev.azure.com"), "contoso:T1");
    assert_eq!(test.get("https://git.example"), "bob:T2");
    assert_eq!(test.store("https://bob@git.example", "T2"), Stored::Unchanged);
}

#[test]
fn a_different_token_for_the_same_account_sets_the_old_one_aside() {
    let test = TestWallet::new();
    test.store("https://bob@git.example", "old");
    test.store("https://bob@git.example", "new");
    assert_eq!(test.get("https://git.example"), "bob:new");
    assert_eq!(test.entries(), ["generic/https://git.example bob tool active 1"]);
    assert_eq!(test.memory.len(), 2, "never overwritten");
    test.restore("https://git.example", None).unwrap();
    assert_eq!(test.get("https://git.example"), "bob:old");
}

#[test]
fn a_new_token_from_a_tool_never_displaces_a_persons() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", Some("alice"), "person");
    assert!(is_kept(&test.store("https://alice@dev.azure.com/contoso", "tool")));
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "alice:person");
    assert_eq!(test.get("https://dev.azure.com/contoso"), "alice:person");
    assert_eq!(
        test.entries(),
        ["azure-devops/contoso alice person active 0", "azure-devops/contoso alice tool active 0"]
    );
}

#[test]
fn without_an_organisation_the_entry_is_found_by_host_and_token() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", Some("alice"), "T1");
    test.add("https://dev.azure.com/fabrikam", Some("alice"), "T2");
    let before = test.files();
    // git brings the account's name back, and no path.
    assert_eq!(test.store("https://alice@dev.azure.com", "T2"), Stored::Unchanged);
    assert_eq!(test.store("https://dev.azure.com", "T1"), Stored::Unchanged);
    let stored = test.store("https://alice@dev.azure.com", "unknown");
    assert_eq!(stored, Stored::NoOrganisation { host: "dev.azure.com".to_owned() });
    let stored = test.store("https://dev.azure.com", "unknown");
    assert_eq!(stored, Stored::NoOrganisation { host: "dev.azure.com".to_owned() });
    assert!(test.files() == before, "not stored");
}

#[test]
fn a_user_name_that_is_no_account_of_ours_is_the_organisation() {
    let test = TestWallet::new();
    assert!(is_kept(&test.store("https://contoso@dev.azure.com", "T")));
    assert_eq!(test.get("https://dev.azure.com/contoso/p/_git/r"), "contoso:T");
}

#[test]
fn only_the_first_choice_of_a_store_is_told() {
    let test = TestWallet::new();
    test.chosen_now.set(true);
    assert_eq!(
        test.store("https://a@git.example", "T"),
        Stored::Written { chosen: Some("memory".to_owned()) }
    );
    test.chosen_now.set(false);
    assert_eq!(test.store("https://b@git.example", "T"), Stored::Written { chosen: None });
}

#[test]
fn expiry_and_refresh_token_come_back_as_they_were_given() {
    let test = TestWallet::new();
    let given =
        |token: &str, expires| NewCredential { refresh: Some(secret("R")), expires, ..secret(token).into() };
    test.store_given("https://bob@git.example", given("T", Some(1_900_000_000))).unwrap();
    let answer = |test: &TestWallet| match test.found("https://git.example") {
        Ok(crate::wallet::Lookup::Found(answer)) => (answer.expires, answer.refresh.map(|r| r.len())),
        other => panic!("{other:?}"),
    };
    assert_eq!(answer(&test), (Some(1_900_000_000), Some(1)));
    // The same token with another end: only the end is written.
    let stored = test.store_given("https://bob@git.example", given("T", Some(1_900_000_001))).unwrap();
    assert_eq!((stored, test.memory.len()), (Stored::Cleared, 1));
    assert_eq!(answer(&test), (Some(1_900_000_001), Some(1)));
}

#[test]
fn a_store_that_fails_leaves_everything_as_it_was() {
    let test = TestWallet::new();
    test.store("https://bob@git.example", "T");
    let before = test.files();
    test.memory.set_locked(true);
    for (url, token) in
        [("https://bob@git.example", "T"), ("https://bob@git.example", "new"), ("https://a@b.example", "x")]
    {
        assert!(test.store_given(url, secret(token).into()).is_err(), "{url}");
    }
    test.memory.set_locked(false);
    assert!(test.files() == before);
    assert_eq!((test.memory.len(), test.get("https://git.example")), (1, "bob:T".to_owned()));
    let broken = test
        .with(|wallet| wallet.store(&Query { ..query("https://bob@git.example") }, secret("a\nb").into()));
    assert!(broken.is_err() && test.files() == before && test.memory.len() == 1);
}

#[test]
fn a_persons_token_is_recognised_in_whatever_dress_git_brings_it_back() {
    let test = TestWallet::new();
    let forge = &bitbucket_data_center::FORGE;
    test.add_as("https://srv.example", "T", on(forge, Some("alice"))).unwrap();
    let before = test.files();
    for (authtype, refresh) in [(Some("Bearer"), None), (None, Some("R")), (None, None)] {
        for user in ["alice@", "x-token-auth@", "", "contoso@"] {
            let new = NewCredential {
                token: secret("T"),
                refresh: refresh.map(secret),
                authtype: authtype.map(str::to_owned),
                expires: Some(1_900_000_000),
            };
            let url = format!("https://{user}srv.example");
            let stored = test.store_given(&url, new).unwrap();
            assert_eq!(stored, Stored::Unchanged, "{url} {authtype:?} {refresh:?}");
        }
    }
    assert!(test.files() == before);
}

#[test]
fn what_was_given_for_a_path_is_recognised_when_it_comes_back_with_the_path() {
    let test = TestWallet::new();
    test.store("https://bob@git.example", "T");
    let before = test.files();
    assert_eq!(test.get("https://bob@git.example/a"), "bob:T");
    assert_eq!(test.store("https://bob@git.example/a", "T"), Stored::Unchanged);
    assert!(test.files() == before);
    assert!(is_kept(&test.store("https://bob@git.example/a", "other")));
    // The path's own pair answers there now, so the host's token is no longer what we would give.
    assert!(is_kept(&test.store("https://bob@git.example/a", "T")));
    assert_eq!(test.get("https://bob@git.example/a"), "bob:T");
}

#[test]
fn an_account_that_is_called_like_another_organisation_does_not_put_its_token_there() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", Some("fabrikam"), "T1");
    test.add("https://dev.azure.com/fabrikam", None, "T2");
    let before = test.files();
    assert_eq!(test.store("https://fabrikam@dev.azure.com", "T1"), Stored::Unchanged);
    assert_eq!(test.store("https://fabrikam@dev.azure.com", "T2"), Stored::Unchanged);
    let stored = test.store("https://fabrikam@dev.azure.com", "T3");
    assert!(matches!(stored, Stored::NoOrganisation { .. }), "{stored:?}");
    assert!(test.files() == before);
    assert_eq!(test.get("https://fabrikam@dev.azure.com"), "fabrikam:T2");
    assert_eq!(test.erase("https://fabrikam@dev.azure.com", "T1"), 1);
    assert_eq!(test.get("https://dev.azure.com/contoso"), "Withheld");
    assert_eq!(test.get("https://dev.azure.com/fabrikam"), "fabrikam:T2");
}
