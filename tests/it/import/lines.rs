//! What an import shows, line by line.

use super::{GITHUB, run};
use crate::support::scene::Scene;

#[test]
fn a_token_in_the_place_of_a_source_is_not_repeated_and_a_slip_of_the_finger_is() {
    let scene = Scene::new();
    for token in
        [GITHUB, "s3cret0123456789abcdefghijk", "glpat-s3cret0123456789abc", "eyJs3cret.eyJs3cret.s3cret-abc"]
    {
        let output = scene.keyfob(["import", token]);
        assert!(output.code() == 2 && output.stderr().contains("may be a token"), "{output}");
        assert!(!output.stderr().contains(token), "{output}");
    }
    let output = scene.keyfob(["import", "git-stor"]);
    assert!(output.stderr().contains("git-stor is no source"), "{output}");
}

#[test]
fn the_lines_of_an_import_come_in_the_order_of_the_file() {
    let scene = Scene::new();
    let mut text = String::new();
    for line in 1..=12 {
        text.push_str(&match line % 3 {
            0 => format!("smtp://u:s3cret-{line}@mail{line}.example\n"),
            _ => format!("https://u:s3cret-{line}@h{line}.example\n"),
        });
    }
    scene.append(".git-credentials", &text);
    let output = run(&scene, "import git-store --dry-run").succeeds();
    let lines: Vec<u32> = output
        .stdout()
        .lines()
        .map(|line| {
            line.split(".git-credentials:").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(lines, (1..=12).collect::<Vec<u32>>(), "{output}");
}
