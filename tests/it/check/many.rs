//! What `check` says of many tokens at once.

use super::{OTHER, Stage};

#[test]
fn what_is_true_of_many_tokens_is_said_once() {
    let stage = Stage::new();
    for at in 0..12 {
        stage.holds(&format!("https://dev.azure.com/org{at}"), OTHER);
    }
    let output = stage.run("check", "");
    assert_eq!(output.code(), 5, "{output}");
    let notes: Vec<&str> = output.stderr().lines().filter(|line| line.contains("note: ")).collect();
    assert_eq!(notes.len(), 1, "{output}");
    assert!(notes[0].contains("12 tokens: dev.azure.com does not accept the token"), "{output}");
    assert!(notes[0].contains("azure-devops/org0, ") && notes[0].ends_with(" and 4 more"), "{output}");
    assert_eq!(output.stderr().lines().count(), 4, "one cause, one hint, and how it ends: {output}");
}
