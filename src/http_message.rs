//! What is asked of a service, and what it answers, as values: forges make the one and read the other, [`crate::http`] carries
//! them. The token is in neither: a [`Request`] says how it is shown, and it is put in on the way out.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Look.
    Get,
    /// Make.
    Post,
    /// Change.
    Put,
    /// Take away.
    Delete,
}

/// How the token is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// As the password of Basic, beside this user name, which may be empty.
    Basic(String),
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: token …`.
    Token,
    /// In a header of this name.
    Header(&'static str),
    /// As a text within a JSON body, between these two; in no header.
    InJson(&'static str, &'static str),
    /// At the end of a form that begins so; in no header. An empty one adds nothing.
    InForm(String),
    /// Not at all.
    None,
}

/// A request, whole but for the token.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Where: https, or http to a place for which that was accepted.
    pub url: String,
    /// How the token is shown.
    pub auth: Auth,
    /// More headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// A JSON body; it may hold a token.
    pub json: Option<Secret>,
}

impl Request {
    /// A GET that wants JSON.
    #[must_use]
    pub fn get(url: String, auth: Auth) -> Request {
        let headers = vec![("Accept", "application/json")];
        Request { method: Method::Get, url, auth, headers, json: None }
    }
}

/// A response, whatever its status: a redirect is one, too, and is not followed.
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; it may hold a token.
    pub body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// A header's first value; its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header; its name in lower case.
    pub fn headers_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON of this form; `None` if it is none.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(without_mark(&self.body)).ok()
    }

    /// Whether the body is a page for people.
    #[must_use]
    pub fn is_page(&self) -> bool {
        let is_html = |kind: &str| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            ["text/html", "application/xhtml+xml"].iter().any(|html| kind.eq_ignore_ascii_case(html))
        };
        let html = self.header("content-type").is_some_and(is_html);
        html || without_mark(&self.body).trim_ascii_start().first() == Some(&b'<')
    }

    /// Seconds for which the service wants to be left alone; a day stands for all that is longer.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        let value = self.header("retry-after")?.trim();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A fraction is none of the standard's, and sent all the same; sooner than asked for would be too soon.
        let (whole, more) = match value.split_once('.') {
            Some((whole, part)) if is_number(part) => (whole, part.bytes().any(|digit| digit != b'0')),
            _ => (value, false),
        };
        if is_number(whole) {
            // One that no number can hold is long.
            return Some(whole.parse().unwrap_or(DAY).saturating_add(more.into()).min(DAY));
        }
        // A date counts from the service's own, so that nobody's clock matters.
        self.until(at(value)?)
    }

    /// The same, also where only the end of a limit is told that was reached, as GitHub and Azure DevOps tell it.
    #[must_use]
    pub fn limit_ends(&self) -> Option<u64> {
        let reset = || {
            let value = self.header("x-ratelimit-reset").or_else(|| self.header("ratelimit-reset"))?;
            self.until(value.trim().parse().ok()?)
        };
        self.retry_after().or_else(reset)
    }

    /// Seconds from the answer to a time (Unix seconds).
    fn until(&self, then: i64) -> Option<u64> {
        let seconds = then.checked_sub(at(self.header("date")?)?)?;
        u64::try_from(seconds).ok().map(|seconds| seconds.min(DAY))
    }
}

const DAY: u64 = 86_400;

/// A date of HTTP in Unix seconds.
fn at(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| at.timestamp().as_second())
}

/// Without the mark of the byte order that Windows' programs put before a text.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_kind_or_its_first_sign_however_they_are_written() {
        let is_page = |kind: &str, body: &[u8]| {
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            Response { status: 200, headers, body: Zeroizing::new(body.to_vec()) }.is_page()
        };
        for (kind, body) in [
            ("text/html", &b""[..]),
            (" Text/HTML; charset=utf-8", b"{}"),
            ("application/json", b"\n <html>"),
            ("", b"\xef\xbb\xbf<!DOCTYPE html>"),
        ] {
            assert!(is_page(kind, body), "{kind}");
        }
        assert!(!is_page("application/json", b"\xef\xbb\xbf{}") && !is_page("text", b""));
    }

    #[test]
    fn a_fraction_of_a_second_is_waited_for_whole() {
        let after = |value: &str| {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            Response { status: 429, headers, body: Zeroizing::default() }.retry_after()
        };
        for (value, seconds) in
            [("2.5", 3), ("2.0", 2), ("0.001", 1), ("86400.5", 86_400), ("99999999999999999999.5", 86_400)]
        {
            assert_eq!(after(value), Some(seconds), "{value}");
        }
    }

    #[test]
    fn a_service_that_wants_to_be_left_alone_says_so_in_seconds_or_as_a_date() {
        let after = |value: &str, date: Option<&str>| {
            let pairs = [("retry-after", Some(value)), ("date", date)];
            let headers =
                pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
            Response { status: 429, headers: headers.collect(), body: Zeroizing::default() }.retry_after()
        };
        let (now, later) = ("Sun, 22 Nov 2026 09:00:00 GMT", "Sun, 22 Nov 2026 09:00:07 GMT");
        assert_eq!((after(" 7 ", None), after(later, Some(now))), (Some(7), Some(7)));
        assert_eq!(
            (after(now, Some(later)), after(later, None), after("soon", Some(now))),
            (None, None, None)
        );
        assert_eq!(
            (after("-5", None), after("1.x", None), after("", None), after("+7", None)),
            (None, None, None, None)
        );
        for odd in [".5", "1.", "1.-5", "1.2.3", "1,5"] {
            assert_eq!(after(odd, None), None, "{odd}");
        }
        let long = ["86401", "18446744073709551615", "99999999999999999999999"];
        assert!(long.iter().all(|value| after(value, None) == Some(86_400)));
        assert_eq!(after("Sun, 22 Nov 2099 09:00:00 GMT", Some(now)), Some(86_400));
    }
}
