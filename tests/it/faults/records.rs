//! A record decides whose token goes where: one that speaks of another place's realm is not believed by anything that reads it.

use std::fs;
use std::path::Path;

use super::{PLACE, TOKEN, mode, one_line, record, scene};
use crate::support::scene::Scene;

/// Writes by hand, as whoever can write to the folder could, a record of `group` whose only realm is the one of contoso.
fn forge(scene: &Scene, file: &str, group: &str, realm: &str, prefix: &str) {
    let real: serde_json::Value = serde_json::from_slice(&fs::read(record(scene)).unwrap()).unwrap();
    let mut forged = real;
    forged["group"] = group.into();
    forged["realms"][0]["realm"] = realm.into();
    forged["realms"][0]["url"] = format!("{group}{prefix}").into();
    let path = scene.data().join("records").join(file);
    fs::write(&path, forged.to_string()).unwrap();
    mode(&path, 0o600);
}

fn refuses(scene: &Scene, words: &[&str]) {
    let output = scene.keyfob(words);
    assert!(!output.stdout().contains(TOKEN) && output.code() != 0, "{output}");
    assert!(output.stderr().contains("belongs to another place"), "{output}");
}

#[test]
fn a_record_that_names_the_realm_of_another_place_gives_no_token_to_anyone() {
    for (file, group, asked) in [
        ("https+evil.example.json", "https://evil.example", "protocol=https host=evil.example path=x.git"),
        (
            "https+evil.example%3a8443.json",
            "https://evil.example:8443",
            "protocol=https host=evil.example:8443 path=x",
        ),
        ("http+127.0.0.1%3a9.json", "http://127.0.0.1:9", "protocol=http host=127.0.0.1:9 path=x"),
    ] {
        let scene = scene();
        forge(&scene, file, group, "azure-devops/contoso", "");
        let line = one_line(&scene.helper("get", asked));
        assert!(line.contains(file) && line.contains("belongs to another place"), "{line}");
        for operation in ["store", "erase"] {
            one_line(&scene.helper(operation, &format!("{asked} username=x password={TOKEN}")));
        }
        for words in [
            ["token", group, "--as", "token", "--yes"].as_slice(),
            &["explain", group],
            &["remove", group, "--yes"],
        ] {
            refuses(&scene, words);
        }
        let docker = scene.program("docker-credential-keyfob").arg("get").stdin(group).run();
        assert!(!docker.stdout().contains(TOKEN), "{docker}");
        let list = scene.keyfob(["list", "--json"]);
        assert!(!list.stdout().contains("evil") && !list.stdout().contains("127.0.0.1"), "{list}");
        let doctor = scene.keyfob(["doctor"]);
        assert!(doctor.stdout().contains("belongs to another place"), "{doctor}");
        // The place that the token is of is served as before.
        assert!(scene.get(PLACE).contains(TOKEN));
    }
}

#[test]
fn a_cloud_realms_record_holds_that_realm_alone() {
    let scene = scene();
    scene.add("https://dev.azure.com/fabrikam", "another-token");
    let fabrikam = scene.data().join("records/azure-devops+fabrikam.json");
    let both: serde_json::Value = {
        let read =
            |path: &Path| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let (mut held, other) = (read(&fabrikam), read(&record(&scene)));
        held["realms"].as_array_mut().unwrap().push(other["realms"][0].clone());
        held
    };
    fs::write(&fabrikam, both.to_string()).unwrap();
    let line = one_line(&scene.helper("get", "protocol=https host=dev.azure.com path=fabrikam/P/_git/R"));
    assert!(line.contains("belongs to another place"), "{line}");
}

#[test]
fn a_server_whose_name_begins_like_another_is_another_place() {
    let scene = Scene::new();
    scene.add("https://tfs.corp.example/tfs/one", TOKEN);
    let scene_record = scene.data().join("records/https+tfs.corp.example.json");
    let real = fs::read_to_string(&scene_record).unwrap();
    for (file, group) in [
        ("https+tfs.corp.json", "https://tfs.corp"),
        ("https+tfs.corp.exampl.json", "https://tfs.corp.exampl"),
        ("https+tfs.corp.example%3a8443.json", "https://tfs.corp.example:8443"),
        ("http+tfs.corp.example.json", "http://tfs.corp.example"),
    ] {
        let path = scene.data().join("records").join(file);
        let forged =
            real.replace("\"group\":\"https://tfs.corp.example\"", &format!("\"group\":\"{group}\""));
        assert_ne!(forged, real);
        fs::write(&path, forged).unwrap();
        mode(&path, 0o600);
        let (protocol, host) = group.split_once("://").unwrap();
        let line =
            one_line(&scene.helper("get", &format!("protocol={protocol} host={host} path=tfs/one/p/_git/r")));
        assert!(line.contains("belongs to another place"), "{line}");
        fs::remove_file(path).unwrap();
    }
    assert!(scene.get("protocol=https host=tfs.corp.example path=tfs/one/p/_git/r").contains(TOKEN));
}
