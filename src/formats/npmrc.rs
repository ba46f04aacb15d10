//! The values of npm's `.npmrc`, as npm's own reader (the `ini` package) takes them from their lines.

/// A key or value without its quotes, escapes and comment: unquoted, `;` and `#` begin a comment anywhere, unless escaped.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    let text = text.trim();
    // npm reads what single quotes hold as JSON, too, and takes it as it is if it is none.
    if let Some(inner) = text.strip_prefix('\'').filter(|_| text.ends_with('\'')) {
        let inner = inner.strip_suffix('\'').unwrap_or_default();
        return serde_json::from_str(inner).unwrap_or_else(|_| inner.to_owned());
    }
    if text.starts_with('"') && text.ends_with('"') {
        return serde_json::from_str(text).unwrap_or_else(|_| text.to_owned());
    }
    let (mut plain, mut escaped) = (String::with_capacity(text.len()), false);
    for c in text.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            ';' | '#' if !escaped => break,
            '\\' | ';' | '#' => {}
            _ if escaped => plain.push('\\'),
            _ => {}
        }
        plain.push(c);
        escaped = false;
    }
    if escaped {
        plain.push('\\');
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;

    /// What npm 11's `ini` gave for these.
    #[test]
    fn a_value_is_read_as_npm_reads_it() {
        for (text, expected) in [
            ("alice ; mine", "alice"),
            ("alice;mine", "alice"),
            ("c2VrcmV0 # until May", "c2VrcmV0"),
            (r"a\;b\#c", "a;b#c"),
            (r"back\slash\\", r"back\slash\"),
            (r"end\", r"end\"),
            (r#""a ; b""#, "a ; b"),
            (r#""a\u0041""#, "aA"),
            ("'a # b'", "a # b"),
            (r#"'"x"'"#, "x"),
            ("'", ""),
            ("\"", "\""),
            ("\"a", "\"a"),
            ("", ""),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
