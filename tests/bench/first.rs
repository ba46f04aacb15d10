//! `bench-first`: times whole processes against each other, alternating in one run, so that what else the machine does meets all
//! alike. `first.sh` writes the table that it reads:
//!
//! ```text
//! CASE <tab> NAME <tab> STDIN <tab> EXPECTED STDOUT <tab> NAME=VALUE … <tab> PROGRAM <tab> ARGUMENT …
//! ```
//!
//! with `\n` for line ends, and `-` where the answer goes nowhere, as git has it for store. The first of a case's rows is compared with each of the others, round by round: the median of the
//! ratios says more than the ratio of the medians. A wrong answer ends it all.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program of its own, for people"
)]

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds that are not counted: the first ones fill the caches.
const WARM_UP: usize = 20;

struct Row {
    case: String,
    name: String,
    stdin: String,
    expected: String,
    environment: Vec<(String, String)>,
    program: String,
    arguments: Vec<String>,
    times: Vec<Duration>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: bench-first ROUNDS <TABLE";
    let rounds: usize = arguments.next().expect(usage).parse().expect(usage);
    let mut table = String::new();
    std::io::stdin().read_to_string(&mut table).unwrap();
    let mut rows: Vec<Row> = table.lines().filter(|line| !line.is_empty()).map(Row::parse).collect();

    for round in 0..WARM_UP + rounds {
        // In turns, and each time another one first.
        let count = rows.len();
        for at in 0..count {
            let row = &mut rows[(at + round) % count];
            let time = row.run();
            if round >= WARM_UP {
                row.times.push(time);
            }
        }
    }

    let mut cases: Vec<&str> = rows.iter().map(|row| row.case.as_str()).collect();
    cases.dedup();
    println!("{rounds} rounds; medians in milliseconds, and how often the peer's time");
    for case in cases {
        let mut of_case = rows.iter().filter(|row| row.case == case);
        let ours = of_case.next().unwrap();
        println!("{case:<34} {:<28} {:>8.3}", ours.name, median(millis(ours)));
        for peer in of_case {
            let ratios = ours.times.iter().zip(&peer.times).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64());
            println!("{:<34} {:<28} {:>8.3}   x {:.2}", "", peer.name, median(millis(peer)), median(ratios));
        }
    }
}

impl Row {
    fn parse(line: &str) -> Row {
        let mut cells = line.split('\t').map(|cell| cell.replace("\\n", "\n"));
        let mut cell = || cells.next().expect("a row has at least six cells");
        let (case, name, stdin, expected) = (cell(), cell(), cell(), cell());
        let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = cell().split(' ').filter_map(pair).collect();
        let program = cell();
        let arguments = cells.collect();
        Row { case, name, stdin, expected, environment, program, arguments, times: Vec::new() }
    }

    fn run(&self) -> Duration {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        let answers = self.expected != "-";
        let stdout = if answers { Stdio::piped() } else { Stdio::null() };
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program));
        // Short enough for the pipe; a program may end without reading it.
        let _ = child.stdin.take().unwrap().write_all(self.stdin.as_bytes());
        let mut stdout = String::new();
        if let Some(mut pipe) = child.stdout.take() {
            pipe.read_to_string(&mut stdout).unwrap();
        }
        let status = child.wait().unwrap();
        let time = start.elapsed();
        if (answers && stdout != self.expected) || !status.success() {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            eprintln!("bench-first: {} of {}: {status}, answered {stdout:?}\n{stderr}", self.case, self.name);
            std::process::exit(1);
        }
        time
    }
}

fn millis(row: &Row) -> impl Iterator<Item = f64> + '_ {
    row.times.iter().map(|time| time.as_secs_f64() * 1000.0)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
