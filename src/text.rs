//! Pure text work that every shelf needs: what is shown of outside text, how times are written, and how a path is quoted for a
//! shell. Depends on nothing of keyfob's.

use std::path::Path;

/// Outside text for a terminal: control characters are replaced by a visible sign.
#[must_use]
pub fn visible(text: &str) -> String {
    // Bidirectional marks and overrides can make a host look like another; they are format, not control, characters.
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
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
