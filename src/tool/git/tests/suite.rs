//! What git's own suite demands of a helper (reference: git's t0303), one test each; the suite itself is run against the
//! program elsewhere.

use super::{erase, get, run, silence, store};
use crate::wallet::tests::fixture::TestWallet;

const HOST: &str = "protocol=https\nhost=host.example\n";

fn with(pairs: &[(&str, &str)]) -> TestWallet {
    let bench = TestWallet::new();
    for (user, password) in pairs {
        store(&bench, &format!("{HOST}username={user}\npassword={password}\n"));
    }
    bench
}

fn of(bench: &TestWallet, user: &str) -> String {
    get(bench, &format!("{HOST}username={user}\n"))
}

#[test]
fn an_empty_wallet_says_nothing() {
    assert_eq!(run(&TestWallet::new(), "get", HOST), silence());
}

#[test]
fn a_stored_password_is_retrieved() {
    assert_eq!(get(&with(&[("u", "p")]), HOST), "username=u\npassword=p\n");
}

#[test]
fn protocol_and_host_have_to_match() {
    let bench = with(&[("u", "p")]);
    assert_eq!(run(&bench, "get", "protocol=http\nhost=host.example\n"), silence());
    assert_eq!(run(&bench, "get", "protocol=https\nhost=other.example\n"), silence());
}

#[test]
fn the_user_name_has_to_match() {
    assert_eq!(of(&with(&[("u", "p")]), "other"), "");
}

#[test]
fn the_path_has_to_match() {
    let bench = TestWallet::new();
    store(&bench, "protocol=http\nhost=path.example\npath=foo.git\nusername=u\npassword=p\n");
    assert_eq!(run(&bench, "get", "protocol=http\nhost=path.example\npath=bar.git\n"), silence());
    assert_eq!(get(&bench, "protocol=http\nhost=path.example\npath=foo.git\n"), "username=u\npassword=p\n");
}

#[test]
fn a_store_overwrites_and_what_was_before_does_not_come_back_after_an_erase() {
    let bench = with(&[("u", "p1"), ("u", "p2")]);
    assert_eq!(of(&bench, "u"), "username=u\npassword=p2\n");
    erase(&bench, &format!("{HOST}username=u\npassword=p2\n"));
    assert_eq!(of(&bench, "u"), "");
}

#[test]
fn a_host_is_forgotten_without_user_name_or_password() {
    let bench = with(&[("u", "p")]);
    erase(&bench, HOST);
    assert_eq!(run(&bench, "get", HOST), silence());
}

#[test]
fn several_users_are_kept_and_one_is_forgotten_without_the_other() {
    let bench = with(&[("u1", "p1"), ("u2", "p2")]);
    assert_eq!(of(&bench, "u1"), "username=u1\npassword=p1\n");
    assert_eq!(of(&bench, "u2"), "username=u2\npassword=p2\n");
    erase(&bench, &format!("{HOST}username=u1\n"));
    assert_eq!(of(&bench, "u1"), "");
    assert_eq!(of(&bench, "u2"), "username=u2\npassword=p2\n");
}

#[test]
fn an_erase_with_another_password_erases_nothing() {
    let bench = with(&[("u", "p1")]);
    erase(&bench, &format!("{HOST}username=u\npassword=p2\n"));
    assert_eq!(of(&bench, "u"), "username=u\npassword=p1\n");
}

#[test]
fn empty_user_name_and_password_come_back_empty() {
    assert_eq!(get(&with(&[("", "")]), HOST), "username=\npassword=\n");
}

#[test]
fn an_erase_of_the_host_erases_all_its_users() {
    let bench = with(&[("u1", "p"), ("u2", "p"), ("u3", "other")]);
    erase(&bench, HOST);
    assert_eq!(run(&bench, "get", HOST), silence());
    for user in ["u1", "u2", "u3"] {
        assert_eq!(of(&bench, user), "", "{user}");
    }
}

#[test]
fn a_long_header_does_not_become_a_line_of_its_own() {
    let bench = TestWallet::new();
    store(&bench, "protocol=https\nhost=victim.example\nusername=u\npassword=to-be-stolen\n");
    for length in [1_001, 1_002, 1_024, 4_073, 8_169, 65_513, 102_377] {
        let header = format!("wwwauth[]=basic realm={}host=victim.example", "a".repeat(length));
        let request = format!("protocol=https\nhost=badguy.example\n{header}\n");
        assert_eq!(run(&bench, "get", request), silence(), "{length}");
    }
}

#[test]
fn an_end_is_kept_returned_and_replaced() {
    let bench = TestWallet::new();
    let pair =
        |password: &str, end: &str| format!("username=u\npassword={password}\npassword_expiry_utc={end}\n");
    store(&bench, &format!("{HOST}{}", pair("p1", "9999999998")));
    assert_eq!(of(&bench, "u"), pair("p1", "9999999998"));
    store(&bench, &format!("{HOST}{}", pair("p2", "9999999999")));
    assert_eq!(of(&bench, "u"), pair("p2", "9999999999"));
    erase(&bench, &format!("{HOST}username=u\npassword=p2\n"));
    assert_eq!(of(&bench, "u"), "");
}

#[test]
fn a_refresh_token_is_kept_and_returned() {
    let bench = TestWallet::new();
    store(&bench, &format!("{HOST}username=u\npassword=p\noauth_refresh_token=xyzzy\n"));
    assert_eq!(of(&bench, "u"), "username=u\npassword=p\noauth_refresh_token=xyzzy\n");
}

#[test]
fn authtype_and_credential_are_kept_and_come_back_only_behind_the_capability() {
    let bench = TestWallet::new();
    store(&bench, &format!("capability[]=authtype\nauthtype=Bearer\ncredential=c1\n{HOST}"));
    let request = format!("capability[]=authtype\n{HOST}");
    assert_eq!(get(&bench, &request), "capability[]=authtype\nauthtype=Bearer\ncredential=c1\n");
    assert_eq!(run(&bench, "get", HOST), silence());
    store(&bench, &format!("capability[]=authtype\nauthtype=Bearer\ncredential=c2\n{HOST}username=u\n"));
    assert_eq!(
        get(&bench, &format!("{request}username=u\n")),
        "capability[]=authtype\nauthtype=Bearer\ncredential=c2\nusername=u\n"
    );
    assert_eq!(run(&bench, "get", format!("{request}username=other\n")), silence());
}

#[test]
fn what_is_ephemeral_is_not_kept_in_either_dress() {
    let bench = TestWallet::new();
    store(&bench, &format!("capability[]=authtype\nauthtype=Bearer\ncredential=c\n{HOST}ephemeral=1\n"));
    store(&bench, &format!("capability[]=authtype\n{HOST}user=u\npassword=p\nephemeral=1\n"));
    assert_eq!(run(&bench, "get", format!("capability[]=authtype\n{HOST}")), silence());
}
