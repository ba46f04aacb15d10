//! The header of an age file: who can open it, and a code over all that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hkdf::hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{DecryptError, FileKey, INTRO, derived};

/// No header that anybody makes comes near this.
const LONGEST: usize = 64 * 1024;

/// The columns of a stanza's body.
const COLUMNS: usize = 64;

/// What one recipient needs.
pub(super) struct Stanza {
    /// Kind and arguments.
    pub(super) words: Vec<String>,
    /// The wrapped file key.
    pub(super) body: Vec<u8>,
}

impl Stanza {
    pub(super) fn kind(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(b"-> ");
        to.extend_from_slice(self.words.join(" ").as_bytes());
        let body = BASE64.encode(&self.body);
        let mut rest = body.as_str();
        loop {
            let (line, after) = rest.split_at(rest.len().min(COLUMNS));
            to.push(b'\n');
            to.extend_from_slice(line.as_bytes());
            // The last line is always a short one.
            if line.len() < COLUMNS {
                break;
            }
            rest = after;
        }
        to.push(b'\n');
    }
}

/// A header that was read.
pub(super) struct Header<'f> {
    pub(super) stanzas: Vec<Stanza>,
    covered: &'f [u8],
    code: Vec<u8>,
}

impl Header<'_> {
    /// Whether it is as it was made by somebody who had the file key.
    pub(super) fn check(&self, key: &FileKey) -> Result<(), DecryptError> {
        mac(key, self.covered).and_then(|mac| mac.verify_slice(&self.code).ok()).ok_or(DecryptError::Altered)
    }
}

fn mac(key: &FileKey, covered: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&*derived(b"", &**key, b"header")).ok()?;
    mac.update(covered);
    Some(mac)
}

/// Puts the end of the header behind its stanzas.
pub(super) fn finish(file: &mut Vec<u8>, key: &FileKey) {
    file.extend_from_slice(b"---");
    let code = mac(key, file).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default();
    file.push(b' ');
    file.extend_from_slice(BASE64.encode(code).as_bytes());
    file.push(b'\n');
}

/// Reads the header, and returns what stands behind it.
pub(super) fn read(file: &[u8]) -> Result<(Header<'_>, &[u8]), DecryptError> {
    let mut rest = file.strip_prefix(INTRO).ok_or(DecryptError::Header)?;
    let mut stanzas = Vec::new();
    loop {
        let here = file.len() - rest.len();
        if here > LONGEST {
            return Err(DecryptError::Header);
        }
        let line = line(&mut rest)?;
        if let Some(code) = line.strip_prefix("--- ") {
            let code = BASE64.decode(code).map_err(|_| DecryptError::Header)?;
            let covered = file.get(..here + "---".len()).ok_or(DecryptError::Header)?;
            return match stanzas.is_empty() || code.len() != 32 {
                true => Err(DecryptError::Header),
                false => Ok((Header { stanzas, covered, code }, rest)),
            };
        }
        let words: Vec<String> =
            line.strip_prefix("-> ").ok_or(DecryptError::Header)?.split(' ').map(str::to_owned).collect();
        let visible = |word: &String| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
        if !words.iter().all(visible) {
            return Err(DecryptError::Header);
        }
        stanzas.push(Stanza { words, body: body(&mut rest)? });
    }
}

fn body(rest: &mut &[u8]) -> Result<Vec<u8>, DecryptError> {
    let mut text = String::new();
    loop {
        let line = line(rest)?;
        text.push_str(line);
        match line.len() {
            COLUMNS if text.len() <= LONGEST => {}
            0..COLUMNS => return BASE64.decode(text).map_err(|_| DecryptError::Header),
            _ => return Err(DecryptError::Header),
        }
    }
}

fn line<'f>(rest: &mut &'f [u8]) -> Result<&'f str, DecryptError> {
    let look = &rest[..rest.len().min(LONGEST)];
    let end = look.iter().position(|byte| *byte == b'\n').ok_or(DecryptError::Header)?;
    let line = std::str::from_utf8(&rest[..end]).map_err(|_| DecryptError::Header)?;
    *rest = &rest[end + 1..];
    Ok(line)
}
