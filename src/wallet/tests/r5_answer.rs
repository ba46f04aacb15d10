//! R5: the answer, as far as it is the wallet's. What goes onto the wire is tested in `tool::git`.

use super::fixture::{TestWallet, on, query, secret};
use crate::forge::{self, Presentation};
use crate::wallet::{Lookup, NewCredential, Query, Wallet};

#[test]
fn the_user_name_follows_the_forges_rule_and_is_never_empty() {
    for (url, account, token, asked, expected) in [
        ("https://dev.azure.com/contoso", None, "T", "", "contoso:T"),
        ("https://dev.azure.com/contoso", Some("alice"), "T", "", "alice:T"),
        ("https://dev.azure.com/contoso", None, "T", "any.one@", "any.one:T"),
        ("https://github.com", None, "T", "", "x-access-token:T"),
        ("https://github.com", None, "T", "@", "x-access-token:T"),
        ("https://gitlab.com", None, "T", "", "oauth2:T"),
        ("https://codeberg.org", None, "T", "me@", "me:T"),
        ("https://bitbucket.org", Some("alice"), "T", "", "alice:T"),
        ("https://bitbucket.org", Some("alice"), "ATCTT3x", "", "x-token-auth:ATCTT3x"),
        ("https://bitbucket.org", Some("alice"), "ATCTT3x", "alice@", "x-token-auth:ATCTT3x"),
        ("https://bitbucket.org", None, "ATATT3x", "", "x-bitbucket-api-token-auth:ATATT3x"),
        ("https://srv.example/tfs/One", None, "T", "", "pat:T"),
        ("https://srv.example/tfs/One", None, "T", "me@", "me:T"),
    ] {
        let test = TestWallet::new();
        test.add(url, account, token);
        let asked = url.replacen("://", &format!("://{asked}"), 1);
        assert_eq!(test.get(&asked), expected, "{asked}");
    }
}

#[test]
fn a_pair_that_a_tool_stored_with_an_empty_name_or_without_one_returns_as_it_was() {
    let test = TestWallet::new();
    test.store("https://@sso.example", "");
    assert_eq!(test.get("https://sso.example"), ":");
    test.store("https://none.example", "T");
    assert_eq!(test.get("https://none.example"), "(none):T");
    test.store("https://@srv.example/tfs/One/_git/r", "T");
    assert_eq!(test.get("https://srv.example/tfs/One/_git/r"), ":T", "also where a forge has a word for it");
}

#[test]
fn a_token_is_presented_as_its_forge_demands_and_a_tools_pair_as_it_is() {
    for (url, id, expected) in [
        ("https://dev.azure.com/contoso", "azure-devops", Presentation::Basic),
        ("https://github.com", "github", Presentation::Basic),
        ("https://srv.example/One", "azure-devops-server", Presentation::ForcedBasic),
        ("https://srv.example", "bitbucket-data-center", Presentation::Bearer),
        ("https://srv.example", "generic", Presentation::Plain),
    ] {
        let test = TestWallet::new();
        test.add_as(url, "T", on(forge::named(id).unwrap(), (id == "generic").then_some("alice"))).unwrap();
        let Ok(Lookup::Found(answer)) = test.found(url) else { panic!("{id}") };
        assert_eq!(answer.presentation, expected, "{id}");
    }
    let test = TestWallet::new();
    test.store("https://bob@srv.example/tfs/One/_git/r", "T");
    let Ok(Lookup::Found(answer)) = test.found("https://bob@srv.example/tfs/One/_git/r") else { panic!() };
    assert_eq!(answer.presentation, Presentation::Plain, "never forced");
}

#[test]
fn a_pair_of_authtype_and_credential_is_only_for_a_tool_that_takes_it() {
    let test = TestWallet::new();
    let new = NewCredential { authtype: Some("Bearer".to_owned()), ..secret("C").into() };
    test.store_given("https://git.example", new).unwrap();
    assert_eq!(test.get("https://git.example"), "NoAccount");
    let takes = Query { takes_authtype: true, ..query("https://git.example") };
    let Lookup::Found(answer) = test.with(|wallet| wallet.get(&takes)).unwrap() else { panic!() };
    assert_eq!((answer.authtype.as_deref(), answer.token.expose()), (Some("Bearer"), &b"C"[..]));
}

#[test]
fn a_restored_pair_keeps_being_the_kind_that_it_was() {
    let test = TestWallet::new();
    let new = NewCredential { authtype: Some("Bearer".to_owned()), ..secret("C").into() };
    test.store_given("https://bob@git.example", new).unwrap();
    test.store("https://bob@git.example", "T");
    assert_eq!(test.get("https://bob@git.example"), "bob:T");
    test.restore("https://git.example", Some("bob")).unwrap();
    assert_eq!(test.get("https://bob@git.example"), "NoAccount", "a Bearer pair again");
    test.restore("https://git.example", Some("bob")).unwrap();
    assert_eq!(test.get("https://bob@git.example"), "bob:T");
}

#[test]
fn a_name_with_a_control_character_never_gets_in() {
    let test = TestWallet::new();
    for name in ["a\nhost=evil", "a\rb", "a\0", "a\u{1b}[2J"] {
        let added = test.add_as("https://github.com", "T", |wish| wish.account = Some(name.to_owned()));
        assert!(added.is_err(), "{name:?}");
    }
    assert!(test.memory.is_empty());
}
