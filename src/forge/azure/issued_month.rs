//! The month that a new token of Azure DevOps bears: it was created in the month before, at the earliest, and expires a year later,
//! at the latest.

use crate::forge::token_format::Lifespan;

const DAY: i64 = 86_400;

/// Where it stands: two letters, of which `A` is 2024, and `A` is January.
const AT: usize = 58;

/// The lifespan of a token.
pub(super) fn lifespan(token: &[u8]) -> Option<Lifespan> {
    let place = |byte: u8| i16::from(byte.wrapping_sub(b'A'));
    let (year, month) = (token.get(AT).copied()?, token.get(AT + 1).copied()?);
    if !year.is_ascii_uppercase() || !(b'A'..=b'L').contains(&month) {
        return None;
    }
    let first = jiff::civil::Date::new(2025 + place(year), i8::try_from(place(month)).ok()? + 1, 1).ok()?;
    let end = first.last_of_month().at(23, 59, 59, 0);
    let expires_by = end.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(Lifespan { created_from: expires_by.saturating_sub((366 + 31) * DAY), expires_by })
}
