//! R4: the choice of account.

use super::fixture::{TestWallet, on, secret};
use super::r2_organisation::SPELLINGS;
use crate::forge::{Need, generic, gitlab};
use crate::remote::Remote;
use crate::wallet::manage;
use crate::wallet::manage::add::AddRequest;

const CONTOSO: &str = "https://dev.azure.com/contoso";

/// Accounts as `name token scopes flag`; `-` for none.
fn wallet(accounts: &[&str]) -> TestWallet {
    let test = TestWallet::new();
    for account in accounts {
        let words: Vec<&str> = account.split(' ').collect();
        let [name, token, scopes, flag] = words[..] else { panic!("{account}") };
        if flag == "tool" {
            test.store(&format!("https://{name}@contoso.visualstudio.com"), token);
            continue;
        }
        test.add_as(CONTOSO, token, |wish| {
            wish.account = (name != "-").then(|| name.to_owned());
            wish.scopes = scopes.split(',').filter(|s| *s != "-").map(str::to_owned).collect();
            wish.default = flag == "default";
        })
        .unwrap();
    }
    test
}

#[test]
fn the_choice_of_account() {
    let table: &[(&str, &[&str], &str, &str)] = &[
        ("a name picks its account", &["alice T1 - -", "bob T2 - -"], "bob", "bob:T2"),
        ("letter case of a login folds", &["alice T1 - -", "bob T2 - -"], "Bob", "Bob:T2"),
        ("a name wins over the default", &["alice T1 - default", "bob T2 - -"], "bob", "bob:T2"),
        ("a name wins over scopes", &["alice T1 vso.packaging -", "bob T2 - -"], "alice", "alice:T1"),
        ("an unknown name gets nothing", &["alice T1 - -"], "carol", "NoAccount"),
        ("not even the default", &["alice T1 - default"], "carol", "NoAccount"),
        ("an unnamed account answers any name", &["- T1 - -"], "carol", "carol:T1"),
        ("but the named one comes first", &["- T1 - -", "carol T2 - -"], "carol", "carol:T2"),
        ("the organisation means no preference", &["alice T1 - -"], "contoso", "contoso:T1"),
        ("in any letter case", &["alice T1 - -"], "CONTOSO", "CONTOSO:T1"),
        ("an empty name means none", &["alice T1 - -"], "", "alice:T1"),
        ("VssSessionToken means none", &["alice T1 - -"], "VssSessionToken", "VssSessionToken:T1"),
        ("x-access-token means none", &["alice T1 - -"], "x-access-token", "x-access-token:T1"),
        ("oauth2 means none", &["alice T1 - -"], "oauth2", "oauth2:T1"),
        ("git means none", &["alice T1 - -"], "git", "git:T1"),
        ("pat means none", &["alice T1 - -"], "pat", "pat:T1"),
        ("no name: the default", &["alice T1 - -", "bob T2 - default"], "-", "bob:T2"),
        ("no name: the only one", &["alice T1 - -"], "-", "alice:T1"),
        ("two or more are ambiguous", &["alice T1 - -", "bob T2 - -"], "-", "Ambiguous"),
        ("named and unnamed too", &["alice T1 - -", "- T2 - -"], "-", "Ambiguous"),
        (
            "scopes that do not cover are out",
            &["alice T1 vso.packaging -", "bob T2 vso.code -"],
            "-",
            "bob:T2",
        ),
        ("nothing recorded covers everything", &["alice T1 vso.packaging -", "bob T2 - -"], "-", "bob:T2"),
        ("scopes before the default", &["alice T1 vso.packaging default", "bob T2 - -"], "-", "bob:T2"),
        ("more scopes cover as well", &["alice T1 vso.work,vso.code_write -"], "-", "alice:T1"),
        ("none that covers", &["alice T1 vso.packaging -"], "-", "Uncovered"),
        ("a person's account before a tool's", &["bob T2 - tool", "alice T1 - -"], "-", "alice:T1"),
        ("a tool's when it is named", &["bob T2 - tool", "alice T1 - -"], "bob", "bob:T2"),
        ("before an unnamed one", &["bob T2 - tool", "- T1 - -"], "bob", "bob:T2"),
        (
            "a tool's when no person's is usable",
            &["bob T2 - tool", "alice T1 vso.packaging -"],
            "-",
            "bob:T2",
        ),
        ("a tool's when there is no person's", &["bob T2 - tool"], "-", "bob:T2"),
        ("of two of tools the first goes on answering", &["bob T2 - tool", "carol T3 - tool"], "-", "bob:T2"),
        ("ambiguity is not solved by a tool's", &["a T1 - -", "b T2 - -", "bob T3 - tool"], "-", "Ambiguous"),
    ];
    for (sentence, accounts, user, expected) in table {
        let test = wallet(accounts);
        let user = if *user == "-" { String::new() } else { format!("{user}@") };
        let url = format!("https://{user}dev.azure.com/contoso/p/_git/r");
        assert_eq!(test.get(&url), *expected, "{sentence}");
    }
}

#[test]
fn what_a_tool_stored_first_goes_on_answering_until_it_is_of_no_use() {
    let test = wallet(&["bob T2 - tool", "carol T3 - tool"]);
    assert_eq!(test.get(CONTOSO), "bob:T2");
    assert_eq!(test.get("https://carol@dev.azure.com/contoso"), "carol:T3");
    test.erase("https://bob@contoso.visualstudio.com", "T2");
    assert_eq!(test.get(CONTOSO), "carol:T3");
    // A third one finds carol's answering.
    test.store("https://dave@contoso.visualstudio.com", "T4");
    assert_eq!(test.get(CONTOSO), "carol:T3");
}

#[test]
fn a_second_account_that_a_person_adds_leaves_the_first_answering() {
    let add = |test: &TestWallet, account: Option<&str>, token: &str| {
        test.with(|wallet| {
            let (remote, user) = Remote::from_url(CONTOSO).unwrap();
            let mut request = AddRequest::new(remote, user);
            request.account = account.map(str::to_owned);
            let planned = manage::plan(wallet, request).unwrap();
            let added = manage::add(wallet, &planned, secret(token)).unwrap();
            manage::add::keep_answering(wallet, &planned, &added).unwrap()
        })
    };
    let test = TestWallet::new();
    assert_eq!(add(&test, Some("alice"), "T1"), None);
    assert_eq!(add(&test, None, "T2").as_deref(), Some("alice"), "also beside an unnamed one");
    assert_eq!(test.get(CONTOSO), "alice:T1");
    assert_eq!(add(&test, Some("carol"), "T3"), None, "there is a default by now");
    assert_eq!(add(&test, Some("alice"), "T4"), None, "nor does a new token change anything");
    assert_eq!(test.get(CONTOSO), "alice:T4");
    // One that is not handed out any more has not answered.
    let test = TestWallet::new();
    add(&test, Some("alice"), "T1");
    test.erase(CONTOSO, "T1");
    test.wait(60);
    test.erase(CONTOSO, "T1");
    assert_eq!(add(&test, Some("bob"), "T2").as_deref(), Some("bob"));
    assert_eq!(test.get(CONTOSO), "bob:T2");
}

#[test]
fn ambiguity_names_the_accounts() {
    let bench = wallet(&["alice T1 - -", "bob T2 - -"]);
    let Ok(crate::wallet::Lookup::None { reason, report: true }) = bench.found(CONTOSO) else { panic!() };
    let words = reason.line_for_git(CONTOSO).unwrap();
    assert!(words.contains("alice, bob") && words.contains("keyfob prefer"), "{words}");
}

#[test]
fn that_no_token_has_the_scopes_is_not_told_as_there_is_no_token() {
    let bench = wallet(&["alice T1 vso.packaging -"]);
    let Ok(crate::wallet::Lookup::None { reason, report: true }) = bench.found(CONTOSO) else { panic!() };
    let words = reason.line_for_git(CONTOSO).unwrap();
    assert!(words.contains("scope for code") && words.contains("--account NAME"), "{words}");
}

#[test]
fn the_need_decides_between_tokens_with_recorded_scopes() {
    let test = wallet(&["alice T1 vso.packaging -", "bob T2 vso.code -"]);
    assert_eq!(test.get_for(Need::Code, CONTOSO), "bob:T2");
    assert_eq!(test.get_for(Need::Packages, CONTOSO), "alice:T1");
    assert_eq!(test.get_for(Need::Anything, CONTOSO), "Ambiguous");
}

#[test]
fn the_longest_path_rule_wins_in_every_spelling_of_the_organisation() {
    let test = wallet(&["alice T1 - -", "bob T2 - -", "carol T3 - default"]);
    test.prefer("https://dev.azure.com/contoso/Project", "alice");
    test.prefer("https://contoso.visualstudio.com/DefaultCollection/Project/_git/Repo", "bob");
    for spelling in SPELLINGS.iter().filter(|spelling| !spelling.contains("alice@")) {
        let at = |path: &str| test.get(&(spelling.replace("ORG", "contoso") + path));
        assert!(at("Project/_git/Other").ends_with(":T1"), "{spelling}");
        assert!(at("project/_git/other").ends_with(":T1"), "{spelling}");
        assert!(at("Project/_git/Repo/info/lfs").ends_with(":T2"), "{spelling}");
        assert!(at("Projector/_git/Repo").ends_with(":T3"), "{spelling}");
        assert!(at("Other/Project").ends_with(":T3"), "{spelling}");
    }
    assert_eq!(test.get("https://alice@dev.azure.com/contoso/Project/_git/Repo"), "alice:T1", "a name first");
}

#[test]
fn a_path_rule_comes_before_scopes() {
    let test = wallet(&["alice T1 vso.packaging -", "bob T2 - default"]);
    test.prefer("https://dev.azure.com/contoso/Project", "alice");
    assert_eq!(test.get("https://dev.azure.com/contoso/Project/_git/r"), "alice:T1");
}

#[test]
fn a_refused_choice_never_falls_through_to_another_account_of_a_person() {
    let test = wallet(&["alice T1 - default", "bob T2 - -"]);
    test.erase("https://alice@dev.azure.com/contoso", "T1");
    assert_eq!(test.get(CONTOSO), "Withheld");
    test.wait(61);
    test.erase("https://alice@dev.azure.com/contoso", "T1");
    assert_eq!(test.get(CONTOSO), "Rejected");
    assert_eq!(test.get("https://bob@dev.azure.com/contoso"), "bob:T2");
}

#[test]
fn on_a_generic_host_the_account_is_the_user_name_exactly_and_add_asks_for_it() {
    let test = TestWallet::new();
    assert!(test.add_as("https://git.example", "T", on(&generic::FORGE, None)).is_err());
    test.add_as("https://git.example", "T", on(&generic::FORGE, Some("alice"))).unwrap();
    for (user, expected) in [
        ("alice@", "alice:T"),
        ("", "alice:T"),
        ("@", "alice:T"),
        ("Alice@", "NoAccount"),
        ("git@", "NoAccount"),
        ("pat@", "NoAccount"),
        ("x-access-token@", "NoAccount"),
        ("bob@", "NoAccount"),
    ] {
        assert_eq!(test.get(&format!("https://{user}git.example")), expected, "{user}");
    }
}

#[test]
fn a_tools_pair_for_another_path_does_not_answer() {
    let test = TestWallet::new();
    test.store("https://bob@git.example/foo.git", "T");
    assert_eq!(test.get("https://git.example/foo.git"), "bob:T");
    assert_eq!(test.get("https://git.example/bar.git"), "NoAccount");
    assert_eq!(test.get("https://git.example"), "bob:T", "as git's own helpers do");
}

#[test]
fn a_request_without_a_path_is_not_answered_with_what_a_tool_stored_for_one_path() {
    let test = TestWallet::new();
    test.store("https://bob@git.example", "host");
    test.store("https://bob@git.example/a", "a");
    assert_eq!(test.get("https://bob@git.example"), "bob:host");
    assert_eq!(test.get("https://bob@git.example/a"), "bob:a");
    assert_eq!(test.get("https://bob@git.example/b"), "bob:host");
    assert_eq!(test.get("https://bob@git.example/ab"), "bob:host");
    let test = TestWallet::new();
    test.store("https://bob@git.example/a", "a");
    test.store("https://bob@git.example/b/c", "c");
    assert_eq!(test.get("https://bob@git.example"), "Ambiguous");
}

#[test]
fn a_name_that_names_an_account_picks_it_even_if_it_is_a_placeholder() {
    let test = TestWallet::new();
    test.add_as("https://srv.example", "T1", on(&gitlab::FORGE, Some("git"))).unwrap();
    test.add_as("https://srv.example", "T2", |wish| {
        on(&gitlab::FORGE, Some("alice"))(wish);
        wish.default = true;
    })
    .unwrap();
    assert_eq!(test.get("https://git@srv.example"), "git:T1");
    assert_eq!(test.get("https://oauth2@srv.example"), "oauth2:T2");
}

#[test]
fn a_rule_is_replaced_by_one_for_the_same_path_whatever_its_letter_case() {
    let test = wallet(&["alice T1 - -", "bob T2 - -"]);
    test.prefer("https://dev.azure.com/contoso/Project", "alice");
    test.prefer("https://dev.azure.com/contoso/PROJECT", "bob");
    assert_eq!(test.get("https://dev.azure.com/contoso/Project"), "bob:T2");
    test.with(|wallet| {
        let selection = manage::select(wallet, "https://dev.azure.com/contoso/project", None).unwrap();
        assert!(manage::clear_preference(wallet, &selection).unwrap());
    });
    assert_eq!(test.get("https://dev.azure.com/contoso/Project"), "Ambiguous");
}

#[test]
fn a_tools_pair_of_the_same_name_answers_when_it_is_named_and_the_persons_is_refused() {
    let test = wallet(&["alice T1 - -", "alice T2 - tool", "carol T3 - -"]);
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "alice:T1");
    test.erase("https://alice@dev.azure.com/contoso", "T1");
    assert_eq!(test.get("https://alice@dev.azure.com/contoso"), "alice:T2");
    assert_eq!(test.get(CONTOSO), "Ambiguous");
}

#[test]
fn a_rule_for_a_feed_covers_its_views() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", Some("alice"), "A");
    bench.add("https://dev.azure.com/contoso", Some("bob"), "B");
    bench.prefer("https://dev.azure.com/contoso/_packaging/one", "bob");
    bench.prefer("https://dev.azure.com/contoso", "alice");
    let get = |feed: &str| {
        bench.get(&format!("https://pkgs.dev.azure.com/contoso/_packaging/{feed}/nuget/v3/index.json"))
    };
    for (feed, token) in [
        ("one", ":B"),
        ("one@Release", ":B"),
        ("ONE@Local", ":B"),
        ("one@", ":B"),
        ("onemore@Release", ":A"),
        ("two@one", ":A"),
        ("two", ":A"),
    ] {
        assert!(get(feed).ends_with(token), "{feed}: {}", get(feed));
    }
}

#[test]
fn which_paths_are_views_of_a_feed_says_the_services_record() {
    let test = TestWallet::new();
    for (place, feeds, others) in [
        ("https://made-up.test/smiths", "feeds", "_packaging"),
        ("https://tfs.example/tfs/One", "_packaging", "feeds"),
    ] {
        for (account, token) in [("alice", "A"), ("bob", "B")] {
            test.add(place, Some(account), token);
        }
        test.prefer(place, "alice");
        test.prefer(&format!("{place}/{feeds}/one"), "bob");
        test.prefer(&format!("{place}/{others}/one"), "bob");
        assert!(test.get(&format!("{place}/{feeds}/one@Release/x")).ends_with(":B"), "{place}");
        assert!(test.get(&format!("{place}/{others}/one@Release/x")).ends_with(":A"), "{place}");
    }
}
