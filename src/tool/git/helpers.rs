//! Which helpers git would ask for a place, found from its configuration as gitcredentials(7) describes it: every value of
//! `credential.helper` and of `credential.URL.helper` whose URL matches, in the order in which they are read, an empty one
//! forgetting those before it. Beside it, how a helper line that starts us is written and recognised.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::git_config::Value;
use crate::remote::Remote;

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
}
