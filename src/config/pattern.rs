//! A URL of the settings in which one word in braces stands for any.

use crate::remote::Remote;

/// A URL with at most one word in braces.
pub(super) struct Pattern<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
}

impl<'a> Pattern<'a> {
    pub(super) fn split(text: &'a str) -> Option<Pattern<'a>> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // `]:port` of an IPv6 literal, `host:port` otherwise.
        let (host, port) = match authority.rfind(':') {
            Some(at) if !authority[at..].contains(']') => (&authority[..at], &authority[at + 1..]),
            _ => (authority, ""),
        };
        Some(Pattern { scheme, host, port, path })
    }

    /// What `text` gives with a plain word in place of the braces, which must be a remote; then it is one with any.
    pub(super) fn example(text: &str) -> Option<Remote> {
        let pattern = Pattern::split(text)?;
        let web = pattern.scheme == "https" || pattern.scheme == "http";
        let mut words = pattern.host.split('.').chain(pattern.path.split('/'));
        let whole = words.all(|word| is_braced(word) || !word.contains(['{', '}']));
        let one = text.matches('{').count() <= 1;
        if web && whole && one { pattern.filled(Some("word")) } else { None }
    }

    /// Puts `word` in place of the braces.
    pub(super) fn filled(&self, word: Option<&str>) -> Option<Remote> {
        let fill = |text: &str| match (text.find('{'), text.find('}')) {
            (Some(open), Some(close)) if open < close => {
                Some(format!("{}{}{}", &text[..open], word?, &text[close + 1..]))
            }
            (None, None) => Some(text.to_owned()),
            _ => None,
        };
        let colon = if self.port.is_empty() { "" } else { ":" };
        let host = format!("{}{colon}{}", fill(self.host)?, self.port);
        Remote::from_parts(self.scheme, &host, Some(&fill(self.path)?)).ok()
    }

    /// Whether it is plainly about another host: most of many are, and each URL that need not be made of one saves a `get` some
    /// microseconds. What is not plain (a word in braces, numbers) is left to the comparison of whole URLs, and so is every host with
    /// letters beyond ASCII: a full stop of another script divides labels, too.
    fn is_elsewhere(&self, remote: &Remote) -> bool {
        let plain = |label: &str| {
            label.starts_with(|first: char| first.is_ascii_alphabetic())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let labels = self.host.rsplit('.').zip(remote.host().rsplit('.'));
        let differ =
            |(ours, theirs): (&str, &str)| plain(ours) && plain(theirs) && !ours.eq_ignore_ascii_case(theirs);
        self.host.is_ascii() && !self.host.ends_with('.') && { labels }.any(differ)
    }

    /// How well it fits (segments of the path) and what stands for the word.
    pub(super) fn matches(&self, remote: &Remote) -> Option<(usize, Option<String>)> {
        if self.is_elsewhere(remote) {
            return None;
        }
        let labels = self.host.split('.').zip(remote.host().split('.'));
        let segments = self.path.split('/').filter(|s| !s.is_empty());
        let segments = segments.zip(remote.path().iter().map(String::as_str));
        let word =
            labels.chain(segments).find(|(pattern, _)| is_braced(pattern)).map(|(_, value)| value.to_owned());
        let home = self.filled(word.as_deref())?;
        let fits = home.origin() == remote.origin() && remote.path_is_within(home.path(), true);
        fits.then(|| (home.path().len(), word))
    }
}

fn is_braced(word: &str) -> bool {
    word.starts_with('{') && word.ends_with('}') && word.len() > 2
}
