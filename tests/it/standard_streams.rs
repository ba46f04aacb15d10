//! The standard streams as a shell or a service manager may leave them: closed, or a pipe that nobody reads.
#![cfg(unix)]

use std::io::Write;
use std::os::unix::process::ExitStatusExt;

use crate::support::scene::Scene;

const TOKEN: &str = "a-token-that-only-these-tests-know";
const REQUEST: &str = "protocol=https\nhost=git.example.com\n\n";

fn scene() -> Scene {
    let scene = Scene::new();
    let stored = format!("protocol=https\nhost=git.example.com\nusername=alice\npassword={TOKEN}\n\n");
    scene.program("git-credential-keyfob").arg("store").stdin(stored).run().succeeds();
    scene
}

/// A file that is opened later would else have the stream's number, and what is meant for the stream would go into it.
#[test]
#[cfg(target_os = "linux")]
fn a_stream_that_was_closed_is_opened_on_nothing() {
    let scene = scene();
    let keyfob = scene.link("keyfob");
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-", "1>&- 2>&-"] {
        // The command that `run` becomes has the same streams; it tells through a fourth.
        let line = format!(
            "exec 3>told; exec '{}' run --env TOKEN=https://git.example.com -- sh -c 'told=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2); echo \"$told\" >&3' {closed}",
            keyfob.display()
        );
        scene.command("sh").args(["-c", &line]).run();
        let told = std::fs::read_to_string(scene.home().join("told")).unwrap();
        let streams: Vec<&str> = told.lines().collect();
        assert_eq!(streams.len(), 3, "{closed}: {told}");
        for (number, stream) in streams.iter().enumerate() {
            let was_closed = closed.contains(&format!("{number}<")) || closed.contains(&format!("{number}>"));
            assert_eq!(*stream == "/dev/null", was_closed, "{closed}: {number} is {stream}");
        }
    }
}

#[test]
fn an_answer_that_nobody_reads_is_no_signal() {
    let scene = scene();
    let mut child = scene.program("git-credential-keyfob").arg("get").start().spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(REQUEST.as_bytes()).unwrap();
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}

#[test]
fn the_command_of_run_is_ended_by_a_broken_pipe_as_any_other() {
    let scene = scene();
    let line =
        ["run", "--env", "TOKEN=https://git.example.com", "--", "sh", "-c", "kill -PIPE $$; echo still here"];
    let mut child = scene.program("keyfob").args(line).start().spawn().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(rustix::process::Signal::PIPE.as_raw()), "{status}");
}

#[test]
fn arguments_that_are_not_text_arrive_as_they_are() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let scene = scene();
    let odd = OsStr::from_bytes(b"caf\xe9 ' \n");
    let out = scene
        .program("keyfob")
        .args(["run", "--env", "TOKEN=https://git.example.com", "--", "printf", "%s|%s"])
        .arg(odd)
        .arg("")
        .run()
        .succeeds();
    assert_eq!(out.bytes(), b"caf\xe9 ' \n|");
}
