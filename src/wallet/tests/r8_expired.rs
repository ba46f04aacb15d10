//! R8: expired.

use super::fixture::{START, TestWallet, query, secret};
use crate::wallet::{DAY, Lookup, NewCredential, Note, Query, Wallet};

const HOST: &str = "https://git.example";
const CONTOSO: &str = "https://dev.azure.com/contoso";

fn with_hard_end(at: i64) -> TestWallet {
    let test = TestWallet::new();
    let given = NewCredential { expires: Some(at), ..secret("T").into() };
    test.store_given("https://bob@git.example", given).unwrap();
    test
}

fn with_soft_end(at: i64) -> TestWallet {
    let test = TestWallet::new();
    test.add_as(CONTOSO, "T", |wish| wish.expires = Some(at)).unwrap();
    test
}

fn note(test: &TestWallet) -> Option<Note> {
    let watched = Query { stderr_is_terminal: true, ..query(CONTOSO) };
    match test.with(|wallet| wallet.get(&watched)).unwrap() {
        Lookup::Found(answer) => answer.note,
        Lookup::None { reason, .. } => panic!("{reason:?}"),
    }
}

#[test]
fn past_a_hard_date_the_token_is_not_handed_out_and_the_store_is_not_asked() {
    let test = with_hard_end(START + 100);
    test.wait(99);
    assert_eq!(test.get(HOST), "bob:T");
    test.wait(1);
    let calls = test.memory.calls();
    assert_eq!(test.get(HOST), "Expired");
    assert_eq!(test.memory.calls(), calls);
    assert_eq!(test.memory.len(), 1, "nor destroyed");
}

#[test]
fn a_new_token_ends_the_expiry_of_the_old_one() {
    let test = with_hard_end(START + 100);
    test.wait(200);
    test.store("https://bob@git.example", "new");
    assert_eq!(test.get(HOST), "bob:new");
}

#[test]
fn a_soft_date_is_a_hint_only_and_no_date_goes_out() {
    let test = with_soft_end(START + 100);
    test.wait(200);
    let Ok(Lookup::Found(answer)) = test.found(CONTOSO) else { panic!() };
    assert_eq!((answer.expires, answer.note), (None, None), "and no hint where nobody watches");
    assert!(matches!(note(&test), Some(Note::Ending { days: -1, .. })));
}

#[test]
fn a_clock_earlier_than_the_record_makes_every_date_soft() {
    let test = with_hard_end(START + 100);
    test.wait(-1);
    let Ok(Lookup::Found(answer)) = test.found(HOST) else { panic!() };
    assert_eq!(answer.expires, None);
    let test = with_hard_end(START - 100);
    assert_eq!(test.get(HOST), "Expired");
    test.wait(-200);
    assert_eq!(test.get(HOST), "bob:T");
}

#[test]
fn the_hint_comes_once_at_14_7_and_1_days_and_every_day_after_the_end() {
    // As `--expires DAY` has it: the last second of that day.
    let test = with_soft_end((START.div_euclid(DAY) + 20) * DAY + DAY - 1);
    let mut heard = Vec::new();
    for _ in 0..24 {
        if let Some(Note::Ending { days, .. }) = note(&test) {
            heard.push(days);
        }
        assert_eq!(note(&test), None, "once a day at the most");
        test.wait(DAY);
    }
    assert_eq!(heard, [14, 7, 1, -1, -2, -3]);
}

#[test]
fn a_hint_that_nobody_was_there_for_comes_with_the_first_use_after_its_day() {
    // Days before the end on which git was used, and those of them on which it spoke.
    for (used, expected) in [
        (&[15, 12, 11, 9, 5, 3, 0, 0][..], &[12, 5, 0][..]),
        (&[20, 6, 5, 4, 3, 2], &[6]),
        (&[14, 13, 8, 7, 6, 2, 1, 0], &[14, 7, 1]),
        (&[0], &[0]),
        (&[30, 15], &[]),
    ] {
        let end = (START.div_euclid(DAY) + 40) * DAY + DAY / 2;
        let test = with_soft_end(end);
        let mut heard = Vec::new();
        for &days in used {
            test.now.set(end - days * DAY);
            heard.extend(note(&test).map(|_| days));
        }
        assert_eq!(heard, expected, "{used:?}");
    }
}

#[test]
fn a_new_end_begins_the_hints_anew() {
    let test = with_soft_end(START + 3 * DAY);
    assert!(note(&test).is_some());
    test.wait(DAY / 4);
    test.add_as(CONTOSO, "T", |wish| wish.expires = Some(START + 30 * DAY)).unwrap();
    assert_eq!(note(&test), None);
    test.wait(17 * DAY);
    assert!(matches!(note(&test), Some(Note::Ending { days: 12, .. })));
}

#[test]
fn a_get_that_nobody_watches_writes_nothing() {
    let test = with_soft_end(START + DAY);
    let before = test.files();
    assert_eq!(test.get(CONTOSO), "contoso:T");
    assert!(test.files() == before);
}
