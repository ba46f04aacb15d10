//! NuGet's messages as bytes: one object of JSON on a line. They are read leniently, whatever members they have besides, and
//! written in the exact words of the protocol, because newer NuGets compare letter case.

use std::borrow::Cow;
use std::time::Duration;

use crate::secret_bytes::{Bytes, joined, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lookup::Reply;

/// What every message has.
#[derive(Deserialize)]
pub(super) struct Envelope<'l> {
    #[serde(rename = "RequestId", borrow)]
    pub(super) id: Cow<'l, str>,
    #[serde(rename = "Type", borrow)]
    pub(super) kind: Cow<'l, str>,
    #[serde(rename = "Method", borrow)]
    pub(super) method: Cow<'l, str>,
}

impl<'l> Envelope<'l> {
    /// `None` for what is no message, and for one that cannot be answered because it has no id.
    pub(super) fn read(line: &'l [u8]) -> Option<Envelope<'l>> {
        serde_json::from_slice::<Envelope<'l>>(line).ok().filter(|envelope| !envelope.id.is_empty())
    }
}

#[derive(Deserialize)]
struct With<T> {
    #[serde(rename = "Payload")]
    payload: T,
}

/// The payload of a message, if it has one of this form.
pub(super) fn payload<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    serde_json::from_slice::<With<T>>(line).ok().map(|with| with.payload)
}

/// A message.
pub(super) fn line(id: &str, kind: &str, method: &str, payload: Option<&[u8]>) -> Bytes {
    let payload = payload.unwrap_or_default();
    let head = json(&[("{\"RequestId\":", id), (",\"Type\":", kind), (",\"Method\":", method)], "");
    let name: &[u8] = if payload.is_empty() { b"" } else { b",\"Payload\":" };
    joined(&[&head, name, payload, b"}\n"])
}

/// What makes .NET's terminal show a message at once and not when the restore is over, as Microsoft's provider writes it.
const AT_ONCE: &str = "    [CredentialProvider]";

/// The payload of a message for people; `at_once` for one that a person waits for at a terminal.
pub(super) fn log(level: &str, words: &str, at_once: bool) -> Bytes {
    let words = format!("{}keyfob: {}", if at_once { AT_ONCE } else { "" }, crate::text::visible(words));
    json(&[("{\"LogLevel\":", level), (",\"Message\":", &words)], "}")
}

/// The payload that hands out a credential. Only Basic may be tried with it: on a server that offers NTLM or Negotiate too, NuGet
/// would prefer those, and a token is no Windows password.
pub(super) fn credential(reply: &Reply) -> Option<Bytes> {
    let Reply::Credential { user, token, .. } = reply else { return None };
    let token = std::str::from_utf8(token.expose()).ok()?;
    let end = ",\"AuthenticationTypes\":[\"Basic\"],\"ResponseCode\":\"Success\"}";
    Some(json(&[("{\"Username\":", user), (",\"Password\":", token)], end))
}

/// `2.0.0`, also with a label behind it, as numbers.
pub(super) fn version(text: &str) -> Option<[u32; 3]> {
    let numbers = text.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?];
    Some(version)
}

/// `[days.]hours:minutes:seconds[.fraction]`, as .NET writes a span of time.
pub(super) fn time_span(text: &str) -> Option<Duration> {
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) if clock.contains(':') => (days.parse::<u64>().ok()?, clock),
        _ => (0, text),
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?);
    let seconds = parts.next()?.parse::<f64>().ok()?;
    let whole =
        days.checked_mul(24)?.checked_add(hours)?.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?;
    Duration::from_secs(whole).checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_read_as_dotnet_writes_it() {
        for (text, seconds) in
            [("00:00:05", 5.0), ("00:01:30.5000000", 90.5), ("1.02:00:00", 93_600.0), ("00:00:00", 0.0)]
        {
            assert_eq!(time_span(text).map(|span| span.as_secs_f64()), Some(seconds), "{text}");
        }
        for text in
            ["", "5", "00:05", "x:y:z", "-00:00:05", "99999999999999999999:00:00", "00:00:-1", "00:00:NaN"]
        {
            assert_eq!(time_span(text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("2.0.0") < version("10.0.0"));
        assert_eq!(version("2.0.0-beta.1"), Some([2, 0, 0]));
        assert_eq!(version("two"), None);
    }
}
