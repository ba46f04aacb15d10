//! R14: stderr is empty exactly when it should be.

use super::{Ran, call, full_bench, run};
use crate::wallet::DAY;
use crate::wallet::tests::fixture::{START, TestWallet};

const CONTOSO: &str = "protocol=https\nhost=dev.azure.com\npath=contoso\n";

fn watched(bench: &TestWallet, operation: &str, request: &str) -> Ran {
    call(bench, &[operation], request.as_bytes(), true)
}

#[test]
fn a_hint_is_given_where_a_named_forge_or_a_persons_entry_has_no_answer_and_nowhere_else() {
    let bench = full_bench();
    bench.store("https://bob@tool.example", "T");
    bench.store("https://carol@tool.example", "T");
    for (request, word) in [
        ("protocol=https\nhost=unknown.example\n", ""),
        ("protocol=https\nhost=tool.example\n", ""),
        ("protocol=https\nhost=tool.example\nusername=dora\n", ""),
        ("protocol=https\nhost=marketplace.visualstudio.com\n", ""),
        ("protocol=http\nhost=dev.azure.com\npath=contoso\n", ""),
        (CONTOSO, ""),
        ("protocol=https\nhost=git.example\nusername=bob\n", "no token for generic/https://git.example"),
        ("protocol=https\nhost=dev.azure.com\npath=other\n", "no token for azure-devops/other"),
        ("protocol=https\nhost=gitlab.com\n", "no token for gitlab/gitlab.com"),
        ("protocol=https\nhost=dev.azure.com\n", "useHttpPath true"),
    ] {
        for ran in [run(&bench, "get", request), watched(&bench, "get", request)] {
            if word.is_empty() {
                assert_eq!(ran.notes, "", "{request}");
            } else {
                assert!(ran.notes.starts_with("keyfob: hint: ") && ran.notes.contains(word), "{}", ran.notes);
                assert_eq!((ran.notes.lines().count(), ran.out.len()), (1, 0), "{request}");
            }
        }
    }
}

#[test]
fn each_miss_of_a_persons_token_has_its_hint() {
    let bench = full_bench();
    super::erase(&bench, &format!("{CONTOSO}password=TOKEN-contoso\n"));
    assert!(run(&bench, "get", CONTOSO).notes.contains("withheld for 60 s"));
    bench.wait(60);
    super::erase(&bench, &format!("{CONTOSO}password=TOKEN-contoso\n"));
    assert!(run(&bench, "get", CONTOSO).notes.contains("keyfob restore https://dev.azure.com/contoso"));
    bench.add("https://dev.azure.com/contoso", Some("alice"), "TOKEN-contoso-2");
    assert!(run(&bench, "get", CONTOSO).notes.contains("keyfob prefer https://dev.azure.com/contoso"));
}

#[test]
fn a_hint_beside_an_answer_is_only_for_a_person_who_watches() {
    let bench = TestWallet::new();
    bench
        .add_as("https://dev.azure.com/contoso", "T", |options| options.expires = Some(START + DAY))
        .unwrap();
    assert_eq!(run(&bench, "get", CONTOSO).notes, "");
    let ran = watched(&bench, "get", CONTOSO);
    assert!(ran.notes.contains("ends in 1 day") && ran.text().contains("password=T"), "{}", ran.notes);
    assert_eq!(watched(&bench, "get", CONTOSO).notes, "", "once a day");
}

#[test]
fn which_store_was_chosen_is_said_once_and_only_to_a_person_who_watches() {
    let request = "protocol=https\nhost=h.example\nusername=u\npassword=p\n";
    let bench = TestWallet::new();
    bench.chosen_now.set(true);
    assert_eq!(run(&bench, "store", request).notes, "");
    let bench = TestWallet::new();
    bench.chosen_now.set(true);
    assert!(
        watched(&bench, "store", request).notes.starts_with("keyfob: note: tokens are kept in the memory")
    );
    assert_eq!(watched(&bench, "store", request).notes, "");
}

#[test]
fn a_store_that_has_no_place_gets_one_hint_and_one_that_has_none_here() {
    let bench = full_bench();
    let unknown = "protocol=https\nhost=dev.azure.com\npassword=unknown\n";
    assert!(run(&bench, "store", unknown).notes.contains("useHttpPath"));
    let never = "protocol=https\nhost=marketplace.visualstudio.com\nusername=u\npassword=p\n";
    assert_eq!(run(&bench, "store", never).notes, "");
}

#[test]
fn a_locked_store_is_one_line_with_the_way_out_and_stops_git() {
    let bench = full_bench();
    bench.memory.set_locked(true);
    let ran = run(&bench, "get", CONTOSO);
    assert_eq!((ran.code, ran.text()), (0, "quit=1\n"));
    assert_eq!(ran.notes, "keyfob: error: the memory store is locked; keyfob unlock\n");
    assert_eq!(run(&bench, "get", "protocol=https\nhost=unknown.example\n").notes, "");
}

#[test]
fn older_gits_on_premises_get_one_hint_that_says_what_to_do() {
    let bench = full_bench();
    let request = "protocol=https\nhost=tfs.corp.example:8443\nusername=pat\npassword=TOKEN-server\n";
    let ran = run(&bench, "erase", request);
    assert!(ran.notes.contains("git 2.46 or newer"), "{}", ran.notes);
    assert_eq!(ran.notes.lines().count(), 1);
}

#[test]
fn a_hint_can_be_pasted_whatever_the_path_was() {
    let bench = TestWallet::new();
    let ran = run(&bench, "get", "protocol=https\nhost=github.com\npath=x/$(reboot);reboot&`reboot`'\"\n");
    let command = ran.notes.rsplit(": ").next().unwrap().trim_end();
    assert!(!command.contains(['$', ';', '&', '`', '(', '\'', '"']), "{command}");
}
