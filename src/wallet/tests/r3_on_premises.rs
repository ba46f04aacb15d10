//! R3: servers on premises.

use super::fixture::{TestWallet, on};
use crate::forge::{azure, generic, gitlab};
use crate::wallet::Stored;

#[test]
fn the_realm_is_the_origin_with_the_prefix_that_the_person_gave() {
    for (url, realm) in [
        ("https://srv.example/tfs/One/p/_git/r", "azure-devops-server/https://srv.example/tfs/one"),
        ("https://srv.example:8443/One/_git/r", "azure-devops-server/https://srv.example:8443/one"),
        ("https://srv.example/a/b/One", "azure-devops-server/https://srv.example/a/b/one"),
    ] {
        let test = TestWallet::new();
        let added = test.add_as(url, "T", on(&azure::server::FORGE, None)).unwrap();
        assert_eq!(added.realm, realm);
    }
}

#[test]
fn the_longest_stored_prefix_of_whole_segments_wins_and_its_case_folds() {
    let test = TestWallet::new();
    let server = &azure::server::FORGE;
    for (path, token) in [("tfs", "T0"), ("tfs/One", "T1"), ("tfs/One/deep", "T2"), ("tfs/Two", "T3")] {
        test.add_as(&format!("https://srv.example/{path}"), token, on(server, None)).unwrap();
    }
    for (path, expected) in [
        ("tfs/One/p/_git/r", "pat:T1"),
        ("TFS/ONE/p", "pat:T1"),
        ("tfs/one/DEEP/x", "pat:T2"),
        ("tfs/two", "pat:T3"),
        ("tfs/Three/p", "pat:T0"),
        ("tfs/Onemore", "pat:T0"),
        ("other/One", "NotOurs"),
    ] {
        assert_eq!(test.get(&format!("https://srv.example/{path}")), expected, "{path}");
    }
}

#[test]
fn a_request_without_a_path_is_answered_only_if_the_host_has_one_realm() {
    let test = TestWallet::new();
    test.add("https://srv.example/tfs/One", None, "T1");
    assert_eq!(test.get("https://srv.example"), "pat:T1");
    test.add("https://srv.example/tfs/Two", None, "T2");
    assert_eq!(test.get("https://srv.example"), "Ambiguous");
    assert_eq!(test.get("https://srv.example:8443"), "NotOurs");
}

#[test]
fn what_a_tool_stores_for_an_unknown_host_is_for_the_whole_host() {
    let test = TestWallet::new();
    test.store("https://bob@srv.example/tfs/One/p/_git/r", "T1");
    assert_eq!(test.entries(), ["azure-devops-server/https://srv.example bob tool active 0"]);
    assert_eq!(test.get("https://bob@srv.example/tfs/Two/x"), "bob:T1");
    assert_eq!(test.store("https://bob@srv.example/tfs/Two/p/_git/q", "T1"), Stored::Unchanged);
    test.store("https://alice@git.example/a/b", "T2");
    test.store("https://alice@git.example", "T2");
    let realms = test.group("https://git.example").realms;
    assert_eq!(realms.len(), 1, "never a realm per repository");
}

#[test]
fn a_generic_hosts_path_does_not_fold_case() {
    let test = TestWallet::new();
    test.add_as("https://git.example/Team", "T", on(&generic::FORGE, Some("alice"))).unwrap();
    assert_eq!(test.get("https://alice@git.example/Team/x"), "alice:T");
    assert_eq!(test.get("https://alice@git.example/team/x"), "NotOurs");
}

#[test]
fn a_tools_pair_for_the_host_as_a_whole_does_not_hide_a_persons_realm_of_the_same_reach() {
    let test = TestWallet::new();
    // Two realms of the host, so that a request without a path could be either; the tool's pair is then for the host.
    test.add_as("https://srv.example", "T1", on(&gitlab::FORGE, None)).unwrap();
    test.add_as("https://srv.example/tfs/One", "T2", on(&azure::server::FORGE, None)).unwrap();
    test.store("https://bob@srv.example", "T3");
    assert_eq!(test.get("https://srv.example/group/project"), "oauth2:T1");
    assert_eq!(test.get("https://srv.example/tfs/One/_git/r"), "pat:T2");
}
