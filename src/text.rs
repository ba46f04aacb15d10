//! Pure text work that every shelf needs: what is shown of outside text, how times are written, and how a path is quoted for a
//! shell. Depends on nothing of keyfob's.

use std::path::Path;

/// Outside text for a terminal: characters that are not seen are replaced by a visible sign. Control characters would be obeyed;
/// format characters make a host or a name look like another one.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// JSON in which every character that is not seen is escaped (`\u202e`), so that a terminal that shows it is not misled. Between the
/// strings of a JSON text there is only ASCII.
#[must_use]
pub fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unseen(c) && c != '\n' {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character has no sign of its own: control and format characters, tags, and the others that Unicode lets programs
/// leave out (`Cc`, `Cf`, `Zl`, `Zp`, `Default_Ignorable_Code_Point`).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first of many names for a sentence, with how many there are besides: nobody reads a line of a million letters.
#[must_use]
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const MOST: usize = 8;
    const LONGEST: usize = 80;
    let short = |name: &S| {
        let name = name.as_ref();
        match name.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &name[..end]),
            None => name.to_owned(),
        }
    };
    let shown: Vec<String> = names.iter().take(MOST).map(short).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The last second that RFC 3339 can write, `9999-12-31T23:59:59Z`: what tools and people say for "never", if not more.
pub const LAST_SECOND: i64 = 253_402_300_799;

/// A day in UTC, `2027-03-01`, from Unix seconds.
#[must_use]
pub fn date(at: i64) -> String {
    if at > LAST_SECOND {
        return "after 9999".to_owned();
    }
    rfc3339(at).split('T').next().unwrap_or_default().to_owned()
}

/// A time in UTC, `2027-03-01T12:00:00Z`, from Unix seconds; the nearest that has four digits for the year.
#[must_use]
pub fn rfc3339(at: i64) -> String {
    const FIRST_SECOND: i64 = -62_167_219_200;
    let since = jiff::SignedDuration::from_secs(at.clamp(FIRST_SECOND, LAST_SECOND));
    // Not jiff's Timestamp, which ends a day before the year 9999 does.
    let time = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).saturating_add(since);
    format!("{time}Z")
}

/// `path` as one word of a POSIX shell.
#[must_use]
pub fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A URL as people write it; plain http is always shown.
#[must_use]
pub fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_shown_and_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
    }

    #[test]
    fn what_is_not_seen_is_made_visible_and_escaped_in_json() {
        for c in "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{e0041}\u{e007f}\u{180e}\u{fe0f}\u{3164}\u{206a}\u{fff9}\u{7f}\u{85}".chars() {
            assert_eq!(visible(&format!("a{c}b")), "a\u{fffd}b", "{:x}", u32::from(c));
            let json = visible_json(&serde_json::to_string_pretty(&[format!("a{c}b")]).unwrap());
            assert!(json.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{json}");
            let back: Vec<String> = serde_json::from_str(&json).unwrap();
            assert_eq!(back, [format!("a{c}b")]);
        }
        assert_eq!(visible("Ünïcode 日本語 👍 – é e\u{301}"), "Ünïcode 日本語 👍 – é e\u{301}");
        assert_eq!(visible_json("\"\u{202e}\u{e0041}ü\""), "\"\\u202e\\udb40\\udc41ü\"");
    }

    #[test]
    fn of_many_names_the_first_are_listed_and_the_rest_is_counted() {
        let names = |count: usize| (0..count).map(|at| format!("n{at}")).collect::<Vec<_>>();
        assert_eq!(listed(&names(0)), "");
        assert_eq!(listed(&names(2)), "n0, n1");
        assert_eq!(listed(&names(8)), "n0, n1, n2, n3, n4, n5, n6, n7");
        assert_eq!(listed(&names(60_000)), "n0, n1, n2, n3, n4, n5, n6, n7 and 59992 more");
        assert_eq!(listed(&["ü".repeat(81)]), format!("{}…", "ü".repeat(80)));
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(date(1_800_000_000), "2027-01-15");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn a_time_that_no_four_digits_can_say_is_given_as_the_nearest() {
        assert_eq!(rfc3339(LAST_SECOND), "9999-12-31T23:59:59Z");
        assert_eq!(date(LAST_SECOND), "9999-12-31");
        for beyond in [LAST_SECOND + 1, i64::MAX] {
            assert_eq!(rfc3339(beyond), "9999-12-31T23:59:59Z");
            assert_eq!(date(beyond), "after 9999");
        }
        assert_eq!(rfc3339(-62_167_219_200), "0000-01-01T00:00:00Z");
        assert_eq!(rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
    }
}
