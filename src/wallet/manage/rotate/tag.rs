//! The tag behind the name of a token that is being made. The service shows a token once, in the answer to the request that makes
//! it; if that answer is lost, only its name tells which one it was. So whatever becomes of the name on its way, the tag stays: the
//! name before it is short in bytes, and so in whatever else a service counts, and nothing in the tag can be trimmed.

use crate::account::Id;
use crate::error::Error;

/// The most bytes of a name, without its tag. What a service takes is not documented; this is less than any that is known.
pub const LONGEST: usize = 100;

/// The name of a token that has none of its own.
const NAMELESS: &str = "keyfob";

/// A word that nothing else has: `#0a1b2c3d`.
pub(super) fn new_tag() -> Result<String, Error> {
    let id = Id::random()?;
    Ok(format!("#{}", id.as_str().get(..8).unwrap_or_default()))
}

/// The tag behind a name.
#[must_use]
pub fn tag_of(name: &str) -> Option<&str> {
    name.strip_prefix(without_tag(name)).map(str::trim_start).filter(|tag| !tag.is_empty())
}

/// A name without the tag that an earlier rotation put behind it.
#[must_use]
pub fn without_tag(name: &str) -> &str {
    let is_tag = |word: &str| {
        let digits = word.strip_prefix('#').unwrap_or_default();
        digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    name.rsplit_once(' ').filter(|(_, last)| is_tag(last)).map_or(name, |(front, _)| front)
}

/// Whether a name is too long to be taken whole.
#[must_use]
pub fn is_long(name: &str) -> bool {
    without_tag(name).trim().len() > LONGEST
}

/// A name with this tag behind it, in place of one that it had; the beginning of a long one.
#[must_use]
pub(super) fn tagged(name: &str, tag: &str) -> String {
    let name = without_tag(name.trim()).trim();
    match name {
        "" => format!("{NAMELESS} {tag}"),
        _ if !is_long(name) => format!("{name} {tag}"),
        _ => {
            let room = LONGEST - '…'.len_utf8();
            let begins = name.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room);
            let front = name.get(..begins.last().unwrap_or_default()).unwrap_or_default();
            format!("{}… {tag}", front.trim_end())
        }
    }
}

/// Whether a name that the service shows has this tag, whatever blanks or letter case it made of it.
#[must_use]
pub fn has_tag(name: &str, tag: &str) -> bool {
    name.trim_end().to_ascii_lowercase().ends_with(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "#0a1b2c3d";

    #[test]
    fn tags_are_known_by_their_form() {
        for (name, plain) in [
            ("git #0a1b2c3d", "git"),
            ("git on laptop #0a1b2c3d", "git on laptop"),
            ("git #0a1b2c3", "git #0a1b2c3"),
            ("git #0A1B2C3D", "git #0A1B2C3D"),
            ("#0a1b2c3d", "#0a1b2c3d"),
            ("issue #12345678", "issue"),
            ("", ""),
        ] {
            assert_eq!(without_tag(name), plain);
        }
    }

    #[test]
    fn the_tag_is_behind_every_name_and_stays_whatever_a_service_cuts_off() {
        let long = |c: &str| c.repeat(400);
        for name in [
            "git".to_owned(),
            String::new(),
            "   ".to_owned(),
            TAG.to_owned(),
            "git #ffffffff".to_owned(),
            "x".repeat(100),
            "x".repeat(101),
            long("x"),
            long("ü"),
            long("鍵"),
            // Two units of UTF-16 each, and of several parts.
            long("🔑"),
            long("👩‍👩‍👧"),
            long(" "),
            format!("{} #ffffffff", long("y ")),
        ] {
            let whole = tagged(&name, TAG);
            assert!(whole.len() <= LONGEST + 1 + TAG.len() && !whole.starts_with(' '), "{whole}");
            assert!(whole.ends_with(&format!(" {TAG}")) && whole.matches('#').count() <= 2, "{whole}");
            // Bytes, units of UTF-16 and characters: the most that 128 of each would leave.
            assert!(whole.len() <= 128 && whole.encode_utf16().count() <= 128);
            for shown in [whole.trim().to_owned(), format!("{whole} \n"), whole.to_uppercase()] {
                assert!(has_tag(&shown, TAG), "{shown}");
            }
            assert_eq!(
                tagged(&whole, "#11111111").replace("#11111111", TAG),
                whole,
                "made twice, it is the same"
            );
        }
        assert!(!has_tag("git #0a1b2c3", TAG) && !has_tag("git", TAG) && !has_tag("git #0a1b2c3d 2", TAG));
    }

    #[test]
    fn a_long_name_keeps_its_beginning_and_says_that_it_is_cut() {
        assert_eq!(tagged(&"x".repeat(100), TAG), format!("{} {TAG}", "x".repeat(100)));
        assert_eq!(tagged(&"x".repeat(101), TAG), format!("{}… {TAG}", "x".repeat(97)));
        assert_eq!(tagged(&"ü".repeat(60), TAG), format!("{}… {TAG}", "ü".repeat(48)));
        assert!(is_long(&"ü".repeat(51)) && !is_long(&"ü".repeat(50)));
        assert!(!is_long(&format!("{} {TAG}", "x".repeat(100))), "a tag does not count");
    }
}
