//! The real terraform with keyfob as its credentials helper, against a registry behind the test's proxy. tests/run.sh puts it into
//! target/test-tools.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use crate::fakes::proxy::Proxy;
use crate::fakes::terraform_registry::{MODULE, terraform_registry};
use crate::fakes::tls::Authority;
use crate::support::person::Add;
use crate::support::process::Output;
use crate::support::scene::{Scene, skip};

const TOKEN: &str = "a-terraform-token-that-only-these-tests-know";
const HOST: &str = "registry.example.test";
const LINE: &str = "credentials_helper \"keyfob\" {}\n";

fn program() -> Option<PathBuf> {
    let lib = crate::support::scene::installed("terraform/lib")?;
    let python = fs::read_dir(lib).ok()?.flatten().next()?.path();
    let program = python.join("site-packages/cloudrail/terraform_0_14/terraform");
    Some(program).filter(|program| program.exists())
}

/// A machine with terraform and a registry.
struct Stage {
    scene: Scene,
    proxy: Proxy,
}

impl Stage {
    fn new() -> Option<Stage> {
        if program().is_none() {
            skip("terraform in target/test-tools: tests/run.sh");
            return None;
        }
        let mut scene = Scene::new();
        let authority = Authority::new();
        let proxy = Proxy::start(&authority, vec![(HOST, terraform_registry(TOKEN))]);
        scene.use_proxy(&proxy.url(), authority.pem());
        scene.set("CHECKPOINT_DISABLE", "1").set("TF_IN_AUTOMATION", "1");
        fs::create_dir(scene.home().join("infra")).unwrap();
        scene.append("infra/main.tf", &format!("module \"m\" {{\n  source = \"{HOST}/{MODULE}\"\n}}\n"));
        Some(Stage { scene, proxy })
    }

    fn terraform(&self, args: &[&str]) -> Output {
        self.scene.command(program().unwrap()).args(args).within(self.scene.home().join("infra")).run()
    }

    fn init(&self) -> Output {
        let _ = fs::remove_dir_all(self.scene.home().join("infra/.terraform"));
        self.terraform(&["init", "-no-color", "-input=false"])
    }

    fn set_up(&self) -> Output {
        self.scene.keyfob(["setup", "terraform", "--yes"]).succeeds()
    }

    fn add(&self) {
        self.scene.add_with(
            &format!("https://{HOST}"),
            TOKEN,
            Add { account: Some("alice"), ..Add::default() },
        );
    }

    fn settings(&self) -> PathBuf {
        self.scene.home().join(".terraformrc")
    }
}

#[test]
fn a_private_registry_is_opened_and_a_logout_sets_the_token_aside() {
    let Some(stage) = Stage::new() else { return };
    stage.set_up();
    stage.init().fails();
    stage.add();
    stage.init().succeeds();
    assert!(stage.scene.home().join("infra/.terraform/modules/m/main.tf").exists());
    let saw: Vec<_> = stage.proxy.log().take().into_iter().filter(|entry| entry.carries(TOKEN)).collect();
    assert!(saw.iter().all(|entry| !entry.target.contains("/files/")) && !saw.is_empty(), "{saw:?}");
    stage.terraform(&["logout", HOST]).succeeds();
    stage.init().fails();
    stage.scene.restore(&format!("https://{HOST}"), None);
    stage.init().succeeds();
}

#[test]
fn what_terraform_stores_comes_back_and_a_logout_destroys_it() {
    let Some(stage) = Stage::new() else { return };
    stage.set_up();
    // terraform login needs a browser; this is what it does at its end.
    let helper = stage.scene.home().join(".terraform.d/plugins/terraform-credentials-keyfob");
    let store = stage.scene.command(helper).args(["store", HOST]).stdin(format!("{{\"token\":\"{TOKEN}\"}}"));
    store.run().succeeds();
    stage.init().succeeds();
    stage.terraform(&["logout", HOST]).succeeds();
    assert!(stage.scene.held().is_empty(), "{:?}", stage.scene.held());
    stage.init().fails();
}

#[test]
fn a_locked_wallet_stops_terraform_with_the_reason() {
    let Some(stage) = Stage::new() else { return };
    stage.set_up();
    stage.add();
    stage.scene.protect_vault("s3cret horse");
    stage.scene.keyfob(["lock"]).succeeds();
    let failed = stage.init().fails();
    assert!(format!("{failed}").contains("keyfob unlock"), "{failed}");
    assert!(stage.proxy.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn setup_makes_a_link_and_a_line_and_unsetup_leaves_every_byte_as_it_was() {
    let scene = Scene::new();
    let file = scene.home().join(".terraformrc");
    let link = scene.home().join(".terraform.d/plugins/terraform-credentials-keyfob");
    let dry = scene.keyfob(["setup", "terraform", "--dry-run"]).succeeds();
    assert!(dry.stdout().contains("ln -s ") && dry.stdout().contains(LINE.trim()) && !file.exists(), "{dry}");
    for before in
        ["# mine\ndisable_checkpoint = true", "credentials \"h.test\" {\r\n  token = \"x\"\r\n}\r\n", ""]
    {
        fs::write(&file, before).unwrap();
        scene.keyfob(["setup", "terraform", "--yes"]).succeeds();
        assert!(fs::read_to_string(&file).unwrap().starts_with(LINE.trim_end()));
        assert_eq!(fs::read_link(&link).unwrap(), scene.bin().join("git-credential-keyfob"));
        let again = scene.keyfob(["setup", "terraform", "--yes"]).succeeds();
        assert!(again.stderr().contains("nothing to do"), "{again}");
        // By its name, as a person starts it.
        let doctor = scene.command("keyfob").args(["doctor"]).run();
        assert!(doctor.stdout().contains("ok      terraform: terraform asks keyfob ("), "{doctor}");
        scene.keyfob(["unsetup", "terraform"]).succeeds();
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
        assert!(!scene.home().join(".terraform.d").exists());
    }
    fs::remove_file(&file).unwrap();
    scene.keyfob(["setup", "terraform", "--yes"]).succeeds();
    fs::write(link.with_file_name("other"), "").unwrap();
    scene.keyfob(["unsetup", "terraform"]).succeeds();
    assert!(!file.exists() && !link.exists() && link.with_file_name("other").exists());
}

#[test]
fn a_program_of_somebody_elses_in_the_links_place_stays() {
    let scene = Scene::new();
    let folder = scene.home().join(".terraform.d/plugins");
    fs::create_dir_all(&folder).unwrap();
    let link = folder.join("terraform-credentials-keyfob");
    fs::write(&link, "#!/bin/sh\n").unwrap();
    let failed = scene.keyfob(["setup", "terraform", "--yes"]).fails();
    assert!(failed.stderr().contains("is there already and is not keyfob"), "{failed}");
    assert!(
        fs::read_to_string(&link).unwrap() == "#!/bin/sh\n" && !scene.home().join(".terraformrc").exists()
    );
    // A link that leads nowhere is in nobody's way.
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/nowhere/keyfob", &link).unwrap();
    scene.keyfob(["setup", "terraform", "--yes"]).succeeds();
    assert!(link.exists());
}

#[test]
fn another_helper_is_never_replaced() {
    let Some(mut stage) = Stage::new() else { return };
    let theirs = "credentials_helper \"other\" {\n  args = []\n}\n";
    fs::write(stage.settings(), theirs).unwrap();
    let failed = stage.scene.keyfob(["setup", "terraform", "--yes"]).fails();
    assert!(
        failed.stderr().contains("terraform asks other")
            && failed.stderr().contains("take credentials_helper out"),
        "{failed}"
    );
    assert_eq!(fs::read_to_string(stage.settings()).unwrap(), theirs);
    // In the file that the variable names, there is none.
    let named = stage.scene.home().join("named.tfrc");
    stage.scene.set("TF_CLI_CONFIG_FILE", &named);
    stage.set_up();
    assert_eq!(fs::read_to_string(&named).unwrap(), LINE);
    stage.add();
    stage.init().succeeds();
    fs::write(&named, theirs).unwrap();
    let doctor = stage.scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains("terraform does not ask keyfob any more"), "{doctor}");
    let undone = stage.scene.keyfob(["unsetup", "terraform"]).succeeds();
    assert!(undone.stderr().contains("was changed or removed"), "{undone}");
    assert_eq!(fs::read_to_string(&named).unwrap(), theirs);
}
