//! `completions`: each shell takes its script, and offers commands, options, and what the wallet holds by it.

use std::path::Path;

use super::*;
use crate::support::scene::skip;
use crate::support::terminal::{Terminal, at_a_terminal};

/// A wallet whose names a shell could offer; some that it must not.
fn scene() -> Scene {
    let scene = holding(&[
        ("https://dev.azure.com/contoso --account alice", "s3cret-1"),
        ("https://dev.azure.com/contoso --account bob@contoso.example", "s3cret-2"),
        ("https://github.com --account work", "s3cret-3"),
    ]);
    for odd in ["$(touch hacked)", "a b", "`touch hacked`", "';touch hacked;'"] {
        let add = ["add", "https://github.com", "--account", odd];
        scene.keyfob_with(add, "s3cret-4").succeeds();
    }
    scene
}

/// Whether a shell is here.
fn is_here(shell: &str) -> bool {
    let here = ["/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(shell).exists());
    if !here {
        skip(shell);
    }
    here
}

/// What a shell prints for `line`, word by word. It runs in a home that has its completions in the file `_keyfob`.
fn said(scene: &Scene, shell: &str, line: &str) -> String {
    std::fs::write(
        scene.home().join("_keyfob"),
        run(scene, &format!("completions {shell}")).succeeds().stdout(),
    )
    .unwrap();
    let output = scene.command(shell).args(["-c", line]).run().succeeds();
    assert_eq!(output.stderr(), "", "{output}");
    output.stdout().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is typed, and what fits.
const LINES: &[(&str, &str)] = &[
    ("keyfob li", "links list"),
    ("keyfob storage mo", "move"),
    ("keyfob storage move va", "vault"),
    ("keyfob list --ex", "--exit-code --expiring"),
    ("keyfob token https://a.example --as ba", "basic"),
    ("keyfob check dev", "dev.azure.com/contoso"),
    ("keyfob prefer dev.azure.com/contoso --account ", "alice bob@contoso.example"),
    ("keyfob prefer github.com --account ", "work"),
    ("keyfob help sto", "storage"),
    ("keyfob nothing-such ", ""),
];

#[test]
fn bash_completes_commands_options_and_what_the_wallet_holds() {
    if !is_here("bash") {
        return;
    }
    let scene = scene();
    let more = [
        // bash takes the colon for the end of a word, and the at sign too.
        ("keyfob check https://d", "//dev.azure.com/contoso"),
        ("keyfob prefer github.com --account=w", "work"),
        ("keyfob import git-", "git-keyring git-store"),
        ("keyfob prefer dev.azure.com/contoso --account bob@", "contoso.example"),
        // A file only where one is meant.
        ("keyfob import git-store --file _key", "_keyfob"),
        ("keyfob add https://a.example --label _key", ""),
    ];
    for (typed, offered) in LINES.iter().chain(&more) {
        let line = format!(
            ". ./_keyfob; COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:@'; COMP_LINE='{typed}'; COMP_POINT=${{#COMP_LINE}}; compopt() {{ :; }}
             _keyfob; printf '%s ' \"${{COMPREPLY[@]}}\""
        );
        assert_eq!(said(&scene, "bash", &line), *offered, "{typed}");
    }
}

#[test]
fn fish_completes_commands_options_and_what_the_wallet_holds() {
    if !is_here("fish") {
        return;
    }
    let scene = scene();
    let more = [
        ("keyfob check https://d", "https://dev.azure.com/contoso"),
        ("keyfob import git-store --file _key", "_keyfob"),
    ];
    for (typed, offered) in LINES.iter().chain(&more) {
        // A word, a tab, its help.
        let line = format!("source ./_keyfob; complete -C '{typed}' | string replace -r '\\t.*' '' | sort");
        assert_eq!(said(&scene, "fish", &line), *offered, "{typed}");
    }
}

#[test]
fn zsh_completes_commands_options_and_what_the_wallet_holds() {
    if !is_here("zsh") {
        return;
    }
    let scene = scene();
    // Outside of its editor zsh completes nothing; what the function would offer is caught.
    let more = [
        ("keyfob check https://d", "https://dev.azure.com/contoso"),
        ("keyfob import git-store --file _key", "FILES"),
    ];
    for (typed, offered) in LINES.iter().chain(&more) {
        let line = format!(
            "compdef() {{ :; }}; source ./_keyfob; _files() {{ print FILES; }}; _describe() {{ for one in $fitting; do \
             one=${{one//\\\\:/%}}; print -r -- ${{${{one%%:*}}//\\%/:}}; done; }}
             words=(${{(z)${{:-'{typed}'}}}}); [[ '{typed}' == *' ' ]] && words+=(''); CURRENT=$#words; _keyfob; true"
        );
        assert_eq!(said(&scene, "zsh", &line), *offered, "{typed}");
    }
    let line = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u; autoload +X _keyfob; echo $_comps[keyfob]; \
                whence -w _keyfob";
    assert_eq!(said(&scene, "zsh", line), "_keyfob _keyfob: function");
}

#[test]
fn a_tab_in_a_real_bash_and_zsh_puts_a_host_on_the_line() {
    for (shell, begin) in [
        ("bash --norc -i", ". ./_keyfob"),
        ("zsh -f -i", "autoload -U compinit; compinit -D -u; source ./_keyfob"),
    ] {
        let name = shell.split(' ').next().unwrap();
        if !is_here(name) {
            return;
        }
        let scene = at_a_terminal(scene());
        std::fs::write(scene.home().join("_keyfob"), run(&scene, &format!("completions {name}")).stdout())
            .unwrap();
        let mut terminal = Terminal::begin_shell(&scene, shell);
        terminal.types(begin).types("echo rea''dy").sees("ready");
        terminal.keys("keyfob list dev.az\t").sees("ure.com/contoso");
        terminal.types("").sees("alice").sees("bob@contoso.example");
        terminal.keys("keyfob prefer github.com --acc\t").sees("ount");
        terminal.keys(" wo\t").sees("rk");
        terminal.types("").sees("preferred for");
        terminal.types("exit");
        let (_, screen) = terminal.end();
        assert!(!screen.contains("s3cret") && !scene.home().join("hacked").exists(), "{screen}");
    }
}

#[test]
fn the_script_for_powershell_passes_on_the_words_and_an_empty_one_does_not_get_lost() {
    // There is no PowerShell here: its script is read, and the program is called as the script calls it.
    let scene = scene();
    let script = run(&scene, "completions powershell").succeeds().stdout().to_owned();
    for text in [
        "Register-ArgumentCompleter -Native -CommandName keyfob",
        "@(\"$wordToComplete.\")",
        "& keyfob completions powershell '--' @words",
        "':files'",
    ] {
        assert!(script.contains(text), "{text}: {script}");
    }
    let balance = |open: char, close: char| (script.matches(open).count(), script.matches(close).count());
    for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
        let (opened, closed) = balance(open, close);
        assert_eq!(opened, closed, "{open}{close}");
    }
    for (typed, offered) in LINES {
        let words: Vec<&str> = typed.split(' ').skip(1).collect();
        let (last, before) = words.split_last().unwrap();
        let last = format!("{last}.");
        let call = ["completions", "powershell", "--"]
            .iter()
            .copied()
            .chain(before.iter().copied())
            .chain([last.as_str()]);
        let output = scene.keyfob(call).succeeds();
        let values: Vec<&str> =
            output.stdout().lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(values.join(" "), *offered, "{typed}");
    }
}

#[test]
fn completion_opens_no_store_and_says_nothing_of_what_is_damaged() {
    let scene = scene();
    scene.protect_vault("s3cret horse");
    let offered = |words: &[&str]| scene.keyfob([&["completions", "bash", "--"], words].concat()).succeeds();
    assert_eq!(offered(&["check", "git"]).stdout(), "github.com\n");
    std::fs::write(scene.home().join("keyfob/config.toml"), "store = 7").unwrap();
    let output = offered(&["prefer", "github.com", "--account", ""]);
    assert_eq!((output.stdout(), output.stderr()), ("work\tgithub.com\n", ""), "{output}");
    // A token that somebody pasted there is not repeated.
    let output = offered(&["add", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"]);
    assert_eq!((output.stdout(), output.stderr()), ("", ""), "{output}");
}
