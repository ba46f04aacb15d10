//! The real go with keyfob in its GOAUTH, against a private module proxy on loopback. tests/run.sh puts go into target/test-tools.
//! Modules that lie in repositories are in [`crate::git`].
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use crate::fakes::go_proxy::{MODULE, go_proxy};
use crate::fakes::http::Server;
use crate::fakes::tls::Authority;
use crate::support::person::Add;
use crate::support::process::{Call, Output};
use crate::support::scene::{Scene, installed, skip};

const TOKEN: &str = "a-token-for-modules-that-only-these-tests-know";

/// A machine with go and a proxy.
struct Stage {
    scene: Scene,
    proxy: Server,
}

/// Puts go into the scene's PATH and keeps it from the network.
pub fn use_go(scene: &mut Scene) -> bool {
    let Some(go) = installed("go/bin/go") else {
        skip("go in target/test-tools: tests/run.sh");
        return false;
    };
    // Its own, and not the wheel's script, which is for the environment that it lies in.
    let output = scene.command(&go).args(["env", "GOROOT"]).run().succeeds();
    let folder = PathBuf::from(output.stdout().trim()).join("bin");
    let path = std::env::var_os("PATH").unwrap();
    let folders = [scene.bin(), folder].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).unwrap();
    scene
        .set("PATH", path)
        .set("GOTOOLCHAIN", "local")
        .set("GOFLAGS", "-mod=mod -modcacherw")
        .set("GONOSUMDB", "*");
    scene.set("GOTELEMETRY", "off").set("GOSUMDB", "off");
    true
}

impl Stage {
    fn new() -> Option<Stage> {
        let mut scene = Scene::new();
        if !use_go(&mut scene) {
            return None;
        }
        let authority = Authority::new();
        let proxy = Server::start_tls(&authority, go_proxy("/feed/go", "alice", TOKEN));
        let pem = scene.append("authority.pem", authority.pem());
        scene.set("SSL_CERT_FILE", pem).set("GOPROXY", format!("{}/feed/go", proxy.url()));
        Some(Stage { scene, proxy })
    }

    fn go(&self, args: &[&str]) -> Call {
        self.scene.command("go").args(args)
    }

    fn download(&self) -> Output {
        let _ = fs::remove_dir_all(self.scene.home().join("go"));
        self.go(&["mod", "download", "-x", MODULE]).run()
    }

    fn auth(&self) -> String {
        self.go(&["env", "GOAUTH"]).run().succeeds().stdout().trim().to_owned()
    }

    fn add(&self) {
        let url = format!("{}/feed", self.proxy.url());
        self.scene.add_with(&url, TOKEN, Add { account: Some("alice"), ..Add::default() });
    }
}

#[test]
fn a_private_proxy_is_opened_and_asked_about_once() {
    let Some(stage) = Stage::new() else { return };
    stage.download().fails();
    stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
    stage.add();
    stage.proxy.log().take();
    stage.download().succeeds();
    let log = stage.proxy.log().take();
    let refused = log.iter().filter(|entry| entry.status == 401).count();
    assert!(refused == 1 && log.iter().filter(|entry| entry.carries(TOKEN)).count() >= 3, "{log:?}");
}

#[test]
fn another_proxy_gets_nothing_and_go_goes_on_without() {
    let Some(stage) = Stage::new() else { return };
    stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.download().fails();
    assert!(stage.proxy.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn a_locked_wallet_is_said_where_go_shows_it() {
    let Some(stage) = Stage::new() else { return };
    stage.add();
    stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
    stage.scene.protect_vault("s3cret horse");
    stage.scene.keyfob(["lock"]).succeeds();
    let failed = stage.download().fails();
    assert!(failed.stderr().contains("keyfob unlock"), "{failed}");
    assert!(stage.proxy.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn setup_puts_keyfob_first_and_unsetup_brings_back_what_stood_there() {
    let Some(stage) = Stage::new() else { return };
    let own = stage.scene.bin().join("git-credential-keyfob");
    for (before, kept) in
        [(None, "netrc"), (Some("netrc;git /tmp"), "netrc;git /tmp"), (Some("/x/other go"), "/x/other go")]
    {
        if let Some(before) = before {
            stage.go(&["env", "-w", &format!("GOAUTH={before}")]).run().succeeds();
        }
        let dry = stage.scene.keyfob(["setup", "go", "--dry-run"]).succeeds();
        assert_eq!(dry.stdout(), format!("go env -w 'GOAUTH={} go;{kept}'\n", own.display()));
        stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
        assert_eq!(stage.auth(), format!("{} go;{kept}", own.display()));
        let again = stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
        assert!(again.stderr().contains("nothing to do"), "{again}");
        let doctor = stage.scene.keyfob(["doctor"]);
        assert!(doctor.stdout().contains("go: go asks keyfob ("), "{doctor}");
        stage.scene.keyfob(["unsetup", "go"]).succeeds();
        assert_eq!(stage.auth(), before.unwrap_or("netrc"));
        let changed = stage.go(&["env", "-changed", "GOAUTH"]).run().succeeds();
        assert_eq!(changed.stdout().trim().is_empty(), before.is_none(), "{changed}");
    }
    // What is added behind it since, stays.
    stage.go(&["env", "-u", "GOAUTH"]).run().succeeds();
    stage.scene.keyfob(["setup", "go", "--yes", "--by-name"]).succeeds();
    assert_eq!(stage.auth(), "keyfob go;netrc");
    stage.go(&["env", "-w", "GOAUTH=keyfob go;netrc;git /tmp"]).run().succeeds();
    stage.scene.keyfob(["unsetup", "go"]).succeeds();
    assert_eq!(stage.auth(), "netrc;git /tmp");
}

#[test]
fn a_path_with_a_blank_is_quoted_as_go_reads_it() {
    let Some(mut stage) = Stage::new() else { return };
    let folder = stage.scene.home().join("my tools");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("keyfob");
    std::os::unix::fs::symlink(stage.scene.link("keyfob").canonicalize().unwrap(), &program).unwrap();
    let path =
        stage.scene.command("sh").args(["-c", "echo $PATH"]).run().succeeds().stdout().trim().to_owned();
    let bin = stage.scene.bin().display().to_string();
    stage.scene.set("PATH", path.replace(&bin, &folder.display().to_string()));
    stage.scene.command(&program).args(["setup", "go", "--yes"]).run().succeeds();
    assert_eq!(stage.auth(), format!("'{}' go;netrc", program.display()));
    stage.add();
    stage.download().succeeds();
}

#[test]
fn doctor_and_setup_tell_what_keeps_go_from_asking() {
    let Some(mut stage) = Stage::new() else { return };
    let go_lines = |scene: &Scene| {
        let doctor = scene.keyfob(["doctor"]);
        let lines = doctor.stdout().lines().filter(|line| line.contains("go: ") && !line.contains("cargo"));
        lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert!(go_lines(&stage.scene).contains("go does not ask keyfob"));
    stage.go(&["env", "-w", "GOAUTH=off"]).run().succeeds();
    let off = stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
    assert!(off.stderr().contains("GOAUTH is off") && stage.auth() == "off", "{off}");
    stage.go(&["env", "-u", "GOAUTH"]).run().succeeds();
    stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
    stage.scene.set("GOAUTH", "netrc");
    assert!(
        go_lines(&stage.scene).contains("GOAUTH is set in the environment"),
        "{}",
        go_lines(&stage.scene)
    );
    stage.scene.unset("GOAUTH");
    stage.go(&["env", "-u", "GOAUTH"]).run().succeeds();
    assert!(go_lines(&stage.scene).contains("does not ask keyfob any more"), "{}", go_lines(&stage.scene));
    // An older one.
    let old = stage.scene.bin().join("go");
    fs::write(&old, "#!/bin/sh\nprintf '\\ngo1.19.8\\n/none\\n'\n").unwrap();
    fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(go_lines(&stage.scene).contains("go1.19.8 does not know GOAUTH"), "{}", go_lines(&stage.scene));
    let left = stage.scene.keyfob(["setup", "go", "--yes"]).succeeds();
    assert!(left.stderr().contains("does not know GOAUTH"), "{left}");
}
