//! What a person does, where another process does something at the same time.

use super::fixture::{TestWallet, secret};
use crate::error::Error;
use crate::remote::Remote;
use crate::wallet::manage::Selection;
use crate::wallet::manage::add::AddRequest;
use crate::wallet::manage::adopt::SecretCache;
use crate::wallet::{LocalWallet, manage};

const OLD: &str = "https://dev.azure.com/contoso";
const NEW: &str = "https://dev.azure.com/fabrikam";

fn wish(url: &str) -> AddRequest {
    let (remote, url_user) = Remote::from_url(url).unwrap();
    AddRequest::new(remote, url_user)
}

fn move_to_new(wallet: &LocalWallet<'_>, selection: &Selection) -> Result<usize, Error> {
    manage::move_accounts(wallet, selection, &manage::plan_move(wallet, selection, wish(NEW))?)
}

#[test]
fn a_move_leaves_alone_what_another_process_added_or_replaced_meanwhile() {
    let test = TestWallet::new();
    test.add(OLD, Some("alice"), "A");
    test.add(OLD, Some("bob"), "B");
    let selection = test.with(|wallet| manage::select(wallet, OLD, None).unwrap());
    test.add(OLD, Some("bob"), "B2");
    test.add(OLD, Some("carol"), "C");
    assert_eq!(test.with(|wallet| move_to_new(wallet, &selection)).unwrap(), 2);
    assert_eq!(test.get("https://alice@dev.azure.com/fabrikam"), "alice:A");
    assert_eq!(test.get("https://bob@dev.azure.com/fabrikam"), "bob:B");
    assert_eq!(test.get("https://bob@dev.azure.com/contoso"), "bob:B2");
    assert_eq!(test.get("https://carol@dev.azure.com/contoso"), "carol:C");
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "NoAccount");
    // Also what the replaced one set aside.
    test.restore(OLD, Some("bob")).unwrap();
    assert_eq!(test.get("https://bob@dev.azure.com/contoso"), "bob:B");
}

#[test]
fn the_account_that_answers_in_the_new_place_goes_on_answering_there() {
    let test = TestWallet::new();
    test.add(OLD, Some("alice"), "A");
    test.add(OLD, Some("bob"), "B");
    test.prefer(OLD, "alice");
    test.add(NEW, Some("fab"), "F");
    let selection = test.with(|wallet| manage::select(wallet, OLD, None).unwrap());
    assert_eq!(test.with(|wallet| move_to_new(wallet, &selection)).unwrap(), 2);
    assert_eq!(test.get(NEW), "fab:F");
    assert_eq!(test.get("https://alice@dev.azure.com/fabrikam"), "alice:A");
}

#[test]
fn one_account_moves_with_its_rules_and_the_others_stay_with_theirs() {
    let test = TestWallet::new();
    test.add(OLD, Some("alice"), "A");
    test.add(OLD, Some("bob"), "B");
    test.prefer(OLD, "alice");
    test.prefer(&format!("{OLD}/P"), "bob");
    test.prefer(&format!("{OLD}/Q"), "alice");
    let selection = test.with(|wallet| manage::select(wallet, OLD, Some("bob")).unwrap());
    assert_eq!(test.with(|wallet| move_to_new(wallet, &selection)).unwrap(), 1);
    assert_eq!(test.get("https://dev.azure.com/fabrikam/P/_git/R"), "bob:B");
    assert_eq!(test.get("https://bob@dev.azure.com/contoso/P/_git/R"), "NoAccount");
    assert_eq!(test.get("https://dev.azure.com/contoso/P/_git/R"), "alice:A");
    let rules = |url| test.with(|wallet| manage::select(wallet, url, None).unwrap().realm.rules.len());
    assert_eq!((rules(OLD), rules(NEW)), (1, 1));
}

#[test]
fn a_move_that_fails_leaves_no_copies_behind() {
    let test = TestWallet::new();
    test.add(OLD, Some("alice"), "A");
    test.add(OLD, Some("bob"), "B");
    test.add(NEW, Some("bob"), "other");
    let before = test.files();
    let selection = test.with(|wallet| manage::select(wallet, OLD, None).unwrap());
    assert!(test.with(|wallet| move_to_new(wallet, &selection)).is_err());
    assert!(test.files() == before);
    assert_eq!(test.memory.len(), 3);
}

/// Between the writing of the two records a crash leaves the account in both places.
#[test]
fn a_move_that_did_not_end_is_finished_by_the_next_one_and_another_token_is_never_taken_for_the_same() {
    let test = TestWallet::new();
    let two = |url, token: &str| {
        test.add(url, Some("alice"), "before");
        test.add(url, Some("alice"), token);
    };
    let again = || {
        let selection = test.with(|wallet| manage::select(wallet, OLD, None).unwrap());
        test.with(|wallet| move_to_new(wallet, &selection))
    };
    two(NEW, "A");
    two(OLD, "A");
    test.add(OLD, Some("carol"), "C");
    assert_eq!(again().unwrap(), 2);
    assert_eq!(test.get("https://alice@dev.azure.com/fabrikam"), "alice:A");
    assert_eq!(test.get("https://carol@dev.azure.com/fabrikam"), "carol:C");
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "NoAccount");
    assert_eq!(test.memory.len(), 3);
    // One that has more set aside is another one.
    test.add(OLD, Some("alice"), "elsewhere");
    two(OLD, "A");
    assert!(again().is_err());
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "alice:A");
    assert_eq!(test.memory.len(), 6);
}

#[test]
fn a_generic_host_wants_a_name_and_a_known_one_no_other_forge() {
    let test = TestWallet::new();
    let plan = |wish: AddRequest| test.with(|wallet| manage::plan(wallet, wish));
    let unnamed = plan(wish("https://git.example/team/app.git")).unwrap();
    assert!(unnamed.forge.is_generic() && unnamed.lacks_name().is_some());
    assert!(test.with(|wallet| manage::add(wallet, &unnamed, secret("T"))).is_err());
    let collection = plan(wish("https://git.example/team/app")).unwrap();
    assert_eq!((collection.forge.id, collection.guessed), ("azure-devops-server", true));
    let gitlab = crate::forge::named("gitlab");
    assert!(plan(AddRequest { forge: gitlab, ..wish("https://github.com") }).is_err());
    assert!(plan(AddRequest { forge: gitlab, ..wish("https://gitlab.com") }).is_ok());
}

#[test]
fn a_name_in_a_copied_url_is_an_account_unless_it_means_nothing_there() {
    let test = TestWallet::new();
    let named = |url: &str, account: Option<&str>| {
        let wish = AddRequest { account: account.map(str::to_owned), ..wish(url) };
        test.with(|wallet| manage::plan(wallet, wish)).unwrap().wish.account
    };
    assert_eq!(named("https://git@tfs.example/tfs/Main", None), None);
    assert_eq!(named("https://git@tfs.example/tfs/Main", Some("git")).as_deref(), Some("git"));
    assert_eq!(named("https://alice@tfs.example/tfs/Main", None).as_deref(), Some("alice"));
    assert_eq!(named("https://alice@tfs.example/tfs/Main", Some("bob")).as_deref(), Some("bob"));
    assert_eq!(named("https://contoso@dev.azure.com/contoso", None), None);
    assert_eq!(named("https://git@git.example", None).as_deref(), Some("git"));
}

#[test]
fn what_a_store_takes_and_does_not_give_back_is_not_taken_over_and_nothing_else_changes() {
    let test = TestWallet::new();
    test.add(OLD, Some("alice"), "A");
    for (account, place, token) in [("alice", OLD, "T"), ("bob", OLD, "U"), ("alice", NEW, "V")] {
        let take = || {
            test.with(|wallet| {
                let mut wish = wish(place);
                wish.account = Some(account.to_owned());
                manage::adopt::adopt(
                    wallet,
                    manage::plan(wallet, wish).unwrap(),
                    &secret(token),
                    &SecretCache::default(),
                )
            })
        };
        test.memory.set_forgetful(true);
        let error = take().unwrap_err();
        assert!(matches!(error, Error::Lost { .. }), "{account} {place}: {error}");
        assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "alice:A");
        // Once it keeps what it takes, the same works.
        test.memory.set_forgetful(false);
        take().unwrap();
    }
    assert_eq!(test.get("https://bob@dev.azure.com/contoso"), "bob:U");
    test.restore(OLD, Some("alice")).unwrap();
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "alice:T");
}
