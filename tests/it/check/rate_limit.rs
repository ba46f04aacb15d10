//! Services that want to be left alone (`Retry-After`, `X-RateLimit-*`): they are, for as long as they say, within a bound, and the
//! person is told.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::*;

const DATE: &str = "Sun, 22 Nov 2026 09:00:00 GMT";
const LATER: &str = "Sun, 22 Nov 2026 09:10:00 GMT";
/// The same in Unix seconds.
const LATER_SECONDS: &str = "1795338600";

fn with(status: u16, headers: &[(&str, &str)]) -> Response {
    headers.iter().fold(Response::new(status), |response, (name, value)| response.header(name, *value))
}

#[test]
fn for_how_long_is_told_however_it_is_said() {
    let busy = "has had too many requests";
    for (status, headers, words) in [
        (429, &[("Retry-After", "7")][..], "has had too many requests and wants to be left alone for 7 s"),
        (429, &[("Retry-After", " 0 ")], "wants to be left alone for 0 s"),
        (429, &[("Retry-After", LATER), ("Date", DATE)], "wants to be left alone for 600 s"),
        (429, &[("Retry-After", "31536000")], "wants to be left alone for 86400 s"),
        (429, &[("Retry-After", "999999999999999999999999")], "wants to be left alone for 86400 s"),
        (429, &[("Retry-After", "Sun, 22 Nov 2099 09:00:00 GMT")], "wants to be left alone for 86400 s"),
        (429, &[("Retry-After", "-5")], busy),
        (429, &[("Retry-After", "1.5")], "left alone for 2 s"),
        (429, &[("Retry-After", "soon")], busy),
        (429, &[("Retry-After", DATE), ("Date", LATER)], busy),
        (429, &[], busy),
        (429, &[("X-RateLimit-Reset", LATER_SECONDS), ("Date", DATE)], "left alone for 600 s"),
        (429, &[("RateLimit-Reset", LATER_SECONDS), ("Date", DATE)], "left alone for 600 s"),
        (429, &[("Retry-After", "7"), ("X-RateLimit-Reset", LATER_SECONDS), ("Date", DATE)], "alone for 7 s"),
        (429, &[("X-RateLimit-Reset", "-1"), ("Date", DATE)], busy),
        (429, &[("X-RateLimit-Reset", "9223372036854775807"), ("Date", DATE)], "alone for 86400 s"),
        (403, &[("Retry-After", "7")], "has had too many requests and wants to be left alone for 7 s"),
        (
            403,
            &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", LATER_SECONDS), ("Date", DATE)],
            "has had too many requests and wants to be left alone for 600 s",
        ),
        (503, &[("Retry-After", "7")], "has trouble of its own (503) and wants to be left alone for 7 s"),
        (503, &[("Retry-After", LATER), ("Date", DATE)], "(503) and wants to be left alone for 600 s"),
        (503, &[], "has trouble of its own (503)"),
    ] {
        let stage = Stage::new();
        stage.holds(CONTOSO, TOKEN);
        let answer = with(status, headers);
        stage.services.change(|state| state.before = Some(Arc::new(move |_| answer.clone())));
        let begun = Instant::now();
        let output = stage.run(&format!("check {CONTOSO}"), "");
        output.says(6, &[&format!("{words}\n"), "later: keyfob check"]);
        // One request, and nobody waits for nothing.
        assert_eq!(stage.proxy.log().entries().len(), 1, "{status} {headers:?}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{status} {headers:?}");
        assert_eq!(stage.state(), "active");
    }
}

/// Six tokens of one service, which says this with each answer; when it was asked.
fn six(value: &'static str) -> (Stage, Arc<Mutex<Vec<Instant>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&asked);
    let handler: Handler = Arc::new(move |request| {
        shared.lock().unwrap().push(Instant::now());
        azure::connection_data(request, Some("alice@contoso.test"), true).header("Retry-After", value)
    });
    let stage = Stage::with(vec![("dev.azure.com", handler)]);
    for n in 0..6 {
        stage.holds(&format!("https://dev.azure.com/org{n}"), &format!("s3cret-number-{n}"));
    }
    (stage, asked)
}

#[test]
fn a_short_wait_is_waited_for_and_told_once() {
    let (stage, asked) = six("2");
    let output = stage.run("check", "");
    let output = output.says(0, &["keyfob: note: dev.azure.com wants to be left alone for 2 s; waiting"]);
    assert!(output.stderr().lines().count() <= 2, "{output}");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 6);
    // Four may be under way when the first answer comes; what comes after them waits for the last one's time.
    let (first, after) = (asked[0], asked[4]);
    assert!(after - first >= Duration::from_millis(1950), "{:?}", after - first);
}

#[test]
fn a_long_wait_is_told_and_left_to_the_person() {
    for value in ["11", "99999999999999999999"] {
        let (stage, asked) = six(value);
        let begun = Instant::now();
        let (code, rows) = stage.check("");
        assert!(begun.elapsed() < Duration::from_secs(8));
        let limited: Vec<_> = rows.iter().filter(|row| row["problem"] == "rate-limit").collect();
        assert!(code == 6 && limited.len() >= 2, "{rows:?}");
        assert!(
            limited[0]["reason"].as_str().unwrap().contains("it wants to be left alone for "),
            "{rows:?}"
        );
        assert_eq!(asked.lock().unwrap().len() + limited.len(), 6);
    }
}

#[test]
fn one_service_that_wants_to_be_left_alone_holds_up_no_other() {
    let quiet: Handler = Arc::new(|request: &Request| azure::rate_limited(request, 3600));
    let stage =
        Stage::with(vec![("dev.azure.com", quiet), ("codeberg.org", rest::gitea("s3cret-of-codeberg"))]);
    for n in 0..6 {
        stage.holds(&format!("https://dev.azure.com/org{n}"), &format!("s3cret-number-{n}"));
    }
    stage.holds("https://codeberg.org", "s3cret-of-codeberg");
    let (_, rows) = stage.check("");
    let told: Vec<_> = rows.iter().filter(|row| row["result"] == "accepted").collect();
    assert_eq!((told.len(), told[0]["realm"].as_str()), (1, Some("gitea/codeberg.org")));
}
