//! A [`Scene`] is a person's machine for one test: a fresh home, an environment that holds nothing of the
//! developer's, keyfob under any of its names, and the real git.
#![allow(dead_code, reason = "each test takes a part")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

use crate::support::process::{Call, Output};

/// The git from which on helpers may answer `authtype`.
const AUTHTYPE: (u32, u32) = (2, 46);

/// A fresh home and what runs in it.
pub struct Scene {
    folder: TempDir,
    git: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

impl Default for Scene {
    fn default() -> Scene {
        Scene::new()
    }
}

impl Scene {
    /// With keyfob as git's only helper, the vault as its store, and the newest git.
    pub fn new() -> Scene {
        crate::fakes::leaks::begin();
        let folder = TempDir::with_prefix("keyfob-scene-").unwrap();
        let mut scene = Scene { folder, git: newest_git(), variables: Vec::new() };
        scene.private_folder(&scene.home());
        fs::create_dir(scene.bin()).unwrap();
        scene.link("keyfob");
        // As an installation has it: `keyring`, which is not ours alone, is made by its setup only.
        let links = keyfob::tool::PROTOCOLS.iter().flat_map(|protocol| protocol.links);
        for link in links.filter(|link| link.contains("keyfob")) {
            scene.link(link);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([scene.bin()].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let home = scene.home();
        scene.set("PATH", path).set("HOME", &home).set("LC_ALL", "C");
        scene.set("KEYFOB_HOME", home.join("keyfob")).set("KEYFOB_STORE", "vault");
        // Whatever a test adds, nothing asks the real services; a test with fakes of them takes this away.
        scene.set("KEYFOB_OFFLINE", "1");
        scene.set("GIT_CONFIG_GLOBAL", home.join(".gitconfig")).set("GIT_CONFIG_SYSTEM", null());
        scene.set("GIT_CONFIG_NOSYSTEM", "1").set("GIT_TERMINAL_PROMPT", "0");
        for name in ["SystemRoot", "TEMP"] {
            if let Some(value) = std::env::var_os(name) {
                scene.set(name, value);
            }
        }
        // What programs leave behind (git-lfs does) goes with the scene.
        let temporary = scene.folder.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        scene.set("TMPDIR", temporary);
        scene.append(".gitconfig", "[user]\n\tname = Alice\n\temail = alice@example.test\n");
        scene.append(".gitconfig", "[init]\n\tdefaultBranch = main\n[credential]\n\thelper = keyfob\n");
        scene
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder of programs that stands first in PATH.
    pub fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Scene {
        self.unset(name);
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) -> &mut Scene {
        self.variables.retain(|(key, _)| key != name);
        self
    }

    /// Uses this git from now on.
    pub fn use_git(&mut self, git: PathBuf) -> &mut Scene {
        self.git = git;
        self
    }

    /// Sends git and other tools through this proxy, trusting this authority.
    pub fn use_proxy(&mut self, url: &str, authority_pem: &str) -> &mut Scene {
        let file = self.home().join("authority.pem");
        fs::write(&file, authority_pem).unwrap();
        for name in
            ["GIT_SSL_CAINFO", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]
        {
            self.set(name, &file);
        }
        self.set("https_proxy", url).set("HTTPS_PROXY", url)
    }

    /// Adds to a file of the home, which is made when it is missing.
    pub fn append(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home().join(name);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    }

    /// A program of the test's own in the home, given as a shell script.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home().join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    /// Makes a folder that only its owner may look into, unless it is there.
    pub fn private_folder(&self, path: &Path) {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path).unwrap();
    }

    /// A program of ours by this name: `keyfob` is for people, by every other name the tools' program is started.
    pub fn link(&self, name: &str) -> PathBuf {
        let program = if name == "keyfob" { program_under_test() } else { tools_program_under_test() };
        let link = self.bin().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if !link.exists() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(program, &link).unwrap();
            #[cfg(not(unix))]
            fs::copy(program, &link).map(drop).unwrap();
        }
        link
    }

    /// A program with this scene's environment, to be run in its home.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Call {
        Call::new(program, self.home(), &self.variables)
    }

    /// keyfob under any of its names (`git-credential-keyfob`, `keyring`, …).
    pub fn program(&self, name: &str) -> Call {
        self.command(self.link(name))
    }

    /// `keyfob ARGS`, with nothing on stdin.
    pub fn keyfob<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.program("keyfob").args(args).run()
    }

    /// `keyfob ARGS` with `stdin`.
    pub fn keyfob_with<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        stdin: impl AsRef<[u8]>,
    ) -> Output {
        self.program("keyfob").args(args).stdin(stdin).run()
    }

    /// `git ARGS`, with keyfob as its helper.
    pub fn git<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.command(&self.git).args(args).run()
    }
}

/// The gits of this machine with their versions, newest first: `KEYFOB_TEST_GIT` alone when it is set.
fn gits() -> &'static [((u32, u32), PathBuf)] {
    static GITS: OnceLock<Vec<((u32, u32), PathBuf)>> = OnceLock::new();
    GITS.get_or_init(|| {
        if let Some(git) = std::env::var_os("KEYFOB_TEST_GIT").map(PathBuf::from) {
            return vec![(git_version(&git).expect("KEYFOB_TEST_GIT is a git"), git)];
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/local/bin", "/opt/homebrew/bin", "/usr/bin"].map(PathBuf::from);
        let name = format!("git{}", std::env::consts::EXE_SUFFIX);
        let candidates = std::env::split_paths(&path).chain(usual).map(|folder| folder.join(&name));
        let mut gits: Vec<_> = candidates.filter_map(|git| Some((git_version(&git)?, git))).collect();
        gits.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        gits.dedup_by(|(_, one), (_, other)| one == other);
        gits
    })
}

/// Major and minor version.
fn git_version(git: &Path) -> Option<(u32, u32)> {
    let output = Command::new(git).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// `keyfob` as it is tested: cargo's, or the one that `KEYFOB_TEST_PROGRAM` names (tests/run.sh has the release program tested, too).
pub fn program_under_test() -> PathBuf {
    std::env::var_os("KEYFOB_TEST_PROGRAM")
        .map_or_else(|| cargo_bin!("keyfob").to_owned(), |named| fs::canonicalize(named).unwrap())
}

/// `git-credential-keyfob` as it is tested: the one that was built with it.
pub fn tools_program_under_test() -> PathBuf {
    let name = format!("git-credential-keyfob{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("KEYFOB_TEST_PROGRAM").map_or_else(
        || env!("CARGO_BIN_EXE_git-credential-keyfob").into(),
        |_| program_under_test().with_file_name(name),
    )
}

/// The newest git.
pub fn newest_git() -> PathBuf {
    gits().first().expect("git is installed").1.clone()
}

/// A git whose helpers may answer `authtype`, when there is one.
pub fn new_git() -> Option<PathBuf> {
    gits().iter().find(|(version, _)| *version >= AUTHTYPE).map(|(_, git)| git.clone())
}

/// The newest git that does not know `authtype`, when there is one.
pub fn old_git() -> Option<PathBuf> {
    gits().iter().find(|(version, _)| *version < AUTHTYPE).map(|(_, git)| git.clone())
}

/// A client that tests/run.sh installs, by its path below target/test-tools, when it is there.
pub fn installed(path: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools");
    Some(tools.join(path)).filter(|path| path.exists())
}

/// Every file below a folder with its content, sorted; a folder that is not there has none.
pub fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path));
        } else {
            let content = fs::read(&path).unwrap_or_default();
            files.push((path, content));
        }
    }
    files.sort();
    files
}

/// The file that is always empty.
fn null() -> &'static str {
    if cfg!(windows) { "NUL" } else { "/dev/null" }
}

/// Says that a test does nothing for want of something. Where KEYFOB_TEST_NO_SKIP is set, that is a failure.
#[track_caller]
pub fn skip(missing: &str) {
    assert!(std::env::var_os("KEYFOB_TEST_NO_SKIP").is_none(), "needs {missing}");
    eprintln!("skipped: needs {missing}");
}

#[test]
#[cfg(unix)]
fn nothing_of_the_developers_environment_reaches_a_scene() {
    let mut scene = Scene::new();
    scene.set("EXTRA", "1").set("EXTRA", "2").set("GONE", "1").unset("GONE");
    let output = scene.command("env").run().succeeds();
    let mut names: Vec<&str> = output.stdout().lines().map(|line| line.split('=').next().unwrap()).collect();
    names.retain(|name| *name != "TMPDIR");
    names.sort_unstable();
    let ours = "EXTRA GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_CONFIG_SYSTEM GIT_TERMINAL_PROMPT HOME KEYFOB_HOME KEYFOB_OFFLINE \
                KEYFOB_STORE LC_ALL PATH";
    assert_eq!(names.join(" "), ours);
    assert!(output.stdout().contains("EXTRA=2\n"));
    assert!(output.stdout().contains(&format!("HOME={}\n", scene.home().display())));
}

#[test]
#[cfg(unix)]
fn a_home_is_private_and_fresh() {
    use std::os::unix::fs::PermissionsExt as _;
    let (one, other) = (Scene::new(), Scene::new());
    assert_ne!(one.home(), other.home());
    assert_eq!(fs::metadata(one.home()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn keyfob_runs_under_any_of_its_names() {
    let scene = Scene::new();
    let (keyfob, keyring) = (scene.link("keyfob"), scene.link("keyring"));
    assert!(keyfob.exists() && keyring.exists());
    let tested = [program_under_test(), tools_program_under_test()];
    let canonical = |path: PathBuf| path.canonicalize().unwrap();
    assert_eq!([keyfob, keyring].map(canonical), tested.map(canonical));
    assert_eq!(scene.git(["config", "credential.helper"]).succeeds().stdout(), "keyfob\n");
}
