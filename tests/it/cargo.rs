//! The real cargo with keyfob as its credential provider, against registries that ask for a token even to read.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::fakes::crates::crates;
use crate::fakes::http::Server;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::person::Add;
use crate::support::process::{Call, Output};
use crate::support::scene::Scene;

const TOKEN: &str = "a-crates-token-that-only-these-tests-know";
const OTHER: &str = "another-crates-token-that-only-these-tests-know";
const FEED: &str = "/contoso/Project/_packaging/feed/Cargo";

/// A machine with cargo and a registry named `lab`.
fn scene(index: &str) -> Scene {
    let mut scene = Scene::new();
    // The cargo that runs this test, and the rustc beside it: the ones in PATH may be rustup's, which look into the home.
    let cargo = PathBuf::from(std::env::var_os("CARGO").expect("cargo runs these tests"));
    let path = std::env::var_os("PATH").unwrap();
    let folders = [scene.bin(), cargo.parent().unwrap().to_owned()];
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path))).unwrap();
    scene.set("PATH", path).set("CARGO_TERM_COLOR", "never");
    fs::create_dir(scene.home().join(".cargo")).unwrap();
    scene.append(".cargo/config.toml", &format!("# mine\n[registries.lab]\nindex = \"sparse+{index}\"\n"));
    package(&scene, "greet", "");
    package(&scene, "app", "greet = { version = \"0.1.0\", registry = \"lab\" }\n");
    scene
}

fn package(scene: &Scene, name: &str, dependencies: &str) {
    fs::create_dir_all(scene.home().join(name).join("src")).unwrap();
    let about = "version = \"0.1.0\"\nedition = \"2021\"\ndescription = \"x\"\nlicense = \"MIT\"\n";
    let manifest = format!("[package]\nname = \"{name}\"\n{about}[dependencies]\n{dependencies}");
    scene.append(&format!("{name}/Cargo.toml"), &manifest);
    scene.append(&format!("{name}/src/lib.rs"), "");
}

fn cargo(scene: &Scene, folder: &str, args: &[&str]) -> Call {
    scene.command("cargo").args(args).within(scene.home().join(folder))
}

fn publish(scene: &Scene) -> Output {
    cargo(scene, "greet", &["publish", "--registry", "lab", "--no-verify", "--allow-dirty"]).run()
}

/// Fetches the dependency anew.
fn fetch(scene: &Scene) -> Output {
    let _ = fs::remove_dir_all(scene.home().join(".cargo/registry"));
    cargo(scene, "app", &["fetch"]).run()
}

fn config(scene: &Scene) -> PathBuf {
    scene.home().join(".cargo/config.toml")
}

#[test]
fn any_name_will_do_when_the_first_argument_tells() {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    let url = format!("sparse+https://pkgs.dev.azure.com{FEED}/index/");
    let request = format!(
        "{{\"v\":1,\"registry\":{{\"index-url\":\"{url}\"}},\"kind\":\"get\",\"operation\":\"read\"}}\n"
    );
    // cargo gives no other argument on the command line, so a provider that is just the program has no other way to tell.
    for name in ["cargo-credential-keyfob", "keyfob", "keyfob-1.2"] {
        let output = scene.program(name).arg("--cargo-plugin").stdin(request.as_str()).run().succeeds();
        assert!(output.stdout().contains("{\"Ok\":{\"kind\":\"get\""), "{output}");
    }
}

fn alice() -> Add<'static> {
    Add { account: Some("alice"), ..Add::default() }
}

#[test]
fn one_token_of_azure_devops_publishes_and_fetches() {
    let mut scene = scene(&format!("https://pkgs.dev.azure.com{FEED}/index/"));
    let authority = Authority::new();
    let header = format!("Basic {}", BASE64.encode(format!("PAT:{TOKEN}")));
    let proxy = Proxy::start(&authority, vec![("pkgs.dev.azure.com", crates(FEED, &header))]);
    scene.use_proxy(&proxy.url(), authority.pem());
    let file = scene.home().join("authority.pem");
    scene.set("CARGO_HTTP_CAINFO", file);
    publish(&scene).fails();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    publish(&scene).succeeds();
    fetch(&scene).succeeds();
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["pkgs.dev.azure.com"]);
    assert_eq!(scene.held(), ["azure-devops/contoso - person active"]);
    let before = crate::support::scene::files_below(&scene.data());
    fetch(&scene).succeeds();
    assert!(before == crate::support::scene::files_below(&scene.data()), "a get writes nothing");
}

#[test]
fn cargo_logs_in_publishes_fetches_and_logs_out() {
    let registry = Server::start(crates("", TOKEN));
    let scene = scene(&format!("{}/index/", registry.url()));
    scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    fetch(&scene).fails();
    cargo(&scene, "app", &["login", "--registry", "lab"]).stdin(format!("{TOKEN}\n")).run().succeeds();
    assert_eq!(scene.held().len(), 1, "{:?}", scene.held());
    assert!(!scene.home().join(".cargo/credentials.toml").exists(), "cargo keeps none itself");
    publish(&scene).succeeds();
    fetch(&scene).succeeds();
    cargo(&scene, "app", &["logout", "--registry", "lab"]).run().succeeds();
    assert!(scene.held().is_empty(), "{:?}", scene.held());
    let failed = fetch(&scene).fails();
    assert!(failed.stderr().contains("no token found"), "{failed}");
}

#[test]
fn what_cargo_held_before_still_answers_where_keyfob_has_nothing() {
    let registry = Server::start(crates("", OTHER));
    let scene = scene(&format!("{}/index/", registry.url()));
    scene.append(".cargo/credentials.toml", &format!("[registries.lab]\ntoken = \"{OTHER}\"\n"));
    scene.add_with("https://cargo.example.test", TOKEN, alice());
    scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    publish(&scene).succeeds();
    fetch(&scene).succeeds();
    assert!(registry.log().hosts_that_saw(TOKEN).is_empty());
    // And its logout reaches it.
    cargo(&scene, "app", &["logout", "--registry", "lab"]).run().succeeds();
    assert!(!fs::read_to_string(scene.home().join(".cargo/credentials.toml")).unwrap().contains(OTHER));
}

#[test]
fn a_locked_wallet_stops_cargo_with_the_reason() {
    let registry = Server::start(crates("", TOKEN));
    let scene = scene(&format!("{}/index/", registry.url()));
    scene.add_with(&registry.url(), TOKEN, alice());
    scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    publish(&scene).succeeds();
    scene.protect_vault("s3cret horse");
    scene.keyfob(["lock"]).succeeds();
    let failed = fetch(&scene).fails();
    assert!(failed.stderr().contains("locked") && failed.stderr().contains("keyfob unlock"), "{failed}");
}

#[test]
fn setup_adds_itself_and_unsetup_restores_the_file_byte_for_byte() {
    let scene = scene("https://cargo.example.test/index/");
    let read = || fs::read_to_string(config(&scene)).unwrap();
    let setup = || scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    for before in [
        "",
        "# only a comment",
        "[net]\nretry = 3 # [registry]\n",
        "[registry] # mine\ndefault = \"lab\"\n\n[net]\nretry = 3\n",
        "[registry]\nglobal-credential-providers = [ ]\n",
        "[registry]\nglobal-credential-providers = [\"cargo:token\", \"cargo:libsecret\"]\n",
        "[registry]\nglobal-credential-providers = [\n  \"cargo:token\", # the usual one ]\n]\n[net]\nretry = 3\n",
        "registry.global-credential-providers = ['cargo:token']",
        "[net]\r\nretry = 3\r\n",
    ] {
        fs::write(config(&scene), before).unwrap();
        let dry = scene.keyfob(["setup", "cargo", "--dry-run"]).succeeds();
        assert!(dry.stdout().contains("cargo-credential-keyfob"), "{dry}");
        assert_eq!(read(), before);
        setup();
        let table: toml::Table = read().parse().unwrap();
        let list = table["registry"]["global-credential-providers"].as_array().unwrap();
        let last = list.last().unwrap().as_str().unwrap();
        assert_eq!(Path::new(last), scene.bin().join("cargo-credential-keyfob"), "{}", read());
        if !before.contains("global-credential-providers") {
            assert_eq!(list[0].as_str(), Some("cargo:token"), "cargo's own default stays");
        }
        assert!(setup().stderr().contains("nothing to do"));
        assert!(scene.keyfob(["doctor"]).stdout().contains("cargo asks keyfob: "));
        scene.keyfob(["unsetup", "cargo"]).succeeds();
        assert_eq!(read(), before);
    }
    fs::remove_file(config(&scene)).unwrap();
    setup();
    scene.keyfob(["unsetup", "cargo"]).succeeds();
    assert!(!config(&scene).exists(), "what setup made, unsetup removes");
}

#[test]
fn what_cannot_be_changed_safely_is_left_with_instructions() {
    let scene = scene("https://cargo.example.test/index/");
    for (before, word) in
        [("registry = { default = \"lab\" }\n", "of [registry] there"), ("[registry\n", "hint: cargo search")]
    {
        fs::write(config(&scene), before).unwrap();
        let failed = scene.keyfob(["setup", "cargo", "--yes"]).fails();
        assert!(failed.stderr().contains(word), "{failed}");
        assert_eq!(fs::read_to_string(config(&scene)).unwrap(), before);
    }
    // It does say where, and does not come to its search.
    let said = scene.command("cargo").arg("search").run().fails();
    assert!(said.stderr().contains("could not parse TOML"), "{said}");
}

#[test]
fn a_line_of_the_persons_own_that_asks_keyfob_already_is_left_to_them() {
    let scene = scene("https://dev.azure.com/contoso/_packaging/f/Cargo/index/");
    let own = "[registry]\nglobal-credential-providers = [\"cargo:token\", \"cargo-credential-keyfob\"]\n";
    fs::write(config(&scene), own).unwrap();
    let setup = scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    assert!(setup.stderr().contains("nothing to do"), "{setup}");
    scene.keyfob(["unsetup", "cargo"]).succeeds();
    assert_eq!(fs::read_to_string(config(&scene)).unwrap(), own);
}

#[test]
fn what_the_person_changed_since_survives_unsetup() {
    let scene = scene("https://cargo.example.test/index/");
    scene.keyfob(["setup", "cargo", "--yes"]).succeeds();
    let text = fs::read_to_string(config(&scene)).unwrap();
    fs::write(config(&scene), text.replace("[\"cargo:token\"", "[\"cargo:libsecret\", \"cargo:token\""))
        .unwrap();
    scene.keyfob(["unsetup", "cargo"]).succeeds();
    let left: toml::Table = fs::read_to_string(config(&scene)).unwrap().parse().unwrap();
    let list = left["registry"]["global-credential-providers"].as_array().unwrap();
    assert_eq!(list.len(), 2, "{left:?}");
    scene.keyfob(["setup", "cargo", "--yes", "--by-name"]).succeeds();
    let text = fs::read_to_string(config(&scene)).unwrap();
    assert!(text.contains("\"cargo-credential-keyfob\""), "{text}");
    fs::write(config(&scene), "").unwrap();
    let undone = scene.keyfob(["unsetup", "cargo"]).succeeds();
    assert!(undone.stderr().contains("was taken out since"), "{undone}");
}
