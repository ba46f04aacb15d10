//! `completions`: each shell takes its script, and offers our words by it.

use std::path::Path;

use super::*;
use crate::support::scene::skip;

/// What a shell prints for `line`, word by word. It runs in a home that has its completions in the file `_keyfob`.
fn said(shell: &str, line: &str) -> Option<Vec<String>> {
    let scene = Scene::new();
    if !Path::new("/usr/bin").join(shell).exists() && !Path::new("/bin").join(shell).exists() {
        skip(shell);
        return None;
    }
    scene.append("_keyfob", run(&scene, &format!("completions {shell}")).succeeds().stdout());
    let output = scene.command(shell).args(["-c", line]).run().succeeds();
    assert_eq!(output.stderr(), "", "{output}");
    Some(output.stdout().split_whitespace().map(str::to_owned).collect())
}

#[test]
fn bash_completes_words_options_and_what_an_option_may_be() {
    for (typed, offered) in [
        ("keyfob li", "list links"),
        ("keyfob storage mo", "move"),
        ("keyfob list --ex", "--expiring --exit-code"),
        ("keyfob token https://a.example --as ba", "basic"),
        // A file only where one is meant; here what was typed stays.
        ("keyfob import git-store --file _key", "_keyfob"),
        ("keyfob add https://a.example --account _key", "_key"),
    ] {
        let line = format!(
            ". ./_keyfob; COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); compopt() {{ :; }}
             _keyfob keyfob \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let Some(words) = said("bash", &line) else { return };
        assert_eq!(words.join(" "), offered, "{typed}");
    }
}

#[test]
fn fish_completes_words_and_options() {
    for (typed, offered) in [
        ("keyfob li", "links list"),
        ("keyfob storage mo", "move"),
        ("keyfob list --ex", "--exit-code --expiring"),
        ("keyfob token https://a.example --as ba", "basic"),
    ] {
        // A word, a tab, its help.
        let line = format!("source ./_keyfob; complete -C '{typed}' | string replace -r '\\t.*' '' | sort");
        let Some(words) = said("fish", &line) else { return };
        assert_eq!(words.join(" "), offered, "{typed}");
    }
}

#[test]
fn zsh_finds_the_function_by_the_file() {
    let line = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u; autoload +X _keyfob; echo $_comps[keyfob]; \
                whence -w _keyfob";
    let Some(words) = said("zsh", line) else { return };
    assert_eq!(words, ["_keyfob", "_keyfob:", "function"]);
}
