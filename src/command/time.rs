//! Spans and dates as a person types them: `90d`, `8h`, `2027-03-01`. All in UTC. Deliberately absent: words such as
//! "tomorrow", and the local time zone, which would make one record mean two things on two machines.

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::error::Error;

/// The moment at which a token ends: a day (it counts until its end), a time (RFC 3339), or a span from now
/// (`90d`, `12w`, `6m`, `1y`).
///
/// # Errors
/// [`Error::Usage`] for what is none, and for the past.
pub(super) fn end(text: &str, now: i64) -> Result<i64, Error> {
    let text = text.trim();
    let at = day(text).or_else(|| time(text)).or_else(|| {
        let (count, unit) = counted(text)?;
        let span = match unit {
            'd' => Span::new().try_days(count),
            'w' => Span::new().try_weeks(count),
            'm' => Span::new().try_months(count),
            'y' => Span::new().try_years(count),
            _ => return None,
        };
        later(now, span.ok()?)
    });
    match at {
        None => Err(Error::usage(
            "--expires takes a day, a time or a span",
            "for example: --expires 2027-03-01, --expires 2027-03-01T12:00:00Z, --expires 90d (also w, m, y)",
        )),
        Some(at) if at <= now => Err(Error::usage(
            format!("--expires {} is in the past", crate::text::date(at)),
            "a token that has ended is of no use; make a new one",
        )),
        Some(at) => Ok(at),
    }
}

/// A span in seconds: `30m`, `8h`, `14d`, `2w`. Here `m` is minutes unless `days`, where nothing below a day makes sense.
///
/// # Errors
/// [`Error::Usage`] for what is none.
pub(super) fn span(option: &str, text: &str, days: bool) -> Result<u64, Error> {
    let seconds = counted(text.trim()).and_then(|(count, unit)| {
        let one: i64 = match unit {
            'd' => 86_400,
            'w' => 7 * 86_400,
            'h' if !days => 3600,
            'm' if !days => 60,
            's' if !days => 1,
            _ => return None,
        };
        count.checked_mul(one).and_then(|seconds| u64::try_from(seconds).ok())
    });
    let example = if days { "14d (also w)" } else { "8h (also s, m, d, w)" };
    seconds.ok_or_else(|| {
        Error::usage(format!("{option} takes a span of time"), format!("for example: {option} {example}"))
    })
}

/// How long ago a moment was, in the largest unit of which there are two.
pub(super) fn ago(at: i64, now: i64) -> String {
    let seconds = now.saturating_sub(at).max(0);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", super::counted(usize::try_from(count).unwrap_or(usize::MAX), unit))
}

fn day(text: &str) -> Option<i64> {
    // Only the plain form: jiff also reads a day out of a whole time.
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    Some(seconds(date.at(23, 59, 59, 0)))
}

fn time(text: &str) -> Option<i64> {
    // jiff's Timestamp ends a day before the year 9999 does, and the year's last second is how people write "never".
    let late = || {
        let plain = text.strip_suffix(['Z', 'z']).filter(|plain| plain.len() == 19)?;
        plain.parse().ok().map(seconds)
    };
    text.parse::<Timestamp>().ok().map(Timestamp::as_second).or_else(late)
}

/// Unix seconds of a time in UTC.
fn seconds(time: DateTime) -> i64 {
    date(1970, 1, 1).at(0, 0, 0, 0).duration_until(time).as_secs()
}

/// `12w` as 12 and `w`. At most five digits: more is no span that a person means.
fn counted(text: &str) -> Option<(i64, char)> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(|count| (count, unit.to_ascii_lowercase()))
}

fn later(now: i64, span: Span) -> Option<i64> {
    let now = TimeZone::UTC.to_datetime(Timestamp::from_second(now).ok()?);
    now.checked_add(span).ok().map(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::rfc3339;

    /// 2027-01-15T08:00:00Z.
    const NOW: i64 = 1_800_000_000;

    #[test]
    fn an_end_is_a_day_a_time_or_a_span() {
        for (text, at) in [
            ("2027-03-01", "2027-03-01T23:59:59Z"),
            ("2027-01-15", "2027-01-15T23:59:59Z"),
            ("2027-03-01T12:00:00Z", "2027-03-01T12:00:00Z"),
            ("2027-03-01T12:00:00+02:00", "2027-03-01T10:00:00Z"),
            ("90d", "2027-04-15T08:00:00Z"),
            ("12w", "2027-04-09T08:00:00Z"),
            ("6m", "2027-07-15T08:00:00Z"),
            ("1y", "2028-01-15T08:00:00Z"),
            (" 1Y ", "2028-01-15T08:00:00Z"),
            ("9999-12-30", "9999-12-30T23:59:59Z"),
            ("9999-12-31", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31t23:59:59z", "9999-12-31T23:59:59Z"),
            ("7972y", "9999-01-15T08:00:00Z"),
        ] {
            assert_eq!(rfc3339(end(text, NOW).unwrap()), at, "{text}");
        }
    }

    #[test]
    fn an_end_that_is_past_or_none_at_all_is_refused() {
        for bad in [
            "",
            "90",
            "d",
            "-1d",
            "0d",
            "90 d",
            "1.5y",
            "tomorrow",
            "2027-13-01",
            "2027-01-14",
            "2020-01-01T00:00:00Z",
            "99999y",
            "7973y",
            "9999-12-31T23:59:60Z1",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59+02:00",
            "999999d",
            "90h",
            "01.03.2027",
            "2027-03-01T12:00:00",
        ] {
            assert_eq!(end(bad, NOW).map_err(|error| error.exit_code()), Err(2), "{bad:?}");
        }
    }

    #[test]
    fn what_happened_is_told_in_the_largest_unit_of_which_there_are_two() {
        for (seconds, words) in [
            (-5, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (7199, "119 minutes ago"),
            (7200, "2 hours ago"),
            (172_799, "47 hours ago"),
            (172_800, "2 days ago"),
            (90_000_000, "1041 days ago"),
        ] {
            assert_eq!(ago(NOW - seconds, NOW), words);
        }
        assert!(ago(i64::MIN, i64::MAX).ends_with(" days ago"));
    }

    #[test]
    fn spans_are_counted_in_seconds() {
        assert_eq!(span("--for", "8h", false).unwrap(), 28_800);
        assert_eq!(span("--for", "30m", false).unwrap(), 1800);
        assert_eq!(span("--expiring", "14d", true).unwrap(), 14 * 86_400);
        for (bad, days) in
            [("8", false), ("h", false), ("8y", false), ("8h", true), ("-8h", false), ("", true)]
        {
            assert!(span("--for", bad, days).is_err(), "{bad}");
        }
    }
}
