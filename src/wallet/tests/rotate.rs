//! A token's renewal, where each call of the service may fail, with or without having done its work: whatever happens, the token
//! in force is one that the service takes, and what was half done can be made good without a token that nobody has.

use std::cell::{Cell, RefCell};

use super::fixture::{START, TestWallet, secret};
use crate::error::Error;
use crate::forge::lifecycle::{self, Created, TokenId, TokenRequest};
use crate::forge::verify::{Outcome, Verdict};
use crate::wallet::manage::rotate::{Done, Failed, Finished, Making, NotRenewed, Service, without_tag};
use crate::wallet::manage::verify::Question;
use crate::wallet::pending::List;
use crate::wallet::{LocalWallet, manage};

const URL: &str = "https://dev.azure.com/contoso";

struct Token {
    id: TokenId,
    name: String,
    value: String,
    works: bool,
}

/// A service that fails at one of its calls.
#[derive(Default)]
struct Fake {
    tokens: RefCell<Vec<Token>>,
    calls: Cell<usize>,
    fails_at: usize,
    /// Whether the call does its work before its answer is lost.
    works_all_the_same: bool,
    refuses_the_new: bool,
}

fn id(number: usize) -> TokenId {
    TokenId::parse(&format!("11111111-1111-1111-1111-{number:012}")).unwrap()
}

fn lost() -> Error {
    Error::Service { what: "the answer was lost".to_owned(), hint: String::new() }
}

impl Fake {
    fn with_old() -> Fake {
        let old = Token { id: id(1), name: "git".to_owned(), value: "old".to_owned(), works: true };
        Fake { tokens: RefCell::new(vec![old]), ..Fake::default() }
    }

    /// One call: `work` is done unless it fails before.
    fn call<T>(&self, work: impl FnOnce(&mut Vec<Token>) -> T) -> Result<T, Error> {
        self.calls.set(self.calls.get() + 1);
        let fails = self.calls.get() == self.fails_at;
        if fails && !self.works_all_the_same {
            return Err(lost());
        }
        let done = work(&mut self.tokens.borrow_mut());
        if fails { Err(lost()) } else { Ok(done) }
    }

    fn working(&self) -> Vec<String> {
        let tokens = self.tokens.borrow();
        tokens.iter().filter(|token| token.works).map(|token| token.value.clone()).collect()
    }
}

fn told(token: &Token) -> lifecycle::Token {
    let scopes = vec!["vso.code_write".to_owned()];
    lifecycle::Token {
        id: token.id.clone(),
        name: token.name.clone(),
        scopes,
        created: None,
        expires: Some(START + 999),
        global: false,
    }
}

impl Service for Fake {
    fn find(&self, tag: &str) -> Result<Option<lifecycle::Token>, Error> {
        self.call(|all| all.iter().find(|token| token.works && token.name.ends_with(tag)).map(told))
    }

    fn create(&self, order: &TokenRequest) -> Result<Created, Failed> {
        let made = self.call(|all| {
            let number = all.len() + 1;
            let (name, value) = (order.name.clone(), format!("new-{number}"));
            all.push(Token { id: id(number), name, value: value.clone(), works: true });
            let lifecycle::Token { id, name, scopes, expires, .. } = told(&all[number - 1]);
            Created { secret: Some(secret(&value)), id: Some(id), name, scopes, expires }
        });
        made.map_err(|error| Failed { error, nothing_happened: false })
    }

    fn verify(&self, question: &Question) -> Result<Verdict, Error> {
        self.call(|all| {
            let takes = all.iter().any(|token| token.works && question.token.same_as(&secret(&token.value)));
            let accepted = takes && !self.refuses_the_new;
            let outcome = if accepted { Outcome::Accepted } else { Outcome::Refused };
            Verdict { outcome, ..Verdict::default() }
        })
    }

    fn revoke(&self, id: &TokenId) -> Result<(), Error> {
        self.call(|all| all.iter_mut().filter(|token| token.id == *id).for_each(|token| token.works = false))
    }
}

fn list(test: &TestWallet) -> List {
    List::new(&test.data())
}

fn rotate(test: &TestWallet, service: &Fake) -> Result<Done, Error> {
    rotate_while(test, service, || ())
}

/// The person was asked which one the old one is, and that took a while.
fn rotate_while(test: &TestWallet, service: &Fake, meanwhile: impl Fn()) -> Result<Done, Error> {
    test.with(|wallet| {
        let selection = manage::select(wallet, URL, None)?;
        let planned = manage::rotate::plan_again(wallet, &selection, selection.only()?)?;
        let order =
            TokenRequest { name: "git #00000000".to_owned(), scopes: Vec::new(), expires: START + 999 };
        let held = Some(selection.only()?.id.clone());
        meanwhile();
        let making = Making { planned, order, old: Some(id(1)), held, verify: true };
        let list = list(test);
        list.alone(|| manage::rotate::make(wallet, &list, making, service))
    })
}

/// Makes good what is half done, with a service that works again.
fn finish(test: &TestWallet, service: &mut Fake) -> Vec<Finished> {
    service.fails_at = 0;
    let list = list(test);
    let all = list.read().unwrap();
    let each = |wallet: &LocalWallet<'_>| {
        all.iter().map(|one| manage::rotate::finish(wallet, &list, one, service).unwrap()).collect()
    };
    test.with(each)
}

fn in_force(test: &TestWallet) -> String {
    test.get(URL).rsplit(':').next().unwrap().to_owned()
}

#[test]
fn a_new_token_is_stored_and_verified_and_then_the_old_one_is_revoked_and_destroyed() {
    let (test, service) = (TestWallet::new(), Fake::with_old());
    test.add_as(URL, "old", |wish| (wish.label, wish.default) = (Some("mine".to_owned()), true)).unwrap();
    let done = rotate(&test, &service).unwrap();
    assert!(done.revoked && done.unfinished.is_none());
    assert_eq!((in_force(&test), service.working()), ("new-2".to_owned(), vec!["new-2".to_owned()]));
    assert_eq!((list(&test).read().unwrap(), test.memory.len()), (Vec::new(), 1));
    let group = test.group("azure-devops/contoso");
    let account = &group.realms[0].accounts[0];
    assert_eq!(account.service_id.as_deref(), Some(id(2).as_str()));
    assert_eq!((account.label.as_deref(), account.default), (Some("mine"), true), "what a person said stays");
    assert_eq!(account.expires.map(|expiry| (expiry.at, expiry.certain)), Some((START + 999, true)));
    assert!(account.set_aside.is_empty() && account.scopes == ["vso.code_write"]);
    // The tag of the time before is gone, the new one is there.
    let name = service.tokens.borrow()[1].name.clone();
    assert!(without_tag(&name) == "git" && name != "git" && !name.contains("00000000"), "{name}");
}

#[test]
fn wherever_the_service_fails_the_token_in_force_works_and_the_rest_is_made_good() {
    let calls = {
        let (test, service) = (TestWallet::new(), Fake::with_old());
        test.add(URL, None, "old");
        rotate(&test, &service).unwrap();
        service.calls.get()
    };
    assert!(calls >= 3);
    for (fails_at, works_all_the_same) in (1..=calls).flat_map(|at| [(at, false), (at, true)]) {
        let mut service = Fake { fails_at, works_all_the_same, ..Fake::with_old() };
        let test = TestWallet::new();
        test.add(URL, None, "old");
        let unfinished = match rotate(&test, &service) {
            Ok(done) => done.unfinished.is_some(),
            Err(_) => true,
        };
        assert!(unfinished, "{fails_at}");
        let case = format!("call {fails_at}, work done: {works_all_the_same}");
        assert!(service.working().contains(&in_force(&test)), "{case}");
        assert_eq!(list(&test).read().unwrap().len(), 1, "{case}");
        finish(&test, &mut service);
        assert_eq!(service.working(), [in_force(&test)], "{case}: no token that nobody has");
        assert_eq!((list(&test).read().unwrap(), test.memory.len()), (Vec::new(), 1), "{case}");
    }
}

#[test]
fn a_new_token_that_the_service_does_not_take_gives_way_to_the_earlier_one() {
    let (test, service) = (TestWallet::new(), Fake { refuses_the_new: true, ..Fake::with_old() });
    test.add(URL, None, "old");
    assert!(rotate(&test, &service).err().unwrap().to_string().contains("does not take the token"));
    assert_eq!((in_force(&test), service.working()), ("old".to_owned(), vec!["old".to_owned()]));
    assert_eq!(list(&test).read().unwrap(), []);
}

#[test]
fn a_new_token_that_is_not_taken_after_a_crash_gives_way_too_whatever_tools_said_of_it() {
    // The answer to the verification is lost, as if it had been killed there.
    let (test, mut service) = (TestWallet::new(), Fake { fails_at: 2, ..Fake::with_old() });
    test.add(URL, None, "old");
    assert!(rotate(&test, &service).unwrap().unfinished.is_some());
    assert_eq!(in_force(&test), "new-2");
    test.erase(URL, "new-2");
    (service.fails_at, service.refuses_the_new) = (0, true);
    let list = list(&test);
    let pending = list.read().unwrap().remove(0);
    let error = test.with(|wallet| manage::rotate::finish(wallet, &list, &pending, &service).err().unwrap());
    assert!(error.to_string().contains("does not take the token"), "{error}");
    assert_eq!((in_force(&test), service.working()), ("old".to_owned(), vec!["old".to_owned()]));
    assert_eq!((list.read().unwrap(), test.memory.len()), (Vec::new(), 1), "the dead one is destroyed");
}

/// The first token of a realm: nothing was in force before.
fn create(test: &TestWallet, service: &Fake) -> Result<Done, Error> {
    test.with(|wallet| {
        let (remote, _) = crate::remote::Remote::from_url(URL)?;
        let planned = manage::plan(wallet, crate::wallet::manage::add::AddRequest::new(remote, None))?;
        let order = TokenRequest { name: "git".to_owned(), scopes: Vec::new(), expires: START + 999 };
        let making = Making { planned, order, old: None, held: None, verify: true };
        let list = list(test);
        list.alone(|| manage::rotate::make(wallet, &list, making, service))
    })
}

#[test]
fn a_first_token_that_the_service_does_not_take_leaves_nothing_behind() {
    let (test, service) = (TestWallet::new(), Fake { refuses_the_new: true, ..Fake::default() });
    let error = create(&test, &service).err().unwrap();
    assert!(error.to_string().contains("it is revoked and out of the wallet"), "{error}");
    assert!(error.hint().unwrap().contains("by hand: keyfob add https://dev.azure.com/contoso --open"));
    assert_eq!((service.working(), test.memory.len()), (Vec::new(), 0));
    assert!(test.group("azure-devops/contoso").realms.is_empty());
    assert_eq!((test.get(URL).as_str(), list(&test).read().unwrap()), ("NoAccount", Vec::new()));
}

#[test]
fn a_first_token_that_is_not_taken_and_cannot_be_revoked_is_not_handed_out() {
    // Made, not taken, and the revocation fails.
    let refusing = Fake { refuses_the_new: true, fails_at: 3, ..Fake::default() };
    let test = TestWallet::new();
    let error = create(&test, &refusing).err().unwrap();
    assert!(error.to_string().contains("is kept, but not handed out"), "{error}");
    assert_eq!((test.get(URL).as_str(), refusing.working().len()), ("Rejected", 1));
    assert_eq!((test.memory.len(), list(&test).read().unwrap()), (1, Vec::new()));
    // If it was a bad minute of the service's, nothing is lost.
    test.restore(URL, None).unwrap();
    assert_eq!(in_force(&test), "new-1");
}

#[test]
fn a_first_token_that_is_not_taken_after_a_crash_leaves_nothing_behind_either() {
    let (test, mut service) = (TestWallet::new(), Fake { fails_at: 2, ..Fake::default() });
    assert!(create(&test, &service).unwrap().unfinished.is_some());
    assert_eq!(in_force(&test), "new-1");
    (service.fails_at, service.refuses_the_new) = (0, true);
    let list = list(&test);
    let pending = list.read().unwrap().remove(0);
    let error = test.with(|wallet| manage::rotate::finish(wallet, &list, &pending, &service).err().unwrap());
    assert!(error.to_string().contains("out of the wallet"), "{error}");
    assert_eq!((service.working(), test.memory.len(), list.read().unwrap()), (Vec::new(), 0, Vec::new()));
}

#[test]
fn a_token_that_came_while_a_person_was_asked_is_not_taken_for_the_old_one() {
    let (test, service) = (TestWallet::new(), Fake::with_old());
    test.add(URL, None, "old");
    let done = rotate_while(&test, &service, || test.add(URL, None, "third"));
    assert!(matches!(done, Err(Error::Changing)));
    assert_eq!((in_force(&test), service.calls.get()), ("third".to_owned(), 0));
    assert_eq!(test.group("azure-devops/contoso").realms[0].accounts[0].service_id, None);
}

#[test]
fn a_locked_store_is_found_before_the_service_is_asked() {
    let (test, service) = (TestWallet::new(), Fake::with_old());
    test.add(URL, None, "old");
    test.memory.set_locked(true);
    assert!(matches!(rotate(&test, &service), Err(Error::Locked { .. })));
    assert_eq!((service.calls.get(), list(&test).read().unwrap()), (0, Vec::new()));
}

#[test]
fn a_new_token_that_somebody_may_have_is_not_revoked() {
    let (test, mut service) = (TestWallet::new(), Fake { fails_at: 3, ..Fake::with_old() });
    test.add(URL, None, "old");
    assert!(rotate(&test, &service).unwrap().unfinished.is_some(), "the old one is not revoked");
    test.restore(URL, None).unwrap();
    assert_eq!(finish(&test, &mut service), [Finished::Left]);
    assert_eq!((in_force(&test), service.working().len()), ("old".to_owned(), 2));
}

fn renew(
    test: &TestWallet,
    ask: impl FnOnce(&Question) -> Result<Created, Failed>,
) -> Result<(), NotRenewed> {
    test.with(|wallet| {
        let selection = manage::select(wallet, "https://gitlab.com", None)?;
        let planned = manage::rotate::plan_again(wallet, &selection, selection.only()?)?;
        manage::rotate::renew(wallet, &list(test), planned, ask).map(drop)
    })
}

fn renewed(token: &str) -> Created {
    Created {
        secret: Some(secret(token)),
        id: None,
        name: String::new(),
        scopes: vec!["api".to_owned()],
        expires: Some(START + 9),
    }
}

#[test]
fn a_token_that_renews_itself_is_kept_and_the_dead_one_destroyed() {
    let test = TestWallet::new();
    test.add("https://gitlab.com", None, "old");
    let done = renew(&test, |question| {
        assert!(question.token.same_as(&secret("old")));
        Ok(renewed("new"))
    });
    assert!(done.is_ok());
    assert_eq!((test.get("https://gitlab.com"), test.memory.len()), ("oauth2:new".to_owned(), 1));
    assert_eq!(list(&test).read().unwrap(), []);
}

#[test]
fn while_a_token_is_renewed_there_is_room_for_the_new_one_and_its_record() {
    let test = TestWallet::new();
    test.add("https://gitlab.com", None, "old");
    let records = test.data().join("records");
    let beside = || {
        let files = std::fs::read_dir(&records).unwrap().map(|entry| entry.unwrap());
        let held = files.filter(|entry| entry.file_name().to_string_lossy().starts_with(".new-"));
        held.map(|entry| entry.metadata().unwrap().len()).sum::<u64>()
    };
    for succeeds in [false, true] {
        let done = renew(&test, |_| {
            assert!(beside() > 4096 && test.memory.len() == 2, "{} {}", beside(), test.memory.len());
            if succeeds {
                return Ok(renewed("new"));
            }
            Err(Failed { error: lost(), nothing_happened: true })
        });
        assert_eq!((done.is_ok(), beside(), test.memory.len()), (succeeds, 0, 1));
    }
}

#[test]
fn a_renewal_of_which_nothing_is_known_stays_on_the_list_and_is_not_tried_again() {
    let test = TestWallet::new();
    test.add("https://gitlab.com", None, "old");
    let fails = |nothing_happened| move |_: &Question| Err(Failed { error: lost(), nothing_happened });
    assert!(renew(&test, fails(true)).is_err());
    assert_eq!(list(&test).read().unwrap(), []);
    assert!(renew(&test, fails(false)).is_err());
    assert_eq!(list(&test).read().unwrap().len(), 1);
    assert_eq!(test.get("https://gitlab.com"), "oauth2:old");
}

#[test]
fn a_renewed_token_without_a_home_comes_back_to_the_person() {
    let test = TestWallet::new();
    test.add("https://gitlab.com", None, "old");
    let lock = |_: &Question| {
        test.memory.set_locked(true);
        Ok(renewed("new"))
    };
    let Err(NotRenewed::Unstored(unstored)) = renew(&test, lock) else { panic!("it was kept") };
    assert!(unstored.token.same_as(&secret("new")));
    assert_eq!(list(&test).read().unwrap().len(), 1);
}
