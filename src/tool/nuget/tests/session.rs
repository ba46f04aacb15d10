//! The state machine: lines and time in, lines out.

use std::time::{Duration, Instant};

use super::super::lookup::{Reply, SourceRequest, Words};
use super::super::session::{Effect, Session};
use super::{FEED, question, request};
use crate::wallet::tests::fixture::secret;

/// A conversation whose clock the test sets.
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) start: Instant,
}

impl Talk {
    /// After our greeting.
    fn new() -> Talk {
        let mut session = Session::new(|number| number != 404);
        assert_eq!(said(&session.begin()).len(), 1);
        Talk { session, start: Instant::now() }
    }

    /// One that may say something to people.
    pub(super) fn with_log() -> Talk {
        let mut talk = Talk::new();
        talk.on_line(request("l", "SetLogLevel", "{\"LogLevel\":\"Debug\"}"));
        talk
    }

    fn on_line(&mut self, line: impl AsRef<[u8]>) -> Vec<Effect> {
        self.session.on_line(line.as_ref(), &[], self.start)
    }

    /// What is asked of the wallet.
    pub(super) fn asked(&mut self, line: &str) -> SourceRequest {
        let mut effects = self.on_line(line);
        let Some(Effect::Ask(question)) = effects.pop() else { panic!("{line} asks nothing") };
        assert!(effects.is_empty());
        question
    }

    pub(super) fn reply(&mut self, question: &SourceRequest, reply: &Reply) -> Vec<Effect> {
        self.session.reply(question, reply, self.start)
    }

    pub(super) fn tick(&mut self, seconds: f64) -> Vec<Effect> {
        self.session.tick(self.start + Duration::from_secs_f64(seconds))
    }
}

/// The lines, parsed, so that each is seen to be one object of JSON and one line.
pub(super) fn said(effects: &[Effect]) -> Vec<serde_json::Value> {
    let line = |effect: &Effect| {
        let Effect::Send(line) = effect else { return None };
        let text = std::str::from_utf8(line).unwrap().strip_suffix('\n').unwrap();
        assert!(!text.contains('\n'), "{text}");
        Some(serde_json::from_str(text).unwrap())
    };
    effects.iter().filter_map(line).collect()
}

/// The payload of the only line.
fn payload(effects: &[Effect]) -> String {
    let lines = said(effects);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["Type"], "Response");
    lines[0]["Payload"].to_string()
}

/// NuGet's answer to a message for people.
fn taken(log: &serde_json::Value) -> String {
    let id = log["RequestId"].as_str().unwrap();
    format!(
        "{{\"RequestId\":\"{id}\",\"Type\":\"Response\",\"Method\":\"Log\",\"Payload\":{{\"ResponseCode\":\"Success\"}}}}"
    )
}

fn ends(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::End))
}

pub(super) fn credential(words: Option<&str>) -> Reply {
    Reply::Credential {
        user: "u".to_owned(),
        token: secret("T"),
        words: words.map(|words| Words::Note(words.to_owned())),
    }
}

#[test]
fn it_greets_first_and_answers_the_greeting_in_the_same_version() {
    let mut session = Session::new(|_| true);
    let greeting = &said(&session.begin())[0];
    assert_eq!((&greeting["Type"], &greeting["Method"]), (&"Request".into(), &"Handshake".into()));
    assert_eq!(greeting["Payload"]["ProtocolVersion"], "2.0.0");
    for (most, least) in [("2.0.0", "1.0.0"), ("2.0.0", "2.0.0"), ("3.1.0", "1.0.0"), ("2.1.0-rc.1", "2.0.0")]
    {
        let versions = format!("{{\"ProtocolVersion\":\"{most}\",\"MinimumProtocolVersion\":\"{least}\"}}");
        let answer = Talk::new().on_line(request("h", "Handshake", &versions));
        assert_eq!(
            payload(&answer),
            "{\"ProtocolVersion\":\"2.0.0\",\"ResponseCode\":\"Success\"}",
            "{most}"
        );
        assert_eq!(said(&answer)[0]["RequestId"], "h");
    }
}

#[test]
fn without_a_version_in_common_it_says_so_and_ends() {
    for versions in [
        "{\"ProtocolVersion\":\"1.0.0\",\"MinimumProtocolVersion\":\"1.0.0\"}",
        "{\"ProtocolVersion\":\"4.0.0\",\"MinimumProtocolVersion\":\"3.0.0\"}",
        "{\"ProtocolVersion\":\"two\",\"MinimumProtocolVersion\":\"one\"}",
        "{}",
        "null",
        "7",
    ] {
        let answer = Talk::new().on_line(request("h", "Handshake", versions));
        assert_eq!(payload(&answer), "{\"ResponseCode\":\"Error\"}", "{versions}");
        assert!(ends(&answer), "{versions}");
    }
    let refusal = r#"{"RequestId":"keyfob-1","Type":"Response","Method":"Handshake","Payload":{"ResponseCode":"Error"}}"#;
    assert!(ends(&Talk::new().on_line(refusal)));
}

#[test]
fn every_request_of_the_beginning_gets_its_answer() {
    let success = "{\"ResponseCode\":\"Success\"}";
    let not_found = "{\"ResponseCode\":\"NotFound\"}";
    for (method, sent, answer) in [
        ("MonitorNuGetProcessExit", "{\"ProcessId\":1}", success),
        ("MonitorNuGetProcessExit", "{\"ProcessId\":404}", not_found),
        (
            "Initialize",
            "{\"ClientVersion\":\"5.8.0\",\"Culture\":\"en\",\"RequestTimeout\":\"00:00:05\"}",
            success,
        ),
        ("Initialize", "{}", success),
        ("GetOperationClaims", "{}", "{\"Claims\":[\"Authentication\"]}"),
        ("GetOperationClaims", "null", "{\"Claims\":[\"Authentication\"]}"),
        ("GetOperationClaims", "{\"PackageSourceRepository\":null}", "{\"Claims\":[\"Authentication\"]}"),
        ("GetOperationClaims", "{\"PackageSourceRepository\":\"u\",\"ServiceIndex\":{}}", "{\"Claims\":[]}"),
        ("SetLogLevel", "{\"LogLevel\":\"Debug\"}", success),
        ("SetCredentials", "{\"PackageSourceRepository\":\"u\",\"ProxyPassword\":\"p\"}", success),
    ] {
        assert_eq!(payload(&Talk::new().on_line(request("r", method, sent))), answer, "{method} {sent}");
    }
}

#[test]
fn an_unknown_method_and_a_payload_of_another_form_are_errors_and_never_faults() {
    for (method, sent) in [
        ("CopyNupkgFile", "{}"),
        ("Log", "{\"LogLevel\":\"Debug\",\"Message\":\"m\"}"),
        ("\\u0000", "{}"),
        ("", "{}"),
        ("MonitorNuGetProcessExit", "{\"ProcessId\":\"1\"}"),
        ("MonitorNuGetProcessExit", "{\"ProcessId\":-1}"),
        ("GetAuthenticationCredentials", "{\"Uri\":7}"),
        ("GetAuthenticationCredentials", "{}"),
        ("GetAuthenticationCredentials", "[]"),
    ] {
        let answer = Talk::new().on_line(request("r", method, sent));
        assert_eq!(payload(&answer), "{\"ResponseCode\":\"Error\"}", "{method} {sent}");
    }
}

#[test]
fn what_is_no_message_is_passed_over_in_silence() {
    let mut talk = Talk::new();
    for line in [
        &b"hello"[..],
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe{",
        b"{\"RequestId\":\"\",\"Type\":\"Request\",\"Method\":\"Initialize\"}",
        b"{\"RequestId\":1,\"Type\":\"Request\",\"Method\":\"Initialize\"}",
        b"{\"RequestId\":\"r\",\"RequestId\":\"s\",\"Type\":\"Request\",\"Method\":\"Initialize\"}",
        b"{\"RequestId\":\"\xff\",\"Type\":\"Request\",\"Method\":\"Initialize\"}",
        b"{\"RequestId\":\"r\",\"Type\":\"Question\",\"Method\":\"Initialize\"}",
        b"{\"RequestId\":\"r\",\"Type\":\"Response\",\"Method\":\"Log\",\"Payload\":{\"ResponseCode\":\"Error\"}}",
        b"{\"RequestId\":\"r\",\"Type\":\"Fault\",\"Method\":\"Log\",\"Payload\":{\"Message\":\"m\"}}",
        b"{\"RequestId\":\"r\",\"Type\":\"Cancel\",\"Method\":\"GetAuthenticationCredentials\"}",
    ] {
        assert!(talk.on_line(line).is_empty(), "{}", String::from_utf8_lossy(line));
    }
    // And it goes on.
    assert_eq!(said(&talk.on_line(request("r", "Initialize", "{}"))).len(), 1);
}

#[test]
fn a_credential_is_for_basic_only() {
    let mut talk = Talk::with_log();
    let question = talk.asked(&question("q", FEED, false));
    assert!(question.in_silence);
    let answer = talk.reply(&question, &credential(None));
    let expected = "{\"AuthenticationTypes\":[\"Basic\"],\"Password\":\"T\",\"ResponseCode\":\"Success\",\"Username\":\"u\"}";
    assert_eq!(payload(&answer), expected);
}

#[test]
fn each_outcome_has_its_answer_and_people_are_told_where_it_is_ours() {
    let words = || Some("do this".to_owned());
    for (reply, code, levels) in [
        (Reply::NotOurs, "Error", &[][..]),
        (Reply::Nothing(words()), "NotFound", &["Warning"]),
        (Reply::Nothing(None), "NotFound", &[]),
        (Reply::Withheld(words()), "NotFound", &["Warning"]),
        (Reply::Failed("it went wrong".to_owned()), "Error", &["Warning"]),
        (credential(Some("ends soon")), "Success", &["Minimal"]),
    ] {
        let mut talk = Talk::with_log();
        let question = talk.asked(&question("q", FEED, false));
        let mut lines = said(&talk.reply(&question, &reply));
        if !levels.is_empty() {
            lines.extend(said(&talk.on_line(taken(&lines[0]))));
        }
        let (answer, log) = lines.split_last().unwrap();
        assert_eq!(answer["Payload"]["ResponseCode"], code, "{reply:?}");
        let told: Vec<_> = log.iter().map(|line| line["Payload"]["LogLevel"].as_str().unwrap()).collect();
        assert_eq!(told, levels, "{reply:?}");
        assert!(log.iter().all(|line| line["Type"] == "Request" && line["Method"] == "Log"));
    }
}

#[test]
fn people_are_told_nothing_before_nuget_takes_messages() {
    let mut talk = Talk::new();
    let question = talk.asked(&question("q", FEED, false));
    let answer = talk.reply(&question, &Reply::Failed("it went wrong".to_owned()));
    assert_eq!(payload(&answer), "{\"ResponseCode\":\"Error\"}");
}

#[test]
fn retries_are_counted_by_source_and_begin_anew() {
    let mut talk = Talk::new();
    let other = FEED.replace("feed", "other");
    let mut retries = Vec::new();
    for (at, (url, again)) in
        [(FEED, false), (FEED, true), (&other, true), (FEED, true), (FEED, true), (FEED, false), (FEED, true)]
            .into_iter()
            .enumerate()
    {
        let question = talk.asked(&question(&at.to_string(), url, again));
        talk.reply(&question, &credential(None));
        retries.push(question.retries);
    }
    assert_eq!(retries, [0, 1, 1, 2, 3, 0, 1]);
}

#[test]
fn while_the_wallet_is_asked_nuget_hears_of_it_every_two_seconds_and_never_after_the_answer() {
    let mut talk = Talk::new();
    let one = talk.asked(&question("1", FEED, false));
    let two = talk.asked(&question("2", FEED, false));
    assert!(talk.tick(1.9).is_empty());
    let progress = said(&talk.tick(2.0));
    assert_eq!(progress.len(), 2);
    assert_eq!(progress[0].to_string().replace("\"1\"", "\"2\""), progress[1].to_string());
    assert_eq!((&progress[0]["Type"], &progress[0]["Payload"]), (&"Progress".into(), &serde_json::json!({})));
    assert!(talk.tick(3.9).is_empty());
    assert_eq!(talk.tick(4.0).len(), 2);
    talk.reply(&one, &credential(None));
    assert_eq!(said(&talk.tick(6.0))[0]["RequestId"], "2");
    talk.reply(&two, &credential(None));
    assert!(talk.tick(60.0).is_empty());
}

#[test]
fn a_shorter_patience_is_met() {
    let mut talk = Talk::new();
    talk.on_line(request("i", "Initialize", "{\"RequestTimeout\":\"00:00:01.5000000\"}"));
    talk.asked(&question("q", FEED, false));
    assert_eq!(talk.tick(0.5).len(), 1);
}

#[test]
fn a_cancelled_question_is_answered_by_cancel_and_by_nothing_else() {
    let mut talk = Talk::with_log();
    let question = talk.asked(&question("q", FEED, false));
    let cancel = "{\"RequestId\":\"q\",\"Type\":\"Cancel\",\"Method\":\"GetAuthenticationCredentials\"}";
    let answer = said(&talk.on_line(cancel));
    assert_eq!(answer.len(), 1);
    assert_eq!((&answer[0]["Type"], &answer[0]["RequestId"]), (&"Cancel".into(), &"q".into()));
    assert_eq!(answer[0].get("Payload"), None);
    assert!(talk.tick(2.0).is_empty());
    assert!(talk.reply(&question, &credential(Some("words"))).is_empty());
    assert!(talk.on_line(cancel).is_empty());
}

#[test]
fn an_id_that_is_open_already_opens_nothing() {
    let mut talk = Talk::new();
    let first = talk.asked(&question("q", FEED, false));
    assert!(talk.on_line(question("q", FEED, false)).is_empty());
    assert!(talk.on_line(request("q", "Initialize", "{}")).is_empty());
    assert_eq!(said(&talk.reply(&first, &credential(None))).len(), 1);
    assert!(talk.reply(&first, &credential(None)).is_empty());
}

#[test]
fn a_flood_of_questions_is_turned_away() {
    let mut talk = Talk::new();
    let asks = |effects: &[Effect]| matches!(effects, [Effect::Ask(_)]);
    let taken = (0..10_000).filter(|at| asks(&talk.on_line(question(&at.to_string(), FEED, false)))).count();
    assert_eq!(taken, 256);
}

#[test]
fn close_ends_it_and_work_that_goes_on_is_left_after_a_while() {
    let mut talk = Talk::new();
    assert!(ends(&talk.on_line("{\"RequestId\":\"c\",\"Type\":\"Request\",\"Method\":\"Close\"}")));
    assert!(talk.session.end(talk.start).is_empty());
    assert!(talk.tick(2.9).is_empty());
    assert!(matches!(talk.tick(3.1)[..], [Effect::Exit]));
}

#[test]
fn it_leaves_when_nugets_process_is_gone() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static ALIVE: AtomicBool = AtomicBool::new(true);
    let mut session = Session::new(|_| ALIVE.load(Ordering::SeqCst));
    let now = Instant::now();
    session.on_line(request("m", "MonitorNuGetProcessExit", "{\"ProcessId\":7}").as_bytes(), &[], now);
    assert!(session.tick(now).is_empty());
    ALIVE.store(false, Ordering::SeqCst);
    assert!(matches!(session.tick(now)[..], [Effect::Exit]));
}

#[test]
fn an_answer_waits_until_nuget_has_taken_the_word_about_it_but_not_for_long() {
    let warned = |what: &str| Reply::Nothing(Some(what.to_owned()));
    let mut talk = Talk::with_log();
    let (one, two) = (talk.asked(&question("1", FEED, false)), talk.asked(&question("2", FEED, false)));
    let log = said(&talk.reply(&one, &warned("do this")));
    assert_eq!((log.len(), &log[0]["Method"]), (1, &"Log".into()));
    assert_eq!(talk.reply(&two, &warned("do that")).len(), 1);
    // Only its own word lets an answer go.
    assert_eq!(said(&talk.on_line(taken(&log[0])))[0]["RequestId"], "1");
    assert!(talk.on_line(taken(&log[0])).is_empty());
    assert!(talk.tick(0.9).is_empty());
    assert_eq!(said(&talk.tick(1.0))[0]["RequestId"], "2");
    assert!(talk.tick(60.0).is_empty());
}

#[test]
fn at_the_end_of_input_no_answer_waits() {
    let warned = |what: &str| Reply::Nothing(Some(what.to_owned()));
    let mut talk = Talk::with_log();
    let (one, two) = (talk.asked(&question("1", FEED, false)), talk.asked(&question("2", FEED, false)));
    talk.reply(&one, &warned("do this"));
    assert_eq!(said(&talk.session.end(talk.start))[0]["RequestId"], "1");
    let last = said(&talk.reply(&two, &warned("do that")));
    assert_eq!((&last[0]["Method"], &last[1]["RequestId"]), (&"Log".into(), &"2".into()));
}

#[test]
fn an_answer_that_waits_can_be_cancelled() {
    let mut talk = Talk::with_log();
    let question = talk.asked(&question("q", FEED, false));
    let log = said(&talk.reply(&question, &Reply::Nothing(Some("do this".to_owned()))));
    let cancel = "{\"RequestId\":\"q\",\"Type\":\"Cancel\",\"Method\":\"GetAuthenticationCredentials\"}";
    assert_eq!(said(&talk.on_line(cancel))[0]["Type"], "Cancel");
    assert!(talk.on_line(taken(&log[0])).is_empty());
    assert!(talk.tick(5.0).is_empty());
}
