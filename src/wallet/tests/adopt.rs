//! Tokens that another program kept, many of one realm at once: what comes of them is what would come of each alone, and at no
//! moment does a record speak of a secret that its store does not have.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use tempfile::TempDir;

use super::fixture::{START, query, secret};
use crate::account::Key;
use crate::environment::Environment;
use crate::error::Error;
use crate::files;
use crate::import;
use crate::import::decide::{Overrides, decide};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store::memory::Memory;
use crate::store::{Health, Store};
use crate::wallet::manage::add::{AddRequest, Planned};
use crate::wallet::manage::adopt::{Adopted, Comparison, SecretCache};
use crate::wallet::stores::{Chosen, Stores};
use crate::wallet::{LocalWallet, Lookup, Query, SUSPECT_SECONDS, Wallet, manage};

const PLACE: &str = "https://dev.azure.com/contoso";
const GROUP: &str = "azure-devops/contoso";

/// One store, a folder, and what is looked at or done before each call of the store.
struct Scene {
    folder: TempDir,
    memory: Memory,
    environment: Environment,
    now: Cell<i64>,
    /// That it does not have what records speak of is what the test is about.
    lossy: Cell<bool>,
    gets: Cell<usize>,
    puts: Cell<usize>,
    /// From which put on it refuses.
    puts_end: Cell<usize>,
    /// How many accounts the record spoke of, each time the store was called.
    sizes: RefCell<BTreeSet<usize>>,
    /// What another process does before the put of this number.
    meanwhile: RefCell<Option<(usize, Meanwhile)>>,
    /// What it does before the next get.
    before_get: RefCell<Option<Meanwhile>>,
}

type Meanwhile = Box<dyn FnOnce(&LocalWallet<'_>)>;

impl Scene {
    fn new() -> Scene {
        Scene {
            folder: tempfile::tempdir().unwrap(),
            memory: Memory::default(),
            environment: Environment::default(),
            now: Cell::new(START),
            lossy: Cell::new(false),
            gets: Cell::new(0),
            puts: Cell::new(0),
            puts_end: Cell::new(usize::MAX),
            sizes: RefCell::default(),
            meanwhile: RefCell::default(),
            before_get: RefCell::default(),
        }
    }

    fn wallet(&self) -> LocalWallet<'_> {
        let (data, config) = (self.folder.path().join("wallet"), self.folder.path().join("config.toml"));
        LocalWallet::new(&data, config, self, &self.environment, self.now.get())
    }

    /// Takes over tokens of the place, each `account` with its `token`.
    fn take(&self, pairs: &[(String, String)], seen: &SecretCache) -> Result<Vec<Adopted>, Error> {
        let wallet = self.wallet();
        let tokens: Vec<Secret> = pairs.iter().map(|(_, token)| secret(token)).collect();
        let planned = pairs.iter().map(|(account, _)| plan(&wallet, account));
        let mut done = Vec::new();
        manage::adopt::adopt_all(&wallet, planned.zip(&tokens).collect(), seen, &mut |one| done.push(one))?;
        Ok(done)
    }

    fn take_new(&self, pairs: &[(String, String)]) -> Result<Vec<Adopted>, Error> {
        self.take(pairs, &SecretCache::default())
    }

    /// What the record speaks of, and that the store has all of it.
    fn accounts(&self) -> usize {
        let group = self.wallet().records.read(GROUP).unwrap();
        let held: Vec<Key> = Store::keys(&self.memory).unwrap().unwrap();
        let held: BTreeSet<&str> = held.iter().map(|key| key.id.as_str()).collect();
        assert!(group.ids().all(|id| held.contains(id)), "a record speaks of what no store has");
        group.accounts().count()
    }

    /// The wallet in words: each account with its tokens, the one in force first, and whether it is the default.
    fn in_words(&self) -> Vec<String> {
        let group = self.wallet().records.read(GROUP).unwrap();
        let of_account = |realm: &crate::records::RealmRecord, account: &crate::records::AccountRecord| {
            let token = |id| Store::get(&self.memory, &realm.key_of(account, id).unwrap()).unwrap().unwrap();
            let tokens = account.secrets().map(|kept| String::from_utf8(token(kept.id).expose().to_vec()));
            let tokens: Vec<String> = tokens.map(Result::unwrap).collect();
            format!("{} {} {}", account.account(), tokens.join("/"), account.default)
        };
        group.realms.iter().flat_map(|r| r.accounts.iter().map(move |a| of_account(r, a))).collect()
    }

    fn look(&self) {
        if self.lossy.get() {
            return;
        }
        let accounts = self.accounts();
        self.sizes.borrow_mut().insert(accounts);
    }
}

fn plan(wallet: &LocalWallet<'_>, account: &str) -> Planned {
    let mut wish = AddRequest::new(Remote::from_url(PLACE).unwrap().0, None);
    wish.account = Some(account.to_owned());
    manage::plan(wallet, wish).unwrap()
}

fn pairs(count: usize) -> Vec<(String, String)> {
    (0..count).map(|number| (format!("user{number}"), format!("token{number}"))).collect()
}

fn some(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(account, token)| ((*account).to_owned(), (*token).to_owned())).collect()
}

impl Stores for Scene {
    fn open(&self, _name: &str) -> Result<Box<dyn Store + '_>, Error> {
        Ok(Box::new(Watched(self)))
    }

    fn for_new(&self, _configured: Option<&str>) -> Result<Chosen, Error> {
        Ok(Chosen { name: "memory", chosen_now: self.memory.is_empty() })
    }
}

struct Watched<'s>(&'s Scene);

impl Store for Watched<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        self.0.look();
        self.0.gets.set(self.0.gets.get() + 1);
        let meanwhile = self.0.before_get.take();
        if let Some(work) = meanwhile {
            work(&self.0.wallet());
        }
        self.0.memory.get(key)
    }
    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        self.0.look();
        let number = self.0.puts.replace(self.0.puts.get() + 1);
        if number >= self.0.puts_end.get() {
            return Err(Error::Locked { store: "memory", how: None });
        }
        let meanwhile = self.0.meanwhile.borrow_mut().take_if(|(at, _)| *at == number);
        if let Some((_, work)) = meanwhile {
            work(&self.0.wallet());
        }
        self.0.memory.put(key, secret)
    }
    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.0.memory.delete(key)
    }
    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        self.0.memory.keys()
    }
    fn unlock(&self, for_seconds: Option<u64>) -> Result<(), Error> {
        self.0.memory.unlock(for_seconds)
    }
    fn lock(&self) -> Result<(), Error> {
        Store::lock(&self.0.memory)
    }
    fn health(&self) -> Health {
        self.0.memory.health()
    }
}

#[test]
fn many_accounts_of_one_realm_are_each_put_and_read_back_once_and_their_record_is_written_a_few_times() {
    let scene = Scene::new();
    let done = scene.take_new(&pairs(200)).unwrap();
    assert_eq!(scene.accounts(), 200);
    assert!(done.len() == 200 && done.iter().all(|one| matches!(one.standing, Comparison::New { .. })));
    assert_eq!((scene.puts.get(), scene.gets.get()), (200, 200));
    assert!(scene.sizes.borrow().len() < 8, "{:?}", scene.sizes.borrow());
    // Only the first one can have been the choice of a store, and only one account was alone before.
    assert_eq!(done.iter().filter(|one| one.chosen.is_some()).count(), 1);
    let kept: Vec<_> = done.iter().filter_map(|one| one.default_now.as_deref()).collect();
    assert_eq!(kept, ["user0"]);
}

#[test]
fn what_a_wallet_holds_is_read_once_for_all_that_comes_into_its_realm() {
    let scene = Scene::new();
    scene.take_new(&pairs(100)).unwrap();
    scene.gets.set(0);
    let more: Vec<_> =
        (0..100).map(|number| (format!("other{number}"), format!("another{number}"))).collect();
    scene.take_new(&more).unwrap();
    assert_eq!(scene.gets.get(), 200);
    scene.gets.set(0);
    let done = scene.take_new(&pairs(100)).unwrap();
    assert!(done.iter().all(|one| matches!(one.standing, Comparison::Held { in_force: true, .. })));
    assert_eq!((scene.gets.get(), scene.accounts()), (100, 200));
}

#[test]
fn many_at_once_become_what_they_become_one_after_the_other() {
    let many = pairs(70);
    let (a, b) = (("alice", "A"), ("bob", "B"));
    for before in [&[][..], &[a], &[a, b], &[("alice", "token3"), ("user9", "other")]] {
        for refused in [false, true] {
            if refused && !before.contains(&a) {
                continue;
            }
            let odd = [
                // A second token of an account, the same token for two, what is held already, again what came.
                ("user1", "T1"),
                ("bob", "B2"),
                ("carol", "token5"),
                ("dave", "A"),
                ("erin", "E"),
                ("erin", "E"),
                ("erin", "E2"),
                ("user1", "token1"),
            ];
            let mut all = some(&odd);
            all.splice(4..4, many.clone());
            // Two that come in together have one token.
            all.insert(20, ("gina".to_owned(), "token40".to_owned()));
            let (together, alone) = (Scene::new(), Scene::new());
            for scene in [&together, &alone] {
                scene.take_new(&some(before)).unwrap();
                if refused {
                    refuse(scene, "A");
                }
            }
            let said = together.take_new(&all).unwrap();
            let each = all.iter().flat_map(|pair| alone.take_new(std::slice::from_ref(pair)).unwrap());
            let each: Vec<Adopted> = each.collect();
            assert_eq!(together.in_words(), alone.in_words(), "{before:?} {refused}");
            let defaults = |done: &[Adopted]| -> Vec<String> {
                done.iter().filter_map(|one| one.default_now.clone()).collect()
            };
            assert_eq!(defaults(&said), defaults(&each));
            let held = |done: &[Adopted]| {
                done.iter().filter(|one| matches!(one.standing, Comparison::Held { .. })).count()
            };
            assert_eq!((said.len(), held(&said)), (each.len(), held(&each)), "{before:?} {refused}");
        }
    }
}

/// Reported twice, the second time after it was offered again: then a person's token is rejected (R7).
fn refuse(scene: &Scene, token: &str) {
    for _ in 0..2 {
        let query = Query { user: Some("alice".to_owned()), ..query(PLACE) };
        scene.wallet().erase(&query, Some(&secret(token))).unwrap();
        scene.now.set(scene.now.get() + SUSPECT_SECONDS + 1);
        let _ = scene.wallet().get(&query).unwrap();
    }
}

#[test]
fn a_store_that_refuses_in_the_middle_leaves_no_secret_without_a_record_and_the_next_try_finishes() {
    for end in [0, 1, 2, 3, 40, 65, 66, 67, 100, 149] {
        let scene = Scene::new();
        scene.puts_end.set(end);
        assert!(matches!(scene.take_new(&pairs(150)), Err(Error::Locked { .. })), "{end}");
        assert_eq!(scene.memory.len(), scene.accounts(), "{end}");
        assert!(scene.accounts() <= end && scene.accounts() + 64 >= end, "{end}: {}", scene.accounts());
        scene.puts_end.set(usize::MAX);
        scene.take_new(&pairs(150)).unwrap();
        assert_eq!((scene.memory.len(), scene.accounts()), (150, 150), "{end}");
    }
}

#[test]
fn an_account_that_another_process_adds_meanwhile_keeps_its_token_in_force_and_nothing_is_lost() {
    let scene = Scene::new();
    let add = |wallet: &LocalWallet<'_>| {
        manage::add(wallet, &plan(wallet, "user20"), secret("theirs")).unwrap();
    };
    scene.meanwhile.replace(Some((10, Box::new(add))));
    scene.take_new(&pairs(30)).unwrap();
    let words = scene.in_words();
    assert!(words.contains(&"user20 theirs/token20 false".to_owned()), "{words:?}");
    assert_eq!((words.len(), scene.memory.len()), (30, 31));
}

#[test]
fn a_realm_that_another_process_empties_meanwhile_gets_a_default_as_it_would_one_after_the_other() {
    let scene = Scene::new();
    let empty = |wallet: &LocalWallet<'_>| {
        assert!(
            manage::remove(wallet, &manage::select(wallet, PLACE, None).unwrap(), false).unwrap().is_empty()
        );
    };
    scene.meanwhile.replace(Some((10, Box::new(empty))));
    scene.take_new(&pairs(30)).unwrap();
    // The first two were in by then, and that process wanted them gone.
    let Lookup::Found(answer) = scene.wallet().get(&query(PLACE)).unwrap() else { panic!("no answer") };
    assert_eq!(answer.token.expose(), b"token2");
    assert_eq!((scene.accounts(), scene.memory.len()), (28, 28));
}

#[test]
fn a_token_that_was_seen_and_is_lost_since_is_not_held() {
    let scene = Scene::new();
    scene.take_new(&some(&[("alice", "A"), ("bob", "B")])).unwrap();
    let (seen, wallet) = (SecretCache::default(), scene.wallet());
    let standing = |account: &str, token: &str| {
        manage::adopt::compare(&wallet, &plan(&wallet, account), &secret(token), &seen).unwrap()
    };
    assert_eq!(standing("carol", "C"), Comparison::New { beside: true });
    assert!(matches!(standing("carol", "B"), Comparison::Held { .. }));
    assert_eq!(standing("bob", "B2"), Comparison::Other);
    scene.lossy.set(true);
    let keys = Store::keys(&scene.memory).unwrap().unwrap();
    keys.iter().for_each(|key| scene.memory.delete(key).unwrap());
    assert_eq!(standing("carol", "B"), Comparison::New { beside: true });
    // Its own account has lost its token, so that this one takes the place and stands behind nothing.
    assert_eq!(standing("bob", "B"), Comparison::New { beside: false });
    assert_eq!(standing("bob", "B2"), Comparison::New { beside: false });
}

#[test]
fn what_a_store_takes_and_does_not_give_back_is_not_taken_over_with_the_others_either() {
    let scene = Scene::new();
    scene.take_new(&some(&[("alice", "A"), ("bob", "B")])).unwrap();
    scene.memory.set_forgetful(true);
    let wallet = scene.wallet();
    let (one, other) = (secret("T"), secret("U"));
    let both = vec![(plan(&wallet, "carol"), &one), (plan(&wallet, "dave"), &other)];
    let done =
        manage::adopt::adopt_all(&wallet, both, &SecretCache::default(), &mut |_| panic!("it is not there"));
    assert!(matches!(done, Err(Error::Lost { .. })), "{done:?}");
    assert_eq!(scene.accounts(), 2);
    scene.memory.set_forgetful(false);
    scene.take_new(&some(&[("carol", "T"), ("dave", "U")])).unwrap();
    assert_eq!(scene.in_words(), ["alice A true", "bob B false", "carol T false", "dave U false"]);
}

#[test]
fn all_entries_of_a_source_are_decided_by_one_reading_of_their_record_until_the_store_says_otherwise() {
    let scene = Scene::new();
    scene.lossy.set(true);
    scene.take_new(&pairs(20)).unwrap();
    let found: Vec<import::Found> = pairs(20).iter().map(|(user, token)| entry(user, token)).collect();
    let decide = || -> Vec<&str> {
        let wallet = scene.wallet();
        let decided = decide(&wallet, &found, Overrides::default(), &SecretCache::default(), START).unwrap();
        decided.iter().map(|one| if one.is_new() { "new" } else { "held" }).collect()
    };
    // The record is gone after the first look, and its secrets are not.
    let path = scene.wallet().records.path(GROUP);
    let kept = std::fs::read(&path).unwrap();
    scene.before_get.replace(Some(Box::new(|wallet| {
        std::fs::remove_file(wallet.records.path(GROUP)).unwrap();
    })));
    assert_eq!(decide(), ["held"; 20]);
    files::write_private(&path, &kept).unwrap();
    // They go with it: then it is read again, and nothing is held that is not there.
    scene.before_get.replace(Some(Box::new(|wallet| {
        assert!(
            manage::remove(wallet, &manage::select(wallet, PLACE, None).unwrap(), false).unwrap().is_empty()
        );
    })));
    assert_eq!(decide(), ["new"; 20]);
}

fn entry(user: &str, token: &str) -> import::Found {
    import::Found {
        at: format!("a file, {user}"),
        remote: Remote::from_url(PLACE).unwrap().0,
        user: Some(user.to_owned()),
        token: secret(token),
        expires: None,
        location: import::SourceLocation::Text("/nowhere".into(), Vec::new()),
    }
}
