//! Several at once: two rotations of one token, and a rotation beside everything else that looks at the token or speaks of it. What is
//! done meanwhile is done while a request of the rotation waits for its answer, so each moment of it is met for certain.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::gitlab::{GITLAB, GitLab};
use super::{CONTOSO, Stage, TOKEN, shown};
use crate::fakes::azure_pats::made;
use crate::fakes::http::{Handler, Request};
use crate::support::process::{Call, Output};

/// Where git's request for contoso leads.
const REQUEST: &str = "protocol=https host=dev.azure.com path=contoso/Project/_git/Repo username=contoso";

/// A call that is begun in the middle of another one.
#[derive(Clone, Default)]
struct Second(Arc<Mutex<(bool, Option<JoinHandle<Output>>)>>);

impl Second {
    /// Begins it, once, and waits until it waits for `lock` as the first one holds it.
    fn begin(&self, call: &Call, lock: &Path) {
        let mut this = self.0.lock().unwrap();
        if this.0 {
            return;
        }
        let call = call.clone();
        *this = (true, Some(thread::spawn(move || call.run())));
        drop(this);
        let end = Instant::now() + Duration::from_secs(20);
        while openers(lock) < 2 {
            assert!(Instant::now() < end, "the second one does not wait for the first one");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it said in the end.
    fn ends(&self) -> Output {
        let begun = self.0.lock().unwrap().1.take().expect("it was begun");
        shown(begun.join().unwrap())
    }
}

/// How many processes have this file open.
fn openers(file: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let open = std::fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        open.into_iter().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == file))
    });
    processes.count()
}

fn lock_of(stage: &Stage) -> std::path::PathBuf {
    stage.scene.data().canonicalize().unwrap().join(".lock-pending")
}

/// A stage with a token of which keyfob knows which one it is.
fn known() -> Stage {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git", 0, &[]);
    assert_eq!(stage.in_force(CONTOSO), made(1));
    stage
}

/// Begins `words` while the rotation's `method` request waits for its answer; both outputs.
fn beside(stage: &Stage, method: &'static str, words: &str) -> (Output, Output) {
    let (second, call, lock) = (Second::default(), stage.call(words), lock_of(stage));
    let begins = second.clone();
    stage.pats.meanwhile(move |request| {
        if request.method == method {
            begins.begin(&call, &lock);
        }
    });
    let first = stage.run(&format!("rotate {CONTOSO}"), "");
    (first, second.ends())
}

/// One token works at the service, and the wallet hands it out; nothing is half done, nothing set aside.
#[track_caller]
fn is_clean(stage: &Stage) {
    assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)]);
    assert!(stage.is_done());
    let row = stage.list().remove(0);
    assert_eq!((&row["state"], &row["set_aside"]), (&"active".into(), &0.into()));
    let doctor = stage.scene.keyfob(["doctor"]).succeeds();
    assert!(!doctor.stdout().contains("repair"), "{doctor}");
}

#[test]
fn of_two_rotations_of_one_token_at_once_one_is_done_and_the_other_says_so() {
    // The second one begins before the new token is made, and before the old one is revoked.
    for method in ["GET", "POST", "DELETE"] {
        let stage = known();
        // Without the lock nobody would be waited for at the GET: it is asked before anything is changed.
        if method == "GET" {
            let faster = stage.call(&format!("rotate {CONTOSO}"));
            let once = AtomicUsize::new(0);
            let told = Arc::new(Mutex::new(None));
            let tells = told.clone();
            stage.pats.meanwhile(move |request| {
                if request.method == "GET" && once.fetch_add(1, Ordering::SeqCst) == 0 {
                    *tells.lock().unwrap() = Some(faster.clone().run());
                }
            });
            let slower = stage.run(&format!("rotate {CONTOSO}"), "");
            shown(told.lock().unwrap().take().unwrap()).says(0, &["the earlier one is revoked"]);
            lost(slower);
        } else {
            let (first, second) = beside(&stage, method, &format!("rotate {CONTOSO}"));
            first.says(0, &["the earlier one is revoked"]);
            lost(second);
        }
        assert_eq!(stage.in_force(CONTOSO), made(2), "made once: {method}");
        is_clean(&stage);
    }
}

/// The one that was not done says why, and what is in use.
#[track_caller]
fn lost(output: Output) {
    let texts = [
        "another keyfob process was faster: the token of azure-devops/contoso that was to be rotated is not in force any more",
        "nothing was changed, and the new one is in use; keyfob rotate https://dev.azure.com/contoso makes yet another one",
    ];
    output.says(6, &texts);
}

#[test]
fn many_rotations_of_one_token_lose_none_and_leave_one() {
    let stage = known();
    let outputs: Vec<Output> = thread::scope(|scope| {
        let begun: Vec<_> =
            (0..6).map(|_| scope.spawn(|| stage.call(&format!("rotate {CONTOSO}")).run())).collect();
        begun.into_iter().map(|one| shown(one.join().unwrap())).collect()
    });
    let done = outputs.iter().filter(|output| output.code() == 0).count();
    assert!(done > 0);
    for output in outputs.into_iter().filter(|output| output.code() != 0) {
        lost(output);
    }
    assert_eq!(stage.in_force(CONTOSO), made(1 + done));
    is_clean(&stage);
}

#[test]
fn a_second_rotation_finishes_what_the_first_could_not() {
    let stage = known();
    stage.pats.change(|state| state.cannot_revoke = true);
    let (second, call, lock) = (Second::default(), stage.call(&format!("rotate {CONTOSO}")), lock_of(&stage));
    let (begins, pats) = (second.clone(), stage.pats.clone());
    let revocations = AtomicUsize::new(0);
    stage.pats.meanwhile(move |request| {
        if request.method == "DELETE" {
            begins.begin(&call, &lock);
            // The second one's comes when the first one is over.
            if revocations.fetch_add(1, Ordering::SeqCst) == 1 {
                pats.change(|state| state.cannot_revoke = false);
            }
        }
    });
    stage.ends(&format!("rotate {CONTOSO}"), 6, &["is in use, but the old one is not revoked yet"]);
    second.ends().says(0, &["is verified, and the earlier one is revoked"]);
    assert_eq!(stage.in_force(CONTOSO), made(2));
    is_clean(&stage);
}

#[test]
fn of_two_renewals_of_one_token_of_gitlab_one_is_done_and_the_other_says_so() {
    let fake = GitLab::new("s3cret-first");
    let (second, place) = (Second::default(), Arc::new(Mutex::new(None::<(Call, std::path::PathBuf)>)));
    let (begins, inner, seen) = (second.clone(), GitLab::handler(&fake), place.clone());
    let handler: Handler = Arc::new(move |request: &Request| {
        if let (true, Some((call, lock))) = (request.method == "POST", &*seen.lock().unwrap()) {
            begins.begin(call, lock);
        }
        inner(request)
    });
    let stage = Stage::with(vec![("gitlab.com", handler)]);
    stage.holds(GITLAB, "s3cret-first");
    *place.lock().unwrap() = Some((stage.call(&format!("rotate {GITLAB}")), lock_of(&stage)));
    stage.ends(&format!("rotate {GITLAB}"), 0, &["was renewed and is in the vault store"]);
    second.ends().says(6, &["another keyfob process was faster", "the new one is in use"]);
    assert_eq!((stage.in_force(GITLAB), fake.lock().unwrap().renewed()), ("s3cret-renewed-1".to_owned(), 1));
    assert!(stage.is_done() && stage.list()[0]["set_aside"] == 0);
}

#[test]
fn doctor_beside_a_rotation_takes_nothing_for_half_done_that_is_under_way() {
    for method in ["POST", "DELETE"] {
        let stage = known();
        let (first, doctor) = beside(&stage, method, "doctor --repair");
        first.says(0, &["the earlier one is revoked"]);
        doctor.says(0, &[]);
        assert_eq!(stage.in_force(CONTOSO), made(2));
        is_clean(&stage);
    }
}

#[test]
fn a_token_made_beside_a_rotation_waits_and_neither_is_lost() {
    let stage = known();
    let (first, second) = beside(&stage, "POST", "pat create contoso --for git --account other");
    first.says(0, &["the earlier one is revoked"]);
    second.says(0, &["of account other of azure-devops/contoso"]);
    assert_eq!((stage.list().len(), stage.is_done()), (2, true));
    let held: Vec<String> = ["-", "other"]
        .map(|account| {
            let words = ["token", CONTOSO, "--account", account, "--as", "token", "--yes"];
            stage.scene.keyfob(words).succeeds().stdout().trim_end().to_owned()
        })
        .into();
    assert_eq!(stage.pats.working(), held);
}

/// At each request of a rotation git asks for the token, and then reports that the old one was refused.
#[test]
fn get_and_erase_in_the_middle_of_a_rotation_see_only_tokens_that_work_and_harm_none() {
    let stage = known();
    let got = Arc::new(Mutex::new(Vec::new()));
    let (get, erase) = (
        stage.scene.program("git-credential-keyfob").arg("get").stdin(REQUEST.replace(' ', "\n")),
        stage.scene.program("git-credential-keyfob").arg("erase"),
    );
    let (pats, seen) = (stage.pats.clone(), got.clone());
    stage.pats.meanwhile(move |request| {
        let output = get.clone().run().succeeds();
        let password = output.stdout().lines().find_map(|line| line.strip_prefix("password="));
        let password = password.unwrap_or_else(|| panic!("{}: {output}", request.method)).to_owned();
        assert!(pats.working().contains(&password), "{}: it does not work", request.method);
        seen.lock().unwrap().push(format!("{} {password}", request.method));
        // Only once the new one is in force: a refused token that is the one in force is withheld, as it should be.
        if request.method == "DELETE" {
            let refused = format!("{}\npassword={}\n", REQUEST.replace(' ', "\n"), made(1));
            erase.clone().stdin(refused).run().succeeds();
        }
    });
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["the earlier one is revoked"]);
    let (old, new) = (made(1), made(2));
    let expected = [format!("GET {old}"), format!("POST {old}"), format!("DELETE {new}")];
    assert_eq!(*got.lock().unwrap(), expected);
    is_clean(&stage);
}

#[test]
fn a_token_that_git_calls_refused_while_it_is_rotated_gives_way_to_one_that_is_not() {
    let stage = known();
    let erase = stage.scene.program("git-credential-keyfob").arg("erase");
    stage.pats.meanwhile(move |request| {
        if request.method == "POST" {
            let refused = format!("{}\npassword={}\n", REQUEST.replace(' ', "\n"), made(1));
            erase.clone().stdin(refused).run().succeeds();
        }
    });
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["the earlier one is revoked"]);
    assert_eq!(stage.in_force(CONTOSO), made(2));
    is_clean(&stage);
}

/// The service's own halves know of a new token at different times.
#[test]
fn a_new_token_that_git_calls_refused_before_the_service_says_yes_is_in_use() {
    let (place, folder) = (Arc::new(Mutex::new(None::<Call>)), tempfile::TempDir::new().unwrap());
    let services = crate::fakes::forge::Forge::services(&crate::fakes::git_backend::Repositories::new(
        folder.path().join("repositories"),
    ));
    services.add(crate::fakes::forge::Token::new("contoso", "alice@contoso.test", &made(2)));
    let (inner, seen) = (services.handler(), place.clone());
    let handler: Handler = Arc::new(move |request: &Request| {
        if let Some(erase) = seen.lock().unwrap().take() {
            erase.run().succeeds();
        }
        inner(request)
    });
    let stage = Stage::with(vec![("dev.azure.com", handler)]);
    stage.pats.add("git", TOKEN);
    stage.holds(CONTOSO, TOKEN);
    let refused = format!("{}\npassword={}\n", REQUEST.replace(' ', "\n"), made(2));
    let erase = stage.scene.program("git-credential-keyfob").arg("erase").stdin(refused);
    *place.lock().unwrap() = Some(erase);
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 0, &["the earlier one is revoked"]);
    assert!(place.lock().unwrap().is_none(), "it was called refused in between");
    is_clean(&stage);
}

/// Any moment, those between two calls that change files too.
#[test]
fn gets_beside_rotations_always_answer() {
    let stage = known();
    let rotating = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while rotating.load(Ordering::SeqCst) < 8 {
                    let output = stage.scene.helper("get", REQUEST).succeeds();
                    assert!(output.stdout().contains("password=s3cretMade"), "{output}");
                    assert_eq!(output.stderr(), "", "{output}");
                }
            });
        }
        for _ in 0..8 {
            let output = stage.call(&format!("rotate {CONTOSO}")).run();
            // Counted in any case, or the others would go on for ever.
            rotating.fetch_add(1, Ordering::SeqCst);
            shown(output).says(0, &["the earlier one is revoked"]);
        }
    });
    assert_eq!(stage.in_force(CONTOSO), made(9));
    is_clean(&stage);
}

#[test]
fn a_person_who_is_asked_for_a_new_token_holds_no_other_rotation_up() {
    use crate::support::terminal::Terminal;
    let mut stage = known();
    stage.holds("https://tfs.corp.example/tfs/Main", "s3cret-first");
    stage.scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    let words = "KEYFOB_OFFLINE= keyfob rotate https://tfs.corp.example/tfs/Main --unchecked";
    let mut terminal = Terminal::begin_shell(&stage.scene, words);
    terminal.sees("token for azure-devops-server");
    let begun = Instant::now();
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["the earlier one is revoked"]);
    assert!(begun.elapsed() < Duration::from_secs(25), "it waited for the person");
    terminal.types("s3cret-second");
    let (code, screen) = terminal.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
    assert_eq!(stage.in_force("https://tfs.corp.example/tfs/Main"), "s3cret-second");
}
