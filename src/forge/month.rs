//! The month that a new token of Azure DevOps bears: by when the token ends, and in what way that cannot be right. Deliberately
//! absent: a verdict, because a token may have been extended since, and a clock may be wrong.

use crate::text::date;

const DAY: i64 = 86_400;

/// The last second of the month that stands at `at` as two letters (`A` is 2024, `A` is January), a year later.
pub(super) fn end_of_year_from(token: &[u8], at: usize) -> Option<i64> {
    let place = |byte: u8| i16::from(byte.wrapping_sub(b'A'));
    let (year, month) = (token.get(at).copied()?, token.get(at + 1).copied()?);
    if !year.is_ascii_uppercase() || !(b'A'..=b'L').contains(&month) {
        return None;
    }
    let first = jiff::civil::Date::new(2025 + place(year), i8::try_from(place(month)).ok()? + 1, 1).ok()?;
    let end = first.last_of_month().at(23, 59, 59, 0);
    end.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|end| end.timestamp().as_second())
}

/// What is odd about the month that a token bears, by the latest that it can end: it is a year ago, or yet to come.
#[must_use]
pub fn odd(ends_by: i64, now: i64) -> Option<String> {
    // The month's last day is where the year ends, so it was made within the month before.
    let made_from = ends_by.saturating_sub((366 + 31) * DAY);
    if ends_by <= now {
        Some(format!(
            "by its look it was to end on {} at the latest: if nobody extended it, it does not work any more",
            date(ends_by)
        ))
    } else if made_from > now.saturating_add(DAY) {
        Some(format!(
            "by its look it was made after {}, which is yet to come: a character in it is wrong, or the clock",
            date(made_from)
        ))
    } else {
        None
    }
}
