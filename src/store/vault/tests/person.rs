//! The person who types the passphrase: how often, for how long, and what stays of it.

use super::*;
use crate::store::STAYS_UNLOCKED;

/// Types these, one after the other, and then nothing; each takes this long.
struct Typist {
    says: Cell<&'static [&'static str]>,
    takes: Duration,
    questions: std::cell::RefCell<Vec<String>>,
}

impl Typist {
    fn saying(says: &'static [&'static str]) -> Typist {
        Typist { says: Cell::new(says), takes: Duration::ZERO, questions: std::cell::RefCell::default() }
    }
}

impl Prompter for Typist {
    fn possible(&self) -> bool {
        true
    }
    fn passphrase(&self, prompt: &str, within: Duration) -> Option<Secret> {
        self.questions.borrow_mut().push(prompt.to_owned());
        std::thread::sleep(self.takes.min(within));
        let (first, rest) = self.says.get().split_first().filter(|_| self.takes <= within)?;
        self.says.set(rest);
        Some(Secret::copy_of(first.as_bytes()))
    }
}

fn protected() -> (Home, Key) {
    let (home, ana) = (Home::new(), key("ana"));
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().replace_key_file_by_passphrase(&secret("right")).unwrap();
    (home, ana)
}

#[test]
fn there_are_three_tries_and_each_question_names_keyfob() {
    let (home, ana) = protected();
    for (says, opens, asked) in [
        (&["right"][..], true, 1),
        (&["wrong", "right"], true, 2),
        (&["wrong", "worse", "right"], true, 3),
        (&["wrong", "worse", "worst", "right"], false, 3),
    ] {
        let typist = Typist::saying(says);
        let got = home.with(&typist).get(&ana);
        assert_eq!(got.is_ok(), opens, "{says:?}");
        assert!(opens || matches!(got, Err(Error::WrongPassphrase)));
        let questions = typist.questions.take();
        assert_eq!(questions.len(), asked, "{says:?}");
        assert!(
            questions.iter().all(|question| question.contains("keyfob vault passphrase")),
            "{questions:?}"
        );
        assert!(questions.iter().skip(1).all(|question| question.starts_with("wrong passphrase; ")));
    }
}

#[test]
fn all_tries_together_take_no_longer_than_one_question_may() {
    let (home, ana) = protected();
    let typist = Typist { takes: Duration::from_millis(80), ..Typist::saying(&["wrong", "right"]) };
    let context = StoreContext { prompt_timeout: Duration::from_millis(120), ..home.context(&typist) };
    let error = Vault::with_cost(context, CHEAP).get(&ana).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Unanswered { store: "vault", .. }), "{error}");
    let typist = Typist { takes: Duration::from_secs(9), ..Typist::saying(&["right"]) };
    let context = StoreContext { prompt_timeout: Duration::from_millis(50), ..home.context(&typist) };
    let error = Vault::with_cost(context, CHEAP).get(&ana).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    let typist = Typist::saying(&[]);
    let error = home.with(&typist).get(&ana).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "declined at once: {error}");
}

#[test]
fn what_was_typed_for_a_tool_serves_the_next_process_and_what_was_typed_for_a_command_does_not() {
    let (home, ana) = protected();
    let typist = Typist::saying(&["right"]);
    home.with(&typist).get(&ana).unwrap();
    assert!(matches!(home.vault().get(&ana), Err(Error::Locked { .. })), "a command's");

    let for_tool = |ask| StoreContext { stays_unlocked: Some(STAYS_UNLOCKED), ..home.context(ask) };
    let typist = Typist::saying(&["right"]);
    Vault::with_cost(for_tool(&typist), CHEAP).get(&ana).unwrap();
    let asked = typist.questions.take();
    if kernel_keyring::available() {
        assert_eq!(asked, ["keyfob vault passphrase"]);
        assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
        home.vault().lock().unwrap();
    } else {
        assert!(asked[0].contains("asked at each use"), "{asked:?}");
    }
    assert!(matches!(home.vault().get(&ana), Err(Error::Locked { .. })));
}

#[test]
fn a_wrong_passphrase_leaves_nothing_behind() {
    let (home, ana) = protected();
    let typist = Typist::saying(&["wrong", "worse", "worst"]);
    let context = StoreContext { stays_unlocked: Some(STAYS_UNLOCKED), ..home.context(&typist) };
    assert!(Vault::with_cost(context, CHEAP).get(&ana).is_err());
    assert!(matches!(home.vault().get(&ana), Err(Error::Locked { .. })));
}
