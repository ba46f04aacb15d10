//! Operations, capabilities, line ends, chains of helpers.

use super::{Ran, call, full_bench, get, run, silence, store};
use crate::tool::tests::{Person, call_beside, wire};
use crate::wallet::tests::fixture::TestWallet;

const GITHUB: &str = "protocol=https\nhost=github.com\n";

#[test]
fn unknown_operations_are_ignored_in_silence() {
    let bench = full_bench();
    let before = bench.files();
    for operation in ["", "fill", "GET", "get ", "list", "rotate", "--help", "äöü"] {
        assert_eq!(run(&bench, operation, GITHUB), silence(), "{operation}");
    }
    assert_eq!(call(&bench, &[], GITHUB.as_bytes(), false), silence());
    assert!(bench.files() == before);
}

#[test]
fn options_of_later_versions_may_stand_before_the_operation() {
    let ran = call(&full_bench(), &["--timeout=1", "get"], GITHUB.as_bytes(), false);
    assert_eq!(ran.value("password"), Some("TOKEN-github"));
}

#[test]
fn capability_tells_what_we_can_and_looks_at_nothing() {
    let bench = TestWallet::new();
    bench.memory.set_locked(true);
    let ran = run(&bench, "capability", "");
    assert_eq!(ran, Ran { out: b"version 0\ncapability authtype\n".to_vec(), ..silence() });
}

#[test]
fn lf_crlf_and_a_missing_end_read_alike() {
    let bench = full_bench();
    for request in [
        "protocol=https\nhost=github.com\n\n",
        "protocol=https\r\nhost=github.com\r\n\r\n",
        "protocol=https\nhost=github.com",
        "host=github.com\nprotocol=https\n",
        "protocol=https\nhost=github.com\nhost=github.com\n",
        "protocol=https\nhost=github.com\nnext=\nstate[]=x\nquit=0\ncontinue=1\nfuture=1\nfuture=2\n",
        "protocol=https\nhost=github.com\n\nhost=evil.test\n",
    ] {
        assert_eq!(get(&bench, request), "username=x-access-token\npassword=TOKEN-github\n", "{request:?}");
    }
}

#[test]
fn an_answer_ends_each_line_with_lf_alone() {
    let ran = run(&full_bench(), "get", "protocol=https\r\nhost=github.com\r\n\r\n");
    assert!(ran.out.ends_with(b"\n") && !ran.out.contains(&b'\r'));
}

#[test]
fn a_chained_helper_is_asked_because_we_say_nothing_where_we_have_nothing() {
    let bench = full_bench();
    for request in [
        "protocol=https\nhost=elsewhere.example\n",
        "protocol=https\nhost=elsewhere.example\nusername=alice\n",
        "protocol=https\nhost=git.example\nusername=somebody\n",
        "protocol=https\nhost=dev.azure.com\n",
        "capability[]=authtype\nprotocol=https\nhost=elsewhere.example\nwwwauth[]=NTLM\n",
    ] {
        assert_eq!(run(&bench, "get", request).out, b"", "{request}");
    }
}

#[test]
fn a_token_of_any_bytes_returns_as_it_came() {
    let bench = TestWallet::new();
    let mut token: Vec<u8> = (1..=255).filter(|b| !b"\r\n".contains(b)).collect();
    token.extend(vec![b'x'; 100_000]);
    let request = |more: &[u8]| [b"protocol=https\nhost=h.example\nusername=u\n", more].concat();
    let line = [b"password=".as_slice(), &token, b"\n"].concat();
    assert_eq!(run(&bench, "store", request(&line)), silence());
    let ran = run(&bench, "get", request(b""));
    assert_eq!(ran.out, [b"username=u\n".as_slice(), &line].concat());
}

#[test]
fn a_git_that_has_gone_away_is_no_error() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let bench = full_bench();
    let (mut input, mut output, mut notes) = (GITHUB.as_bytes(), Gone, Vec::new());
    let mut wire = wire(&mut input, &mut output, &mut notes);
    assert_eq!(bench.with(|wallet| super::super::serve(&["get".into()], &mut wire, wallet)), 0);
    assert!(notes.is_empty());
}

#[test]
fn started_by_hand_it_says_what_it_waits_for() {
    let bench = TestWallet::new();
    let person = Person { stdin_is_terminal: true, stderr_is_terminal: true };
    let (_, _, notes) = call_beside(person, super::super::serve, &bench, &["get"], GITHUB.as_bytes());
    assert!(notes.contains("keyfob setup git"));
    let (code, _, notes) = call_beside(person, super::super::serve, &bench, &[], b"");
    assert!(code == 2 && notes.contains("keyfob explain URL"), "{code} {notes}");
}

#[test]
fn a_store_without_a_user_name_returns_without_one() {
    let bench = TestWallet::new();
    store(&bench, "protocol=https\nhost=h.example\npassword=p\n");
    assert_eq!(get(&bench, "protocol=https\nhost=h.example\n"), "password=p\n");
}
