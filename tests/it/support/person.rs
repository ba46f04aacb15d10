//! What a person does in a [`Scene`] before the curtain rises, and what the wallet holds, as `keyfob list --json` tells it.
#![allow(dead_code, reason = "each test takes a part")]

use std::path::PathBuf;
use std::time::Duration;

use keyfob::environment::Environment;
use keyfob::secret::Secret;
use keyfob::store::vault::Vault;
use keyfob::store::{NoTerminal, StoreContext};

use crate::support::process::{Call, Output};
use crate::support::scene::{Scene, files_below};

/// What `keyfob add` is told beside the URL and the token.
#[derive(Clone, Copy, Default)]
pub struct Add<'a> {
    /// `--account`.
    pub account: Option<&'a str>,
    /// `--forge`.
    pub forge: Option<&'a str>,
    /// `--default`.
    pub default: bool,
}

impl Scene {
    /// Adds a token as a person does.
    pub fn add(&self, url: &str, token: &str) {
        self.add_with(url, token, Add::default());
    }

    /// Adds a token as a person does who says more.
    pub fn add_with(&self, url: &str, token: &str, add: Add<'_>) {
        let mut args = vec!["add", url];
        for (option, value) in [("--account", add.account), ("--forge", add.forge)] {
            args.extend(value.map(|value| [option, value]).into_iter().flatten());
        }
        args.extend(add.default.then_some("--default"));
        self.keyfob_with(args, format!("{token}\n")).succeeds();
    }

    /// Takes a token that was refused or replaced back into use.
    pub fn restore(&self, url: &str, account: Option<&str>) {
        let account = account.map(|account| ["--account", account]).into_iter().flatten();
        self.keyfob(["restore", url].into_iter().chain(account)).succeeds();
    }

    /// Makes everything that the records tell of refusals as much older.
    pub fn let_time_pass(&self, seconds: i64) {
        fn age(value: &mut serde_json::Value, seconds: i64) {
            match value {
                serde_json::Value::Array(all) => all.iter_mut().for_each(|value| age(value, seconds)),
                serde_json::Value::Object(all) => {
                    for (key, value) in all {
                        match value.as_i64().filter(|_| key == "since") {
                            Some(since) => *value = (since - seconds).into(),
                            None => age(value, seconds),
                        }
                    }
                }
                _ => {}
            }
        }
        for (path, bytes) in files_below(&self.data().join("records")) {
            if path.extension().is_some_and(|extension| extension == "json") {
                let mut record = serde_json::from_slice(&bytes).unwrap();
                age(&mut record, seconds);
                std::fs::write(path, record.to_string()).unwrap();
            }
        }
    }

    /// Protects the vault by a passphrase in place of its key file; a terminal would be needed to do it by command.
    pub fn protect_vault(&self, passphrase: &str) {
        let environment = Environment::new([]);
        let (data, ask, timeout) = (self.data(), &NoTerminal, Duration::from_secs(3));
        let store_context = StoreContext {
            data,
            timeout,
            prompt_timeout: timeout,
            environment: &environment,
            ask,
            unlocked: None,
            stays_unlocked: None,
        };
        let passphrase = Secret::copy_of(passphrase.as_bytes());
        Vault::new(store_context).replace_key_file_by_passphrase(&passphrase).unwrap();
    }

    /// The folder of keyfob's data.
    pub fn data(&self) -> PathBuf {
        self.home().join("keyfob")
    }

    /// Every account as `REALM ACCOUNT SOURCE STATE`, sorted by realm and account.
    pub fn held(&self) -> Vec<String> {
        let list = self.keyfob(["list", "--json"]).succeeds();
        let rows: Vec<serde_json::Value> = serde_json::from_str(list.stdout()).unwrap();
        let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
        rows.iter()
            .map(|row| ["realm", "account", "source", "state"].map(|key| word(row, key)).join(" "))
            .collect()
    }

    /// What git's helper answers to `request`, which is `key=value` words with blanks between them; nothing may be said
    /// on stderr.
    pub fn get(&self, request: &str) -> String {
        let output = self.helper("get", request).succeeds();
        assert_eq!(output.stderr(), "", "{output}");
        output.stdout().to_owned()
    }

    /// Calls git's helper with `key=value` words with blanks between them.
    pub fn helper(&self, operation: &str, request: &str) -> Output {
        self.helper_call(operation, request).run()
    }

    /// That call, not yet made.
    pub fn helper_call(&self, operation: &str, request: &str) -> Call {
        let lines: String = request.split(' ').map(|word| format!("{word}\n")).collect();
        self.program("git-credential-keyfob").arg(operation).stdin(lines + "\n")
    }
}
