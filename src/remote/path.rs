//! Paths: their segments, and none for what programs read differently.

use percent_encoding::{AsciiSet, percent_decode_str};

use crate::percent::RESERVED;

/// Whether `prefix` covers `path`: whole segments, from the start. `fold`: ASCII letter case does not matter.
#[must_use]
pub fn is_within(path: &[String], prefix: &[String], fold: bool) -> bool {
    let same = |(a, b): (&String, &String)| if fold { a.eq_ignore_ascii_case(b) } else { a == b };
    prefix.len() <= path.len() && prefix.iter().zip(path).all(same)
}

/// The path by segments. A query or fragment stays outside (git leaves it in the path). An empty segment counts as nothing on the
/// web, where scripts join URLs with one slash too many; other protocols may mean something by it, so there it is refused. `None` also
/// for a backslash, `.` and `..`, and for what becomes one of these or a slash by being decoded once more: git has decoded the path
/// already, and who decodes it again would go elsewhere.
pub(super) fn segments(path: &str, web: bool) -> Option<Vec<String>> {
    let path = if web { path.split(['?', '#']).next().unwrap_or_default() } else { path };
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments = path.split('/').filter(|segment| !(web && segment.is_empty()));
    segments.map(|segment| is_plain(segment).then(|| segment.to_owned())).collect()
}

/// Whether a segment is a name, however often it is decoded.
fn is_plain(segment: &str) -> bool {
    if segment.is_empty() || segment == "." || segment == ".." || segment.contains(['\\', '/']) {
        return false;
    }
    if !segment.contains('%') {
        return true;
    }
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    decoded == segment || is_plain(&decoded)
}

/// What is encoded in a path: whatever cannot stand in a segment, and what a shell would act on. Hints are commands that are
/// pasted, and the path in them came from outside.
pub(super) const UNSAFE: &AsciiSet =
    &RESERVED.remove(b'+').remove(b',').remove(b'=').remove(b':').remove(b'@');
