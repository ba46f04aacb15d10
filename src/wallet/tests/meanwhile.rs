//! What another process does between a look at the record and the look into the store: reading takes no lock, so everything
//! can have changed by then, and nothing may be answered, stored, marked or destroyed by what is not true any more.

use std::cell::RefCell;

use tempfile::TempDir;

use super::fixture::{START, query, secret};
use crate::account::{Account, Key};
use crate::environment::Environment;
use crate::error::{Error, NoCredential};
use crate::records::Source;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store::memory::Memory;
use crate::store::{Health, Store};
use crate::wallet::manage::add::AddRequest;
use crate::wallet::secrets::put_new;
use crate::wallet::stores::{Chosen, Stores};
use crate::wallet::{Erased, LocalWallet, Lookup, Stored, Wallet, manage};

const URL: &str = "https://dev.azure.com/contoso/p/_git/r";

/// Two stores, a folder, and what another process does before a store next gives or destroys a secret.
struct Scene {
    folder: TempDir,
    one: Memory,
    other: Memory,
    environment: Environment,
    meanwhile: RefCell<Option<Meanwhile>>,
}

type Meanwhile = Box<dyn FnOnce(&LocalWallet<'_>)>;

impl Scene {
    fn with_a_token() -> Scene {
        let scene = Scene {
            folder: tempfile::tempdir().unwrap(),
            one: Memory::default(),
            other: Memory::default(),
            environment: Environment::default(),
            meanwhile: RefCell::default(),
        };
        add(&scene.wallet(), "token");
        scene
    }

    fn wallet(&self) -> LocalWallet<'_> {
        let (data, config) = (self.folder.path().join("wallet"), self.folder.path().join("config.toml"));
        LocalWallet::new(&data, config, self, &self.environment, START)
    }

    fn meanwhile(self, work: impl FnOnce(&LocalWallet<'_>) + 'static) -> Scene {
        self.meanwhile.replace(Some(Box::new(work)));
        self
    }

    fn accounts(&self) -> Vec<(Option<String>, Source, String)> {
        let group = self.wallet().records.read("azure-devops/contoso").unwrap();
        let accounts = group.realms.into_iter().flat_map(|realm| realm.accounts);
        accounts.map(|account| (account.name, account.source, account.store)).collect()
    }
}

fn add(wallet: &LocalWallet<'_>, token: &str) {
    let wish = AddRequest::new(Remote::from_url(URL).unwrap().0, None);
    manage::add(wallet, &manage::plan(wallet, wish).unwrap(), secret(token)).unwrap();
}

fn move_to_the_other_store(wallet: &LocalWallet<'_>) {
    assert_eq!(manage::storage::move_all(wallet, "other").unwrap().moved, 1);
}

fn remove(wallet: &LocalWallet<'_>) {
    manage::remove(wallet, &manage::select(wallet, URL, None).unwrap(), false).unwrap();
}

impl Stores for Scene {
    fn open(&self, name: &str) -> Result<Box<dyn Store + '_>, Error> {
        Ok(Box::new(Disturbed { scene: self, memory: if name == "other" { &self.other } else { &self.one } }))
    }

    fn for_new(&self, _configured: Option<&str>) -> Result<Chosen, Error> {
        Ok(Chosen { name: "one", chosen_now: false })
    }
}

struct Disturbed<'s> {
    scene: &'s Scene,
    memory: &'s Memory,
}

impl Disturbed<'_> {
    fn disturb(&self) {
        let meanwhile = self.scene.meanwhile.take();
        if let Some(work) = meanwhile {
            work(&self.scene.wallet());
        }
    }
}

impl Store for Disturbed<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        self.disturb();
        self.memory.get(key)
    }
    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        self.memory.put(key, secret)
    }
    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.disturb();
        self.memory.delete(key)
    }
    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        self.memory.keys()
    }
    fn unlock(&self, for_seconds: Option<u64>) -> Result<(), Error> {
        self.memory.unlock(for_seconds)
    }
    fn lock(&self) -> Result<(), Error> {
        Store::lock(self.memory)
    }
    fn health(&self) -> Health {
        self.memory.health()
    }
}

#[test]
fn a_get_finds_the_token_that_was_moved_to_another_store_meanwhile() {
    let scene = Scene::with_a_token().meanwhile(move_to_the_other_store);
    let Lookup::Found(answer) = scene.wallet().get(&query(URL)).unwrap() else { panic!("no answer") };
    assert_eq!((answer.token.expose(), answer.store.as_str()), (&b"token"[..], "other"));
}

#[test]
fn a_get_of_what_was_removed_meanwhile_finds_nothing_and_says_so() {
    let scene = Scene::with_a_token().meanwhile(remove);
    let found = scene.wallet().get(&query(URL)).unwrap();
    assert!(matches!(found, Lookup::None { reason: NoCredential::NoAccount { .. }, .. }), "{found:?}");
}

#[test]
fn a_store_knows_the_token_that_was_moved_meanwhile_and_makes_no_second_account() {
    let scene = Scene::with_a_token().meanwhile(move_to_the_other_store);
    assert_eq!(scene.wallet().store(&query(URL), secret("token").into()).unwrap(), Stored::Unchanged);
    assert_eq!(scene.accounts(), [(None, Source::Person, "other".to_owned())]);
}

#[test]
fn an_erase_marks_the_token_that_was_moved_meanwhile() {
    let scene = Scene::with_a_token().meanwhile(move_to_the_other_store);
    let erased = scene.wallet().erase(&query(URL), Some(&secret("token"))).unwrap();
    assert_eq!(erased, Erased { changed: 1, note: None });
}

#[test]
fn an_erase_spares_the_token_that_a_person_put_in_meanwhile() {
    let scene = Scene::with_a_token().meanwhile(|wallet| add(wallet, "new"));
    scene.wallet().erase(&query(URL), Some(&secret("token"))).unwrap();
    let Lookup::Found(answer) = scene.wallet().get(&query(URL)).unwrap() else { panic!("no answer") };
    assert_eq!(answer.token.expose(), b"new");
}

#[test]
fn a_move_between_stores_passes_over_what_was_removed_meanwhile() {
    let scene = Scene::with_a_token().meanwhile(remove);
    assert_eq!(manage::storage::move_all(&scene.wallet(), "other").unwrap().moved, 0);
    assert!(scene.one.is_empty() && scene.other.is_empty());
}

#[test]
fn a_removal_destroys_the_account_although_its_token_was_moved_since_it_was_selected() {
    let scene = Scene::with_a_token();
    let wallet = scene.wallet();
    let selection = manage::select(&wallet, URL, None).unwrap();
    move_to_the_other_store(&scene.wallet());
    assert!(manage::remove(&wallet, &selection, false).unwrap().is_empty());
    assert_eq!(scene.accounts(), []);
    assert!(scene.one.is_empty() && scene.other.is_empty());
}

#[test]
fn a_token_that_is_truly_lost_is_an_error_all_the_same() {
    let scene = Scene::with_a_token();
    scene.one.keys().unwrap().unwrap().iter().for_each(|key| scene.one.delete(key).unwrap());
    assert!(matches!(scene.wallet().get(&query(URL)), Err(Error::Lost { .. })));
}

#[test]
fn a_record_that_doctor_made_of_a_secret_just_put_does_not_become_a_second_account() {
    let (first, second) = (Scene::with_a_token(), Scene::with_a_token());
    // What doctor adopts is the account of the very id that the storing process is about to record.
    let adopted = first.wallet().records.read("azure-devops/contoso").unwrap().realms.remove(0);
    let mut group = second.wallet().records.read("azure-devops/contoso").unwrap();
    group.realms[0].accounts = adopted.accounts.clone();
    let mut own = adopted.accounts[0].clone();
    own.source = Source::Tool;
    crate::wallet::store::place_pair(&mut group, adopted, own, START).unwrap();
    let accounts = &group.realms[0].accounts;
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    assert_eq!(accounts[0].source, Source::Tool);
}

/// What a crash leaves at that moment, doctor sees too.
#[test]
fn what_is_being_removed_is_never_taken_for_a_secret_that_lost_its_record() {
    let scene = Scene::with_a_token().meanwhile(|wallet| {
        let audit = manage::audit(wallet, &["one"]).unwrap();
        assert_eq!((audit.unrecorded.len(), audit.orphans.len()), (0, 1));
    });
    // By force, so that the store is first looked at when the record has gone.
    let wallet = scene.wallet();
    assert!(manage::remove(&wallet, &manage::select(&wallet, URL, None).unwrap(), true).unwrap().is_empty());
    assert_eq!(scene.accounts(), []);
    assert!(scene.one.is_empty());
    assert!(!wallet.records.path("azure-devops/contoso").exists());
}

#[test]
fn what_doctor_takes_for_unrecorded_while_its_writer_gives_it_up_is_gone_from_the_records_too() {
    let scene = Scene::with_a_token();
    let wallet = scene.wallet();
    let selection = manage::select(&wallet, URL, None).unwrap();
    let planned = manage::plan(&wallet, AddRequest::new(Remote::from_url(URL).unwrap().0, None)).unwrap();
    manage::remove(&wallet, &selection, false).unwrap();
    // The store is first looked at when the record could not be written.
    scene.meanwhile.replace(Some(Box::new(|wallet| {
        let unrecorded = manage::audit(wallet, &["one"]).unwrap().unrecorded;
        assert_eq!(manage::repair::rebuild(wallet, &unrecorded).unwrap().len(), 1);
    })));
    let account = Account::from_name(None);
    let refused = put_new(&wallet, &planned.group, &planned.realm, account, &secret("new"), |_, _, _| {
        Err::<(), Error>(Error::Changing)
    });
    assert!(matches!(refused, Err(Error::Changing)));
    assert_eq!(scene.accounts(), []);
    assert!(scene.one.is_empty());
}
