//! The program as NuGet starts it, without NuGet: under which names, how it ends, and what it takes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::Instant;

use crate::support::process::{Call, DEADLINE};
use crate::support::scene::Scene;

use super::{INDEX, TOKEN};

const HANDSHAKE: &str = "{\"RequestId\":\"h\",\"Type\":\"Request\",\"Method\":\"Handshake\",\"Payload\":{\"ProtocolVersion\":\"2.0.0\",\"MinimumProtocolVersion\":\"1.0.0\"}}\n";

fn request(id: &str, method: &str, payload: &str) -> String {
    format!("{{\"RequestId\":\"{id}\",\"Type\":\"Request\",\"Method\":\"{method}\",\"Payload\":{payload}}}\n")
}

fn question() -> String {
    let url = format!("https://pkgs.dev.azure.com/contoso/{INDEX}");
    request("q", "GetAuthenticationCredentials", &format!("{{\"Uri\":\"{url}\",\"IsNonInteractive\":true}}"))
}

/// A plugin that runs, with the ends of its pipes.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Running {
    /// After the greetings.
    fn start(call: &Call) -> Running {
        let mut child = call.start().spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        let mut running = Running { child, input, output };
        assert!(running.hears().contains("\"Type\":\"Request\""));
        assert!(running.asks(HANDSHAKE).contains("\"ResponseCode\":\"Success\""));
        running
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.output.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    fn asks(&mut self, line: &str) -> String {
        self.input.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        self.hears()
    }

    /// It ends by itself, and with 0.
    #[track_caller]
    fn ends(mut self) {
        let end = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                self.child.kill().unwrap();
                panic!("it still runs");
            }
            std::thread::yield_now();
        };
        assert!(status.success(), "{status}");
    }
}

/// A machine with a token.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    scene
}

#[test]
fn any_name_will_do_when_the_first_argument_tells() {
    let scene = scene();
    for (name, args) in [
        ("nuget-plugin-keyfob", &["-Plugin"][..]),
        ("keyfob", &["-Plugin"]),
        ("keyfob", &["nuget", "-Plugin"]),
        ("git-credential-keyfob", &["-Plugin"]),
        ("CredentialProvider.Microsoft", &["-Plugin"]),
    ] {
        let output =
            scene.program(name).args(args).stdin(HANDSHAKE.to_owned() + &question()).run().succeeds();
        assert_eq!((output.stdout().lines().count(), output.stderr()), (3, ""), "{output}");
        assert!(output.stdout().contains(&format!("\"Password\":\"{TOKEN}\"")), "{output}");
    }
    for args in [&["-U", "URL", "-F", "Json"][..], &["-uri", "URL", "-nonInteractive"]] {
        let url = format!("https://contoso.pkgs.visualstudio.com/{INDEX}");
        let args = args.iter().map(|word| if *word == "URL" { url.as_str() } else { word });
        let output = scene.program("CredentialProvider.Microsoft").args(args).run().succeeds();
        assert!(output.stdout().contains(TOKEN), "{output}");
    }
}

#[test]
fn it_ends_at_the_end_of_input_at_close_and_when_nobody_listens() {
    let scene = scene();
    let call = scene.program("nuget-plugin-keyfob").arg("-Plugin");
    let mut running = Running::start(&call);
    drop(running.input.take());
    running.ends();
    let mut running = Running::start(&call);
    let close = "{\"RequestId\":\"c\",\"Type\":\"Request\",\"Method\":\"Close\"}\n";
    running.input.as_mut().unwrap().write_all(close.as_bytes()).unwrap();
    running.ends();
    let mut running = Running::start(&call);
    assert!(running.asks(&request("r", "Initialize", "{}")).contains("Success"));
    assert!(running.child.try_wait().unwrap().is_none());
    // The pipe that it reads stays open; only its own next answer tells it that NuGet reads no more.
    drop(running.output.take());
    let question = request("r", "Initialize", "{}");
    running.input.as_mut().unwrap().write_all(question.as_bytes()).unwrap();
    running.ends();
}

#[test]
fn it_ends_when_nugets_process_dies_though_the_pipe_stays_open() {
    let scene = scene();
    let mut nuget = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let mut running = Running::start(&scene.program("nuget-plugin-keyfob").arg("-Plugin"));
    let monitor = request("m", "MonitorNuGetProcessExit", &format!("{{\"ProcessId\":{}}}", nuget.id()));
    assert!(running.asks(&monitor).contains("Success"));
    assert!(running.asks(&request("i", "Initialize", "{}")).contains("Success"));
    nuget.kill().unwrap();
    nuget.wait().unwrap();
    running.ends();
}

#[test]
fn a_process_that_is_not_there_is_not_found() {
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let scene = scene();
    let mut running = Running::start(&scene.program("nuget-plugin-keyfob").arg("-Plugin"));
    let monitor = request("m", "MonitorNuGetProcessExit", &format!("{{\"ProcessId\":{}}}", gone.id()));
    assert!(running.asks(&monitor).contains("NotFound"));
    drop(running.input.take());
    running.ends();
}

#[test]
fn a_service_index_of_forty_megabytes_in_one_line_is_answered_without_being_held() {
    let scene = scene();
    let mut line = String::from(
        "{\"RequestId\":\"x\",\"Type\":\"Request\",\"Method\":\"GetOperationClaims\",\"Payload\":{\"PackageSourceRepository\":\"u\",\"ServiceIndex\":{\"resources\":[",
    );
    let resource = "{\"@id\":\"https://h.example/feed/index.json\",\"@type\":\"Some\\\\Type\"},";
    line.push_str(&resource.repeat(40_000_000 / resource.len()));
    line.push_str("{}]}}}\n");
    let input = HANDSHAKE.to_owned() + &line + &question();
    // Less memory than the line is long.
    let limited = "ulimit -d 32768; exec nuget-plugin-keyfob -Plugin";
    let output = scene.command("sh").args(["-c", limited]).stdin(input).run().succeeds();
    let lines: Vec<&str> = output.stdout().lines().collect();
    assert_eq!(lines.len(), 4, "{output}");
    assert!(lines[2].contains("\"Claims\":[]") && lines[3].contains(TOKEN), "{output}");
}

#[test]
fn without_a_home_it_still_talks_and_says_why_there_is_no_answer() {
    let mut scene = scene();
    scene.unset("HOME").unset("KEYFOB_HOME");
    let input = HANDSHAKE.to_owned() + &request("l", "SetLogLevel", "{\"LogLevel\":\"Debug\"}") + &question();
    let output = scene.program("nuget-plugin-keyfob").arg("-Plugin").stdin(input).run().succeeds();
    assert!(output.stdout().contains("HOME is not set") && output.stderr().is_empty(), "{output}");
    assert!(output.stdout().trim_end().ends_with("{\"ResponseCode\":\"Error\"}}"), "{output}");
}

#[test]
fn nothing_of_the_wallet_is_opened_before_a_question() {
    let scene = scene();
    // What would be an error if it were looked at.
    std::fs::rename(scene.data(), scene.home().join("away")).unwrap();
    std::fs::write(scene.data(), "no folder").unwrap();
    let input = HANDSHAKE.to_owned() + &request("c", "GetOperationClaims", "{}");
    let output = scene.program("nuget-plugin-keyfob").arg("-Plugin").stdin(input).run().succeeds();
    assert_eq!((output.stdout().lines().count(), output.stderr()), (3, ""), "{output}");
    assert!(output.stdout().contains("Authentication"), "{output}");
}

/// At a terminal, where a vault with a passphrase could ask. The terminal is NuGet's, whatever it says of questions.
#[test]
#[cfg(target_os = "linux")]
fn nobody_is_asked_at_the_terminal() {
    let mut scene = scene();
    scene.protect_vault("correct horse");
    scene.unset("GIT_TERMINAL_PROMPT");
    let log = request("l", "SetLogLevel", "{\"LogLevel\":\"Debug\"}");
    for (file, question) in [("silent", question()), ("interactive", question().replace("true", "false"))] {
        scene.append(file, &(HANDSHAKE.to_owned() + &log + &question));
    }
    scene.append("git", "protocol=https\nhost=dev.azure.com\npath=contoso/P/_git/R\n\n");
    let asks = |line: &str| {
        let call = scene.command("script").args(["-q", "-e", "-c", line, "/dev/null"]);
        let output = call.stdin("wrong\nwrong\nwrong\n").run().succeeds();
        assert!(!output.stdout().contains(TOKEN), "{output}");
        output.stdout().contains("keyfob vault passphrase: ")
    };
    assert!(!asks("nuget-plugin-keyfob -Plugin <silent"));
    assert!(!asks("nuget-plugin-keyfob -Plugin <interactive"));
    assert!(asks("git-credential-keyfob get <git"), "this shows that it could");
}
