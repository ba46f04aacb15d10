//! R8: expired.

use super::fixture::{Bench, START, query, secret};
use crate::wallet::{DAY, Lookup, NewCredential, Note, Query, Wallet};

const HOST: &str = "https://git.example";
const CONTOSO: &str = "https://dev.azure.com/contoso";

fn with_hard_end(at: i64) -> Bench {
    let bench = Bench::new();
    let given = NewCredential { expires: Some(at), ..secret("T").into() };
    bench.store_given("https://bob@git.example", given).unwrap();
    bench
}

fn with_soft_end(at: i64) -> Bench {
    let bench = Bench::new();
    bench.add_as(CONTOSO, "T", |wish| wish.expires = Some(at)).unwrap();
    bench
}

fn note(bench: &Bench) -> Option<Note> {
    let watched = Query { stderr_is_terminal: true, ..query(CONTOSO) };
    match bench.with(|wallet| wallet.get(&watched)).unwrap() {
        Lookup::Found(answer) => answer.note,
        Lookup::None { reason, .. } => panic!("{reason:?}"),
    }
}

#[test]
fn past_a_hard_date_the_token_is_not_handed_out_and_the_store_is_not_asked() {
    let bench = with_hard_end(START + 100);
    bench.wait(99);
    assert_eq!(bench.get(HOST), "bob:T");
    bench.wait(1);
    let calls = bench.memory.calls();
    assert_eq!(bench.get(HOST), "Expired");
    assert_eq!(bench.memory.calls(), calls);
    assert_eq!(bench.memory.len(), 1, "nor destroyed");
}

#[test]
fn a_new_token_ends_the_expiry_of_the_old_one() {
    let bench = with_hard_end(START + 100);
    bench.wait(200);
    bench.store("https://bob@git.example", "new");
    assert_eq!(bench.get(HOST), "bob:new");
}

#[test]
fn a_soft_date_is_a_hint_only_and_no_date_goes_out() {
    let bench = with_soft_end(START + 100);
    bench.wait(200);
    let Ok(Lookup::Found(answer)) = bench.found(CONTOSO) else { panic!() };
    assert_eq!((answer.expires, answer.note), (None, None), "and no hint where nobody watches");
    assert!(matches!(note(&bench), Some(Note::Ending { days: -1, .. })));
}

#[test]
fn a_clock_earlier_than_the_record_makes_every_date_soft() {
    let bench = with_hard_end(START + 100);
    bench.wait(-1);
    let Ok(Lookup::Found(answer)) = bench.found(HOST) else { panic!() };
    assert_eq!(answer.expires, None);
    let bench = with_hard_end(START - 100);
    assert_eq!(bench.get(HOST), "Expired");
    bench.wait(-200);
    assert_eq!(bench.get(HOST), "bob:T");
}

#[test]
fn the_hint_comes_once_at_14_7_and_1_days_and_every_day_after_the_end() {
    // As `--expires DAY` has it: the last second of that day.
    let bench = with_soft_end((START.div_euclid(DAY) + 20) * DAY + DAY - 1);
    let mut heard = Vec::new();
    for _ in 0..24 {
        if let Some(Note::Ending { days, .. }) = note(&bench) {
            heard.push(days);
        }
        assert_eq!(note(&bench), None, "once a day at the most");
        bench.wait(DAY);
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
        let bench = with_soft_end(end);
        let mut heard = Vec::new();
        for &days in used {
            bench.now.set(end - days * DAY);
            heard.extend(note(&bench).map(|_| days));
        }
        assert_eq!(heard, expected, "{used:?}");
    }
}

#[test]
fn a_new_end_begins_the_hints_anew() {
    let bench = with_soft_end(START + 3 * DAY);
    assert!(note(&bench).is_some());
    bench.wait(DAY / 4);
    bench.add_as(CONTOSO, "T", |wish| wish.expires = Some(START + 30 * DAY)).unwrap();
    assert_eq!(note(&bench), None);
    bench.wait(17 * DAY);
    assert!(matches!(note(&bench), Some(Note::Ending { days: 12, .. })));
}

#[test]
fn a_get_that_nobody_watches_writes_nothing() {
    let bench = with_soft_end(START + DAY);
    let before = bench.files();
    assert_eq!(bench.get(CONTOSO), "contoso:T");
    assert!(bench.files() == before);
}
