//! What a person does in a [`Scene`] before the curtain rises, done with the library's own functions on the scene's wallet;
//! and what the wallet holds, as `keyfob list --json` tells it.
#![allow(dead_code, reason = "each test takes a part")]

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyfob::credential::Secret;
use keyfob::environment::Environment;
use keyfob::forge;
use keyfob::remote::Remote;
use keyfob::store::{Nobody, Opening};
use keyfob::wallet::Local;
use keyfob::wallet::person::add::Wish;
use keyfob::wallet::stores::Machine;

use crate::scene::{Scene, files_below};

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
        let (remote, user) = Remote::from_url(url).unwrap();
        let wish = Wish {
            remote,
            account: add.account.map(str::to_owned).or(user),
            forge: add.forge.map(|name| forge::named(name).unwrap()),
            expires: None,
            scopes: Vec::new(),
            label: None,
            default: add.default,
            allow_http: false,
        };
        self.with_wallet(|wallet| {
            let planned = wallet.plan(wish).unwrap();
            wallet.add(&planned, Secret::copy_of(token.as_bytes())).unwrap();
        });
    }

    /// Takes a token that was refused or replaced back into use.
    pub fn restore(&self, url: &str, account: Option<&str>) {
        self.with_wallet(|wallet| {
            let selection = wallet.select(url, account).unwrap();
            wallet.restore(&selection, &selection.accounts[0]).unwrap();
        });
    }

    /// The scene's wallet, in this process.
    pub fn with_wallet<T>(&self, act: impl FnOnce(&Local<'_>) -> T) -> T {
        let environment = Environment::new([("KEYFOB_STORE".into(), "vault".into())]);
        let (data, now) = (self.data(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
        let second = Duration::from_secs(3);
        let opening = Opening {
            data: data.clone(),
            timeout: second,
            prompt_timeout: second,
            environment: &environment,
            ask: &Nobody,
        };
        let stores = Machine { opening };
        let now = i64::try_from(now.as_secs()).unwrap();
        act(&Local::new(&data, data.join("config.toml"), &stores, &environment, now))
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
    pub fn helper(&self, operation: &str, request: &str) -> crate::process::Output {
        let lines: String = request.split(' ').map(|word| format!("{word}\n")).collect();
        self.program("git-credential-keyfob").arg(operation).stdin(lines + "\n").run()
    }
}
