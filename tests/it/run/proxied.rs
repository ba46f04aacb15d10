//! A command behind the proxy: what it sees, how it ends, and what keyfob says of it. The clients here are curl and shell scripts.

use std::fs;

use crate::fakes::feed::Feed;
use crate::fakes::http::Server;
use crate::support::npm_feed::{NPM, NpmFeed, TOKEN};
use crate::support::scene::Scene;

use super::{CONTOSO, OTHER, alice, call, run};

fn scene() -> Scene {
    let scene = Scene::new();
    scene.add(CONTOSO, TOKEN);
    scene
}

/// `keyfob run --for` contoso `-- WORDS`.
fn served(scene: &Scene, words: &str) -> crate::support::process::Output {
    run(scene, &format!("--for {CONTOSO} -- {words}"))
}

#[test]
fn it_ends_as_the_command_does() {
    let scene = scene();
    assert_eq!(served(&scene, "sh -c true").code(), 0);
    let script = scene.script("ends", "#!/bin/sh\ncat; exit 77\n");
    let words = format!("--for {CONTOSO} -- {}", script.display());
    let output = call(&scene, &words).stdin("passed on").run();
    assert_eq!((output.code(), output.stdout()), (77, "passed on"));
    assert_eq!(served(&scene, "no-such-program").code(), 127);
    assert_eq!(served(&scene, "/etc/passwd").code(), 126);
    let killed = scene.script("killed", "#!/bin/sh\nkill -TERM $$\n");
    assert!(!served(&scene, &killed.display().to_string()).ended_by_itself());
    assert_eq!(served(&scene, "echo --write -n --log").stdout(), "--write -n --log\n");
}

#[test]
fn a_signal_that_is_sent_to_keyfob_reaches_the_command() {
    let scene = scene();
    let script = scene.script(
        "waits",
        "#!/bin/sh\ntrap 'echo got it; exit 3' TERM\nkill -TERM $PPID\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.1; done\n",
    );
    let output = served(&scene, &script.display().to_string());
    assert_eq!((output.code(), output.stdout()), (3, "got it\n"), "{output}");
}

#[test]
fn it_stops_and_goes_on_with_the_command() {
    let scene = scene();
    let words = format!("keyfob run --for {CONTOSO} -- sh -c 'kill -STOP $$; echo went on'");
    // The shell that started it sees that it stopped, as it would see of the command.
    let look = "i=0; while [ $i -lt 100 ]; do case $(cut -d' ' -f3 /proc/$p/stat) in T) break ;; esac; sleep 0.1; i=$((i+1)); done";
    let script =
        format!("{words} & p=$!; {look}; cut -d' ' -f3 /proc/$p/stat; kill -CONT $p; wait $p; echo $?");
    let output = scene.command("sh").args(["-c", &script]).run().succeeds();
    assert_eq!(output.stdout(), "T\nwent on\n0\n", "{output}");
}

#[test]
fn what_we_do_to_ourselves_is_not_done_to_the_command() {
    let scene = scene();
    let look =
        "ulimit -Sc; grep -E '^Sig(Ign|Blk)' /proc/self/status; test -r /proc/self/environ && echo readable";
    let script = scene.script("look", &format!("#!/bin/sh\n{look}\n"));
    for before in ["", "trap '' INT QUIT USR1; "] {
        let start = |command: &str| {
            let line = format!("{before}ulimit -Sc $(ulimit -Hc); exec {command}{}", script.display());
            scene.command("sh").args(["-c", &line]).run().succeeds().stdout().to_owned()
        };
        assert_eq!(start(&format!("keyfob run --for {CONTOSO} -- ")), start(""), "{before}");
    }
}

#[test]
fn the_command_has_a_proxy_and_authorities_and_no_token() {
    let mut scene = scene();
    scene
        .set("KEYFOB_TOKEN", OTHER)
        .set("KEYFOB_URL", "https://dev.azure.com/fabrikam")
        .set("SYSTEM_ACCESSTOKEN", "s3cret-job");
    scene
        .set("NO_PROXY", "intranet.test,.dev.azure.com,10.0.0.0/8")
        .set("JAVA_TOOL_OPTIONS", "-Dx=y")
        .set("PLAIN", "kept");
    let script = scene.script("look", "#!/bin/sh\nenv; ls -ld $(dirname $SSL_CERT_FILE); ls -l $(dirname $SSL_CERT_FILE); cat $SSL_CERT_FILE\n");
    let output = served(&scene, &script.display().to_string()).succeeds();
    let text = output.stdout();
    assert!(!text.contains("s3cret"), "{output}");
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or("");
    let proxy = value("https_proxy");
    assert!(proxy.starts_with("http://") && proxy.contains("127.0.0.1:"), "{output}");
    for name in ["HTTPS_PROXY", "http_proxy", "npm_config_https_proxy", "YARN_HTTPS_PROXY", "PIP_PROXY"] {
        assert_eq!(value(name), proxy, "{name}");
    }
    assert_eq!(value("NO_PROXY"), "intranet.test,10.0.0.0/8,localhost,127.0.0.1,::1");
    assert!(value("JAVA_TOOL_OPTIONS").starts_with("-Dx=y -Dhttps.proxyHost=127.0.0.1 "), "{output}");
    assert_eq!(value("PLAIN"), "kept");
    let file = value("SSL_CERT_FILE");
    for name in ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "npm_config_cafile", "PIP_CERT"] {
        assert_eq!(value(name), file, "{name}");
    }
    // What the folder holds is for nobody else, and gone now.
    assert!(text.contains("drwx------") && text.matches("\n-rw-------").count() >= 3, "{output}");
    assert!(text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE KEY"), "{output}");
    assert!(!std::path::Path::new(file).exists(), "{file}");
}

#[test]
fn a_command_without_a_place_is_started_as_if_keyfob_were_not_there() {
    let scene = scene();
    let npm = scene.script("npm", "#!/bin/sh\nenv | grep -i proxy\n");
    let output = run(&scene, &npm.display().to_string());
    assert_eq!(output.stdout(), "");
    assert!(output.stderr().contains("no login is added: the settings of npm name no place"), "{output}");
    scene.append(".npmrc", &format!("registry={NPM}\n"));
    assert!(run(&scene, &npm.display().to_string()).succeeds().stdout().contains("https_proxy="));
    // A command that nobody knows needs to be told.
    let other = scene.script("other", "#!/bin/sh\n");
    assert_eq!(run(&scene, &other.display().to_string()).code(), 125);
}

#[test]
fn a_dry_run_names_the_places_and_variables_and_starts_nothing() {
    let scene = scene();
    scene.append(".npmrc", &format!("registry={NPM}\n"));
    let dry = run(&scene, "--dry-run -- npm ci").succeeds();
    assert!(
        dry.stdout().starts_with(
            "azure-devops/contoso: packages (read) at contoso.pkgs.visualstudio.com, pkgs.dev.azure.com\n"
        ),
        "{dry}"
    );
    assert!(dry.stdout().contains("https_proxy") && dry.stdout().contains("npm_config_cafile"), "{dry}");
    let dry = run(&scene, "--dry-run -- npm publish").succeeds();
    assert!(dry.stdout().contains("packages (read and write)"), "{dry}");
    let dry = run(&scene, &format!("--dry-run --for any={CONTOSO} -- x")).succeeds();
    assert!(dry.stdout().contains("any (read)") && dry.stdout().contains("dev.azure.com"), "{dry}");
    assert!(!dry.stdout().contains(TOKEN), "{dry}");
}

#[test]
fn a_run_within_a_run_uses_the_outer_proxy() {
    let scene = scene();
    scene.append(".npmrc", &format!("registry={NPM}\n"));
    scene.script("npm", "#!/bin/sh\necho $https_proxy\n");
    let script = scene.script(
        "both",
        "#!/bin/sh\necho $https_proxy; keyfob run -- ./npm; keyfob run --write -- ./npm; echo $?\n",
    );
    let output = served(&scene, &script.display().to_string()).succeeds();
    let lines: Vec<&str> = output.stdout().lines().collect();
    assert!(lines.len() == 3 && lines[0] == lines[1] && lines[2] == "125", "{output}");
    assert!(output.stderr().contains("give --write and --for to the outer one"), "{output}");
    // The variable outlives it in nothing that matters.
    let stale =
        call(&scene, &format!("--for {CONTOSO} -- env")).env("KEYFOB_RUN", "999999999 127.0.0.1:9").run();
    assert!(stale.succeeds().stdout().contains("https_proxy=http://"));
}

#[test]
fn a_place_that_allows_plain_http_is_served_so_and_others_on_its_machine_are_not() {
    let scene = Scene::new();
    let (ours, theirs) = (Feed::new("/feed", TOKEN), Feed::public(""));
    let (server, other) = (Server::start(ours.handler()), Server::start(theirs.handler()));
    ours.hold("/x", "text/plain", "hello");
    theirs.hold("/x", "text/plain", "theirs");
    scene.add_with(&format!("{}/feed", server.url()), TOKEN, alice());
    let get =
        |place: &str, url: String| run(&scene, &format!("--for {place} -- curl -sS --max-time 20 {url}"));
    let place = format!("{}/feed", server.url());
    assert_eq!(get(&place, format!("{place}/x")).succeeds().stdout(), "hello");
    assert_eq!(get(&place, format!("{}/x", other.url())).succeeds().stdout(), "theirs");
    get(&place, format!("{}/elsewhere/x", server.url())).succeeds();
    let saw: Vec<_> = server.log().entries().into_iter().filter(|entry| entry.carries(TOKEN)).collect();
    assert!(saw.len() == 1 && saw[0].target == "/feed/x", "{saw:?}");
    assert!(other.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn a_log_has_a_line_for_each_request_and_no_secret() {
    let feed = NpmFeed::new();
    let log = feed.scene.home().join("log");
    let words = format!(
        "--log {} --for {CONTOSO} -- curl -s {NPM}@contoso%2fgreeting?secret=1 -o /dev/null",
        log.display()
    );
    run(&feed.scene, &words).succeeds();
    run(&feed.scene, &words.replace("-- curl", "-- curl -X PUT -d x")).succeeds();
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["method"], "GET");
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[0]["login"], true);
    assert_eq!(lines[0]["url"], format!("{NPM}@contoso%2fgreeting"));
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_locked_wallet_starts_nothing() {
    let scene = scene();
    scene.append(".npmrc", &format!("registry={NPM}\n"));
    scene.script("npm", "#!/bin/sh\ntouch started\n");
    scene.protect_vault("s3cret horse");
    scene.keyfob(["lock"]).succeeds();
    for words in [format!("--for {CONTOSO} -- touch started"), "-- ./npm".to_owned()] {
        let output = run(&scene, &words);
        assert_eq!(output.code(), 125, "{output}");
        assert!(output.stderr().contains("locked") && output.stderr().contains("keyfob unlock"), "{output}");
        assert!(!scene.home().join("started").exists());
    }
}
