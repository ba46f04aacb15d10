//! Which helpers git would ask for a place, found from its configuration as gitcredentials(7) describes it: every value of
//! `credential.helper` and of `credential.URL.helper` whose URL matches, in the order in which they are read, an empty one
//! forgetting those before it. Beside it, how a helper line that starts us is written and recognised.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::git_config::Value;
use crate::remote::Remote;
use crate::text::visible;

/// The setting that names helpers.
pub(super) const HELPER: &str = "credential.helper";

/// The helper line that lets git find us in `PATH`.
pub(super) const BY_NAME: &str = "keyfob";

/// A helper line for a program: git takes a value that begins with a slash (on Windows: with a drive) as a path and gives it
/// to the shell, so everything that the shell would read is escaped; a quote at the start would hide the slash. `None` for
/// a path that cannot be written so.
pub(super) fn line_of(program: &Path, is_link: bool) -> Option<String> {
    let text = program.to_str().filter(|text| !text.chars().any(char::is_control))?;
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() };
    let mut line = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !"/._-+,:@%=".contains(c) {
            line.push('\\');
        }
        line.push(c);
    }
    Some(if is_link { line } else { line + " git" })
}

/// Whether a helper line starts keyfob, by its look.
pub(super) fn is_ours(line: &str) -> bool {
    line == BY_NAME || line == "keyfob git" || program_of(line).is_some()
}

/// The program of a line that starts keyfob by its path.
pub(super) fn program_of(line: &str) -> Option<PathBuf> {
    let line = line.strip_prefix('!').unwrap_or(line).trim();
    let mut words = shell_words(line)?;
    let is_git = words.len() == 2 && words[1] == "git";
    if words.len() != 1 && !is_git {
        return None;
    }
    let path = PathBuf::from(words.swap_remove(0));
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    let fits = if is_git { name == "keyfob" } else { name == "git-credential-keyfob" };
    (fits && path.is_absolute()).then_some(path)
}

/// The words of a plain command line; `None` when the shell would do more than split it.
fn shell_words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ' | '\t', None) => words.extend(word.take()),
            ('$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')', None) => return None,
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (quote.is_none() && !words.is_empty()).then_some(words)
}

/// What a helper other than ours does, as far as its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// git's own `store`: it writes every token that it is told into a file in clear, this one if it is named.
    PlainText(Option<PathBuf>),
    /// Answers by a sign-in of its own, in a browser or a window, for every host that it knows.
    SignsIn,
    /// Any other.
    Other,
}

impl Company {
    /// What the helper of this line does.
    pub(super) fn of(line: &str) -> Company {
        let words = shell_words(line.strip_prefix('!').unwrap_or(line).trim()).unwrap_or_default();
        let mut words = words.iter().map(String::as_str);
        let mut name = words.next().unwrap_or_default();
        if line.starts_with('!') && name == "git" {
            name = words.next().unwrap_or_default();
        }
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let name = ["git-credential-", "credential-"]
            .iter()
            .find_map(|start| name.strip_prefix(start))
            .unwrap_or(name);
        match name {
            "store" => {
                let words: Vec<&str> = words.collect();
                let file =
                    words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--file") {
                        Some("") => words.get(at + 1).copied(),
                        Some(rest) => rest.strip_prefix('='),
                        None => None,
                    });
                Company::PlainText(file.map(PathBuf::from))
            }
            "manager" | "manager-core" | "oauth" | "azure" => Company::SignsIn,
            _ => Company::Other,
        }
    }

    /// What a person should know of it.
    pub(super) fn words(&self) -> String {
        match self {
            Company::PlainText(Some(file)) => {
                format!(", which keeps tokens in plain text in {}", visible(&file.to_string_lossy()))
            }
            Company::PlainText(None) => ", which keeps tokens in plain text in ~/.git-credentials".to_owned(),
            Company::SignsIn => ", which signs in by itself".to_owned(),
            Company::Other => String::new(),
        }
    }
}

/// Whether git should ask us alone for a place that the wallet holds: where a helper would write the wallet's token in clear,
/// before us or behind us, and where one that stands before us would open its own sign-in in our place.
pub(super) fn spoils(asked: &[&Value]) -> bool {
    let ours = asked.iter().position(|value| is_ours(&value.value)).unwrap_or(asked.len());
    asked.iter().enumerate().any(|(at, value)| match Company::of(&value.value) {
        Company::PlainText(_) => true,
        Company::SignsIn => at < ours,
        Company::Other => false,
    })
}

/// A place that stands for every host that nothing is said of.
pub(super) fn anywhere() -> Result<Remote, Error> {
    Remote::from_parts("https", "keyfob.invalid", None)
}

/// The helpers that git asks for `place`, in its order.
pub(super) fn asked<'v>(values: &'v [Value], place: &Remote) -> Vec<&'v Value> {
    let mut helpers = Vec::new();
    for value in settings(values, "helper", place) {
        if value.value.is_empty() {
            helpers.clear();
        } else {
            helpers.push(value);
        }
    }
    helpers
}

/// Whether git sends the path of `place`. The last setting counts, however exact the others are.
pub(super) fn sends_path(values: &[Value], place: &Remote) -> bool {
    let yes = |value: &Value| {
        let text = value.value.to_ascii_lowercase();
        ["true", "yes", "on"].contains(&text.as_str()) || text.parse::<i64>().is_ok_and(|n| n != 0)
    };
    settings(values, "usehttppath", place).last().is_some_and(yes)
}

/// The values of `credential.NAME` and of `credential.URL.NAME` that hold for `place`.
fn settings<'v>(values: &'v [Value], name: &str, place: &Remote) -> impl Iterator<Item = &'v Value> {
    values.iter().filter(move |value| match split(&value.key) {
        Some((None, held)) => held == name,
        Some((Some(pattern), held)) => held == name && covers(pattern, place),
        None => false,
    })
}

/// The URL and the name of a setting of `credential`.
pub(super) fn split(key: &str) -> Option<(Option<&str>, &str)> {
    let rest = key.strip_prefix("credential.")?;
    Some(rest.rsplit_once('.').map_or((None, rest), |(pattern, name)| (Some(pattern), name)))
}

/// Whether the URL of a setting covers a place: scheme and host (labels may be `*`) and port exactly, the path by whole
/// segments. A URL that lacks its scheme or its host covers all of them. User names are passed over, because which one
/// git would use is not known here.
fn covers(pattern: &str, place: &Remote) -> bool {
    let (scheme, rest) =
        pattern.split_once("://").map_or((None, pattern), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case(place.scheme())) {
        return false;
    }
    if scheme.is_none() || host.is_empty() {
        // git compares a URL that lacks a part by its other parts, whole.
        let path_fits = path.is_empty() || path == place.path().join("/");
        return (host.is_empty() || host == place.authority())
            && path_fits
            && !(host.is_empty() && scheme.is_none());
    }
    let default = if place.is_http() { ":80" } else { ":443" };
    let host = host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase();
    let own = place.authority();
    let (mut wanted, mut labels) = (host.split('.'), own.split('.'));
    loop {
        match (wanted.next(), labels.next()) {
            (None, None) => break,
            (Some("*"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
    let prefix: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    place.path_is_within(&prefix, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(list: &[(&str, &str)]) -> Vec<Value> {
        let value = |&(key, value): &(&str, &str)| Value {
            file: String::new(),
            key: key.to_owned(),
            value: value.to_owned(),
        };
        list.iter().map(value).collect()
    }

    fn place(url: &str) -> Remote {
        Remote::from_url(url).unwrap().0
    }

    #[test]
    fn helpers_are_asked_in_the_order_of_the_file_and_an_empty_one_forgets() {
        let values = values(&[
            ("credential.helper", "a"),
            ("credential.https://dev.azure.com.helper", "b"),
            ("credential.https://github.com.helper", ""),
            ("credential.https://github.com.helper", "gh"),
            ("credential.helper", "c"),
        ]);
        let names = |url: &str| {
            asked(&values, &place(url)).iter().map(|v| v.value.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("https://dev.azure.com/contoso"), "a b c");
        assert_eq!(names("https://github.com/x"), "gh c");
        assert_eq!(names("https://gitlab.com"), "a c");
    }

    #[test]
    fn a_setting_covers_what_git_says_it_covers() {
        // Each row was seen with git 2.47.3.
        let url = "https://dev.azure.com/a/b";
        for pattern in [
            "https://*.azure.com",
            "dev.azure.com",
            "https://",
            "https://dev.azure.com:443/a",
            "https://DEV.azure.com",
        ] {
            assert!(covers(pattern, &place(url)), "{pattern}");
        }
        for pattern in [
            "azure.com",
            "https://azure.com",
            "https://*.com",
            "https://DEV.azure.com/A",
            "/a",
            "http://dev.azure.com",
            "https://dev.azure.com:8443",
            "https://dev.azure.com/ab",
        ] {
            assert!(!covers(pattern, &place(url)), "{pattern}");
        }
    }

    #[test]
    fn the_last_word_on_the_path_counts() {
        let exact = ("credential.https://dev.azure.com.usehttppath", "true");
        let site = place("https://dev.azure.com");
        assert!(sends_path(&values(&[("credential.usehttppath", "false"), exact]), &site));
        assert!(!sends_path(&values(&[exact, ("credential.usehttppath", "0")]), &site));
        assert!(!sends_path(&values(&[]), &site));
    }

    #[test]
    #[cfg(unix)]
    fn a_path_is_written_so_that_git_and_the_shell_read_it_back() {
        for path in [
            "/usr/bin/git-credential-keyfob",
            "/home/me/my tools/git-credential-keyfob",
            "/o'b\"c$d`e;f(g)#h~i\\j*k/git-credential-keyfob",
            "/home/jürgen/bin/git-credential-keyfob",
        ] {
            let line = line_of(Path::new(path), true).unwrap();
            assert!(line.starts_with('/'), "{line}");
            assert_eq!(program_of(&line).as_deref(), Some(Path::new(path)), "{line}");
        }
        assert_eq!(line_of(Path::new("/a b/keyfob"), false).unwrap(), "/a\\ b/keyfob git");
        assert_eq!(line_of(Path::new("/a\nb/keyfob"), false), None);
    }

    #[test]
    #[cfg(unix)]
    fn our_lines_are_known_by_their_look() {
        for ours in [
            "keyfob",
            "/usr/bin/git-credential-keyfob",
            "/usr/bin/keyfob git",
            "!'/usr/bin/keyfob' git",
            "!\"/a b/git-credential-keyfob\"",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "",
            "store",
            "keyfobs",
            "/usr/bin/keyfob",
            "/usr/bin/git-credential-keyfob --x",
            "!f() { keyfob git; }; f",
            "!keyfob git $1",
            "/usr/bin/not-keyfob git",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_another_helper_does_is_known_by_its_name() {
        let file = |name: &str| Company::PlainText(Some(PathBuf::from(name)));
        for (line, company) in [
            ("store", Company::PlainText(None)),
            ("store --file ~/tokens", file("~/tokens")),
            ("store --file=/srv/tokens", file("/srv/tokens")),
            ("/usr/lib/git-core/git-credential-store", Company::PlainText(None)),
            ("!git credential-store --file '/a b'", file("/a b")),
            ("manager", Company::SignsIn),
            ("/usr/local/bin/git-credential-manager", Company::SignsIn),
            ("/mnt/c/Program\\ Files/Git/mingw64/bin/git-credential-manager.exe", Company::SignsIn),
            ("oauth", Company::SignsIn),
            ("cache --timeout 3600", Company::Other),
            ("!gh auth git-credential", Company::Other),
            ("!f() { cat store; }; f", Company::Other),
            ("", Company::Other),
        ] {
            assert_eq!(Company::of(line), company, "{line}");
        }
    }

    #[test]
    fn a_helper_that_writes_in_clear_spoils_a_place_on_either_side_of_ours_and_a_sign_in_only_before() {
        for (config, spoilt) in [
            (&["store", "keyfob"][..], true),
            (&["keyfob", "store"], true),
            (&["manager", "keyfob"], true),
            (&["keyfob", "manager"], false),
            (&["cache", "keyfob"], false),
            (&["keyfob"], false),
        ] {
            let lines: Vec<_> = config.iter().map(|line| ("credential.helper", *line)).collect();
            let values = values(&lines);
            assert_eq!(spoils(&asked(&values, &place("https://x.example"))), spoilt, "{config:?}");
        }
    }
}
