//! The real pnpm, today's and version 10, with keyfob as its token helper, against a feed under its real host names. tests/run.sh
//! puts them into target/test-tools.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use crate::fakes::npm_registry::{npm_registry, npm_storage, open_registry};
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::process::{Call, Output};
use crate::support::scene::{Scene, files_below, installed, skip};

const TOKEN: &str = "a-token-for-npm-packages-that-only-these-tests-know";
const OTHER: &str = "another-token-for-npm-packages-that-only-these-tests-know";
const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/npm/registry/";
const OLD: &str = "https://contoso.pkgs.visualstudio.com/_packaging/feed/npm/registry/";
const OPEN: &str = "https://registry.example.test/";

/// Today's, and the last that takes a path without arguments alone.
const PNPMS: [&str; 2] = ["pnpm-current", "pnpm-10"];

fn program(pnpm: &str) -> Option<PathBuf> {
    installed(&format!("{pnpm}/node_modules/.bin/pnpm"))
}

/// A machine with a feed and an open registry within its reach.
struct Stage {
    scene: Scene,
    proxy: Proxy,
}

impl Stage {
    fn new() -> Option<Stage> {
        if PNPMS.iter().any(|pnpm| program(pnpm).is_none()) {
            skip("pnpm in target/test-tools: tests/run.sh");
            return None;
        }
        let mut scene = Scene::new();
        let feed = || npm_registry(&[("contoso", TOKEN), ("fabrikam", OTHER)]);
        let authority = Authority::new();
        let rows = vec![
            ("pkgs.dev.azure.com", feed()),
            ("*.pkgs.visualstudio.com", feed()),
            ("*.blob.core.windows.net", npm_storage()),
            ("registry.example.test", open_registry("farewell")),
        ];
        let proxy = Proxy::start(&authority, rows);
        scene.use_proxy(&proxy.url(), authority.pem());
        scene.set("NO_COLOR", "1").set("CI", "1").set("npm_config_update_notifier", "false");
        Some(Stage { scene, proxy })
    }

    /// Installs a package from this registry, in a project of its own.
    fn install(&self, pnpm: &str, registry: &str, package: &str) -> Output {
        let _ = fs::remove_dir_all(self.scene.home().join("app"));
        for folder in [".cache", ".local"] {
            let _ = fs::remove_dir_all(self.scene.home().join(folder));
        }
        fs::create_dir(self.scene.home().join("app")).unwrap();
        let manifest = format!("{{\"name\":\"app\",\"dependencies\":{{\"{package}\":\"1.0.0\"}}}}");
        self.scene.append("app/package.json", &manifest);
        let authority = self.scene.home().join("authority.pem");
        self.scene.append("app/.npmrc", &format!("registry={registry}\ncafile={}\n", authority.display()));
        self.pnpm(pnpm, &["install", "--no-frozen-lockfile"]).run()
    }

    fn pnpm(&self, pnpm: &str, args: &[&str]) -> Call {
        self.scene.command(program(pnpm).unwrap()).args(args).within(self.scene.home().join("app"))
    }

    /// It has come, and nobody but the feed has seen a token.
    #[track_caller]
    fn arrives(&self, pnpm: &str, registry: &str) {
        let output = self.install(pnpm, registry, "greeting").succeeds();
        assert!(self.scene.home().join("app/node_modules/greeting/index.js").exists(), "{output}");
        let hosts = self.proxy.log().hosts_that_saw(TOKEN);
        assert!(hosts.len() == 1 && registry.contains(&hosts[0]), "{pnpm}: {hosts:?}");
        assert!(self.proxy.log().take().iter().any(|entry| entry.host.contains("blob")), "{output}");
    }

    fn npmrc(&self) -> String {
        fs::read_to_string(self.scene.home().join(".npmrc")).unwrap_or_default()
    }

    fn set_up(&self) -> Output {
        self.scene.keyfob(["setup", "pnpm", "--yes"]).succeeds()
    }
}

#[test]
fn one_token_installs_from_both_names_of_a_feed_in_every_pnpm() {
    let Some(stage) = Stage::new() else { return };
    stage.install("pnpm-current", FEED, "greeting").fails();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.set_up();
    for pnpm in PNPMS {
        stage.arrives(pnpm, FEED);
        stage.arrives(pnpm, OLD);
        let before = files_below(&stage.scene.data().join("records"));
        stage.arrives(pnpm, FEED);
        assert!(before == files_below(&stage.scene.data().join("records")), "a get writes nothing");
    }
}

#[test]
fn todays_pnpm_publishes_too() {
    let Some(stage) = Stage::new() else { return };
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.set_up();
    stage.arrives("pnpm-current", FEED);
    fs::write(stage.scene.home().join("app/package.json"), "{\"name\":\"greeting\",\"version\":\"1.1.0\"}")
        .unwrap();
    stage.pnpm("pnpm-current", &["publish", "--no-git-checks"]).run().succeeds();
    let log = stage.proxy.log().take();
    assert!(
        log.iter().any(|entry| entry.method == "PUT" && entry.status == 201 && entry.carries(TOKEN)),
        "{log:?}"
    );
}

#[test]
fn the_lines_follow_the_wallet() {
    let Some(stage) = Stage::new() else { return };
    let empty = stage.set_up();
    assert!(empty.stderr().contains("nothing for packages yet"), "{empty}");
    stage.scene.append(".npmrc", "; mine\n//npm.example.test/:_authToken=abc\n");
    let mine = stage.npmrc();
    let has = |organisation: &str| {
        stage.npmrc().contains(&format!("//pkgs.dev.azure.com/{organisation}/:tokenHelper="))
    };
    let links = || files_below(&stage.scene.data().join("pnpm")).len();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    assert!(has("contoso") && !has("fabrikam") && links() == 2, "{}", stage.npmrc());
    stage.scene.add("https://dev.azure.com/fabrikam", OTHER);
    assert!(has("contoso") && has("fabrikam") && links() == 4, "{}", stage.npmrc());
    for pnpm in PNPMS {
        stage.install(pnpm, &FEED.replace("contoso", "fabrikam"), "greeting").succeeds();
        for entry in stage.proxy.log().take() {
            assert!(!entry.carries(TOKEN), "{entry:?}");
            assert!(!entry.carries(OTHER) || entry.target.starts_with("/fabrikam/"), "{entry:?}");
        }
        stage.install(pnpm, &FEED.replace("contoso", "northwind"), "greeting").fails();
        assert!(stage.proxy.log().take().iter().all(|entry| !entry.carries(TOKEN) && !entry.carries(OTHER)));
    }
    let removed = stage.scene.keyfob(["remove", "https://dev.azure.com/fabrikam", "--yes"]).succeeds();
    assert!(removed.stderr().contains("without //pkgs.dev.azure.com/fabrikam/"), "{removed}");
    assert!(has("contoso") && !has("fabrikam") && links() == 2, "{}", stage.npmrc());
    stage
        .scene
        .keyfob(["move", "https://dev.azure.com/contoso", "https://dev.azure.com/northwind"])
        .succeeds();
    assert!(has("northwind") && !has("contoso") && links() == 2, "{}", stage.npmrc());
    stage.scene.keyfob(["unsetup", "pnpm"]).succeeds();
    assert_eq!(stage.npmrc(), mine);
    assert!(!stage.scene.data().join("pnpm").exists());
}

#[test]
fn a_locked_wallet_keeps_pnpm_from_the_feed_and_from_nothing_else() {
    let Some(stage) = Stage::new() else { return };
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.set_up();
    stage.scene.protect_vault("s3cret horse");
    stage.scene.keyfob(["lock"]).succeeds();
    for pnpm in PNPMS {
        let failed = stage.install(pnpm, FEED, "greeting").fails();
        assert!(format!("{failed}").contains("401"), "{failed}");
        stage.install(pnpm, OPEN, "farewell").succeeds();
    }
    assert!(stage.proxy.log().hosts_that_saw(TOKEN).is_empty());
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn a_project_cannot_make_pnpm_ask_and_its_file_is_never_touched() {
    let Some(stage) = Stage::new() else { return };
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    let line = format!("//registry.example.test/:tokenHelper={}", stage.scene.link("keyfob-pnpm").display());
    stage.set_up();
    for pnpm in PNPMS {
        stage.install(pnpm, OPEN, "farewell").succeeds();
        stage.scene.append("app/.npmrc", &format!("{line}\n"));
        let before = fs::read(stage.scene.home().join("app/.npmrc")).unwrap();
        stage.pnpm(pnpm, &["install"]).run();
        assert_eq!(fs::read(stage.scene.home().join("app/.npmrc")).unwrap(), before);
    }
    assert!(stage.proxy.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn npm_goes_on_beside_the_lines() {
    let Some(stage) = Stage::new() else { return };
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.set_up();
    stage.install("pnpm-current", OPEN, "farewell").succeeds();
    let npm = stage.scene.command("npm").args(["install", "--no-audit", "--no-fund"]);
    npm.within(stage.scene.home().join("app")).run().succeeds();
    assert!(stage.proxy.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn setup_writes_once_and_unsetup_restores_the_file_byte_for_byte() {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    let file = scene.home().join(".npmrc");
    let dry = scene.keyfob(["setup", "pnpm", "--dry-run"]).succeeds();
    assert!(
        dry.stdout().contains("//contoso.pkgs.visualstudio.com/:tokenHelper=") && !file.exists(),
        "{dry}"
    );
    for before in ["", "; mine\nregistry=https://registry.example.test/", "a=1\r\n//h.test/:_authToken=x\r\n"]
    {
        fs::write(&file, before).unwrap();
        scene.keyfob(["setup", "pnpm", "--yes"]).succeeds();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches(":tokenHelper=").count(), 2, "{text}");
        assert!(text.ends_with(before));
        let again = scene.keyfob(["setup", "pnpm", "--yes"]).succeeds();
        assert!(again.stderr().contains("nothing to do"), "{again}");
        // By its name, as a person starts it.
        let doctor = scene.command("keyfob").args(["doctor"]).run();
        assert!(doctor.stdout().contains("pnpm asks keyfob for 2 places"), "{doctor}");
        assert!(!doctor.stdout().contains("broken  pnpm"), "{doctor}");
        scene.keyfob(["unsetup", "pnpm"]).succeeds();
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
    fs::remove_file(&file).unwrap();
    scene.keyfob(["setup", "pnpm", "--yes"]).succeeds();
    scene.keyfob(["unsetup", "pnpm"]).succeeds();
    assert!(!file.exists(), "what setup made, unsetup removes");
}

#[test]
fn what_others_wrote_stays_and_doctor_says_what_is_in_the_way() {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    let theirs = "//pkgs.dev.azure.com/contoso/:tokenHelper=/usr/bin/other\n\
                  //contoso.pkgs.visualstudio.com/:_authToken=s3cret\n\
                  //contoso.pkgs.visualstudio.com/_packaging/feed/npm/registry/:_authToken=s3cret\n";
    scene.append(".npmrc", theirs);
    let said = scene.keyfob(["setup", "pnpm", "--yes"]).succeeds();
    assert!(said.stderr().contains("names another helper for //pkgs.dev.azure.com/contoso/"), "{said}");
    let doctor = scene.keyfob(["doctor"]);
    let lines: Vec<&str> = doctor.stdout().lines().filter(|line| line.contains("pnpm: ")).collect();
    assert!(
        lines.iter().any(|line| line.contains("does not ask keyfob for //pkgs.dev.azure.com/contoso/")),
        "{lines:?}"
    );
    let has = |end: &str| lines.iter().any(|line| line.contains(end));
    assert!(has("visualstudio.com/ in clear, which is not used any more"), "{lines:?}");
    assert!(has("/npm/registry/ in clear, which counts more than keyfob"), "{lines:?}");
    assert!(!doctor.stdout().contains("s3cret"), "{doctor}");
    // One that is taken out by hand is missed.
    let text = fs::read_to_string(scene.home().join(".npmrc")).unwrap();
    fs::write(scene.home().join(".npmrc"), theirs).unwrap();
    let broken = scene.keyfob(["doctor"]);
    assert!(
        broken.stdout().contains("pnpm does not ask keyfob for //contoso.pkgs.visualstudio.com/"),
        "{broken}"
    );
    fs::write(scene.home().join(".npmrc"), text).unwrap();
    scene.keyfob(["unsetup", "pnpm"]).succeeds();
    assert_eq!(fs::read_to_string(scene.home().join(".npmrc")).unwrap(), theirs);
}

#[test]
fn a_folder_that_pnpm_could_not_read_is_refused_with_a_way_out() {
    let mut scene = Scene::new();
    let home = scene.home().join("my home");
    scene.private_folder(&home);
    scene.set("HOME", &home).set("KEYFOB_HOME", home.join("keyfob"));
    scene.add("https://dev.azure.com/contoso", TOKEN);
    let failed = scene.keyfob(["setup", "pnpm", "--yes"]).fails();
    assert!(failed.stderr().contains("blank") && failed.stderr().contains("KEYFOB_HOME"), "{failed}");
    assert!(!home.join(".npmrc").exists());
}
