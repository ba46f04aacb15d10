//! Faults of the machine, preloaded into keyfob (`tests/fakes/faults.c`), and what has to hold of a wallet after each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process::Call;
use super::scene::{Scene, files_below};

/// The preloaded library.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fakes/faults.c");
        let library =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", std::process::id()));
        let options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"];
        let made = Command::new("cc").args(options).arg(&library).arg(source).arg("-ldl").status();
        assert!(made.expect("a C compiler is installed").success());
        library
    })
}

/// git's helper with the fault from call `at` on.
pub fn faulty(scene: &Scene, fault: &str, at: usize, operation: &str, request: &str) -> Call {
    with_fault(scene.helper_call(operation, request), fault, at)
}

/// A call with the fault from call `at` on: `crash`, `full`, `broken`, or `power` and the part of a path whose writes are lost.
pub fn with_fault(call: Call, fault: &str, at: usize) -> Call {
    let (fault, undone) = fault.split_once(' ').unwrap_or((fault, "?"));
    let call = call.env("LD_PRELOAD", library()).env("FAULT", fault).env("FAULT_AT", at.to_string());
    call.env("FAULT_UNDONE", undone)
}

/// Every record can be read, and every account's secret is there: `token` prints it.
pub fn is_sound(scene: &Scene) {
    let list = scene.keyfob(["list", "--json"]).succeeds();
    let rows: Vec<serde_json::Value> = serde_json::from_str(list.stdout()).unwrap();
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let token =
            scene.keyfob(["token", &text("realm"), "--account", &text("account"), "--as", "token", "--yes"]);
        let is_refused = text("state") == "rejected" || text("state") == "suspect";
        assert!(token.code() == 0 || (is_refused && token.code() == 5), "{row}\n{token}");
    }
    for (path, _) in files_below(&scene.data()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let known = [".new-", ".lock-", "vault.", "header.json", "store.json"];
        let is_id = name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(
            known.iter().any(|beginning| name.starts_with(beginning)) || is_id || name.ends_with(".json"),
            "{name}"
        );
    }
}
