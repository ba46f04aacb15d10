//! The server's half of SOCKS 5 (RFC 1928) as far as clients of a proxy use it: CONNECT to a name, with a user name and password
//! (RFC 1929) or without.

use std::io::{Read, Write};

/// Reads the greeting, the user if one is wanted, and the request; `host:port`. Nothing if it is not SOCKS, or not let in.
pub(super) fn greet(stream: &mut (impl Read + Write), pair: Option<&str>) -> Option<String> {
    let [5, count] = read::<2>(stream)? else { return None };
    let methods = read_many(stream, count)?;
    let wanted = if pair.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        stream.write_all(&[5, 0xff]).ok()?;
        return None;
    }
    stream.write_all(&[5, wanted]).ok()?;
    if let Some(pair) = pair {
        let [1, length] = read::<2>(stream)? else { return None };
        let user = read_many(stream, length)?;
        let [length] = read::<1>(stream)?;
        let password = read_many(stream, length)?;
        let shown = [user, password].map(|part| String::from_utf8_lossy(&part).into_owned()).join(":");
        let fine = shown == pair;
        stream.write_all(&[1, u8::from(!fine)]).ok()?;
        if !fine {
            return None;
        }
    }
    let [5, 1, 0, kind] = read::<4>(stream)? else { return None };
    let host = match kind {
        1 => read::<4>(stream)?.map(|byte| byte.to_string()).join("."),
        3 => {
            let [length] = read::<1>(stream)?;
            String::from_utf8(read_many(stream, length)?).ok()?
        }
        _ => return None,
    };
    Some(format!("{host}:{}", u16::from_be_bytes(read::<2>(stream)?)))
}

/// Says whether the client is connected; whether it is.
pub(super) fn answer(stream: &mut impl Write, connected: bool) -> bool {
    // 2 is "not allowed by ruleset".
    let code = if connected { 0 } else { 2 };
    stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).is_ok() && connected
}

fn read<const N: usize>(stream: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn read_many(stream: &mut impl Read, count: u8) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count.into()];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
