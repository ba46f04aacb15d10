//! Prompts as git, git-lfs, wget and ssh write them, and what each gets.

use crate::tool::tests::{Person, Ran, call_beside};
use crate::wallet::tests::fixture::TestWallet;

fn call(bench: &TestWallet, arguments: &[&str]) -> Ran {
    // git gives it its own terminal.
    call_beside(
        Person { stdin_is_terminal: true, stderr_is_terminal: true },
        super::serve,
        bench,
        arguments,
        b"",
    )
}

/// The answer to a prompt; nothing else may be said.
fn ask(bench: &TestWallet, prompt: &str) -> String {
    let (code, out, notes) = call(bench, &[prompt]);
    assert_eq!((code == 0, notes.as_str()), (!out.is_empty(), ""), "{prompt}: {code}");
    assert!(code <= 1);
    out
}

fn full() -> TestWallet {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "PAT");
    bench.add("https://git.example", Some("alice"), "GENERIC");
    bench.add("http://127.0.0.1:18080/tfs/One", None, "SERVER");
    bench.add("https://github.com", Some("a@b"), "HUB");
    bench
}

#[test]
fn user_name_and_password_are_answered_in_a_line_each() {
    let bench = full();
    for (prompt, answer) in [
        // git, with and without credential.useHttpPath
        ("Username for 'https://dev.azure.com/contoso/p/_git/r': ", "contoso\n"),
        ("Password for 'https://contoso@dev.azure.com/contoso/p/_git/r': ", "PAT\n"),
        ("Password for 'https://contoso@dev.azure.com': ", "PAT\n"),
        ("Username for 'https://git.example': ", "alice\n"),
        ("Password for 'https://alice@git.example': ", "GENERIC\n"),
        ("Password for 'http://pat@127.0.0.1:18080': ", "SERVER\n"),
        ("Password for 'https://a%40b@github.com': ", "HUB\n"),
        // git-lfs
        ("Username for \"https://git.example\"", "alice\n"),
        ("Password for \"https://alice@git.example/team/repo\"", "GENERIC\n"),
    ] {
        assert_eq!(ask(&bench, prompt), answer, "{prompt}");
    }
}

#[test]
fn a_prompt_without_a_web_address_is_refused_in_silence() {
    let bench = full();
    for prompt in [
        "Enter passphrase for key '/home/me/.ssh/id_ed25519': ",
        "Enter passphrase for /home/me/.ssh/id_ed25519: ",
        "git@github.com's password: ",
        "(git@github.com) Password for git@github.com: ",
        "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
        "[sudo] password for me: ",
        "Password: ",
        "Password for me: ",
        "Password for 'ssh://git@git.example': ",
        "Password for 'git.example': ",
        "Password for https://alice@git.example: ",
        "Passphrase for 'https://alice@git.example': ",
        "Password for the key of 'https://alice@git.example': ",
        "Password for 'https://alice@git.example' and 'https://other.example': ",
        "Password for 'https://alice@git.example\": ",
        "Password for '",
        "Password for ''",
        "",
    ] {
        assert_eq!(ask(&bench, prompt), "", "{prompt}");
    }
    assert_eq!(
        call(&bench, &["Password for ", "'https://alice@git.example': "]),
        (1, String::new(), String::new())
    );
}

#[test]
fn no_other_place_gets_a_token() {
    let bench = full();
    for prompt in [
        "Username for 'https://dev.azure.com': ",
        "Password for 'https://me@dev.azure.com/fabrikam/p/_git/r': ",
        "Password for 'https://contoso@dev.azure.com.example': ",
        "Password for 'http://contoso@dev.azure.com': ",
        "Password for 'http://alice@git.example': ",
        "Password for 'https://alice@git.example:8443': ",
        "Password for 'https://bob@git.example': ",
        "Password for 'https://alice:x@git.example': ",
        "Password for 'https://git.example\\@evil.example': ",
        "Password for 'https://alice@git.example\n.evil.example': ",
        "Password for 'https://pat@127.0.0.1:18080': ",
    ] {
        assert_eq!(ask(&bench, prompt), "", "{prompt}");
    }
}

#[test]
fn which_of_two_accounts_is_not_guessed() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/two", Some("alice"), "A");
    bench.add("https://dev.azure.com/two", Some("bob"), "B");
    assert_eq!(ask(&bench, "Username for 'https://dev.azure.com/two/p/_git/r': "), "");
    assert_eq!(ask(&bench, "Password for 'https://bob@dev.azure.com/two/p/_git/r': "), "B\n");
}

#[test]
fn a_locked_store_is_said_and_nothing_is_answered() {
    let bench = full();
    crate::store::Store::lock(&bench.memory).unwrap();
    let (code, out, notes) = call(&bench, &["Password for 'https://alice@git.example': "]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.starts_with("keyfob: error: ") && notes.contains("locked"), "{notes}");
}

#[test]
fn without_a_prompt_it_says_what_it_is() {
    let (code, out, notes) = call(&full(), &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.contains("GIT_ASKPASS"), "{notes}");
}
