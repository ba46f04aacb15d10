//! Programs that a test starts. Each has a deadline: what hangs is killed with its children and fails the test with
//! what it said until then.
#![allow(dead_code, reason = "each test takes a part")]

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::assert::Assert;

/// How long anything may take: far more than it needs on a busy machine, since only a hang shall reach it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A program that is about to run.
#[derive(Clone)]
#[must_use]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    stdin: Vec<u8>,
    folder: PathBuf,
    variables: Vec<(OsString, OsString)>,
    deadline: Duration,
}

impl Call {
    /// This program in this folder, with these variables and no others.
    pub fn new(program: impl AsRef<OsStr>, folder: PathBuf, variables: &[(OsString, OsString)]) -> Call {
        Call {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            stdin: Vec::new(),
            folder,
            variables: variables.to_vec(),
            deadline: DEADLINE,
        }
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Call {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// With more arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Call {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// With this on stdin, which then ends.
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Call {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    /// With a variable of its own.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Call {
        self.variables.retain(|(key, _)| key != name);
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// In this folder in place of the home.
    pub fn within(mut self, folder: impl AsRef<Path>) -> Call {
        self.folder = folder.as_ref().to_owned();
        self
    }

    /// With this deadline in place of the usual minute.
    pub fn deadline(mut self, deadline: Duration) -> Call {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end. When the deadline passes, it and whatever it started are killed, and the test fails with
    /// what it said until then.
    pub fn run(self) -> Output {
        let line = self.line();
        let mut command = self.start();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
        let group = child.id();
        let (done, all) = channel();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = self.stdin;
        // Not waited for: a program may end without having read its stdin.
        thread::spawn(move || drop(stdin.write_all(&bytes)));
        let stdout = collect(child.stdout.take().unwrap(), done.clone());
        let stderr = collect(child.stderr.take().unwrap(), done.clone());
        thread::spawn(move || {
            let _ = done.send(Some(child.wait().unwrap()));
        });

        let end = Instant::now() + self.deadline;
        let mut status = None;
        for _ in 0..3 {
            match all.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(said) => status = said.or(status),
                Err(_) => {
                    kill(group);
                    let so_far = Output::new(line, status, &stdout, &stderr);
                    panic!("not over after {:?}, killed:\n{so_far}", self.deadline);
                }
            }
        }
        Output::new(line, status, &stdout, &stderr)
    }

    /// Starts it and kills it with its children after this time, wherever it is then. Whether it had ended by itself.
    pub fn kill_after(self, time: Duration) -> bool {
        let mut child = self.start().spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(&self.stdin);
        drop(stdin);
        thread::sleep(time);
        kill(child.id());
        child.wait().unwrap().code().is_some()
    }

    fn line(&self) -> String {
        let mut line = self.program.to_string_lossy().into_owned();
        for arg in &self.args {
            write!(line, " {}", arg.to_string_lossy()).unwrap();
        }
        line
    }

    /// In a session of its own where `setsid` is there, so that no terminal of the developer's can be asked; else in
    /// a process group of its own, so that it can be killed with its children.
    pub fn start(&self) -> Command {
        let setsid = ["/usr/bin/setsid", "/bin/setsid"].into_iter().find(|path| Path::new(path).is_file());
        let mut command = match setsid {
            Some(setsid) => {
                let mut command = Command::new(setsid);
                command.arg(&self.program);
                command
            }
            None => {
                let mut command = Command::new(&self.program);
                #[cfg(unix)]
                std::os::unix::process::CommandExt::process_group(&mut command, 0);
                command
            }
        };
        command.args(&self.args).current_dir(&self.folder).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Reads a pipe to its end; what is there so far can be looked at.
fn collect(mut pipe: impl Read + Send + 'static, done: Sender<Option<ExitStatus>>) -> Arc<Mutex<Vec<u8>>> {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&bytes);
    thread::spawn(move || {
        let mut part = [0; 8192];
        while let Ok(read @ 1..) = pipe.read(&mut part) {
            into.lock().unwrap().extend_from_slice(&part[..read]);
        }
        let _ = done.send(None);
    });
    bytes
}

/// Ends a process group, or what stands for it.
fn kill(group: u32) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = Command::new("taskkill").args(["/T", "/F", "/PID", &group.to_string()]).status();
}

/// What a program said, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    line: String,
    status: Option<ExitStatus>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    fn new(
        line: String,
        status: Option<ExitStatus>,
        stdout: &Mutex<Vec<u8>>,
        stderr: &Mutex<Vec<u8>>,
    ) -> Output {
        let taken = |bytes: &Mutex<Vec<u8>>| std::mem::take(&mut *bytes.lock().unwrap());
        Output { line, status, stdout: taken(stdout), stderr: taken(stderr) }
    }

    /// stdout, which has to be text.
    #[track_caller]
    pub fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// stdout, as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// stderr, which has to be text.
    #[track_caller]
    pub fn stderr(&self) -> &str {
        std::str::from_utf8(&self.stderr).unwrap()
    }

    /// The exit code; the test fails when a signal ended it.
    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.and_then(|status| status.code()).unwrap_or_else(|| panic!("ended by a signal:\n{self}"))
    }

    /// Whether no signal ended it.
    pub fn ended_by_itself(&self) -> bool {
        self.status.is_some_and(|status| status.code().is_some())
    }

    /// What assert_cmd judges by; a failure names the command beside the output.
    #[track_caller]
    pub fn assert(&self) -> Assert {
        let status = self.status.expect("it is over");
        let (stdout, stderr) = (self.stdout.clone(), self.stderr.clone());
        Assert::new(std::process::Output { status, stdout, stderr })
            .append_context("command", self.line.clone())
    }

    /// Fails the test unless it ended well.
    #[track_caller]
    pub fn succeeds(self) -> Output {
        self.assert().success();
        self
    }

    /// Fails the test unless it ended with this exit code and said each of these texts.
    #[track_caller]
    pub fn says(self, code: i32, texts: &[&str]) -> Output {
        self.assert().code(code);
        for text in texts {
            assert!(self.stderr().contains(text) || self.stdout().contains(text), "{text} is not in\n{self}");
        }
        self
    }

    /// Fails the test if it ended well.
    #[track_caller]
    pub fn fails(self) -> Output {
        assert_ne!(self.code(), 0, "{self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        let ended = self.status.map_or_else(|| "still running".to_owned(), |status| status.to_string());
        write!(f, "$ {}\n[{ended}]\n", self.line)?;
        write!(f, "--- stdout\n{}--- stderr\n{}---", text(&self.stdout), text(&self.stderr))
    }
}

#[test]
#[cfg(unix)]
fn a_program_gets_its_stdin_and_its_exit_code_and_output_are_seen() {
    let scene = crate::support::scene::Scene::new();
    let output = scene.command("sh").args(["-c", "cat; echo oh >&2; exit 7"]).stdin("hello").run();
    assert_eq!((output.stdout(), output.stderr(), output.code()), ("hello", "oh\n", 7));
    // Nobody reads this, and nothing hangs for it.
    scene.command("true").stdin(vec![0; 1 << 20]).run().succeeds();
}

#[test]
#[cfg(unix)]
fn what_hangs_is_killed_with_its_children() {
    let scene = crate::support::scene::Scene::new();
    // The child holds the pipe open: killing the parent alone would leave it.
    let call = scene.command("sh").args(["-c", "sleep 600 & echo $! >child; wait"]);
    let call = call.deadline(Duration::from_secs(2));
    let hung = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call.run())).unwrap_err();
    let message = hung.downcast::<String>().unwrap();
    assert!(message.starts_with("not over after 2s, killed:\n$ sh -c"), "{message}");
    let child = std::fs::read_to_string(scene.home().join("child")).unwrap();
    let alive = || {
        let state = scene.command("ps").args(["-o", "stat=", "-p", child.trim()]).run();
        !matches!(state.stdout().trim().chars().next(), None | Some('Z'))
    };
    // The signal is sent; the kernel may take its time to deliver it.
    let end = Instant::now() + DEADLINE;
    while alive() {
        assert!(Instant::now() < end, "the child lives on");
    }
}
