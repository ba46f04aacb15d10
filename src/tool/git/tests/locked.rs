//! R9: when git is told to stop, so that a passphrase never becomes its password; and when not.

use std::time::Duration;

use super::{Ran, full_bench, run};
use crate::error::Error;
use crate::secret::Secret;
use crate::tool::tests::wire;
use crate::wallet::{Erased, LoggedOut, Lookup, NewCredential, Query, Stored, Wallet};

const CONTOSO: &str = "protocol=https\nhost=dev.azure.com\npath=contoso\n";

#[test]
fn git_is_told_to_stop_only_where_an_account_would_answer_and_its_store_is_locked() {
    let bench = full_bench();
    bench.memory.set_locked(true);
    for request in
        [CONTOSO, "protocol=https\nhost=github.com\npath=a/b\n", "protocol=https\nhost=git.example\n"]
    {
        let Ran { code, out, notes } = run(&bench, "get", request);
        assert_eq!((code, out.as_slice()), (0, &b"quit=1\n"[..]), "{request}");
        assert_eq!(notes, "keyfob: error: the memory store is locked; keyfob unlock\n");
    }
    for request in [
        "protocol=https\nhost=dev.azure.com\npath=other\n",
        "protocol=https\nhost=dev.azure.com\n",
        "protocol=https\nhost=unknown.example\n",
        "protocol=https\nhost=git.example\nusername=bob\n",
        "protocol=http\nhost=dev.azure.com\npath=contoso\n",
        "protocol=https\n",
    ] {
        assert_eq!(run(&bench, "get", request).text(), "", "{request}");
    }
    for operation in ["store", "erase", "capability"] {
        let ran = run(&bench, operation, format!("{CONTOSO}username=x\npassword=TOKEN-contoso\n"));
        assert!(!ran.text().contains("quit"), "{operation}");
    }
    // An account that was refused would not answer, whatever its store is.
    bench.memory.set_locked(false);
    super::erase(&bench, &format!("{CONTOSO}password=TOKEN-contoso\n"));
    bench.memory.set_locked(true);
    assert_eq!(run(&bench, "get", CONTOSO).text(), "");
}

/// What goes wrong.
type Failure = fn() -> Error;

/// A wallet whose every call fails in one way.
struct Failing(Failure);

impl Wallet for Failing {
    fn get(&self, _: &Query) -> Result<Lookup, Error> {
        Err(self.0())
    }
    fn store(&self, _: &Query, _: NewCredential) -> Result<Stored, Error> {
        Err(self.0())
    }
    fn erase(&self, _: &Query, _: Option<&Secret>) -> Result<Erased, Error> {
        Err(self.0())
    }
    fn logout(&self, _: &Query) -> Result<LoggedOut, Error> {
        Err(self.0())
    }
    fn displace(&self, _: &Query) -> Result<(), Error> {
        Err(self.0())
    }
    fn places(&self) -> Result<Vec<(String, crate::remote::Remote)>, Error> {
        Err(self.0())
    }
}

#[test]
fn a_time_out_and_a_broken_store_do_not_stop_git() {
    let cases: [(Failure, &[u8]); 7] = [
        (|| Error::Locked { store: "vault", how: None }, b"quit=1\n"),
        (|| Error::WrongPassphrase, b"quit=1\n"),
        (|| Error::Silent { store: "secret-service", waited: Duration::from_secs(3) }, b""),
        (|| Error::Unanswered { store: "vault", waited: Duration::from_secs(60) }, b""),
        (|| Error::Unavailable { store: "vault", why: "broken".to_owned() }, b""),
        (|| Error::Damaged { path: "x".into(), why: "cut off" }, b""),
        (|| Error::Lost { store: "vault".to_owned(), realm: "github/github.com".to_owned() }, b""),
    ];
    for (error, expected) in cases {
        let (mut input, mut out, mut notes) = (CONTOSO.as_bytes(), Vec::new(), Vec::new());
        let code = super::super::serve(
            &["get".into()],
            &mut wire(&mut input, &mut out, &mut notes),
            &Failing(error),
        );
        assert_eq!((code, out.as_slice()), (0, expected), "{}", error());
        assert_eq!(notes.iter().filter(|byte| **byte == b'\n').count(), 1, "{}", error());
    }
}
