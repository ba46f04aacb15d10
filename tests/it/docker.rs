//! The real docker command and the real skopeo, with keyfob as their credential helper, against a registry on loopback.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use crate::fakes::http::Server;
use crate::fakes::registry::{IMAGE, registry};
use crate::support::process::{Call, Output};
use crate::support::scene::{Scene, skip};

const TOKEN: &str = "a-registry-token-that-only-these-tests-know";
const OTHER: &str = "another-registry-token-that-only-these-tests-know";

/// A machine with the helper and a registry, which lets alice in.
struct Stage {
    scene: Scene,
    registry: Server,
}

impl Stage {
    /// `None` if a program that the test needs is not here.
    fn with(program: &str) -> Option<Stage> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
            skip(program);
            return None;
        }
        let mut scene = Scene::new();
        scene.set("XDG_RUNTIME_DIR", scene.home());
        // No daemon: logins are checked by the command itself.
        scene.set("DOCKER_HOST", format!("unix://{}/no-daemon.sock", scene.home().display()));
        Some(Stage { scene, registry: Server::start(registry("alice", TOKEN)) })
    }

    fn docker<const N: usize>(&self, args: [&str; N]) -> Call {
        self.scene.command("docker").args(args)
    }

    fn login(&self, user: &str, token: &str) -> Output {
        let host = self.registry.host();
        self.docker(["login", "--username", user, "--password-stdin", &host]).stdin(token).run()
    }

    /// Reads the manifest through the docker command.
    fn manifest(&self) -> Output {
        self.docker(["manifest", "inspect", "--insecure", &format!("{}/{IMAGE}", self.registry.host())]).run()
    }

    fn skopeo(&self, what: &str, rest: &[&str]) -> Output {
        let image = format!("docker://{}/{IMAGE}", self.registry.host());
        self.scene.command("skopeo").args([what, &image]).args(rest).run()
    }

    fn config(&self) -> PathBuf {
        self.scene.home().join(".docker/config.json")
    }

    fn configured(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    /// The wallet holds the registry's token.
    fn add(&self) {
        let account = crate::support::person::Add { account: Some("alice"), ..Default::default() };
        self.scene.add_with(&self.registry.url(), TOKEN, account);
    }

    fn set_up(&self) -> Output {
        self.scene.keyfob(["setup", "docker", "--yes"]).succeeds()
    }
}

#[test]
fn docker_logs_in_reads_and_logs_out_and_no_token_is_in_its_file() {
    let Some(stage) = Stage::with("docker") else { return };
    stage.set_up();
    stage.manifest().fails();
    let login = stage.login("alice", TOKEN).succeeds();
    assert!(login.stdout().contains("Login Succeeded"), "{login}");
    assert!(!stage.configured().contains("\"auth\""), "{}", stage.configured());
    assert_eq!(stage.scene.held().len(), 1, "{:?}", stage.scene.held());
    let manifest = stage.manifest().succeeds();
    assert!(manifest.stdout().contains("schemaVersion"), "{manifest}");
    assert!(stage.registry.log().entries().iter().any(|entry| entry.status == 200 && entry.carries(TOKEN)));
    stage.docker(["logout", &stage.registry.host()]).run().succeeds();
    assert!(stage.scene.held().is_empty(), "{:?}", stage.scene.held());
    stage.manifest().fails();
}

#[test]
fn a_refused_login_is_not_kept() {
    let Some(stage) = Stage::with("docker") else { return };
    stage.set_up();
    stage.login("alice", OTHER).fails();
    assert!(stage.scene.held().is_empty());
}

#[test]
fn a_token_that_was_added_once_opens_the_registry_for_docker() {
    let Some(stage) = Stage::with("docker") else { return };
    stage.add();
    stage.set_up();
    stage.manifest().succeeds();
    // A logout sets it aside; restore brings it back.
    stage.docker(["logout", &stage.registry.host()]).run().succeeds();
    stage.manifest().fails();
    stage.scene.restore(&stage.registry.url(), None);
    stage.manifest().succeeds();
}

#[test]
fn a_registry_that_the_wallet_does_not_know_gets_nothing() {
    let Some(stage) = Stage::with("docker") else { return };
    let stranger = Server::start(registry("mallory", OTHER));
    stage.add();
    stage.set_up();
    stage
        .docker(["manifest", "inspect", "--insecure", &format!("{}/{IMAGE}", stranger.host())])
        .run()
        .fails();
    assert!(!stranger.log().entries().is_empty());
    assert!(stranger.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn skopeo_reads_and_copies_with_what_setup_wrote_for_docker() {
    let Some(stage) = Stage::with("skopeo") else { return };
    stage.add();
    stage.set_up();
    let seen = stage.skopeo("inspect", &["--tls-verify=false"]).succeeds();
    assert!(seen.stdout().contains("team/app"), "{seen}");
    let folder = stage.scene.home().join("copy");
    let to = format!("dir:{}", folder.display());
    // Without a policy file of the system's own.
    stage.skopeo("copy", &[&to, "--insecure-policy", "--src-tls-verify=false"]).succeeds();
    assert!(folder.join("manifest.json").exists());
    let refused = stage.registry.log().take();
    assert!(refused.iter().any(|entry| entry.carries(TOKEN)));
}

#[test]
fn skopeo_logs_in_and_out_by_its_own_file() {
    let Some(stage) = Stage::with("skopeo") else { return };
    let host = stage.registry.host();
    let file = stage.scene.home().join("containers/auth.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("{{\"credHelpers\":{{\"{host}\":\"keyfob\"}}}}")).unwrap();
    let skopeo = |args: &[&str]| stage.scene.command("skopeo").args(args).args(["--tls-verify=false", &host]);
    let login = skopeo(&["login", "--username", "alice", "--password-stdin"]).stdin(TOKEN).run();
    assert!(login.succeeds().stdout().contains("Login Succeeded"));
    assert_eq!(stage.scene.held().len(), 1);
    stage.skopeo("inspect", &["--tls-verify=false"]).succeeds();
    stage.scene.command("skopeo").args(["logout", &host]).run().succeeds();
    assert!(stage.scene.held().is_empty());
    assert!(!fs::read_to_string(file).unwrap().contains("\"auth\""));
}

#[test]
fn a_locked_wallet_is_said_and_not_taken_for_an_absent_token() {
    let Some(stage) = Stage::with("skopeo") else { return };
    stage.add();
    stage.set_up();
    stage.scene.protect_vault("s3cret horse");
    stage.scene.keyfob(["lock"]).succeeds();
    let failed = stage.skopeo("inspect", &["--tls-verify=false"]).fails();
    assert!(failed.stderr().contains("locked"), "{failed}");
}

#[test]
fn setup_changes_its_members_only_and_unsetup_restores_the_file_byte_for_byte() {
    let Some(stage) = Stage::with("docker") else { return };
    stage.scene.add("https://github.com", TOKEN);
    for before in [
        "{\n  \"proxies\": { \"default\": {} },\n  \"HttpHeaders\": {\"X\": \"Y\"}\n}",
        "{\"credHelpers\":{\"gcr.io\":\"gcloud\"}}",
        "{\n\t\"auths\": {\"ghcr.io\": {}},\n\t\"credsStore\": \"desktop\"\n}\n",
        "{\"auths\": {\"old.example\": {\"auth\": \"YTpi\"}}}",
    ] {
        fs::create_dir_all(stage.config().parent().unwrap()).unwrap();
        fs::write(stage.config(), before).unwrap();
        let dry = stage.scene.keyfob(["setup", "docker", "--dry-run"]).succeeds();
        assert!(dry.stdout().contains("ghcr.io"), "{dry}");
        assert_eq!(stage.configured(), before);
        stage.set_up();
        let value: serde_json::Value = serde_json::from_str(&stage.configured()).unwrap();
        assert_eq!(value["credHelpers"]["ghcr.io"], "keyfob", "{value}");
        let taken = before.contains("desktop") || before.contains("\"auth\"");
        assert_eq!(value["credsStore"] == "keyfob", !taken, "{value}");
        let again = stage.set_up();
        assert!(again.stderr().contains("nothing to do"), "{again}");
        stage.scene.keyfob(["unsetup", "docker"]).succeeds();
        assert_eq!(stage.configured(), before);
    }
    fs::remove_file(stage.config()).unwrap();
    stage.set_up();
    stage.scene.keyfob(["unsetup", "docker"]).succeeds();
    assert!(!stage.config().exists(), "what setup made, unsetup removes");
}

#[test]
fn unsetup_restores_a_file_in_the_dotfiles_that_has_another_name_there() {
    let Some(stage) = Stage::with("docker") else { return };
    let real = stage.scene.home().join("dotfiles/docker.json");
    for folder in [real.parent(), stage.config().parent()] {
        fs::create_dir_all(folder.unwrap()).unwrap();
    }
    fs::write(&real, "{\"auths\":{}}\n").unwrap();
    std::os::unix::fs::symlink(&real, stage.config()).unwrap();
    stage.set_up();
    assert!(stage.configured().contains("keyfob"));
    stage.scene.keyfob(["unsetup", "docker"]).succeeds();
    assert_eq!(stage.configured(), "{\"auths\":{}}\n");
    assert!(fs::symlink_metadata(stage.config()).unwrap().is_symlink());
}

#[test]
fn a_registry_that_is_added_later_is_written_too_and_what_changed_since_is_left() {
    let Some(mut stage) = Stage::with("docker") else { return };
    let folder = stage.scene.home().join("elsewhere");
    stage.scene.private_folder(&folder);
    stage.scene.set("DOCKER_CONFIG", &folder);
    stage.set_up();
    let added = stage.scene.keyfob_with(["add", "https://github.com"], TOKEN).succeeds();
    assert!(added.stderr().contains("ghcr.io"), "{added}");
    let file = folder.join("config.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"credsStore\": \"keyfob\"", "\"credsStore\": \"pass\"")).unwrap();
    let doctor = stage.scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains("docker asks keyfob for some registries"), "{doctor}");
    let undone = stage.scene.keyfob(["unsetup", "docker"]).succeeds();
    assert!(undone.stderr().contains("credsStore was changed or removed"), "{undone}");
    let left: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(left, serde_json::json!({ "credsStore": "pass" }));
}

#[test]
fn setup_refuses_what_docker_could_not_start_or_read() {
    let Some(stage) = Stage::with("docker") else { return };
    fs::create_dir_all(stage.config().parent().unwrap()).unwrap();
    fs::write(stage.config(), "{ not json").unwrap();
    let failed = stage.scene.keyfob(["setup", "docker", "--yes"]).fails();
    assert!(failed.stderr().contains("config.json is left as it is"), "{failed}");
    assert!(failed.stderr().contains("keyfob: hint: docker info says"), "{failed}");
    assert_eq!(stage.configured(), "{ not json");
    fs::remove_file(stage.config()).unwrap();
    fs::remove_file(stage.scene.bin().join("docker-credential-keyfob")).unwrap();
    let keyfob = stage.scene.link("keyfob");
    let failed =
        stage.scene.command(&keyfob).env("PATH", "/usr/bin").args(["setup", "docker", "--yes"]).run();
    assert_eq!(failed.code(), 2, "{failed}");
    assert!(failed.stderr().contains("no folder of PATH has docker-credential-keyfob"), "{failed}");
    let way = format!("{} links --install ~/.local/bin, with that folder in PATH", keyfob.display());
    assert!(failed.stderr().contains(&way), "{failed}");
    assert!(!stage.config().exists());
}

#[test]
fn setup_makes_the_link_that_docker_needs_and_unsetup_takes_it_away() {
    let Some(stage) = Stage::with("docker") else { return };
    let link = stage.scene.bin().join("docker-credential-keyfob");
    fs::remove_file(&link).unwrap();
    let doctor = stage.scene.keyfob(["doctor"]).succeeds();
    let line = "there is no docker-credential-keyfob; setup makes the link that a tool needs; fix: keyfob links --install";
    assert!(doctor.stdout().contains(line), "{doctor}");
    let done = stage.scene.keyfob(["setup", "docker", "--yes"]).succeeds();
    let said = format!("ln -s git-credential-keyfob {}\n", link.display());
    assert!(done.stderr().contains(&said), "{done}");
    let doctor = stage.scene.keyfob(["doctor"]).succeeds();
    assert!(doctor.stdout().contains("docker asks keyfob for every registry"), "{doctor}");
    assert!(!doctor.stdout().contains("there is no"), "{doctor}");
    stage.scene.keyfob(["unsetup", "docker"]).succeeds();
    assert!(link.symlink_metadata().is_err() && !stage.config().exists());
    // A link of the installation's is not setup's to take away.
    stage.scene.link("docker-credential-keyfob");
    stage.scene.keyfob(["setup", "docker", "--yes"]).succeeds();
    stage.scene.keyfob(["unsetup", "docker"]).succeeds();
    assert!(link.exists());
}

#[test]
fn one_damaged_file_takes_no_other_registry_off_the_list() {
    let scene = Scene::new();
    for host in ["https://ghcr.io", "https://one.example", "https://two.example"] {
        scene.keyfob_with(["add", host, "--account", "alice"], TOKEN).succeeds();
    }
    let list = || scene.program("docker-credential-keyfob").arg("list").run().succeeds();
    let all = list();
    assert_eq!(all.stdout().matches("alice").count(), 3, "{all}");
    let vault = fs::read_dir(scene.home().join("keyfob/vault")).unwrap().map(|file| file.unwrap().path());
    let sealed = vault.filter(|path| path.file_name().is_some_and(|name| name.len() == 32)).min().unwrap();
    let mut bytes = fs::read(&sealed).unwrap();
    bytes.push(0);
    fs::write(&sealed, bytes).unwrap();
    let rest = list();
    let registries: serde_json::Value = serde_json::from_str(rest.stdout()).unwrap();
    assert_eq!(registries.as_object().unwrap().len(), 2, "{rest}");
    assert!(rest.stderr().contains("is not listed: ") && rest.stderr().contains("damaged"), "{rest}");
    // A locked wallet is another matter: it lists nothing, and says so.
    fs::remove_file(&sealed).unwrap();
    scene.protect_vault("a passphrase");
    let locked = scene.program("docker-credential-keyfob").arg("list").run();
    assert!(locked.code() == 1 && locked.stderr().contains("locked"), "{locked}");
}
