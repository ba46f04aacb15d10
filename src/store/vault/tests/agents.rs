//! The ssh-agent slot against a real `ssh-agent` with real keys.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;

/// A home with an ssh-agent of its own, which ends with it.
struct WithAgent {
    home: Home,
    agent: Child,
    place: tempfile::TempDir,
}

impl WithAgent {
    /// `None` where OpenSSH is not installed and skips are allowed.
    fn start() -> Option<WithAgent> {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("s");
        let agent = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(agent) = agent else {
            // tests/run.sh installs it and allows no skip.
            assert!(std::env::var_os("KEYFOB_TEST_NO_SKIP").is_none(), "needs ssh-agent");
            return None;
        };
        let mut home = Home::new();
        home.environment = Environment::new([("SSH_AUTH_SOCK".into(), socket.clone().into())]);
        let with = WithAgent { home, agent, place };
        let end = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < end, "ssh-agent does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(with)
    }

    /// Makes a key and gives it to the agent; returns its fingerprint.
    fn add_key(&self, name: &str, kind: &str) -> String {
        let path = self.place.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-t", kind, "-C", name, "-f"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        self.ssh_add(&[], &path);
        let listed = Command::new("ssh-keygen").arg("-lf").arg(&path).output().unwrap();
        let line = String::from_utf8(listed.stdout).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    }

    fn ssh_add(&self, arguments: &[&str], path: &Path) {
        let socket = self.place.path().join("s");
        let done = Command::new("ssh-add")
            .args(arguments)
            .arg(path)
            .env("SSH_AUTH_SOCK", socket)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success());
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.agent);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for WithAgent {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

#[test]
fn a_key_in_the_agent_opens_the_vault_while_it_is_there() {
    let Some(with) = WithAgent::start() else { return };
    let home = &with.home;
    let fingerprint = with.add_key("ana", "ed25519");
    let token = key("ana");
    home.vault().put(&token, &secret("a")).unwrap();
    let name = home.vault().enrol_ssh_agent(None).unwrap();
    assert_eq!(name, SlotName::SshAgent(fingerprint));
    assert!(home.vault().enrol_ssh_agent(None).unwrap_err().to_string().contains("already"));
    home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    assert_eq!(names(&home.vault()), [name.to_string(), "passphrase".to_owned()]);

    let person = Person::saying("p");
    assert_eq!(text(&home.with(&person), &token).as_deref(), Some("a"));
    assert_eq!(person.asked.get(), 0, "the agent comes before the person");
    assert!(home.vault().health().words.starts_with("unlocked by the ssh-agent; "));

    with.ssh_add(&["-d"], &with.place.path().join("ana"));
    assert!(matches!(home.vault().get(&token), Err(Error::Locked { .. })));
    assert!(!home.vault().health().usable);
    assert_eq!(text(&home.with(&person), &token).as_deref(), Some("a"));
    assert_eq!(person.asked.get(), 1);
}

#[test]
fn the_agent_is_never_the_only_way_in_and_never_the_proof_of_another() {
    let Some(with) = WithAgent::start() else { return };
    let home = &with.home;
    with.add_key("ana", "ed25519");
    let token = key("ana");
    home.vault().put(&token, &secret("a")).unwrap();
    let name = home.vault().enrol_ssh_agent(None).unwrap();
    let error = home.vault().remove_slot(&SlotName::KeyFile).unwrap_err();
    assert!(error.to_string().contains("must not be the only way"), "{error}");

    home.vault().add_passphrase(&secret("p")).unwrap();
    let error = home.vault().remove_slot(&SlotName::KeyFile).unwrap_err();
    assert!(matches!(error, Error::NobodyToAsk { .. }), "the agent proves no passphrase: {error}");
    assert!(home.key_file().exists());

    home.vault().remove_slot(&name).unwrap();
    assert_eq!(names(&home.vault()), ["key-file", "passphrase"]);
    assert_eq!(text(&home.vault(), &token).as_deref(), Some("a"));
}

#[test]
fn another_key_does_not_open_and_other_kinds_are_refused() {
    let Some(with) = WithAgent::start() else { return };
    let home = &with.home;
    home.vault().put(&key("ana"), &secret("a")).unwrap();
    assert!(home.vault().enrol_ssh_agent(None).is_err(), "the agent is empty");
    let ecdsa = with.add_key("other", "ecdsa");
    assert!(home.vault().enrol_ssh_agent(None).unwrap_err().to_string().contains("no ed25519 key"));
    let error = home.vault().enrol_ssh_agent(Some(&ecdsa)).unwrap_err();
    assert!(error.to_string().contains("only plain ed25519 keys"), "{error}");

    let one = with.add_key("one", "ed25519");
    let two = with.add_key("two", "ed25519");
    assert!(home.vault().enrol_ssh_agent(None).unwrap_err().to_string().contains("several"));
    assert!(home.vault().enrol_ssh_agent(Some("SHA256:none")).is_err());
    home.vault().enrol_ssh_agent(Some(&one)).unwrap();
    home.vault().enrol_ssh_agent(Some(&two)).unwrap();
    let usable: Vec<_> = home.vault().agent_keys().unwrap().into_iter().map(|key| key.usable).collect();
    assert_eq!(usable, [false, true, true]);
    assert_eq!(names(&home.vault()).len(), 3);
}

#[test]
fn a_stopped_agent_delays_but_does_not_hang() {
    let Some(mut with) = WithAgent::start() else { return };
    with.add_key("ana", "ed25519");
    let token = key("ana");
    with.home.vault().put(&token, &secret("a")).unwrap();
    with.home.vault().enrol_ssh_agent(None).unwrap();
    with.home.vault().replace_key_file_by_passphrase(&secret("p")).unwrap();
    with.signal(rustix::process::Signal::STOP);
    let start = Instant::now();
    let context = StoreContext { timeout: Duration::from_millis(300), ..with.home.context(&NoTerminal) };
    let result = Vault::with_cost(context, CHEAP).get(&token);
    assert!(matches!(result, Err(Error::Locked { .. })));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    with.signal(rustix::process::Signal::CONT);
    // A fresh timeout, and it opens again.
    assert_eq!(text(&with.home.vault(), &token).as_deref(), Some("a"));
    with.agent.kill().unwrap();
    with.agent.wait().unwrap();
    assert!(matches!(with.home.vault().get(&token), Err(Error::Locked { .. })), "the agent is gone");
}
