//! A private session bus with a throw-away GNOME Keyring on it: what `tests/with-secret-service.sh` does, for tests that
//! must also lock, stop and restart it.
//!
//! The bus has its own configuration without service folders: nothing is started by activation, so a missing
//! provider is told at once and no second daemon can win a race. Nothing here waits for a fixed time.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyfob::environment::Environment;
use rustix::process::{Pid, Signal, kill_process};

/// What is there on the bus.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    /// A keyring with an unlocked default collection.
    Unlocked,
    /// A keyring that has no collection, as on WSL or a fresh server.
    WithoutDefault,
    /// Nobody owns the name.
    None,
}

/// A bus, maybe a keyring on it, and a home for both. All end with it.
pub(crate) struct Desktop {
    home: tempfile::TempDir,
    address: String,
    bus: Child,
    keyring: Option<Child>,
}

impl Desktop {
    /// Starts it; `None`, said by name, when the programs are not installed.
    pub(crate) fn start(provider: Provider) -> Option<Desktop> {
        for program in ["dbus-daemon", "dbus-send", "gnome-keyring-daemon", "secret-tool"] {
            let found =
                std::env::split_paths(&std::env::var_os("PATH")?).any(|dir| dir.join(program).is_file());
            if !found {
                crate::support::scene::skip(program);
                return None;
            }
        }
        let home = tempfile::tempdir().unwrap();
        // As a runtime folder has to be, for Qt to put its sockets there.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir_all(home.path().join("data/keyrings")).unwrap();
        let configuration = home.path().join("bus.conf");
        let text = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"#,
            home.path().display()
        );
        fs::write(&configuration, text).unwrap();
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It prints its address when it listens.
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let mut desktop = Desktop { home, address: address.trim().to_owned(), bus, keyring: None };
        if provider != Provider::None {
            desktop.start_keyring(provider == Provider::Unlocked);
        }
        Some(desktop)
    }

    fn start_keyring(&mut self, unlocked: bool) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).stdin(Stdio::piped()).stdout(Stdio::null());
        command.args(unlocked.then_some("--unlock")).stderr(Stdio::null());
        let mut keyring = command.spawn().unwrap();
        // The password of the "login" keyring, up to the end of the stream; a missing keyring is made.
        keyring.stdin.take().unwrap().write_all(b"test").unwrap();
        self.keyring = Some(keyring);
        self.until("NameHasOwner", Desktop::is_owned);
        if unlocked {
            // The alias comes, goes and comes again while the daemon reads its folder and then makes or unlocks the keyring:
            // it is ready when the collection behind the alias says that it is open.
            let member = "org.freedesktop.DBus.Properties.Get";
            let path = "/org/freedesktop/secrets/aliases/default";
            self.until("the default collection", |desktop| {
                let about = ["org.freedesktop.secrets", path, member];
                desktop.service("ReadAlias", "string:default").contains("/collection/")
                    && desktop
                        .call_with(about, &["string:org.freedesktop.Secret.Collection", "string:Locked"])
                        .contains("boolean false")
            });
        }
    }

    /// Ends the keyring and starts it again, unlocked, with what it has on the disk.
    pub(crate) fn restart_keyring(&mut self) {
        if let Some(mut old) = self.keyring.take() {
            old.kill().unwrap();
            old.wait().unwrap();
            self.until("the old one leaves", |desktop| !desktop.is_owned());
        }
        self.start_keyring(true);
    }

    /// Locks the default collection.
    pub(crate) fn lock(&self) {
        self.service("Lock", "array:objpath:/org/freedesktop/secrets/collection/login");
    }

    /// The keyring takes calls and never answers.
    pub(crate) fn mute_keyring(&self) {
        stop(self.keyring.as_ref().unwrap());
    }

    /// The bus itself takes bytes and never answers.
    pub(crate) fn mute_bus(&self) {
        stop(&self.bus);
    }

    /// The keyring's file: all that it has on the disk.
    pub(crate) fn keyring_file(&self) -> Vec<u8> {
        fs::read(self.home.path().join("data/keyrings/login.keyring")).unwrap()
    }

    /// What main would have seen, and `more`.
    pub(crate) fn environment(&self, more: &[(&str, &str)]) -> Environment {
        let own = [("DBUS_SESSION_BUS_ADDRESS", self.address.as_str())];
        let pair = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
        Environment::new(own.iter().chain(more).map(pair))
    }

    /// Where the bus is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A folder of its own.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// Runs libsecret's own tool, which knows nothing of us.
    pub(crate) fn secret_tool(&self, arguments: &[&str], input: &str) -> String {
        let mut command = self.command("secret-tool");
        let tool = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut tool = tool.stderr(Stdio::null()).spawn().unwrap();
        tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let mut output = String::new();
        tool.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        tool.wait().unwrap();
        output
    }

    /// A program that sees this desktop and nothing of the developer's own.
    pub(crate) fn command(&self, program: &str) -> Command {
        let home = self.home.path();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    /// Whether a keyring is on the bus.
    pub(crate) fn is_owned(&self) -> bool {
        let bus = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner"];
        self.call(bus, "string:org.freedesktop.secrets").contains("boolean true")
    }

    fn service(&self, member: &str, argument: &str) -> String {
        let member = format!("org.freedesktop.Secret.Service.{member}");
        self.call(["org.freedesktop.secrets", "/org/freedesktop/secrets", &member], argument)
    }

    fn call(&self, about: [&str; 3], argument: &str) -> String {
        self.call_with(about, &[argument])
    }

    /// A call, and what dbus-send prints of the answer: nothing of an error.
    pub(crate) fn call_with(&self, [service, path, member]: [&str; 3], arguments: &[&str]) -> String {
        let mut command = self.command("dbus-send");
        command
            .args(["--session", "--print-reply", &format!("--dest={service}"), path, member])
            .args(arguments);
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    }

    /// Waits for a condition, never for a time.
    pub(crate) fn until(&self, what: &str, ready: impl Fn(&Desktop) -> bool) {
        let start = Instant::now();
        while !ready(self) {
            assert!(start.elapsed() < Duration::from_secs(20), "the keyring does not get ready: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            // KILL, since a stopped one would not heed anything else.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn stop(child: &Child) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::STOP).unwrap();
    // The signal is on its way; /proc tells when it has arrived.
    let stat = format!("/proc/{}/stat", pid.as_raw_nonzero());
    while !fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().starts_with(" T") {
        std::thread::yield_now();
    }
}
