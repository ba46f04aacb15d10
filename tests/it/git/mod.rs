//! The real git with keyfob as its helper, against servers that behave as the services do: clone, fetch and push, under the
//! real host names where a service has them. Each test ends with who got to see which token.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use crate::fakes::forge::{Forge, Profile, Token};
use crate::fakes::git_backend::Repositories;
use crate::fakes::http::{Handler, Request, Response};
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::process::Output;
use crate::support::scene::Scene;

mod askpass;
mod foreign_hosts;
mod go;
mod helpers;
mod hosts;
mod lfs;
#[cfg(target_os = "linux")]
mod locked;
mod on_premises;

/// git sends a push of more than 1 MiB (http.postBuffer) in chunks, after a probe.
const LARGE: usize = 3 << 20;
const SMALL: usize = 1 << 10;

const TOKEN: &str = "a-token-that-only-these-tests-know";
const OTHER: &str = "another-token-that-only-these-tests-know";

/// A scene, and the internet as far as it is needed.
struct Stage {
    scene: Scene,
    repositories: Repositories,
    authority: Authority,
    _folder: TempDir,
}

impl Stage {
    fn new() -> Stage {
        let folder = TempDir::new().unwrap();
        let repositories = Repositories::new(folder.path().join("repositories"));
        Stage { scene: Scene::new(), repositories, authority: Authority::new(), _folder: folder }
    }

    /// The hosts of `rows`, and any host below `example.test`, where a stranger asks for passwords. Everything else is not to be
    /// reached.
    fn internet(&mut self, mut rows: Vec<(&'static str, Handler)>) -> Proxy {
        rows.push(("*.example.test", Arc::new(stranger)));
        let proxy = Proxy::start(&self.authority, rows);
        self.scene.use_proxy(&proxy.url(), self.authority.pem());
        proxy
    }

    /// Azure DevOps Services with a repository in each organisation; the first is alice's, the second bob's.
    fn services(&self) -> Forge {
        let forge = Forge::services(&self.repositories);
        for (organisation, account, token) in [("contoso", "alice", TOKEN), ("fabrikam", "bob", OTHER)] {
            self.repositories.create(&format!("{organisation}/Project/Repo"));
            forge.add(Token::new(organisation, account, token));
        }
        forge
    }

    /// A forge without organisations, with the repository `team/repo` and alice's token.
    fn plain(&self, profile: Profile) -> Forge {
        self.repositories.create("team/repo");
        let forge = Forge::new(profile, &self.repositories);
        forge.add(Token::new("", "alice", TOKEN));
        forge
    }

    fn set(&self, key: &str, value: &str) {
        self.scene.git(["config", "--global", key, value]).succeeds();
    }

    fn git<const N: usize>(&self, args: [&str; N]) -> Output {
        self.scene.git(args)
    }

    fn work(&self) -> PathBuf {
        self.scene.home().join("work")
    }

    /// Clones anew into `work`.
    fn clone(&self, url: &str) -> Output {
        let _ = fs::remove_dir_all(self.work());
        self.git(["clone", "--quiet", url, "work"])
    }

    /// Clones, fetches and pushes a file of that many bytes; git says nothing, because nothing is to be said.
    fn clone_fetch_push(&self, url: &str, name: &str, bytes: usize) {
        quiet(self.clone(url));
        assert_eq!(fs::read_to_string(self.work().join("README.md")).unwrap(), "Hello\n");
        quiet(self.git(["-C", "work", "fetch", "--quiet"]));
        self.commit(bytes);
        quiet(self.git(["-C", "work", "push", "--quiet"]));
        let ours = self.git(["-C", "work", "rev-parse", "HEAD"]).succeeds();
        assert_eq!(self.repositories.revision(name, "main").as_deref(), Some(ours.stdout().trim()));
    }

    /// Commits a file of that many bytes, which cannot be packed any smaller and is another one each time.
    fn commit(&self, bytes: usize) {
        let file = self.work().join("noise");
        let mut state = fs::metadata(&file).map_or(1, |about| about.len()) + bytes as u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        fs::write(&file, noise.take(bytes).collect::<Vec<u8>>()).unwrap();
        self.git(["-C", "work", "add", "noise"]).succeeds();
        self.git(["-C", "work", "commit", "--quiet", "--allow-empty", "-m", "Make some noise"]).succeeds();
    }

    /// Every file of the wallet with its content, to see that nothing was written.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        crate::support::scene::files_below(&self.scene.data())
    }
}

/// It ended well and said nothing.
#[track_caller]
fn quiet(output: Output) {
    let output = output.succeeds();
    assert_eq!((output.stdout(), output.stderr()), ("", ""), "{output}");
}

/// The lines of stderr that are ours.
fn ours(output: &Output) -> Vec<&str> {
    output.stderr().lines().filter(|line| line.contains("keyfob")).collect()
}

/// Asks everyone for user name and password.
fn stranger(_: &Request) -> Response {
    Response::with(401, "text/plain", "Who are you?\n").header("WWW-Authenticate", "Basic realm=\"stranger\"")
}
