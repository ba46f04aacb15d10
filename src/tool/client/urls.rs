//! Every web address in a text, whatever kind of text it is. Deliberately absent: whether one is right; the wallet judges each.

use crate::remote::Remote;

/// What ends an address in the files of all these tools.
const ENDS: &[char] = &['"', '\'', '`', '<', '>', '(', ')', '[', ']', '{', '}', ',', ';', '|', '\\', '^'];

/// The longest that is looked at.
const LONGEST: usize = 2048;

/// The addresses, each with the user name and password left out. `value` gives the values of variables.
pub(super) fn urls(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Vec<Remote> {
    // JSON may write `\/`, and Yarn's lock file has whole addresses as a parameter.
    let text =
        if text.contains("\\/") { text.replace("\\/", "/").into() } else { std::borrow::Cow::from(text) };
    let text =
        if text.contains("%3A%2F%2F") { text.replace("%3A", ":").replace("%2F", "/").into() } else { text };
    let text = if text.contains("${") { expand(&text, value).into() } else { text };
    let mut found = Vec::new();
    let mut rest: &str = &text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at);
        rest = &after[3..];
        let scheme = match () {
            () if before.ends_with("https") => "https",
            () if before.ends_with("http") => "http",
            () => continue,
        };
        let is_end = |c: char| c.is_whitespace() || c.is_control() || ENDS.contains(&c);
        let address = rest.split(is_end).next().unwrap_or_default();
        if address.len() > LONGEST {
            continue;
        }
        let place = address.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        found.extend(Remote::from_url(&format!("{scheme}://{host}{path}")).ok().map(|(remote, _)| remote));
    }
    found
}

/// `${NAME}`, Maven's `${env.NAME}` and Yarn's `${NAME:-other}` replaced by their values; what has none stays.
fn expand(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, inner)) = rest.split_once("${") {
        done.push_str(before);
        let end = inner.char_indices().take(256).find(|(_, c)| *c == '}').map(|(end, _)| end);
        let given = end.and_then(|end| {
            let name = &inner[..end];
            let (name, other) = name
                .split_once(":-")
                .or_else(|| name.split_once('-'))
                .map_or((name, None), |(name, other)| (name, Some(other)));
            let name = name.strip_prefix("env.").unwrap_or(name);
            Some((value(name).or_else(|| other.map(str::to_owned))?, end))
        });
        match given {
            Some((given, end)) => {
                done.push_str(&given);
                rest = &inner[end + 1..];
            }
            None => {
                done.push_str("${");
                rest = inner;
            }
        }
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let value = |name: &str| (name == "ORG").then(|| "contoso".to_owned());
        urls(text, &value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_address_is_found_in_every_kind_of_file() {
        for (text, url) in [
            ("registry=https://h.test/npm/\n", "https://h.test/npm"),
            ("{\"url\":\"https:\\/\\/h.test\\/php\"}", "https://h.test/php"),
            ("<url>http://h.test:8080/a</url>", "http://h.test:8080/a"),
            ("index = \"sparse+https://h.test/index/\"", "https://h.test/index"),
            ("plain@npm:1.0.0::__archiveUrl=https%3A%2F%2Fh.test%2Fplain.tgz", "https://h.test/plain.tgz"),
            ("https://me:s3cret@h.test/x?token=1#y", "https://h.test/x"),
            ("--index-url=https://h.test/${ORG}/simple", "https://h.test/contoso/simple"),
            ("url: ${env.ORG}https://h.test/${ORG:-x}/${NONE-y}", "https://h.test/contoso/y"),
            ("maven { url 'https://h.test/m' }", "https://h.test/m"),
        ] {
            assert_eq!(found(text), [url], "{text}");
        }
        assert_eq!(found("a https://a.test b http://b.test/"), ["https://a.test", "http://b.test"]);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in ["", "://", "https://", "ftp://h.test/", "https://\u{0}h.test", "https:// h.test", "${"] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
        assert!(found(&format!("https://h.test/{}", "x".repeat(9000))).is_empty());
    }
}
