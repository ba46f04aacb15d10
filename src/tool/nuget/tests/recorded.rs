//! What the .NET SDK 10.0.401 said over the pipe (tests/recorded/nuget-sdk10), said again: keyfob answers as it did then, and what it
//! says to people is new.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::super::lookup::ask;
use super::super::session::{Effect, Session};
use crate::wallet::tests::fixture::TestWallet;

/// The place of the recordings.
const FEED: &str = "http://feed.example:8080/contoso";

fn recordings() -> Vec<(String, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/nuget-sdk10");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), lines)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// The lines of one side.
fn of<'r>(recording: &'r [Value], who: &str) -> Vec<&'r str> {
    recording.iter().filter(|line| line["from"] == who).filter_map(|line| line["line"].as_str()).collect()
}

/// Says what NuGet said; what keyfob says, in the order in which it does.
fn replay(recording: &[Value], bench: &TestWallet) -> Vec<Value> {
    let now = Instant::now();
    let mut session = Session::new(|_| true);
    let mut said = Vec::new();
    let mut waiting = session.begin();
    for line in of(recording, "nuget") {
        let line: Value = serde_json::from_str(line).unwrap();
        // Answers to messages for people come by themselves, below.
        if line["Method"] != "Log" {
            waiting.extend(session.on_line(line.to_string().as_bytes(), &[], now));
        }
        while !waiting.is_empty() {
            match waiting.remove(0) {
                Effect::Send(bytes) => {
                    let sent: Value = serde_json::from_slice(&bytes).unwrap();
                    if sent["Method"] == "Log" {
                        let id = &sent["RequestId"];
                        let taken =
                            format!("{{\"RequestId\":{id},\"Type\":\"Response\",\"Method\":\"Log\"}}");
                        waiting.extend(session.on_line(taken.as_bytes(), &[], now));
                    }
                    said.push(sent);
                }
                Effect::Ask(question) => {
                    let reply = bench.with(|wallet| ask(&question, false, wallet));
                    waiting.extend(session.reply(&question, &reply, now));
                }
                Effect::End | Effect::Exit => {}
            }
        }
    }
    said
}

#[test]
fn the_sdks_conversations_go_as_they_went() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 7);
    for (name, recording) in recordings {
        let bench = TestWallet::new();
        if name != "restore-nothing-held" {
            let added = bench.add_as(FEED, "TOKEN", |wish| {
                wish.forge = Some(&crate::forge::azure::server::FORGE);
                wish.allow_http = true;
            });
            added.unwrap();
        }
        let said = replay(&recording, &bench);
        let is_log = |line: &Value| line["Method"] == "Log";
        // The greetings of both sides may cross.
        let by_id = |lines: Vec<Value>| {
            let mut answers: Vec<Value> = lines.into_iter().filter(|line| !is_log(line)).collect();
            answers[..2].sort_by_key(|line| line["Type"].to_string());
            answers
        };
        let then = of(&recording, "keyfob").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(by_id(said.clone()), by_id(then), "{name}");
        let messages = said.iter().filter(|line| is_log(line));
        let words: Vec<&str> = messages.map(|line| line["Payload"]["Message"].as_str().unwrap()).collect();
        if name == "restore-refused" {
            let expected = "keyfob: the feed, or a host that it sends NuGet to, refuses the token";
            assert!(words.len() == 1 && words[0].starts_with(expected), "{words:?}");
        } else {
            assert!(words.is_empty(), "{name}: {words:?}");
        }
    }
}
