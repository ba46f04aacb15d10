//! The examples that the help texts end with, run one after the other in one scene: each must work as it stands.

use crate::commands::protect;
use crate::scene::Scene;

#[test]
fn the_example_of_every_command_works_as_it_stands() {
    let scene = Scene::new();
    // Something to restore.
    scene
        .keyfob_with(["add", "https://dev.azure.com/contoso", "--account", "alice"], "earlier-token\n")
        .succeeds();
    for command in keyfob::command::ALL {
        if command.name == "lock" {
            protect(&scene);
        }
        let words: Vec<&str> = command.example.split_whitespace().collect();
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(*program, "keyfob", "{}", command.example);
        assert_eq!(arguments.first(), Some(&command.name), "an example begins with the word that it shows");
        scene.keyfob_with(arguments, "present-token\n").succeeds();
    }
}
