//! `cargo bench`: the inner parts of an answer, each alone and in one process: what a call costs once the program runs. No
//! library for it: the parts take microseconds and no more than a comparison between two builds is wanted, for which the
//! smallest of many batches is the steadiest figure. Whole processes are measured by run.sh.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program of its own, for people")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use keyfob::environment::Environment;
use keyfob::forge;
use keyfob::records::Records;
use keyfob::remote::Remote;
use keyfob::store::vault::Vault;
use keyfob::store::{NoTerminal, Store, StoreContext};
use keyfob::tool::{Input, Wire, git};
use keyfob::wallet::LocalWallet;
use keyfob::wallet::stores::Machine;

const URL: &str = "https://contoso@dev.azure.com/contoso/Project/_git/Repo";
const GROUP: &str = "azure-devops/contoso";
const PLACE: &str = "protocol=https\nhost=dev.azure.com\npath=contoso/Project/_git/Repo\n";

fn main() {
    // `cargo test --all-targets` starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("wallet");
    let environment = Environment::new([("KEYFOB_STORE".into(), "vault".into())]);
    let wait = Duration::from_secs(60);
    let store_context = StoreContext {
        data: data.clone(),
        timeout: wait,
        prompt_timeout: wait,
        environment: &environment,
        ask: &NoTerminal,
        unlocked: None,
        stays_unlocked: None,
    };
    let stores = Machine { store_context: store_context.clone() };
    let ask_git = |word: &str, request: &str| {
        let wallet = LocalWallet::new(&data, data.join("config.toml"), &stores, &environment, 1_800_000_000);
        let (mut output, mut notes) = (Vec::new(), Vec::new());
        let mut wire = Wire {
            input: &mut Input::new(request.as_bytes()),
            output: &mut output,
            notes: &mut notes,
            environment: &environment,
            stdin_is_terminal: false,
            stderr_is_terminal: false,
        };
        (git::PROTOCOL.serve)(&[word.into()], &mut wire, &wallet);
        output
    };
    ask_git("store", &format!("{PLACE}username=contoso\npassword=a-token-of-52-characters\n\n"));

    let (remote, user) = Remote::from_url(URL).unwrap();
    let records = Records::new(&data);
    let group = records.read(GROUP).unwrap();
    let entry = &group.realms[0];
    let key = entry.key(&entry.accounts[0]).unwrap();
    measure("parse a URL", || Remote::from_url(black_box(URL)));
    measure("place: URL to realm", || forge::recognise(black_box(&remote), user.as_deref()));
    measure("read a record", || records.read(black_box(GROUP)));
    let vault = Vault::new(store_context.clone());
    measure("unseal a token, vault opened", || vault.get(black_box(&key)));
    measure("open the vault and unseal", || Vault::new(store_context.clone()).get(black_box(&key)));
    let get = format!("{PLACE}\n");
    assert!(ask_git("get", &get).ends_with(b"password=a-token-of-52-characters\n"));
    measure("a whole get", || ask_git("get", black_box(&get)));
}

/// The smallest time of one call, over batches of about a millisecond.
fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed() < Duration::from_millis(20) {
        black_box(work());
        calls += 1;
    }
    let batch = (calls / 20).max(1);
    let mut best = Duration::MAX;
    for _ in 0..300 {
        let start = Instant::now();
        for _ in 0..batch {
            black_box(work());
        }
        best = best.min(start.elapsed() / batch);
    }
    println!("{name:<32} {:>10.2} µs", best.as_secs_f64() * 1e6);
}
