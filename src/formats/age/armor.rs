//! The armor of age files (`age --armor`): the file in base64 between two lines, so that it passes through mail. It is read, and
//! never written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";

/// The file within its armor; `None` if it wears none, or a broken one.
pub fn taken_off(file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(file).ok()?.trim();
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let letters: Zeroizing<String> = Zeroizing::new(body.lines().map(str::trim_end).collect());
    BASE64.decode(letters.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armor_comes_off_whole_or_not_at_all() {
        let inside = |text: &str| taken_off(text.as_bytes()).map(|bytes| bytes.to_vec());
        let lines = ["YWdl", "LWZpbGU="];
        for end in ["\n", "\r\n"] {
            let whole = [BEGIN, lines[0], lines[1], END, ""].join(end);
            assert_eq!(inside(&whole).as_deref(), Some(&b"age-file"[..]));
            assert_eq!(inside(&format!("\n\n{whole}\n")).as_deref(), Some(&b"age-file"[..]));
            assert_eq!(inside(&whole.replace("----END", "----ENDE")), None);
            assert_eq!(inside(&whole.replace("YWdl", "YWd!")), None);
            assert_eq!(inside(&whole[1..]), None);
        }
        assert_eq!(inside("age-encryption.org/v1\n"), None);
    }
}
