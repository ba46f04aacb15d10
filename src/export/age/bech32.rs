//! Bech32 (BIP 173), in which age writes its keys. Without BIP 173's limit of 90 characters, as age does.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

fn step(state: u32, value: u8) -> u32 {
    let top = state >> 25;
    let mixed = (state & 0x1ff_ffff) << 5 ^ u32::from(value);
    GENERATOR
        .iter()
        .enumerate()
        .fold(mixed, |sum, (bit, word)| if top >> bit & 1 == 1 { sum ^ word } else { sum })
}

fn begin(prefix: &str) -> u32 {
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    high.chain([0]).chain(low).fold(1, step)
}

/// The bytes behind `prefix` (in lower case); `None` if the checksum, the prefix or a single character is wrong.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mixed = text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase());
    let (front, back) = text.split_at_checked(prefix.len())?;
    let data = back.strip_prefix('1').filter(|_| !mixed && front.eq_ignore_ascii_case(prefix))?;
    let value = |byte: u8| {
        let found = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_lowercase())?;
        u8::try_from(found).ok()
    };
    let mut state = begin(prefix);
    let mut bytes = Zeroizing::new(Vec::with_capacity(data.len()));
    let (mut gathered, mut bits) = (0_u32, 0);
    let payload = data.len().checked_sub(6)?;
    for (at, byte) in data.bytes().enumerate() {
        let value = value(byte)?;
        state = step(state, value);
        if at < payload {
            gathered = gathered << 5 & 0xfff | u32::from(value);
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(gathered >> bits & 0xff).ok()?);
            }
        }
    }
    let rest_is_zero = bits < 5 && gathered & ((1 << bits) - 1) == 0;
    (state == 1 && rest_is_zero).then_some(bytes)
}

/// The text of `bytes`. For tests: keys are made by `age-keygen`.
#[cfg(test)]
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> String {
    let mut values = Vec::new();
    let (mut gathered, mut bits) = (0_u32, 0);
    for byte in bytes {
        gathered = gathered << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            values.push((gathered >> bits & 31) as u8);
        }
        gathered &= 0xff;
    }
    if bits > 0 {
        values.push((gathered << (5 - bits) & 31) as u8);
    }
    let state = values.iter().chain(&[0; 6]).fold(begin(prefix), |state, value| step(state, *value)) ^ 1;
    values.extend((0..6).map(|at| (state >> (5 * (5 - at)) & 31) as u8));
    let letters: String = values.iter().map(|value| char::from(ALPHABET[usize::from(*value)])).collect();
    format!("{prefix}1{letters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_are_read() {
        assert!(decode("a", "A12UEL5L").unwrap().is_empty());
        let all = "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw";
        assert_eq!(decode("abcdef", all).unwrap()[..4], [0x00, 0x44, 0x32, 0x14]);
        assert_eq!(encode("abcdef", &decode("abcdef", all).unwrap()), all);
    }

    #[test]
    fn a_single_wrong_letter_is_noticed() {
        let text = encode("age", &[9; 32]);
        assert_eq!(*decode("age", &text).unwrap(), [9; 32]);
        assert_eq!(*decode("age", &text.to_uppercase()).unwrap(), [9; 32]);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'q' { b'p' } else { b'q' };
            assert!(decode("age", std::str::from_utf8(&changed).unwrap()).is_none(), "{at}");
        }
        for bad in ["", "age", "age1", "age1q", "Age1qqqqqqqq", "äge1qqqqqqqq", "agé1qqqqqq"] {
            assert!(decode("age", bad).is_none(), "{bad}");
        }
    }
}
