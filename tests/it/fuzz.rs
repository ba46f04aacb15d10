//! What the fuzzers found or began with, once more: each input of `fuzz/corpus/` to its target. `tests/run.sh fuzz` runs the fuzzers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, run};

#[test]
fn every_input_of_the_corpora_keeps_its_targets_property() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let folders: BTreeSet<String> = fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, names, "each target has a corpus, and each corpus a target");
    std::thread::scope(|scope| {
        for (name, _) in TARGETS {
            let folder = corpus.join(name);
            scope.spawn(move || {
                let mut count = 0;
                for entry in fs::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    let data = fs::read(&path).unwrap();
                    let done = std::panic::catch_unwind(|| run(name, &data));
                    assert!(done.is_ok(), "{} breaks the property of {name}", path.display());
                    count += 1;
                }
                assert!(count > 0, "{name} has no input");
            });
        }
    });
}

#[test]
fn every_target_has_a_fuzzer() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("[[bin]]\nname = \"{name}\"\n")),
            "{name} is not in fuzz/Cargo.toml"
        );
        let text = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(text.contains(&format!("run(\"{name}\", data)")), "{name}: {text}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
