//! Sealing everything anew, broken off: killed before each call that changes the disk, and in the middle of each write; and machines
//! on which the power fails, with which all goes that no sync has brought to the disk. Afterwards every token is given by each way
//! into the vault, whatever next can goes on with it, and what was copied before opens nothing that is written later.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyfob::environment::Environment;
use keyfob::secret::Secret;
use keyfob::store::vault::{SlotName, Vault};
use keyfob::store::{NoTerminal, Prompter, Store as _, StoreContext};

use super::{PLACE, TOKEN, scene};
use crate::support::faults::{is_sound, with_fault};
use crate::support::process::Call;
use crate::support::scene::{Scene, files_below};

const OTHER: &str = "https://dev.azure.com/fabrikam";
const OTHER_PLACE: &str = "protocol=https host=dev.azure.com path=fabrikam/Project/_git/Repo";
const PASSPHRASE: &str = "correct horse";

/// Says one passphrase, and whether it was asked for it.
struct Person(Cell<bool>);

impl Prompter for Person {
    fn possible(&self) -> bool {
        true
    }
    fn passphrase(&self, _prompt: &str, _within: Duration) -> Option<Secret> {
        self.0.set(true);
        Some(Secret::copy_of(PASSPHRASE.as_bytes()))
    }
}

/// An ssh-agent with one key.
struct Agent(Child, tempfile::TempDir);

impl Agent {
    fn start() -> Agent {
        let place = tempfile::tempdir().unwrap();
        let (socket, key) = (place.path().join("s"), place.path().join("k"));
        let quiet = |program: &str| {
            let mut command = Command::new(program);
            command.stdout(Stdio::null()).stderr(Stdio::null()).env("SSH_AUTH_SOCK", &socket);
            command
        };
        let child = quiet("ssh-agent").args(["-D", "-a"]).arg(&socket).spawn().expect("OpenSSH is installed");
        let agent = Agent(child, place);
        let end = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < end, "ssh-agent does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        let made = quiet("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&key).status();
        assert!(made.unwrap().success() && quiet("ssh-add").arg(&key).status().unwrap().success());
        agent
    }

    fn environment(&self) -> Environment {
        Environment::new([("SSH_AUTH_SOCK".into(), self.1.path().join("s").into())])
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two tokens in a vault that opens in all three ways.
fn begin(agent: &Agent) -> Scene {
    let scene = scene();
    scene.add(OTHER, TOKEN);
    let environment = agent.environment();
    let vault = Vault::new(StoreContext::new(&scene.data(), &environment, &NoTerminal));
    vault.enrol_ssh_agent(None).unwrap();
    vault.add_passphrase(&Secret::copy_of(PASSPHRASE.as_bytes())).unwrap();
    scene
}

/// The same once more, without waiting for the passphrase to be made.
fn again(first: &Scene) -> Scene {
    let scene = Scene::new();
    copy(&first.data(), &scene.data());
    scene
}

fn copy(from: &Path, to: &Path) {
    keyfob::files::make_folder(to).unwrap();
    for (path, content) in files_below(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        keyfob::files::make_folder(target.parent().unwrap()).unwrap();
        keyfob::files::write_private(&target, &content).unwrap();
    }
}

/// How many of the sealed tokens in this folder open, each by a `get` of its own.
fn opened(data: &Path, environment: &Environment, ask: &dyn Prompter) -> usize {
    let vault = Vault::new(StoreContext::new(data, environment, ask));
    let keys = vault.survey().map(|survey| survey.keys).unwrap_or_default();
    keys.iter().filter(|key| vault.get(key).is_ok_and(|secret| secret.is_some())).count()
}

/// Every token is given, by each of these ways alone.
#[track_caller]
fn all_given(scene: &Scene, agent: &Agent, ways: &[&str], what: &str) {
    let (nobody, person) = (Environment::default(), Person(Cell::new(false)));
    if ways.contains(&"key-file") {
        for place in [PLACE, OTHER_PLACE] {
            assert!(scene.get(place).contains(TOKEN), "{what}");
        }
    }
    let apart = tempfile::tempdir().unwrap();
    for (way, environment, ask) in
        [("ssh-agent", &agent.environment(), &NoTerminal as &dyn Prompter), ("passphrase", &nobody, &person)]
    {
        let data = apart.path().join(way);
        copy(&scene.data(), &data);
        let _ = fs::remove_file(data.join("vault.key"));
        let expected = if ways.contains(&way) { 2 } else { 0 };
        assert_eq!(opened(&data, environment, ask), expected, "{what} {way}");
    }
    assert_eq!(person.0.get(), ways.contains(&"passphrase"), "{what}");
}

/// What somebody copied before opens nothing of what is written now.
fn opens_nothing_new(scene: &Scene, copied: &Path, what: &str) {
    let apart = tempfile::tempdir().unwrap();
    let (data, nobody) = (apart.path().join("data"), Environment::default());
    copy(&scene.data(), &data);
    for name in ["vault/header.json", "vault.key"] {
        keyfob::files::write_private(&data.join(name), &fs::read(copied.join(name)).unwrap()).unwrap();
    }
    assert_eq!(opened(&data, &nobody, &NoTerminal), 0, "{what}: the old header");
    copy(&scene.data(), &data);
    keyfob::files::write_private(&data.join("vault.key"), &fs::read(copied.join("vault.key")).unwrap())
        .unwrap();
    assert_eq!(opened(&data, &nobody, &NoTerminal), 0, "{what}: the old key file");
}

fn is_done(scene: &Scene) -> bool {
    !fs::read_to_string(scene.data().join("vault/header.json")).unwrap().contains("\"previous\"")
}

/// Breaks `call` off at each step, with each fault, and looks at what is left.
fn broken_off_at_each_call(words: &[&str], faults: &[&str], ways: &[&str]) {
    let agent = Agent::start();
    let first = begin(&agent);
    for fault in faults {
        for at in 1.. {
            let what = format!("{words:?} {fault} {at}");
            let (scene, copied) = (again(&first), tempfile::tempdir().unwrap());
            copy(&scene.data(), &copied.path().join("data"));
            let call = |words: &[&str]| -> Call { scene.program("keyfob").args(words.iter().copied()) };
            let done = with_fault(call(words), fault, at).run().ended_by_itself();
            let begun = !is_done(&scene);
            let slots = call(&["storage", "slots"]).run().succeeds();
            let is_left = |way: &&&str| slots.stdout().lines().any(|line| line.starts_with(**way));
            let now: Vec<&str> =
                ["key-file", "ssh-agent", "passphrase"].iter().filter(is_left).copied().collect();
            assert!(now == ways || (!done && now.len() == 3), "{what}: {now:?}");
            all_given(&scene, &agent, &now, &what);
            is_sound(&scene);
            // Whatever next writes goes on with it; else it is begun once more.
            if begun && at % 2 == 0 {
                scene.helper("store", "protocol=https host=new.example username=u password=p").succeeds();
            } else if begun {
                call(&["doctor"]).run();
            } else if !done {
                call(&["storage", "reseal"]).run().succeeds();
            }
            assert!(is_done(&scene), "{what}");
            let key_file = fs::read_to_string(scene.data().join("vault.key")).unwrap();
            assert_eq!(key_file.lines().count(), 2, "{what}");
            // Argon2 takes its time: not after each.
            if at % 4 == 1 {
                all_given(&scene, &agent, &now, &what);
            }
            opens_nothing_new(&scene, &copied.path().join("data"), &what);
            if done {
                assert!(at > 25, "{what}");
                break;
            }
        }
    }
}

const ALL: &[&str] = &["key-file", "ssh-agent", "passphrase"];

#[test]
fn a_reseal_may_be_killed_at_any_call() {
    broken_off_at_each_call(&["storage", "reseal"], &["crash"], ALL);
}

#[test]
fn the_power_may_fail_during_a_reseal_and_after_it() {
    broken_off_at_each_call(&["storage", "reseal"], &["power /", "power vault"], ALL);
}

#[test]
fn the_removal_of_a_slot_may_be_broken_off_at_any_call() {
    let words = ["storage", "slots", "remove", "passphrase"];
    broken_off_at_each_call(&words, &["crash", "power /"], &["key-file", "ssh-agent"]);
}

/// A disk that is full or broken from some call on: an error with the reason, and the same afterwards.
#[test]
fn a_reseal_on_a_disk_that_fails_says_so_and_the_next_one_goes_on() {
    let agent = Agent::start();
    let first = begin(&agent);
    for fault in ["full", "broken"] {
        for at in 1.. {
            let scene = again(&first);
            let call = || scene.program("keyfob").args(["storage", "reseal"]);
            let output = with_fault(call(), fault, at).run();
            if output.code() == 0 {
                assert!(at > 10, "{fault} {at}");
                break;
            }
            assert_eq!(output.code(), 6, "{output}");
            let what = format!("{fault} {at}");
            all_given(&scene, &agent, ALL, &what);
            call().run().succeeds();
            assert!(is_done(&scene), "{what}");
            assert!(scene.get(PLACE).contains(TOKEN), "{what}");
        }
    }
}

/// What `protect` does, in a process that can be killed: the program itself would want a terminal.
#[test]
fn a_protected_vault_opens_with_its_passphrase_alone() {
    let named = std::env::var_os("KEYFOB_TEST_VAULT");
    let scene = named.is_none().then(scene);
    let data = named.map_or_else(|| scene.as_ref().unwrap().data(), Into::into);
    let (nobody, person) = (Environment::default(), Person(Cell::new(false)));
    let vault = Vault::new(StoreContext::new(&data, &nobody, &person));
    assert!(vault.slots().unwrap().iter().all(|slot| slot.name != SlotName::Passphrase));
    assert_eq!(vault.replace_key_file_by_passphrase(&Secret::copy_of(PASSPHRASE.as_bytes())).unwrap(), 0);
    if let Some(scene) = scene {
        assert!(!data.join("vault.key").exists());
        assert_eq!(opened(&scene.data(), &nobody, &NoTerminal), 0);
        assert_eq!(opened(&scene.data(), &nobody, &person), 1);
    }
}

#[test]
fn a_protect_may_be_broken_off_at_any_call() {
    let this = std::env::current_exe().unwrap();
    for fault in ["crash", "power /"] {
        for at in 1.. {
            let (scene, copied) = (scene(), tempfile::tempdir().unwrap());
            copy(&scene.data(), &copied.path().join("data"));
            let test = "faults::reseal::a_protected_vault_opens_with_its_passphrase_alone";
            let call = scene.command(&this).args(["--exact", test]).env("KEYFOB_TEST_VAULT", scene.data());
            let done = with_fault(call, fault, at).run().ended_by_itself();
            let (nobody, person) = (Environment::default(), Person(Cell::new(false)));
            let is_protected = scene.helper("get", PLACE).stdout() == "quit=1\n";
            assert!(!done || is_protected, "{fault} {at}");
            // The passphrase opens what is protected, and ends what was begun.
            assert_eq!(opened(&scene.data(), &nobody, &person), 1, "{fault} {at}");
            assert_eq!(person.0.get(), is_protected, "{fault} {at}");
            if is_protected {
                assert!(is_done(&scene) && !scene.data().join("vault.key").exists(), "{fault} {at}");
                opens_nothing_new(&scene, &copied.path().join("data"), fault);
            } else {
                assert!(scene.get(PLACE).contains(TOKEN), "{fault} {at}");
            }
            if done {
                assert!(at > 20, "{fault} {at}");
                break;
            }
        }
    }
}
