//! Conversations with tools, as files: `tests/transcripts/TOOL/*.txt`, whose names are the sentences that they show. Played
//! against the program, each in a home of its own. Lines begin with
//!
//! ```text
//! #   a remark
//! $   a command, in words without quotes; also `export NAME=VALUE`, `later 61` (seconds pass), `write FILE TEXT`
//! >   what it is sent, a line each
//! <   what it must answer, all of it, a line each
//! !   what it must say on stderr, all of it; `…` at the end stands for any rest
//! ?   the exit code, when it is not 0
//! ```
//!
//! In `>` lines, `\r`, `\0`, `\xNN` and `\\` are what they look like, `\c` at the end leaves the line open, and `{x*1000}` is a
//! thousand of `x`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scene::Scene;

/// A command and what belongs to it.
#[derive(Default)]
struct Turn {
    line: usize,
    command: String,
    sent: Vec<u8>,
    answer: String,
    said: Vec<String>,
    code: i32,
}

#[test]
fn every_transcript_of_git() {
    play_all("git", 30);
}

#[test]
fn every_transcript_of_docker() {
    play_all("docker", 4);
}

#[test]
fn every_transcript_of_the_keyring_command() {
    play_all("keyring", 8);
}

#[test]
fn every_transcript_of_cargo() {
    play_all("cargo", 4);
}

#[test]
fn every_transcript_of_nuget() {
    play_all("nuget", 8);
}

#[test]
fn every_transcript_of_the_tools_that_only_get() {
    play_all("pnpm", 3);
    play_all("go", 3);
    play_all("bazel", 3);
}

#[test]
fn every_transcript_of_terraform() {
    play_all("terraform", 3);
}

/// Plays all of a tool's, and names each that fails.
fn play_all(tool: &str, at_least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(tool);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= at_least, "{} in {}", files.len(), folder.display());
    let mut failures = String::new();
    for file in &files {
        for failure in play(&turns(&fs::read_to_string(file).unwrap())) {
            writeln!(failures, "{}:{failure}", file.file_name().unwrap().to_string_lossy()).unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn turns(text: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (sign, rest) = line.split_at_checked(1).unwrap_or((line, ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if sign == "$" {
            turns.push(Turn { line: at + 1, command: rest.to_owned(), ..Turn::default() });
            continue;
        }
        if matches!(sign, "" | "#") {
            continue;
        }
        let turn = turns.last_mut().unwrap_or_else(|| panic!("line {}: no command yet", at + 1));
        match sign {
            ">" => turn.sent.extend(bytes(rest)),
            "<" => turn.answer.extend([rest, "\n"]),
            "!" => turn.said.push(rest.to_owned()),
            "?" => turn.code = rest.parse().unwrap(),
            _ => panic!("line {}: begins with none of # $ > < ! ?", at + 1),
        }
    }
    turns
}

/// The bytes of a line that is sent.
fn bytes(text: &str) -> Vec<u8> {
    let (text, end) = text.strip_suffix(r"\c").map_or((text, "\n"), |text| (text, ""));
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let (bytes, tail) =
            escape(rest).unwrap_or_else(|| (first.to_string().into_bytes(), &rest[first.len_utf8()..]));
        out.extend(bytes);
        rest = tail;
    }
    out.extend(end.as_bytes());
    out
}

/// The bytes of an escape at the beginning, and what follows it.
fn escape(text: &str) -> Option<(Vec<u8>, &str)> {
    if let Some((inner, tail)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let (what, times) = inner.rsplit_once('*')?;
        return Some((what.repeat(times.parse().ok()?).into_bytes(), tail));
    }
    let rest = text.strip_prefix('\\')?;
    let (byte, length) = match rest.as_bytes().first() {
        Some(b'r') => (b'\r', 1),
        Some(b'0') => (0, 1),
        Some(b'\\') => (b'\\', 1),
        Some(b'x') => (u8::from_str_radix(&rest[1..3], 16).unwrap(), 3),
        _ => panic!("no escape that is known: {text}"),
    };
    Some((vec![byte], &rest[length..]))
}

/// What was not as it is written.
fn play(turns: &[Turn]) -> Vec<String> {
    let mut scene = Scene::new();
    let mut failures = Vec::new();
    for turn in turns {
        let mut words = turn.command.split(' ');
        let program = words.next().unwrap();
        match program {
            "export" => {
                let (name, value) = words.next().unwrap().split_once('=').unwrap();
                scene.set(name, value);
                continue;
            }
            "later" => {
                scene.let_time_pass(words.next().unwrap().parse().unwrap());
                continue;
            }
            "write" => {
                let file = words.next().unwrap();
                scene.private_folder(scene.home().join(file).parent().unwrap());
                scene.append(file, &format!("{}\n", words.collect::<Vec<_>>().join(" ")));
                continue;
            }
            _ => {}
        }
        let output = scene.program(program).args(words).stdin(&turn.sent).run();
        let said: Vec<&str> = output.stderr().lines().collect();
        let as_written = |(said, written): (&&str, &String)| match written.strip_suffix('…') {
            Some(beginning) => said.starts_with(beginning),
            None => said == written,
        };
        let fits = said.len() == turn.said.len() && said.iter().zip(&turn.said).all(as_written);
        if output.bytes() != turn.answer.as_bytes() || !fits || output.code() != turn.code {
            failures.push(format!("{}: expected `{}`, {:?}\n{output}", turn.line, turn.answer, turn.said));
        }
    }
    failures
}
