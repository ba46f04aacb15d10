//! One row of the table: a program, what it is sent, what it has to answer, and the times it took.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::nuget::{self, Moment};

/// Processes of a burst.
const BURST: usize = 200;

/// Stands between the variables of a row's environment, for paths may have blanks.
const BETWEEN: char = '\u{1f}';

/// Threads that start them: a single one would be what is measured.
const STARTERS: usize = 8;

/// Rows that do the same work; the first is compared with the others.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
}

/// Which rounds count, and who takes part in them.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds before those that count.
    pub(crate) warm_up: usize,
    /// Slow rows take part in one of so many.
    pub(crate) every: usize,
}

impl Case {
    /// All rows once, in turns, and each time in another order.
    pub(crate) fn round(&mut self, round: usize, plan: Plan) {
        let counts = round >= plan.warm_up;
        // A slow one is warm after one turn.
        let slow_too = if counts { round.is_multiple_of(plan.every) } else { round == 0 };
        for at in order(self.rows.len(), round) {
            let row = &mut self.rows[at];
            if row.slow && !slow_too {
                continue;
            }
            let time = row.run(round);
            if counts {
                row.times.push((round, time.as_secs_f64() * 1000.0));
            }
        }
    }
}

/// By chance, but the same in each run. In turns that only begin elsewhere, one row would always come after the same other one; and
/// who comes after a slow one finds the processor's caches filled with that one's things.
fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|row| {
        let mut hasher = DefaultHasher::new();
        (round, row).hash(&mut hasher);
        hasher.finish()
    });
    order
}

/// What is measured of a process.
#[derive(Clone, Copy)]
enum Kind {
    Once,
    Burst,
    NuGet(Moment),
}

pub(crate) struct Row {
    pub(crate) case: String,
    kind: Kind,
    slow: bool,
    pub(crate) name: String,
    /// The largest ratio of the first row's time to this one's that is wanted; of the first row itself, milliseconds.
    pub(crate) bar: Option<f64>,
    stdin: String,
    expected: String,
    environment: Vec<(String, String)>,
    program: String,
    arguments: Vec<String>,
    /// Rounds, and milliseconds.
    pub(crate) times: Vec<(usize, f64)>,
}

impl Row {
    pub(crate) fn parse(line: &str) -> Row {
        let mut cells = line.split('\t').map(|cell| cell.replace("\\n", "\n"));
        let mut cell = || cells.next().unwrap_or_else(|| panic!("a row has nine cells: {line}"));
        let case = cell();
        let kind = match cell().as_str() {
            "once" => Kind::Once,
            "burst" => Kind::Burst,
            "nuget-handshake" => Kind::NuGet(Moment::Handshake),
            "nuget-answer" => Kind::NuGet(Moment::Answer),
            other => panic!("no kind of row: {other}"),
        };
        let slow = match cell().as_str() {
            "each" => false,
            "some" => true,
            other => panic!("no kind of rounds: {other}"),
        };
        let (name, bar, stdin, expected) = (cell(), cell().parse().ok(), cell(), cell());
        let pair = |variable: &str| {
            variable.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let environment = cell().split(BETWEEN).filter_map(pair).collect();
        let program = cell();
        let (arguments, times) = (cells.collect(), Vec::new());
        Row { case, kind, slow, name, bar, stdin, expected, environment, program, arguments, times }
    }

    fn run(&self, round: usize) -> Duration {
        match self.kind {
            Kind::Once => self.once(round),
            Kind::Burst => self.burst(round),
            Kind::NuGet(moment) => {
                let start = Instant::now();
                let child = self
                    .command(Stdio::piped())
                    .spawn()
                    .unwrap_or_else(|error| self.wrong(&error.to_string()));
                nuget::until(child, moment, &self.stdin, &self.expected, start)
                    .unwrap_or_else(|problem| self.wrong(&problem))
            }
        }
    }

    fn command(&self, stdout: Stdio) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        command
    }

    /// From before the start until after the end.
    fn once(&self, round: usize) -> Duration {
        let (start, mut child) = self.start(round, self.expected != "-");
        let mut stdout = String::new();
        if let Some(mut pipe) = child.stdout.take() {
            pipe.read_to_string(&mut stdout).unwrap();
        }
        let status = child.wait().unwrap();
        let time = start.elapsed();
        self.judge(round, status, &stdout, child.stderr.take());
        time
    }

    /// Ends it all if that was not the answer.
    fn judge(&self, round: usize, status: ExitStatus, stdout: &str, stderr: Option<ChildStderr>) {
        let expected = self.expected.replace("{round}", &round.to_string());
        let may_fail = expected.starts_with('!');
        let expected = expected.trim_start_matches('!');
        let mut said = String::new();
        stderr.unwrap().read_to_string(&mut said).unwrap();
        let right = match expected.strip_prefix('~') {
            Some(text) => stdout.contains(text),
            // A helper that could not store ends well all the same, for git's sake, and only says so.
            None if expected == "-" => !["error", "fatal"].iter().any(|word| said.contains(word)),
            None => stdout == expected,
        };
        if !right || !(status.success() || may_fail) {
            self.wrong(&format!("{status}, answered {stdout:?}\n{said}"));
        }
    }

    /// Many at the same time, as package managers do it. Each has its answer looked at: a program that gives up in a crowd is quick.
    fn burst(&self, round: usize) -> Duration {
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..STARTERS {
                scope.spawn(|| {
                    let children: Vec<Child> =
                        (0..BURST / STARTERS).map(|_| self.start(round, self.expected != "-").1).collect();
                    for mut child in children {
                        // Nothing reads its pipes meanwhile: they hold more than one answer and one line.
                        let status = child.wait().unwrap();
                        let mut stdout = String::new();
                        if let Some(mut pipe) = child.stdout.take() {
                            pipe.read_to_string(&mut stdout).unwrap();
                        }
                        self.judge(round, status, &stdout, child.stderr.take());
                    }
                });
            }
        });
        start.elapsed()
    }

    fn start(&self, round: usize, answers: bool) -> (Instant, Child) {
        let stdin = self.stdin.replace("{round}", &round.to_string());
        let mut command = self.command(if answers { Stdio::piped() } else { Stdio::null() });
        let start = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| self.wrong(&error.to_string()));
        // Short enough for the pipe; a program may end without reading it.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        (start, child)
    }

    fn wrong(&self, problem: &str) -> ! {
        eprintln!("bench: {} of {}: {problem}", self.case, self.name);
        std::process::exit(1);
    }
}
