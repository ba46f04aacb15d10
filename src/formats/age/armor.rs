//! The armor of age files (`age --armor`): the file in base64 between two lines, so that it passes through mail. It is read, and
//! never written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";

/// The length of a full line.
const COLUMNS: usize = 64;

/// The file within its armor; `None` if it wears none, or a broken one.
pub fn taken_off(file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(file).ok()?.trim_ascii();
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let [BEGIN, body @ .., END] = lines.as_slice() else { return None };
    // Each line is full but the last, which is not empty.
    let sound = |(at, line): (usize, &&str)| match at + 1 == body.len() {
        true => (1..=COLUMNS).contains(&line.len()),
        false => line.len() == COLUMNS,
    };
    let letters = body.iter().enumerate().all(sound).then(|| Zeroizing::new(body.concat()))?;
    BASE64.decode(letters.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armor_comes_off_whole_or_not_at_all() {
        let inside = |text: &str| taken_off(text.as_bytes()).map(|bytes| bytes.to_vec());
        let plain = [b"age-file".repeat(6), b"\n".to_vec()].concat();
        let letters = BASE64.encode(&plain);
        let lines = letters.split_at(COLUMNS);
        for end in ["\n", "\r\n"] {
            let whole = [BEGIN, lines.0, lines.1, END, ""].join(end);
            assert_eq!(inside(&whole).as_deref(), Some(&plain[..]));
            assert_eq!(inside(&format!("\n\n{whole}\n")).as_deref(), Some(&plain[..]));
            assert_eq!(inside(&whole.replace("----END", "----ENDE")), None);
            assert_eq!(inside(&whole.replacen("YWdl", "YWd!", 1)), None);
            assert_eq!(inside(&whole[1..]), None);
            for gap in ["", " ", "YWdl"] {
                let broken = [BEGIN, lines.0, gap, lines.1, END].join(end);
                assert_eq!(inside(&broken), None, "{broken}");
            }
        }
        assert_eq!(inside("age-encryption.org/v1\n"), None);
    }
}
