//! Many processes on one wallet: git runs helpers in parallel (`fetch --jobs`, submodules, editors), so nobody may fail, and
//! nothing may be lost or torn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::person::Add;
use crate::support::scene::{Scene, files_below};

/// How many processes run at a time.
const AT_A_TIME: usize = 16;

/// Runs `count` jobs, several at a time.
fn in_parallel(count: usize, job: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= count {
                        return;
                    }
                    job(at);
                }
            });
        }
    });
}

/// One call that must succeed and say nothing on stderr.
fn call(scene: &Scene, operation: &str, request: &str) -> String {
    let output = scene.helper(operation, request).succeeds();
    assert_eq!(output.stderr(), "", "{request}: {output}");
    output.stdout().to_owned()
}

/// Every job has a user of its own, so what each must see is certain while all the others write to the same records; the users
/// share four realms, two of them in one file of records.
#[test]
fn a_thousand_mixed_calls_lose_nothing_and_none_fails() {
    const USERS: usize = 125;
    let scene = Scene::new();
    let place = |user: usize| match user % 4 {
        0 => "protocol=https host=dev.azure.com path=contoso/Project/_git/Repo",
        1 => "protocol=https host=git.corp.example",
        2 => "protocol=https host=git.corp.example path=team/repo",
        _ => "protocol=http host=127.0.0.1:8080 path=tfs/DefaultCollection/Project/_git/Repo",
    };
    in_parallel(USERS, |user| {
        let who = format!("{} username=user{user}", place(user));
        let with = |password: &str| format!("{who} password={password}");
        let answer = |password: &str| format!("username=user{user}\npassword={password}\n");
        let (first, second) = (format!("first-{user}"), format!("second-{user}"));
        // Eight calls each.
        let nothing_yet = scene.helper("get", &who).succeeds();
        assert!(nothing_yet.stdout().is_empty() && !nothing_yet.stderr().contains("error"), "{nothing_yet}");
        call(&scene, "store", &with(&first));
        assert_eq!(call(&scene, "get", &who), answer(&first));
        call(&scene, "store", &with(&first));
        call(&scene, "store", &with(&second));
        assert_eq!(call(&scene, "get", &who), answer(&second));
        // Of another token: changes nothing. Every third user's own token is refused.
        call(&scene, "erase", &with(&first));
        call(&scene, "erase", &with(if user % 3 == 0 { &second } else { "something-else" }));
    });
    let mut expected = BTreeMap::new();
    for user in 0..USERS {
        let realm = match user % 4 {
            0 => "azure-devops/contoso",
            1 | 2 => "generic/https://git.corp.example",
            _ => "azure-devops-server/http://127.0.0.1:8080",
        };
        let state = if user % 3 == 0 { "rejected" } else { "active" };
        expected.insert(format!("user{user}"), format!("{realm} user{user} tool {state}"));
        let answer = scene.helper("get", &format!("{} username=user{user}", place(user))).succeeds();
        let password = format!("username=user{user}\npassword=second-{user}\n");
        assert_eq!(answer.stdout(), if user % 3 == 0 { "" } else { &password }, "{answer}");
    }
    let mut held = scene.held();
    let mut expected: Vec<String> = expected.into_values().collect();
    held.sort();
    expected.sort();
    assert_eq!(held, expected);
    no_remains(&scene, 2 * USERS);
}

/// Sixteen processes find an empty home: one makes the folders, the key, the header; all keep their pair.
#[test]
fn the_first_use_may_be_in_parallel() {
    for round in 0..8 {
        let scene = Scene::new();
        in_parallel(AT_A_TIME, |user| {
            let host = if round % 2 == 0 { "same.example".to_owned() } else { format!("host{user}.example") };
            call(
                &scene,
                "store",
                &format!("protocol=https host={host} username=user{user} password=token{user}"),
            );
        });
        for user in 0..AT_A_TIME {
            let host = if round % 2 == 0 { "same.example".to_owned() } else { format!("host{user}.example") };
            let answer = scene.get(&format!("protocol=https host={host} username=user{user}"));
            assert_eq!(answer, format!("username=user{user}\npassword=token{user}\n"));
        }
        no_remains(&scene, AT_A_TIME);
    }
}

/// The same pair from all sides: whichever was last is whole, the others are set aside.
#[test]
fn one_account_stored_from_all_sides_is_never_torn() {
    const WRITERS: usize = 64;
    let scene = Scene::new();
    let who = "protocol=https host=git.corp.example username=alice";
    let tokens: Vec<String> = (0..WRITERS).map(|at| format!("{at}-").repeat(500)).collect();
    let whole = |answer: &str| {
        let token = answer.strip_prefix("username=alice\npassword=").and_then(|rest| rest.strip_suffix('\n'));
        token.is_some_and(|token| tokens.iter().any(|one| one == token))
    };
    in_parallel(WRITERS, |at| {
        call(&scene, "store", &format!("{who} password={}", tokens[at]));
        let answer = call(&scene, "get", who);
        assert!(whole(&answer), "{answer}");
    });
    assert_eq!(scene.held(), ["generic/https://git.corp.example alice tool active"]);
    no_remains(&scene, WRITERS);
}

/// People add in parallel too: scripts that set a machine up.
#[test]
fn tokens_added_in_parallel_are_all_there() {
    let scene = Scene::new();
    in_parallel(AT_A_TIME, |at| {
        let (account, organisation) = (format!("user{at}"), if at % 2 == 0 { "contoso" } else { "fabrikam" });
        let add = Add { account: Some(&account), ..Add::default() };
        scene.add_with(&format!("https://dev.azure.com/{organisation}"), &format!("token{at}"), add);
    });
    for at in 0..AT_A_TIME {
        let organisation = if at % 2 == 0 { "contoso" } else { "fabrikam" };
        let answer =
            scene.get(&format!("protocol=https host=dev.azure.com path={organisation} username=user{at}"));
        assert_eq!(answer, format!("username=user{at}\npassword=token{at}\n"));
    }
    no_remains(&scene, AT_A_TIME);
}

/// As many sealed secrets as there should be, and no temporary file.
fn no_remains(scene: &Scene, secrets: usize) {
    let files = files_below(&scene.data());
    let names: Vec<String> =
        files.iter().map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.starts_with(".new-")), "{names:?}");
    let sealed = files.iter().filter(|(path, _)| path.parent().unwrap().ends_with("vault"));
    assert_eq!(sealed.count(), secrets + 1, "the sealed files and their header");
}
