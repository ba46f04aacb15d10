//! Bare repositories, served by `git http-backend` as a CGI program (git-http-backend(1)). Who may do what is for
//! [`super::forge`] to say; here everything that arrives is allowed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::http::{Request, Response};

/// A folder of bare repositories, `ORGANISATION/PROJECT/REPOSITORY.git` or however the forge nests them.
#[derive(Clone)]
pub struct Repositories {
    root: PathBuf,
}

impl Repositories {
    /// In this folder, which is made when it is missing.
    pub fn new(root: impl Into<PathBuf>) -> Repositories {
        let root = root.into();
        fs::create_dir_all(&root).unwrap();
        Repositories { root: root.canonicalize().unwrap() }
    }

    /// Makes the bare repository `name` (`contoso/Project/Repo`) with one commit on `main`, unless it is there.
    pub fn create(&self, name: &str) -> PathBuf {
        if let Some(there) = self.find(name) {
            return there;
        }
        let repository = self.root.join(format!("{name}.git"));
        fs::create_dir_all(&repository).unwrap();
        let git = |args: &[&str], input: &str| self.git(&repository, args, input);
        git(&["init", "--quiet", "--bare", "--initial-branch=main"], "");
        let blob = git(&["hash-object", "-w", "--stdin"], "Hello\n");
        let tree = git(&["mktree"], &format!("100644 blob {blob}\tREADME.md\n"));
        let commit = git(&["commit-tree", &tree, "-m", "Say hello"], "");
        git(&["update-ref", "refs/heads/main", &commit], "");
        repository
    }

    /// What `revision` of the repository `name` is, or nothing.
    pub fn revision(&self, name: &str, revision: &str) -> Option<String> {
        let repository = self.find(name)?;
        let output =
            self.command(&repository).args(["rev-parse", "--verify", "--quiet", revision]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// The folder of the repository, letter case and `.git` aside, as the services have it.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let name = name.trim_matches('/');
        let name = name.strip_suffix(".git").unwrap_or(name);
        let mut segments = name.split('/').peekable();
        let mut folder = self.root.clone();
        while let Some(segment) = segments.next() {
            let wanted =
                if segments.peek().is_none() { format!("{segment}.git") } else { segment.to_owned() };
            let mut entries = fs::read_dir(&folder).ok()?.flatten();
            // Only names that are there are taken, so `..` leads nowhere.
            let entry =
                entries.find(|entry| entry.file_name().to_string_lossy().eq_ignore_ascii_case(&wanted))?;
            folder = entry.path();
        }
        folder.join("HEAD").is_file().then_some(folder)
    }

    /// Answers a request to `repository`; `service` is what stands behind the repository in the path (`/info/refs`).
    pub fn serve(&self, repository: &Path, service: &str, user: &str, request: &Request) -> Response {
        let mut command = self.command(repository);
        command
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", repository)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", service)
            .env("QUERY_STRING", request.query())
            .env("REQUEST_METHOD", &request.method)
            .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env("REMOTE_USER", user)
            .env("REMOTE_ADDR", "127.0.0.1");
        if let Some(protocol) = request.header("git-protocol") {
            command.env("GIT_PROTOCOL", protocol);
        }
        if let Some(encoding) = request.header("content-encoding") {
            command.env("HTTP_CONTENT_ENCODING", encoding);
        }
        let output = run(command, request.body.clone());
        from_cgi(&output.stdout).unwrap_or_else(|| {
            Response::with(500, "text/plain", [&b"git http-backend: "[..], &output.stderr].concat())
        })
    }

    fn git(&self, repository: &Path, args: &[&str], input: &str) -> String {
        let mut command = self.command(repository);
        command.args(args);
        let output = run(command, input.as_bytes().to_vec());
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// git, untouched by the configuration and environment of whoever runs the tests.
    fn command(&self, repository: &Path) -> Command {
        let mut command = Command::new("git");
        command.current_dir(repository).env_clear();
        for name in ["PATH", "SystemRoot", "TEMP"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("HOME", &self.root)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", &self.root);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Fake Forge");
            command.env(format!("GIT_{who}_EMAIL"), "forge@example.test");
            command.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
        }
        command
    }
}

/// Runs it to its end with `input` on stdin.
fn run(mut command: Command, input: Vec<u8>) -> std::process::Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("git runs");
    let mut stdin = child.stdin.take().unwrap();
    // In a thread: git may answer before it has read everything, and both pipes would fill up. A git that stops reading
    // says on stderr and in its answer why.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// A CGI program's output (RFC 3875 section 6) as an answer.
fn from_cgi(output: &[u8]) -> Option<Response> {
    let end = output.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&output[..end]).ok()?;
    let (mut status, mut headers) = (200, Vec::new());
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ")?;
        if name == "Status" {
            status = value.split(' ').next()?.parse().ok()?;
        } else {
            headers.push((name, value));
        }
    }
    let response = Response::new(status).body(&output[end + 4..]);
    Some(headers.into_iter().fold(response, |response, (name, value)| response.header(name, value)))
}

/// Splits a path into repository and service (`/info/refs`, `/git-upload-pack`, …); nothing when it is no git request.
pub fn split_service(path: &str) -> Option<(&str, &'static str)> {
    const SERVICES: [&str; 4] = ["/info/refs", "/git-upload-pack", "/git-receive-pack", "/HEAD"];
    SERVICES.iter().find_map(|service| Some((path.strip_suffix(service)?, *service)))
}

/// Whether the request is part of a push.
pub fn is_push(request: &Request) -> bool {
    request.path().ends_with("/git-receive-pack") || request.query().contains("service=git-receive-pack")
}
