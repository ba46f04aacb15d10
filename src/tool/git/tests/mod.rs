//! The adapter with byte buffers and a wallet in memory: what git says in, what git hears out.

use crate::tool::tests::{Person, call_for_bytes};
use crate::wallet::tests::fixture::TestWallet;

mod answer;
mod attacks;
mod generator;
mod host_names;
mod locked;
mod protocol;
mod random;
mod silence;
mod suite;

/// What one call brought.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: u8,
    out: Vec<u8>,
    notes: String,
}

impl Ran {
    /// The answer as text.
    fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// The value of a key of the answer.
    fn value(&self, key: &str) -> Option<&str> {
        self.text().lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Calls the helper as git does, without a person.
fn run(bench: &TestWallet, operation: &str, input: impl AsRef<[u8]>) -> Ran {
    call(bench, &[operation], input.as_ref(), false)
}

/// The same with any arguments, and perhaps with a person who watches stderr.
fn call(bench: &TestWallet, arguments: &[&str], input: &[u8], watches: bool) -> Ran {
    let person = Person { stdin_is_terminal: false, stderr_is_terminal: watches };
    let (code, out, notes) = call_for_bytes(person, super::serve, bench, arguments, input);
    Ran { code, out, notes }
}

/// `get` in short: the answer's lines.
fn get(bench: &TestWallet, input: &str) -> String {
    let ran = run(bench, "get", input);
    assert_eq!(ran.code, 0);
    ran.text().to_owned()
}

/// Stores, and expects to hear nothing.
fn store(bench: &TestWallet, input: &str) {
    assert_eq!(run(bench, "store", input), silence());
}

/// Erases, and expects to hear nothing.
fn erase(bench: &TestWallet, input: &str) {
    assert_eq!(run(bench, "erase", input), silence());
}

fn silence() -> Ran {
    Ran { code: 0, out: Vec::new(), notes: String::new() }
}

/// A wallet with tokens of several realms; each token says whose it is.
fn full_bench() -> TestWallet {
    let bench = TestWallet::new();
    for organisation in ["contoso", "fabrikam", "evilpkgs"] {
        bench.add(&format!("https://dev.azure.com/{organisation}"), None, &format!("TOKEN-{organisation}"));
    }
    bench.add("https://github.com", None, "TOKEN-github");
    bench.add("https://tfs.corp.example:8443/tfs/One", None, "TOKEN-server");
    bench.add("https://git.example", Some("alice"), "TOKEN-generic");
    bench
}
