//! Other Secret Services than GNOME Keyring, each on a private bus with a wallet of its own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::bus::{Desktop, Provider};
use crate::support::process::Output;
use crate::support::scene::{Scene, installed, skip};

/// A program that serves the Secret Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Oo7,
    KeePassXc,
    KWallet,
}

/// A desktop with one of them, and a person's keyfob that uses it. The person sits at no display.
pub(crate) struct Service {
    kind: Kind,
    pub(crate) desktop: Desktop,
    pub(crate) scene: Scene,
    screen: Option<Screen>,
    program: Option<Child>,
}

/// An X server without a screen, for a program that does not start without one.
struct Screen {
    server: Child,
    name: String,
}

/// The default collection.
const DEFAULT: &str = "/org/freedesktop/secrets/aliases/default";

/// How long one may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

const PASSWORD: &str = "test";

impl Service {
    /// Starts it with an unlocked default collection; `None`, said by name, when a program is not installed.
    pub(crate) fn start(kind: Kind) -> Option<Service> {
        let needed: &[&str] = match kind {
            Kind::Oo7 => &[],
            Kind::KeePassXc => &["keepassxc", "keepassxc-cli", "Xvfb"],
            Kind::KWallet => &["kwalletd5"],
        };
        if kind == Kind::Oo7 && oo7().is_none() {
            skip("oo7-daemon");
            return None;
        }
        for program in needed {
            if !std::env::split_paths(&std::env::var_os("PATH")?).any(|dir| dir.join(program).is_file()) {
                skip(program);
                return None;
            }
        }
        let desktop = Desktop::start(Provider::None)?;
        let mut scene = Scene::new();
        let address = desktop.environment(&[]).text("DBUS_SESSION_BUS_ADDRESS").unwrap();
        // Long enough for a busy machine.
        scene.set("KEYFOB_TIMEOUT", "10");
        scene.set("KEYFOB_STORE", "secret-service").set("DBUS_SESSION_BUS_ADDRESS", address);
        let screen = (kind == Kind::KeePassXc).then(Screen::start);
        let mut service = Service { kind, desktop, scene, screen, program: None };
        service.make_wallet();
        service.begin();
        Some(service)
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// Writes what the program needs before its first start.
    fn make_wallet(&mut self) {
        let folder = self.desktop.folder();
        match self.kind {
            Kind::Oo7 => {}
            Kind::KeePassXc => {
                // The group that the database shows to other programs is its root.
                let xml = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<KeePassFile><Meta><DatabaseName>db</DatabaseName><CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key>
<Value>{AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA}</Value></Item></CustomData></Meta>
<Root><Group><UUID>qqqqqqqqSqqKqqqqqqqqqg==</UUID><Name>Root</Name></Group></Root></KeePassFile>"#;
                fs::write(folder.join("db.xml"), xml).unwrap();
                let mut import = self.desktop.command("keepassxc-cli");
                import.args(["import", "-p"]).args([folder.join("db.xml"), folder.join("db.kdbx")]);
                feed(&mut import, &format!("{PASSWORD}\n{PASSWORD}\n"));
                self.settings(&["ConfirmAccessItem=false", "ConfirmDeleteItem=false"]);
            }
            Kind::KWallet => {
                let settings = "[Wallet]\nEnabled=true\nFirst Use=false\nPrompt on Open=false\n\
                                Default Wallet=kdewallet\n[org.freedesktop.secrets]\napiEnabled=true\n";
                fs::create_dir_all(folder.join("config")).unwrap();
                fs::write(folder.join("config/kwalletrc"), settings).unwrap();
                // A wallet that was made just now is shown to other programs from the next start on.
                self.begin_program();
                self.open_kwallet();
                self.end();
                self.begin_program();
                self.open_kwallet();
                let path = "objpath:/org/freedesktop/secrets/collection/kdewallet";
                self.secrets("SetAlias", &["string:default", path]);
                self.end();
            }
        }
    }

    /// KeePassXC's settings for other programs, for its next start; what is not named is as it comes.
    pub(crate) fn settings(&self, names: &[&str]) {
        let folder = self.desktop.folder().join("config/keepassxc");
        fs::create_dir_all(&folder).unwrap();
        let mut text = "[GUI]\nCheckForUpdates=false\n[General]\nUpdateCheckMessageShown=true\n".to_owned();
        text += "[FdoSecrets]\nEnabled=true\n";
        names.iter().for_each(|name| text += &format!("{name}\n"));
        fs::write(folder.join("keepassxc.ini"), text).unwrap();
    }

    /// Starts it on its wallet, unlocked, and waits until that is open.
    pub(crate) fn begin(&mut self) {
        self.begin_at_once();
        self.wait();
    }

    /// Waits until its wallet is open.
    pub(crate) fn wait(&self) {
        self.desktop.until("its wallet is open", |desktop| {
            let about = ["org.freedesktop.secrets", DEFAULT, "org.freedesktop.DBus.Properties.Get"];
            let what = ["string:org.freedesktop.Secret.Collection", "string:Locked"];
            desktop.call_with(about, &what).contains("boolean false")
        });
    }

    /// The same, without waiting for it to read its wallet.
    pub(crate) fn begin_at_once(&mut self) {
        self.begin_program();
        if self.kind == Kind::KWallet {
            // Its wallet is open, but to other programs it is locked until one asked to unlock it.
            self.open_kwallet();
            self.at_a_display(&["unlock"]).succeeds();
        }
    }

    /// Starts it; what comes then is not waited for, but that it is on the bus.
    fn begin_program(&mut self) {
        let folder = self.desktop.folder();
        let mut command = match self.kind {
            Kind::Oo7 => {
                let mut command = self.desktop.command(oo7().unwrap().to_str().unwrap());
                command.arg("--login");
                command
            }
            Kind::KeePassXc => {
                let mut command = self.desktop.command("keepassxc");
                let ini = folder.join("config/keepassxc/keepassxc.ini");
                command.args(["--pw-stdin", "--config"]).arg(ini).arg("--localconfig");
                command.arg(folder.join("local.ini")).arg(folder.join("db.kdbx"));
                command.env("DISPLAY", &self.screen.as_ref().unwrap().name);
                command
            }
            Kind::KWallet => {
                let mut command = self.desktop.command("kwalletd5");
                command.env("QT_QPA_PLATFORM", "offscreen");
                command
            }
        };
        command.env("TMPDIR", &folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = command.spawn().unwrap();
        let end = if self.kind == Kind::Oo7 { "" } else { "\n" };
        // One that does not ask does not read either.
        let _ = program.stdin.take().unwrap().write_all(format!("{PASSWORD}{end}").as_bytes());
        self.program = Some(program);
        self.desktop.until("it is on the bus", Desktop::is_owned);
    }

    /// As a login does, by PAM: with the hash of the password.
    fn open_kwallet(&self) {
        let key: Vec<String> = (1..=56).map(|byte| byte.to_string()).collect();
        let about = ["org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet.pamOpen"];
        let hash = format!("array:byte:{}", key.join(","));
        self.desktop.until("the wallet is open", |desktop| {
            desktop.call_with(about, &["string:kdewallet", &hash, "int32:0"]);
            let about = ["org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet.isOpen"];
            desktop.call_with(about, &["string:kdewallet"]).contains("boolean true")
        });
    }

    /// Calls the Secret Service itself.
    pub(crate) fn secrets(&self, member: &str, arguments: &[&str]) -> String {
        let member = format!("org.freedesktop.Secret.Service.{member}");
        self.desktop.call_with(["org.freedesktop.secrets", "/org/freedesktop/secrets", &member], arguments)
    }

    /// Ends it as a logout does, and waits until it is off the bus.
    pub(crate) fn end(&mut self) {
        if self.kind == Kind::KWallet {
            // It writes what it was given some seconds later, and not when it is ended before.
            let folder = self.desktop.folder().join("data/kwalletd");
            let written = |name: &str| fs::metadata(folder.join(name)).and_then(|file| file.modified()).ok();
            self.desktop.until("it writes its file", |_| {
                written("kdewallet.kwl") >= written("kdewallet_attributes.json")
            });
        }
        let mut program = self.program.take().unwrap();
        kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
        let start = Instant::now();
        while program.try_wait().unwrap().is_none() {
            if start.elapsed() > PATIENCE {
                // It has saved what it was given, and shows a window now that nobody sees.
                program.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.desktop.until("it leaves", |desktop| !desktop.is_owned());
    }

    /// From now on it takes calls and never answers.
    pub(crate) fn mute(&self) {
        kill_process(Pid::from_child(self.program.as_ref().unwrap()), Signal::STOP).unwrap();
    }

    /// It answers again.
    pub(crate) fn unmute(&self) {
        kill_process(Pid::from_child(self.program.as_ref().unwrap()), Signal::CONT).unwrap();
    }

    /// `keyfob ARGS` where a window would be seen.
    pub(crate) fn at_a_display(&self, arguments: &[&str]) -> Output {
        let display = self.screen.as_ref().map_or(":99", |screen| screen.name.as_str());
        self.scene
            .program("keyfob")
            .args(arguments)
            .env("DISPLAY", display)
            .env("GIT_TERMINAL_PROMPT", "1")
            .run()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            // KILL, since a stopped one would not heed anything else.
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

impl Screen {
    fn start() -> Screen {
        let mut command = Command::new("Xvfb");
        // It finds a free number and tells it.
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "800x600x24"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Screen { server, name: format!(":{}", number.trim()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What tests/run.sh has cargo install.
fn oo7() -> Option<PathBuf> {
    installed("oo7/bin/oo7-daemon")
}

fn feed(command: &mut Command, input: &str) {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
}
