//! `bench`: times whole processes against each other, alternating in one run, so that what else the machine does meets all
//! alike. `run.sh` writes the table that it reads, a row a line, with tabs between the cells:
//!
//! ```text
//! CASE  KIND  ROUNDS  NAME  BAR  STDIN  EXPECTED  NAME=VALUE …  PROGRAM  ARGUMENT …
//! ```
//!
//! The first of a case's rows is compared with each of the others, round by round: the median of the ratios says more than the
//! ratio of the medians. `ROUNDS` is `each`, or `some` for a slow row, which takes part in at least 40 of them, spread over all (in
//! each where there are fewer). `BAR` is the largest ratio that is wanted (of the first row: the most milliseconds), or `-`. In
//! `STDIN` and `EXPECTED`, `\n` is a line end and `{round}` the number of the round; `EXPECTED` is `-` where the answer goes
//! nowhere (as git has it for store) and no error may be told, `~TEXT` where the answer has to hold TEXT, and begins with `!`
//! where the program may fail. Between variables stands the control character U+001F. `KIND` is `once`, `burst` (200
//! processes at the same time) or the two moments of a NuGet plugin's life (nuget.rs). A wrong answer ends it all.
//!
//! `bench fill` makes a large wallet (fill.rs).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program of its own, for people"
)]

use std::io::Read;

mod fill;
mod nuget;
mod report;
mod row;

/// Rounds that are not counted: the first ones fill the caches.
const WARM_UP: usize = 20;

/// In how many of the rounds that count a slow row takes part at least, if there are as many: a median of fewer is chance.
const OF_SLOW: usize = 40;

const USAGE: &str = "usage: bench run ROUNDS PICTURE.svg <TABLE >TABLES.md | bench fill FOLDER COUNT";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", rounds, picture] => run(rounds.parse().expect(USAGE), picture),
        ["fill", folder, count] => fill::fill(folder.as_ref(), count.parse().expect(USAGE)),
        _ => panic!("{USAGE}"),
    }
}

fn run(rounds: usize, picture: &str) {
    let mut table = String::new();
    std::io::stdin().read_to_string(&mut table).unwrap();
    let mut cases: Vec<row::Case> = Vec::new();
    for row in table.lines().filter(|line| !line.is_empty()).map(row::Row::parse) {
        match cases.last_mut().filter(|case| case.name == row.case) {
            Some(case) => case.rows.push(row),
            None => cases.push(row::Case { name: row.case.clone(), rows: vec![row] }),
        }
    }
    let plan = row::Plan { warm_up: WARM_UP, every: (rounds / OF_SLOW).max(1) };
    for case in &mut cases {
        eprintln!("bench: {}", case.name);
        for round in 0..WARM_UP + rounds {
            case.round(round, plan);
        }
    }
    report::tables(&cases);
    std::fs::write(picture, report::picture(&cases)).unwrap();
}
