//! R8: expired.

use super::bench::{Bench, START, query, secret};
use crate::store::payload::Payload;
use crate::wallet::{DAY, Found, Given, Note, Query, Wallet};

const HOST: &str = "https://git.example";
const CONTOSO: &str = "https://dev.azure.com/contoso";

fn with_hard_end(at: i64) -> Bench {
    let bench = Bench::new();
    let given = Given { payload: Payload::plain(secret("T")), expires: Some(at) };
    bench.store_given("https://bob@git.example", given).unwrap();
    bench
}

fn with_soft_end(at: i64) -> Bench {
    let bench = Bench::new();
    bench.add_as(CONTOSO, "T", |wish| wish.expires = Some(at)).unwrap();
    bench
}

fn note(bench: &Bench) -> Option<Note> {
    let watched = Query { person_watches: true, ..query(CONTOSO) };
    match bench.with(|wallet| wallet.get(&watched)).unwrap() {
        Found::Answer(answer) => answer.note,
        Found::Miss { miss, .. } => panic!("{miss:?}"),
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
    let Ok(Found::Answer(answer)) = bench.found(CONTOSO) else { panic!() };
    assert_eq!((answer.expires, answer.note), (None, None), "and no hint where nobody watches");
    assert!(matches!(note(&bench), Some(Note::Ending { days: -1, .. })));
}

#[test]
fn a_clock_earlier_than_the_record_makes_every_date_soft() {
    let bench = with_hard_end(START + 100);
    bench.wait(-1);
    let Ok(Found::Answer(answer)) = bench.found(HOST) else { panic!() };
    assert_eq!(answer.expires, None);
    let bench = with_hard_end(START - 100);
    assert_eq!(bench.get(HOST), "Expired");
    bench.wait(-200);
    assert_eq!(bench.get(HOST), "bob:T");
}

#[test]
fn in_the_last_fourteen_days_there_is_one_hint_a_day() {
    let bench = with_soft_end(START + 20 * DAY);
    assert_eq!(note(&bench), None);
    bench.wait(6 * DAY + 1);
    assert!(matches!(note(&bench), Some(Note::Ending { days: 13, .. })));
    assert_eq!(note(&bench), None, "only one");
    bench.wait(DAY);
    assert!(note(&bench).is_some());
    bench.wait(12 * DAY);
    assert!(matches!(note(&bench), Some(Note::Ending { days: 0, .. })));
}

#[test]
fn a_get_that_nobody_watches_writes_nothing() {
    let bench = with_soft_end(START + DAY);
    let before = bench.files();
    assert_eq!(bench.get(CONTOSO), "contoso:T");
    assert!(bench.files() == before);
}
