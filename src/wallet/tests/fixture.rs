//! A wallet for tests: one store in memory that can be counted and locked, records in a temporary folder, a clock and an
//! environment that a test sets. Each call opens the wallet anew, as each call of git does.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::account::Key;
use crate::environment::Environment;
use crate::error::{Error, NoCredential};
use crate::forge::{Forge, Need};
use crate::records::Group;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store::memory::Memory;
use crate::store::{Health, Store};
use crate::wallet::manage::add::{AddRequest, Added};
use crate::wallet::manage::edit::Restored;
use crate::wallet::stores::{Chosen, Stores};
use crate::wallet::{LocalWallet, Lookup, NewCredential, Query, Stored, Wallet, manage};

/// Where the clock of a test wallet stands at first.
pub(crate) const START: i64 = 1_800_000_000;

/// A wallet for tests.
pub(crate) struct TestWallet {
    folder: TempDir,
    /// The store of every secret.
    pub(crate) memory: Memory,
    /// The clock.
    pub(crate) now: Cell<i64>,
    /// Whether the next choice of a store counts as the first on this machine.
    pub(crate) chosen_now: Cell<bool>,
    environment: RefCell<Environment>,
}

impl TestWallet {
    /// An empty wallet.
    pub(crate) fn new() -> TestWallet {
        TestWallet {
            folder: tempfile::tempdir().unwrap(),
            memory: Memory::default(),
            now: Cell::new(START),
            chosen_now: Cell::new(false),
            environment: RefCell::default(),
        }
    }

    /// Sets the whole environment.
    pub(crate) fn set_environment(&self, pairs: &[(&str, &str)]) {
        let pairs = pairs.iter().map(|(name, value)| (name.into(), value.into()));
        self.environment.replace(Environment::new(pairs));
    }

    /// Writes the settings.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.folder.path().join("config.toml"), text).unwrap();
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    /// The folder of the wallet.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("wallet")
    }

    /// Opens the wallet.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&LocalWallet<'_>) -> T) -> T {
        let stores = OneStore { memory: &self.memory, chosen_now: self.chosen_now.get() };
        let environment = self.environment.borrow().clone();
        let (data, config) = (self.data(), self.folder.path().join("config.toml"));
        work(&LocalWallet::new(&data, config, &stores, &environment, self.now.get()))
    }

    /// A person adds a token.
    pub(crate) fn add(&self, url: &str, account: Option<&str>, token: &str) {
        self.add_as(url, token, |wish| wish.account = account.map(str::to_owned)).unwrap();
    }

    /// A person adds a token and says more about it.
    pub(crate) fn add_as(
        &self,
        url: &str,
        token: &str,
        say: impl FnOnce(&mut AddRequest),
    ) -> Result<Added, Error> {
        let (remote, url_user) = Remote::from_url(url)?;
        let mut wish = AddRequest::new(remote, url_user);
        say(&mut wish);
        self.with(|wallet| manage::add(wallet, &manage::plan(wallet, wish)?, secret(token)))
    }

    /// A person prefers an account, for a realm or below a path.
    pub(crate) fn prefer(&self, url: &str, account: &str) {
        self.with(|wallet| {
            let selection = manage::select(wallet, url, Some(account)).unwrap();
            manage::prefer(wallet, &selection, selection.only().unwrap()).unwrap();
        });
    }

    /// A person takes a token back into use.
    pub(crate) fn restore(&self, url: &str, account: Option<&str>) -> Result<Restored, Error> {
        self.with(|wallet| {
            let selection = manage::select(wallet, url, account)?;
            manage::restore(wallet, &selection, selection.only()?)
        })
    }

    /// What a tool that asks for code gets.
    pub(crate) fn found(&self, url: &str) -> Result<Lookup, Error> {
        self.with(|wallet| wallet.get(&query(url)))
    }

    /// The same in one line: `user:token`, or the name of the miss, or the error.
    pub(crate) fn get(&self, url: &str) -> String {
        in_words(self.found(url))
    }

    /// The same for another need.
    pub(crate) fn get_for(&self, need: Need, url: &str) -> String {
        in_words(self.with(|wallet| wallet.get(&Query { need, ..query(url) })))
    }

    /// A tool stores what worked.
    pub(crate) fn store(&self, url: &str, token: &str) -> Stored {
        self.store_given(url, secret(token).into()).unwrap()
    }

    /// A tool stores more than a token.
    pub(crate) fn store_given(&self, url: &str, given: NewCredential) -> Result<Stored, Error> {
        self.with(|wallet| wallet.store(&query(url), given))
    }

    /// A tool says that a token was refused; how many accounts changed.
    pub(crate) fn erase(&self, url: &str, token: &str) -> usize {
        self.erase_for(Need::Code, url, Some(token))
    }

    /// The same for a need, or without saying which token.
    pub(crate) fn erase_for(&self, need: Need, url: &str, token: Option<&str>) -> usize {
        let refused = token.map(secret);
        let query = Query { need, ..query(url) };
        self.with(|wallet| wallet.erase(&query, refused.as_ref())).unwrap().changed
    }

    /// Every file of the wallet with its content and time: equal before and after means that nothing was written.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
                    files.insert(path.clone(), (std::fs::read(&path).unwrap(), time));
                }
            }
        }
        files
    }

    /// Each account in one line: realm, name, source, state, number of secrets set aside.
    pub(crate) fn entries(&self) -> Vec<String> {
        let (entries, errors) = self.with(|wallet| manage::list(wallet).unwrap());
        assert!(errors.is_empty(), "{errors:?}");
        let line = |e: &crate::wallet::manage::AccountSummary| {
            let name = e.account.as_deref().unwrap_or("-");
            format!("{} {name} {} {} {}", e.realm, e.source, e.state.as_str(), e.set_aside)
        };
        entries.iter().map(line).collect()
    }

    /// A group of records.
    pub(crate) fn group(&self, name: &str) -> Group {
        self.with(|wallet| wallet.records.read(name).unwrap())
    }

    /// The store keeps the names of its secrets, and nothing of what they were.
    pub(crate) fn empty_secrets(&self) {
        for key in self.memory.keys().unwrap().unwrap() {
            self.memory.delete(&key).unwrap();
            self.memory.put(&key, &secret("")).unwrap();
        }
    }

    /// The store loses all its secrets.
    pub(crate) fn lose_secrets(&self) {
        for key in self.memory.keys().unwrap().unwrap() {
            self.memory.delete(&key).unwrap();
        }
    }
}

/// Decides the forge of a wish.
pub(crate) fn on(forge: &'static Forge, account: Option<&'static str>) -> impl FnOnce(&mut AddRequest) {
    move |wish| {
        wish.forge = Some(forge);
        wish.account = account.map(str::to_owned);
    }
}

/// A secret from text.
pub(crate) fn secret(text: &str) -> Secret {
    Secret::copy_of(text.as_bytes())
}

/// A question of git's about a URL, split as git splits it: nothing is folded or decoded on the way.
pub(crate) fn query(url: &str) -> Query {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let remote = Remote::from_parts(scheme, host, path).unwrap();
    Query { user: user.map(str::to_owned), ..Query::new("git", remote, Need::Code) }
}

fn in_words(found: Result<Lookup, Error>) -> String {
    match found {
        Ok(Lookup::Found(answer)) => {
            let token = String::from_utf8_lossy(answer.token.expose()).into_owned();
            format!("{}:{token}", answer.user.as_deref().unwrap_or("(none)"))
        }
        Ok(Lookup::None { reason, .. }) => name_of(&reason).to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

fn name_of(reason: &NoCredential) -> &'static str {
    match reason {
        NoCredential::NotOurs => "NotOurs",
        NoCredential::NoOrganisation { .. } => "NoOrganisation",
        NoCredential::NoAccount { .. } => "NoAccount",
        NoCredential::Uncovered { .. } => "Uncovered",
        NoCredential::Ambiguous { .. } | NoCredential::NoPath { .. } | NoCredential::Variables { .. } => {
            "Ambiguous"
        }
        NoCredential::Rejected { again_in: Some(_), .. } => "Withheld",
        NoCredential::Rejected { again_in: None, .. } => "Rejected",
        NoCredential::Expired { .. } => "Expired",
        NoCredential::Unusable { .. } => "Unusable",
        NoCredential::PlainHttp { .. } => "PlainHttp",
    }
}

/// For a wallet that must not open one.
pub(crate) struct NoStores;

impl Stores for NoStores {
    fn open(&self, name: &str) -> Result<Box<dyn Store + '_>, Error> {
        Err(Error::NoSuchStore { name: name.to_owned() })
    }

    fn for_new(&self, _configured: Option<&str>) -> Result<Chosen, Error> {
        Err(Error::NoSuchStore { name: "any".to_owned() })
    }
}

struct OneStore<'m> {
    memory: &'m Memory,
    chosen_now: bool,
}

impl Stores for OneStore<'_> {
    fn open(&self, name: &str) -> Result<Box<dyn Store + '_>, Error> {
        if name == "memory" {
            return Ok(Box::new(Shared(self.memory)));
        }
        Err(Error::NoSuchStore { name: name.to_owned() })
    }

    fn for_new(&self, _configured: Option<&str>) -> Result<Chosen, Error> {
        Ok(Chosen { name: "memory", chosen_now: self.chosen_now })
    }
}

struct Shared<'m>(&'m Memory);

impl Store for Shared<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        self.0.get(key)
    }
    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        self.0.put(key, secret)
    }
    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.0.delete(key)
    }
    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        self.0.keys()
    }
    fn unlock(&self, for_seconds: Option<u64>) -> Result<(), Error> {
        self.0.unlock(for_seconds)
    }
    fn lock(&self) -> Result<(), Error> {
        Store::lock(self.0)
    }
    fn health(&self) -> Health {
        self.0.health()
    }
}
