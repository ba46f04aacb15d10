//! What single programs write in ways of their own.

use super::*;

#[test]
fn a_netrc_in_any_layout_is_read_as_its_users_read_it() {
    let text = "# mine\nmachine a.example login \"al ice\" password #1\nmacdef init\nmachine no.example login x password y\n\n\
                machine b.example\n\taccount z # more\n\tlogin bob\n\tpassword \"p\\\"q\"\nmachine c.example login d\n\
                machine d.example login e password f machine e.example login g password h";
    let home = Home::with(".netrc", text);
    assert_eq!(
        home.found("netrc"),
        [
            "https://a.example al ice #1",
            "https://b.example bob p\"q",
            "https://d.example e f",
            "https://e.example g h",
        ]
    );
    let left = home.emptied("netrc", ".netrc");
    assert_eq!(
        left,
        "# mine\nmacdef init\nmachine no.example login x password y\n\nmachine c.example login d\n "
    );
}

#[test]
fn what_az_devops_keeps_in_its_file_is_read_as_its_own_code_writes_it() {
    let entry =
        |service: &str, token: &str| format!("[azdevops-cli:{service}]\npersonal access token = {token}\n\n");
    let name = ".azure/azuredevops/personalAccessTokens";
    let default = entry(" default", "0");
    let home = Home::with(
        name,
        [
            entry("https://dev.azure.com/contoso", "1"),
            entry("https://fabrikam.visualstudio.com", "2"),
            entry("https://tfs.example:8080/tfs", "3"),
            default.clone(),
        ]
        .concat(),
    );
    assert_eq!(
        home.found("az"),
        [
            "https://dev.azure.com/contoso - 1",
            "https://fabrikam.visualstudio.com - 2",
            "https://tfs.example:8080/tfs - 3",
        ]
    );
    let left = home.emptied("az", name);
    assert_eq!(left.trim_start_matches('\n'), default);
}

#[test]
fn the_active_user_of_gh_is_one_entry_and_both_its_lines_go() {
    let text = "github.com:\n    users:\n        alice:\n            oauth_token: one\n        bob:\n            oauth_token: \"two\"\n    \
                git_protocol: https\n    oauth_token: one\n    user: alice\nghe.example:\n    oauth_token: three\n    user: carl\n";
    let home = Home::with(".config/gh/hosts.yml", text);
    assert_eq!(
        home.found("gh"),
        ["https://github.com alice one", "https://github.com bob two", "https://ghe.example carl three"]
    );
    let left = home.emptied("gh", ".config/gh/hosts.yml");
    assert!(!left.contains("oauth_token") && left.contains("user: carl"), "{left}");
}

/// Whole tokens: their checksums fit.
const GITHUB: &str = "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";
const AZURE: &str = "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq";

#[test]
fn a_token_where_the_user_name_belongs_is_the_token_and_no_name() {
    for password in ["x-oauth-basic", "", GITHUB] {
        let line = format!("https://{GITHUB}:{password}@github.com\n");
        let found = Home::with(".git-credentials", line).found("git-store");
        assert_eq!(found, [format!("https://github.com - {GITHUB}")], "{password}");
    }
    let netrc = format!("machine github.com login {GITHUB} password x-oauth-basic\n");
    assert_eq!(Home::with(".netrc", netrc).found("netrc"), [format!("https://github.com - {GITHUB}")]);
    // Which of two it is, nobody can tell; neither is shown.
    let two = Home::with(".git-credentials", format!("https://{AZURE}:{GITHUB}@github.com/{GITHUB}\n"));
    let left = two.read("git-store").skipped;
    assert!(left[0].why.contains("two tokens") && left[0].what == "https://github.com/(token)", "{left:?}");
}

#[test]
fn nothing_that_may_be_a_piece_of_a_secret_is_shown_of_a_url() {
    assert_eq!(bare("https://alice:tok/en@host.example/x"), "https://(unreadable)");
    assert_eq!(bare("https://a:b@host.example:8443/x"), "https://host.example:8443/x");
    assert_eq!(bare("https://a:b@[::1]:8443/x"), "https://[::1]:8443/x");
    assert_eq!(bare("https://registry.example/@scope/x"), "https://registry.example/@scope/x");
}
