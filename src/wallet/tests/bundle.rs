//! A wallet as a whole that comes in: what it says beside its accounts is told, and it leads nowhere else.

use super::fixture::TestWallet;
use crate::records::Rule;
use crate::wallet::manage::bundle::{Bundle, NewSetting, collect, merge, new_settings};

const CONTOSO: &str = "https://dev.azure.com/contoso";

/// A bundle of a wallet with these two accounts of one organisation, changed by `change`.
fn bundle(change: impl FnOnce(&mut Bundle)) -> Bundle {
    let bench = TestWallet::new();
    bench.add(CONTOSO, Some("alice"), "A");
    bench.add(CONTOSO, Some("bob"), "B");
    let mut bundle = bench.with(|wallet| collect(wallet).unwrap());
    change(&mut bundle);
    bundle
}

#[test]
fn rules_and_plain_http_that_come_in_are_told_before_and_only_where_they_are_new() {
    let bundle = bundle(|bundle| {
        let rule = |path: &str, account: &str| Rule {
            path: vec![path.to_owned()],
            account: Some(account.to_owned()),
        };
        bundle.realms[0].rules = vec![rule("One", "bob"), rule("Two", "nobody")];
        bundle.realms[0].allow_http = true;
    });
    let expected = [
        NewSetting::Rule { url: format!("{CONTOSO}/One"), account: "bob".to_owned() },
        NewSetting::AllowHttp { url: CONTOSO.to_owned() },
    ];
    // Into an empty wallet, and into one that holds the very accounts.
    for held in [false, true] {
        let bench = TestWallet::new();
        if held {
            bench.add(CONTOSO, Some("alice"), "A");
            bench.add(CONTOSO, Some("bob"), "B");
        }
        bench.with(|wallet| {
            assert_eq!(new_settings(wallet, &bundle).unwrap(), expected, "{held}");
            merge(wallet, &bundle).unwrap();
            assert_eq!(new_settings(wallet, &bundle).unwrap(), [], "{held}");
        });
        let realm = &bench.group("azure-devops/contoso").realms[0];
        assert_eq!((realm.rules.len(), realm.allow_http), (1, true), "{held}");
    }
}

#[test]
fn a_realm_of_a_cloud_service_comes_in_with_the_services_own_url() {
    for url in ["https://evil.example", "https://dev.azure.com/fabrikam", "https://github.com"] {
        let bundle = bundle(|bundle| {
            bundle.realms[0].url = url.to_owned();
            bundle.realms[0].prefix = vec!["x".to_owned()];
        });
        let bench = TestWallet::new();
        bench.with(|wallet| merge(wallet, &bundle).unwrap());
        let realm = &bench.group("azure-devops/contoso").realms[0];
        assert_eq!((realm.url.as_str(), realm.prefix.len()), (CONTOSO, 0), "{url}");
    }
    // Another spelling of the same organisation is its own.
    let bundle = bundle(|bundle| bundle.realms[0].url = "https://contoso.visualstudio.com".to_owned());
    let bench = TestWallet::new();
    bench.with(|wallet| merge(wallet, &bundle).unwrap());
    assert_eq!(bench.group("azure-devops/contoso").realms[0].url, "https://contoso.visualstudio.com");
}

#[test]
fn a_rule_with_control_characters_is_of_no_wallet() {
    for (path, account) in [("a\u{1b}", "bob"), ("a", "b\nob")] {
        let bundle = bundle(|bundle| {
            let rule = Rule { path: vec![path.to_owned()], account: Some(account.to_owned()) };
            bundle.realms[0].rules.push(rule);
        });
        assert!(TestWallet::new().with(|wallet| merge(wallet, &bundle).is_err()));
    }
}
