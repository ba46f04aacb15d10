//! Reading a token against the records' [`TokenFormat`]s. It finds a paste that lost a character before it is stored (the service
//! shows a token once), asks about one that belongs elsewhere, knows how long one can last at most, and takes tokens out of foreign
//! text. Pure.
//!
//! A token of no known format is none of its business: services change their tokens without asking us.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

use super::token_format::{Lifespan, TokenFormat};
use super::{ALL, Forge};

/// What a token looks like, seen from the forge that it is for.
pub enum RecognizedToken {
    /// One of this forge's.
    Fits {
        /// Its kind.
        format: &'static TokenFormat,
        /// How long it lives at most, if that is in it.
        lifespan: Option<Lifespan>,
    },
    /// One of another forge's.
    Foreign {
        /// Whose.
        forge: &'static Forge,
        /// Its kind.
        format: &'static TokenFormat,
    },
    /// One that lost or gained something on the way; what, in a sentence.
    Damaged(String),
    /// Nothing that we know.
    Unknown,
}

/// Reads a token that is meant for `forge`.
#[must_use]
pub fn recognize(token: &Secret, forge: &'static Forge) -> RecognizedToken {
    let bytes = token.expose();
    if forge.is_generic() {
        // A password may look like anything, and a host that nobody described may be any service.
        return RecognizedToken::Unknown;
    }
    if let Some(format) = forge.token_formats.iter().find(|format| format.fits(bytes)) {
        let lifespan = format.lifespan.and_then(|read| read(bytes));
        return RecognizedToken::Fits { format, lifespan };
    }
    if forge.token_formats.iter().any(|format| encoded(bytes, format)) {
        return RecognizedToken::Damaged(
            "it is a token in Base64, as it stands in a header; give the token itself".to_owned(),
        );
    }
    if let Some(what) = damage(bytes, forge) {
        return RecognizedToken::Damaged(what);
    }
    let others = || {
        let all = ALL.iter().flat_map(|other| other.token_formats.iter().map(move |format| (*other, format)));
        all.filter(|(_, format)| format.distinctive)
    };
    // One that is not whole is another's all the same.
    let foreign = others()
        .find(|(_, format)| format.fits(bytes))
        .or_else(|| others().find(|(_, format)| format.is_meant(bytes)));
    foreign.map_or(RecognizedToken::Unknown, |(forge, format)| RecognizedToken::Foreign { forge, format })
}

/// In what way this is one of a forge's tokens, but not whole. Where several kinds of one name begin alike, nobody knows which one it
/// was: then the lengths of all are named, unless it has the length of one.
fn damage(token: &[u8], forge: &'static Forge) -> Option<String> {
    let mut like = forge.token_formats.iter().filter(|format| format.damage(token).is_some());
    let first = like.next()?;
    let others: Vec<&TokenFormat> =
        like.filter(|format| format.name == first.name && format.is_meant(token)).collect();
    let has_length = |format: &&TokenFormat| (format.span().0..=format.span().1).contains(&token.len());
    let all = || std::iter::once(first).chain(others.iter().copied());
    if others.is_empty() || has_length(&first) {
        return first.damage(token);
    }
    if let Some(format) = all().find(has_length) {
        return format.damage(token);
    }
    let lengths = all().map(|format| match format.span() {
        (least, most) if least == most => least.to_string(),
        (least, _) => format!("at least {least}"),
    });
    let lengths = lengths.collect::<Vec<_>>().join(", or ");
    Some(format!(
        "it looks like {}, but has {} characters where those have {lengths}",
        first.name,
        token.len()
    ))
}

/// Foreign text without any token in it: neither `known`, however it is dressed, nor what looks like one.
#[must_use]
pub fn redacted(text: &str, known: &Secret) -> String {
    let mut text = without_basic(text, known);
    for encoding in encodings(known) {
        if text.contains(encoding.as_str()) {
            text = text.replace(encoding.as_str(), "(token)");
        }
    }
    masked(&text)
}

/// Foreign text without what looks like a token.
#[must_use]
pub fn masked(text: &str) -> String {
    let token_formats =
        || ALL.iter().flat_map(|forge| forge.token_formats).filter(|format| format.distinctive);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        let begins = at == 0 || !is_word(text.as_bytes()[at - 1]);
        let found = if begins { token_formats().find_map(|format| format.length(rest)) } else { None };
        match found {
            // With the rest of the word: a token with something stuck to it is no less secret.
            Some(length) => {
                out.push_str("(token)");
                at += length + rest[length..].iter().take_while(|&&byte| is_word(byte)).count();
            }
            None => {
                let next = text[at..].chars().next().map_or(1, char::len_utf8);
                out.push_str(&text[at..at + next]);
                at += next;
            }
        }
    }
    out
}

/// Whether this is a token, or one that lost its end, whoever's: what has no place where a name stands.
#[must_use]
pub fn is_token(text: &str) -> bool {
    // A person's name may begin like one, but is not so long.
    let cut = |format: &TokenFormat| text.len() >= 20 && format.is_meant(text.as_bytes());
    let mut token_formats =
        ALL.iter().flat_map(|forge| forge.token_formats).filter(|format| format.distinctive);
    token_formats.any(|format| format.length(text.as_bytes()) == Some(text.len()) || cut(format))
}

/// A token as it may come back: itself, and percent-encoded where that differs.
fn encodings(token: &Secret) -> Vec<Zeroizing<String>> {
    let Ok(text) = std::str::from_utf8(token.expose()) else { return Vec::new() };
    // What is too short would take half of the text away.
    if text.len() < SHORTEST {
        return Vec::new();
    }
    let mut encoded = String::with_capacity(3 * text.len());
    encoded.extend(url::form_urlencoded::byte_serialize(text.as_bytes()));
    vec![Zeroizing::new(text.to_owned()), Zeroizing::new(encoded)]
}

/// The text without what Basic sends: Base64 of the token behind any user name.
fn without_basic(text: &str, token: &Secret) -> String {
    let bytes = token.expose();
    let shows = |word: &str| {
        let inner = STANDARD.decode(word).map(Zeroizing::new);
        inner.is_ok_and(|inner| inner.strip_suffix(bytes).is_some_and(|front| front.ends_with(b":")))
    };
    let is_digit = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !is_digit(c)) {
        let word = piece.trim_end_matches(|c: char| !is_digit(c));
        out.push_str(if bytes.len() >= SHORTEST && shows(word) { "(token)" } else { word });
        out.push_str(&piece[word.len()..]);
    }
    out
}

/// Shorter ones are not looked for in foreign text.
const SHORTEST: usize = 6;

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Whether this is Base64 of something that ends in such a token: what a header carries.
fn encoded(bytes: &[u8], format: &TokenFormat) -> bool {
    let Ok(inner) = STANDARD.decode(bytes).map(Zeroizing::new) else { return false };
    let token = inner.iter().position(|&byte| byte == b':').map_or(&[][..], |at| &inner[at + 1..]);
    format.fits(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge;

    fn read(token: &str, forge: &str) -> RecognizedToken {
        recognize(&Secret::copy_of(token.as_bytes()), forge::named(forge).unwrap())
    }

    fn verdict(token: &str, forge: &str) -> String {
        match read(token, forge) {
            RecognizedToken::Fits { format, .. } => format!("fits: {}", format.name),
            RecognizedToken::Foreign { forge, .. } => format!("of {}", forge.id),
            RecognizedToken::Damaged(why) => why,
            RecognizedToken::Unknown => "unknown".to_owned(),
        }
    }

    const AZURE_OLD: &str = "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq";
    const GITHUB: &str = "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";

    fn azure_new() -> String {
        format!("{}JQQJ99BLACAAAAAAAAAAAAAAAZDO1aB2", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP")
    }

    #[test]
    fn whole_tokens_of_every_kind_are_recognised() {
        let gitlab = format!("glpat-{}", "aB3_-xYz9Q".repeat(2));
        let routable = format!("glpat-{}.01abcdefg", "a".repeat(40));
        let hugging = format!("hf_{}", "a".repeat(34));
        let fine = format!("github_pat_{}_{}", "a".repeat(22), "b".repeat(59));
        for (token, forge) in [
            (AZURE_OLD, "azure-devops"),
            (azure_new().as_str(), "azure-devops-server"),
            (GITHUB, "github"),
            (&fine, "github"),
            (&gitlab, "gitlab"),
            (&routable, "gitlab"),
            (&hugging, "hugging-face"),
        ] {
            let seen = verdict(token, forge);
            assert!(seen.starts_with("fits: "), "{forge}: {seen}");
        }
    }

    #[test]
    fn every_single_mistake_in_a_token_with_a_checksum_is_found() {
        for (token, forge) in [(AZURE_OLD, "azure-devops"), (GITHUB, "github")] {
            let body = token.len() - if forge == "github" { 36 } else { 52 };
            for at in body..token.len() {
                let mut wrong = token.to_owned().into_bytes();
                wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
                let mut swapped = token.to_owned().into_bytes();
                if at + 1 < token.len() && swapped[at] != swapped[at + 1] {
                    swapped.swap(at, at + 1);
                } else {
                    swapped = wrong.clone();
                }
                let short = format!("{}{}", &token[..at], &token[at + 1..]);
                let long = format!("{}x{}", &token[..at], &token[at..]);
                for bad in
                    [String::from_utf8(wrong).unwrap(), String::from_utf8(swapped).unwrap(), short, long]
                {
                    let seen = verdict(&bad, forge);
                    assert!(seen.starts_with("it looks like"), "{bad}: {seen}");
                    assert!(!seen.contains(&bad));
                }
            }
        }
    }

    #[test]
    fn a_cut_token_of_which_there_are_two_lengths_is_measured_against_both() {
        let routable = format!("glpat-{}.01abcdefg", "a".repeat(40));
        for length in [7, 25, 27, 36] {
            let why = verdict(&routable[..length], "gitlab");
            assert!(
                why.ends_with(&format!("has {length} characters where those have 26, or at least 43")),
                "{why}"
            );
        }
        // As long as one of the kinds, but not whole: something in it is wrong.
        let why = verdict(&routable[..50], "gitlab");
        assert!(why.ends_with("a character in it does not belong there"), "{why}");
    }

    #[test]
    fn cut_off_tokens_of_the_other_kinds_are_found() {
        let new = azure_new();
        let gitlab = format!("glpat-{}", "a".repeat(19));
        let in_header = STANDARD.encode(format!("alice:{AZURE_OLD}"));
        for (token, forge, why) in [
            (&new[..83], "azure-devops", "has 83 characters where those have 84"),
            (&new[1..], "azure-devops", "has 83 characters"),
            (&gitlab, "gitlab", "has 25 characters where those have 26"),
            ("hf_short", "hugging-face", "8 characters"),
            ("github_pat_abc", "github", "14 characters"),
            (&in_header, "azure-devops", "in Base64"),
            (&AZURE_OLD[..30], "azure-devops", "has 30 characters where those have 52"),
            (&new.replace("BL", "BZ"), "azure-devops", "a character in it does not belong there"),
            (&new.replace("BL", "bL"), "azure-devops", "a character in it does not belong there"),
        ] {
            let seen = verdict(token, forge);
            assert!(seen.contains(why), "{token}: {seen}");
        }
    }

    #[test]
    fn what_is_no_ones_shape_is_left_alone() {
        for token in [
            "s3cret-1",
            "present-token",
            "pässwörd",
            "x",
            "correct-horse-battery-staple",
            "correcthorsebatterystaplewithoutany",
        ] {
            for forge in forge::ALL {
                assert_eq!(verdict(token, forge.id), "unknown", "{token} for {}", forge.id);
            }
        }
        // A password may look like anything.
        assert_eq!(verdict("ghp_", "generic"), "unknown");
        assert_eq!(verdict(GITHUB, "generic"), "unknown");
    }

    #[test]
    fn a_token_of_another_service_is_seen() {
        assert_eq!(verdict(GITHUB, "azure-devops"), "of github");
        assert_eq!(verdict(AZURE_OLD, "github"), "of azure-devops");
        // Both make the same ones.
        assert!(verdict(AZURE_OLD, "azure-devops-server").starts_with("fits"));
        // Mistyped or cut off, it is no more this one's.
        assert_eq!(verdict(&GITHUB[..20], "azure-devops"), "of github");
        assert_eq!(verdict(&GITHUB.replace('z', "Z"), "gitlab"), "of github");
        assert_eq!(verdict("glpat-short", "azure-devops"), "of gitlab");
        assert_eq!(verdict(&azure_new()[..80], "github"), "of azure-devops");
        // A commit's id has that format too.
        assert_eq!(verdict(&"0a".repeat(20), "github"), "unknown");
    }

    #[test]
    fn a_new_azure_token_tells_when_it_ends_at_the_latest() {
        let RecognizedToken::Fits { lifespan: Some(lifespan), .. } = read(&azure_new(), "azure-devops")
        else {
            panic!()
        };
        assert_eq!(crate::text::rfc3339(lifespan.expires_by), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn no_token_stays_in_foreign_text() {
        let known = Secret::copy_of(b"s3cret-token");
        let basic = STANDARD.encode(":s3cret-token");
        let text = format!(
            "no: {GITHUB}, ({AZURE_OLD}) s3cret-token {basic} {}x http://h/{}?a",
            azure_new(),
            azure_new()
        );
        let clean = redacted(&text, &known);
        assert_eq!(clean, "no: (token), ((token)) (token) (token) (token) http://h/(token)?a");
        for user in ["", "me@example.com"] {
            let basic = STANDARD.encode(format!("{user}:s3cret-token"));
            assert_eq!(redacted(&format!("got \"Basic {basic}\"."), &known), "got \"Basic (token)\".");
        }
        let odd = Secret::copy_of(b"s3cret+/token");
        assert_eq!(redacted("a=s3cret%2B%2Ftoken&b", &odd), "a=(token)&b");
        assert_eq!(redacted("TF400813: Größe 12", &known), "TF400813: Größe 12");
        let odd = Secret::copy_of(b"s3c/et+token=");
        assert_eq!(redacted("at /x?t=s3c%2Fet%2Btoken%3D&u", &odd), "at /x?t=(token)&u");
    }

    #[test]
    fn a_name_is_not_taken_for_a_token_and_a_token_not_for_a_name() {
        for token in [GITHUB, AZURE_OLD, &GITHUB[..39], &azure_new()] {
            assert!(is_token(token), "{token}");
        }
        for name in ["alice", "alice@example.test", "VssSessionToken", "x-oauth-basic", "", "ghp_", "hf_dora"]
        {
            assert!(!is_token(name), "{name}");
        }
    }

    #[test]
    fn every_shape_has_a_name_for_a_sentence() {
        for format in forge::ALL.iter().flat_map(|forge| forge.token_formats) {
            assert!(format.name.starts_with("a") && !format.name.ends_with('.'), "{}", format.name);
            let (least, most) = format.span();
            assert!(least <= most && least >= 4);
        }
    }
}
