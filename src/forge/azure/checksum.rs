//! The checksum of Azure DevOps' old tokens, by Microsoft's published scheme: of the 32 bytes, those at 2, 7, 8 and 22 are the CRC-32
//! of the others, with a constant mixed in that tells a person's token from an application's secret. Deliberately absent: that
//! of the new tokens, which nobody outside has seen confirmed; a wrong guess would refuse good ones.

use zeroize::Zeroizing;

use crate::forge::token_format::crc32;

/// Whether it holds in a token of 52 characters.
pub(super) fn holds(token: &[u8]) -> bool {
    read(token).unwrap_or(false)
}

fn read(token: &[u8]) -> Option<bool> {
    const SEALS: [u32; 2] = [0xE0B9_692D, 0x1019_F92E];
    const PLACES: [usize; 4] = [2, 7, 8, 22];
    let mut bytes = Zeroizing::new([0u8; 32]);
    let (mut bits, mut held, mut at) = (0u32, 0u32, 0);
    for &letter in token {
        let value = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(at)? = (bits >> held & 0xff) as u8;
            at += 1;
        }
    }
    let mut payload = Zeroizing::new(Vec::with_capacity(28));
    payload.extend(bytes.iter().enumerate().filter(|(at, _)| !PLACES.contains(at)).map(|(_, byte)| *byte));
    let found = u32::from_be_bytes(PLACES.map(|at| bytes[at]));
    // What is left over of the last letter is nothing.
    let whole = at == 32 && bits & ((1 << held) - 1) == 0;
    Some(whole && SEALS.iter().any(|seal| crc32(&payload) ^ seal == found))
}
