//! R7: why a token is not handed out is recorded and said, and what can never work again does not come back.

use super::fixture::{TestWallet, query};
use crate::error::{Error, RejectionReason};
use crate::forge::Need;
use crate::wallet::manage::edit::Restored;
use crate::wallet::{Lookup, Note, Query, Wallet, manage};

const CONTOSO: &str = "https://dev.azure.com/contoso";

/// A wallet whose account has a token that its service knows by a name.
fn known_as(id: &str) -> TestWallet {
    let test = TestWallet::new();
    add_known(&test, "T", id);
    test
}

fn add_known(test: &TestWallet, token: &str, id: &str) {
    test.add_as(CONTOSO, token, |request| {
        request.account = Some("alice".to_owned());
        request.issued = Some(manage::add::Issued { id: Some(id.to_owned()), expires: None });
    })
    .unwrap();
}

fn revoke(test: &TestWallet, id: &str) {
    assert!(test.with(|wallet| manage::rotate::reject(wallet, CONTOSO, id)).unwrap());
}

fn hint(test: &TestWallet, need: Need) -> String {
    let found = test.with(|wallet| wallet.get(&Query { need, ..query(CONTOSO) })).unwrap();
    let Lookup::None { reason, .. } = found else { panic!("{found:?}") };
    reason.line_for_git(CONTOSO).unwrap()
}

fn reason(test: &TestWallet) -> Option<RejectionReason> {
    test.with(manage::list).unwrap().0[0].reason
}

fn erase(test: &TestWallet, need: Need) -> Option<Note> {
    let query = Query { need, stderr_is_terminal: true, ..query(CONTOSO) };
    test.with(|wallet| wallet.erase(&query, Some(&super::fixture::secret("T")))).unwrap().note
}

#[test]
fn a_revoked_token_is_said_to_be_revoked_and_is_not_restored() {
    let test = known_as("id-1");
    revoke(&test, "id-1");
    let words = hint(&test, Need::Code);
    assert!(words.contains("was revoked with keyfob") && !words.contains("restore"), "{words}");
    assert_eq!(reason(&test), Some(RejectionReason::Revoked));
    let before = test.files();
    let error = test.restore(CONTOSO, Some("alice")).unwrap_err();
    assert!(matches!(error, Error::NotUsable { .. }), "{error}");
    assert!(error.to_string().contains("was revoked with keyfob"), "{error}");
    assert!(test.files() == before);
}

#[test]
fn a_revoked_token_that_is_set_aside_never_comes_back() {
    for revoked_first in [true, false] {
        let test = known_as("id-1");
        if revoked_first {
            revoke(&test, "id-1");
        }
        add_known(&test, "NEW", "id-2");
        if !revoked_first {
            revoke(&test, "id-1");
        }
        assert_eq!(test.get(CONTOSO), "alice:NEW");
        let error = test.restore(CONTOSO, Some("alice")).unwrap_err();
        assert!(error.to_string().contains("was revoked with keyfob"), "{error}");
        assert_eq!(test.get(CONTOSO), "alice:NEW");
    }
}

#[test]
fn behind_a_revoked_token_an_earlier_one_is_restored() {
    let test = known_as("id-1");
    add_known(&test, "NEW", "id-2");
    revoke(&test, "id-2");
    assert_eq!(test.restore(CONTOSO, Some("alice")).unwrap(), Restored::Swapped);
    assert_eq!(test.get(CONTOSO), "alice:T");
    // The revoked one lies behind it, and stays there.
    assert!(test.restore(CONTOSO, Some("alice")).is_err());
    assert_eq!(test.get(CONTOSO), "alice:T");
}

#[test]
fn a_token_that_has_certainly_expired_is_not_restored() {
    let test = TestWallet::new();
    test.add_as(CONTOSO, "T", |request| {
        let expires = Some(super::fixture::START + 100);
        request.issued = Some(manage::add::Issued { id: None, expires });
    })
    .unwrap();
    test.erase(CONTOSO, "T");
    test.wait(200);
    let error = test.restore(CONTOSO, None).unwrap_err();
    assert!(error.to_string().contains("has expired"), "{error}");
}

#[test]
fn a_logout_is_not_told_as_a_refusal() {
    let test = known_as("id-1");
    test.with(|wallet| wallet.logout(&Query { need: Need::Packages, ..query(CONTOSO) })).unwrap();
    let words = hint(&test, Need::Packages);
    assert!(words.contains("a tool logged out") && words.contains("keyfob restore"), "{words}");
    assert!(!words.contains("refused"), "{words}");
    assert_eq!(reason(&test), Some(RejectionReason::LoggedOut));
    assert_eq!(test.restore(CONTOSO, Some("alice")).unwrap(), Restored::Cleared);
    assert_eq!(reason(&test), None);
}

#[test]
fn a_refusal_is_told_at_once_and_once_in_a_minute() {
    let test = known_as("id-1");
    let first = erase(&test, Need::Code).unwrap().words();
    assert!(first.starts_with("dev.azure.com/contoso refused the token of account alice;"), "{first}");
    assert!(first.contains("keyfob check https://dev.azure.com/contoso --account alice"), "{first}");
    assert!(first.contains("keyfob rotate https://dev.azure.com/contoso --account alice"), "{first}");
    for (need, after) in [(Need::Code, 0), (Need::Packages, 5), (Need::Code, 30)] {
        test.wait(after);
        assert_eq!(erase(&test, need), None, "{after}");
    }
    test.wait(60);
    let second = erase(&test, Need::Code).unwrap().words();
    assert!(second.contains("so it is set aside"), "{second}");
    assert_eq!(erase(&test, Need::Code), None, "the next get says it");
}

#[test]
fn a_refusal_is_told_only_where_a_person_watches() {
    let test = known_as("id-1");
    let query = Query { stderr_is_terminal: false, ..query(CONTOSO) };
    let erased = test.with(|wallet| wallet.erase(&query, Some(&super::fixture::secret("T")))).unwrap();
    assert_eq!((erased.changed, erased.note), (1, None));
}
