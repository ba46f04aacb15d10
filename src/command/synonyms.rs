//! Words that people type because another program has them: each is answered with the command that keyfob has for it. They do nothing
//! themselves, so that a word keeps one meaning.

/// The other program's words, and what to type here.
const SYNONYMS: &[(&[&str], &str)] = &[
    (
        &["login", "signin", "sign-in", "new", "create", "set", "put", "store", "save", "insert"],
        "keyfob add URL",
    ),
    (
        &["logout", "signout", "delete", "del", "rm", "erase", "destroy", "forget", "clear"],
        "keyfob remove URL",
    ),
    (&["ls", "accounts", "show-all", "ll", "dir"], "keyfob list"),
    (
        &["status", "health", "diagnose", "diagnostics", "check-setup", "info"],
        "keyfob doctor, or keyfob list for the tokens",
    ),
    (
        &["get", "show", "print", "cat", "fetch", "read", "password", "pass", "secret", "reveal"],
        "keyfob token URL",
    ),
    (
        &["auth"],
        "keyfob add URL to store a token, keyfob list to see what is stored, keyfob check to ask the services",
    ),
    (&["whoami", "verify", "test", "validate", "ping"], "keyfob check URL"),
    (&["why", "which", "debug", "trace", "resolve"], "keyfob explain URL"),
    (&["config", "configure", "init", "install", "enable", "register"], "keyfob setup"),
    (&["uninstall", "disable", "unregister", "deinit"], "keyfob unsetup"),
    (
        &["upgrade", "update", "self-update", "selfupdate"],
        "keyfob does not update itself: install it again the way you installed it",
    ),
    (&["refresh", "renew", "regenerate", "replace"], "keyfob rotate URL"),
    (&["revoke"], "keyfob pat revoke ORG ID, or keyfob remove URL to forget a token here"),
    (&["tokens", "pats"], "keyfob pat list ORG, or keyfob list"),
    (&["use", "switch", "default", "select", "rules"], "keyfob prefer URL --account NAME"),
    (&["change", "modify", "label", "set-label"], "keyfob edit URL"),
    (
        &["rename"],
        "keyfob edit URL --rename NAME for an account, keyfob move URL NEW-URL for an organisation",
    ),
    (&["mv"], "keyfob move URL NEW-URL"),
    (&["undo", "recover", "reactivate"], "keyfob restore URL"),
    (&["backup", "dump"], "keyfob export FILE"),
    (&["migrate", "load"], "keyfob import"),
    (&["stores", "vault", "backend", "backends", "protect", "passphrase", "slots"], "keyfob storage"),
    (&["open"], "keyfob unlock"),
    (&["close", "seal"], "keyfob lock"),
    (&["exec", "env", "with", "shell"], "keyfob run -- COMMAND"),
    (&["completion", "complete"], "keyfob completions SHELL"),
    (&["version"], "keyfob --version"),
    (&["man", "usage", "commands"], "keyfob help"),
    (&["link", "symlink"], "keyfob links"),
];

/// What to type for a word that is none of keyfob's.
pub(super) fn meant_by(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    SYNONYMS.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, meant)| *meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synonym_is_no_command_stands_once_and_names_a_command() {
        let mut all: Vec<&str> = SYNONYMS.iter().flat_map(|(words, _)| words.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a word stands twice");
        for word in all {
            assert!(!crate::command::ALL.iter().any(|command| command.name == word), "{word}");
            assert!(!crate::tool::PROTOCOLS.iter().any(|protocol| protocol.name == word), "{word}");
        }
        for (words, meant) in SYNONYMS {
            let command = meant.split(' ').nth(1).unwrap().trim_end_matches(',');
            let is_ours = crate::command::ALL.iter().any(|ours| ours.name == command);
            assert!(is_ours || ["help", "--version", "does"].contains(&command), "{words:?}: {meant}");
        }
        assert_eq!(meant_by("LOGIN"), Some("keyfob add URL"));
        assert_eq!(meant_by("frobnicate"), None);
    }
}
