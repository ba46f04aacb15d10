//! Thousands of hostile requests from a generator with fixed seeds, judged by an oracle that knows nothing
//! of the wallet: for each token, the places where it may appear. And bytes without any sense, which must end in silence.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::generator::{Generator, request};
use super::{Ran, full_bench, run};

/// The one value of a key, as the simplest reader would see it: `None` if it is missing, `Err` if two differ.
fn only<'l>(lines: &[&'l str], key: &str) -> Result<Option<&'l str>, ()> {
    let mut values: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect();
    values.dedup();
    if values.len() > 1 { Err(()) } else { Ok(values.first().copied()) }
}

/// The one token that may appear in the answer to a request, if any.
fn may_appear(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    if text.contains(['\r', '\0']) {
        return None;
    }
    let block = text.split("\n\n").next().unwrap();
    if block.starts_with('\n') {
        return None;
    }
    let lines: Vec<&str> = block.split('\n').filter(|line| !line.is_empty()).collect();
    let value = |key| only(&lines, key).ok();
    let (protocol, host) = (value("protocol")??, value("host")??);
    let (path, user) = (value("path")?.unwrap_or(""), value("username")?);
    if !protocol.eq_ignore_ascii_case("https") {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let name = name.strip_suffix('.').unwrap_or(name);
    let segments: Vec<&str> =
        path.split(['?', '#']).next().unwrap().split('/').filter(|segment| !segment.is_empty()).collect();
    let climbs = |s: &&str| [".", "..", "%2e%2e"].contains(s) || s.contains(['\\']) || s.contains("%2f");
    if segments.iter().any(climbs) {
        return None;
    }
    let first = *segments.first().unwrap_or(&"");
    let organisation = match name {
        "dev.azure.com" | "pkgs.dev.azure.com" | "vssps.dev.azure.com" if port.is_empty() => {
            if first.is_empty() { user.unwrap_or("") } else { first }
        }
        "contoso.visualstudio.com" | "contoso.pkgs.visualstudio.com" if port.is_empty() => "contoso",
        "fabrikam.visualstudio.com" if port.is_empty() => "fabrikam",
        "evilpkgs.visualstudio.com" if port.is_empty() => "evilpkgs",
        "github.com" | "api.github.com" | "npm.pkg.github.com" if port.is_empty() => {
            return Some("TOKEN-github");
        }
        "tfs.corp.example" if port == "8443" => {
            let below = segments.len() > 1
                && first.eq_ignore_ascii_case("tfs")
                && segments[1].eq_ignore_ascii_case("one");
            return (first.is_empty() || below).then_some("TOKEN-server");
        }
        "git.example" if port.is_empty() => {
            return user.is_none_or(|user| user.is_empty() || user == "alice").then_some("TOKEN-generic");
        }
        _ => return None,
    };
    ["TOKEN-contoso", "TOKEN-fabrikam", "TOKEN-evilpkgs"]
        .into_iter()
        .find(|token| token.trim_start_matches("TOKEN-").eq_ignore_ascii_case(organisation))
}

/// Every token that an answer shows, in whatever dress.
fn shown(ran: &Ran) -> Vec<String> {
    let mut shown = Vec::new();
    for line in ran.text().lines() {
        let (key, value) = line.split_once('=').expect("an answer is key=value lines");
        match key {
            "password" => shown.push(value.to_owned()),
            "credential" => {
                let pair = String::from_utf8(BASE64.decode(value).unwrap()).unwrap();
                shown.push(pair.strip_prefix(':').unwrap().to_owned());
            }
            "username" => assert!(!value.is_empty() && !value.contains("TOKEN")),
            "capability[]" | "authtype" => {}
            other => panic!("{other} in an answer"),
        }
    }
    shown
}

fn is_well_behaved(ran: &Ran, request: &[u8]) {
    let context = || String::from_utf8_lossy(request).chars().take(400).collect::<String>();
    assert_eq!(ran.code, 0, "{:?}", context());
    assert!(ran.notes.lines().count() <= 1 && !ran.notes.contains("TOKEN"), "{}: {:?}", ran.notes, context());
    assert!(ran.notes.is_empty() || ran.notes.ends_with('\n'));
    assert!(!ran.notes.trim_end_matches('\n').contains(char::is_control), "{:?}", ran.notes);
    assert!(ran.out.is_empty() || ran.notes.is_empty(), "an answer or a word, not both: {:?}", context());
}

#[test]
fn a_token_appears_only_where_it_may_and_a_get_changes_nothing() {
    let bench = full_bench();
    let before = (bench.files(), bench.memory.len());
    let (mut generator, mut hits) = (Generator(0x9e37_79b9_7f4a_7c15), 0);
    for _ in 0..10_000 {
        let request = request(&mut generator);
        let ran = run(&bench, "get", &request);
        is_well_behaved(&ran, &request);
        let allowed = may_appear(&request);
        for token in shown(&ran) {
            let text = String::from_utf8_lossy(&request).chars().take(400).collect::<String>();
            assert_eq!(Some(token.as_str()), allowed, "{text:?}");
            hits += 1;
        }
    }
    assert!((bench.files(), bench.memory.len()) == before);
    // Most requests are spoilt; if next to none were answered, the others would prove nothing.
    assert!(hits > 1_000, "{hits}");
}

#[test]
fn no_hostile_refusal_without_the_token_changes_anything() {
    let bench = full_bench();
    let before = (bench.files(), bench.memory.len());
    let mut generator = Generator(0x2545_f491_4f6c_dd1d);
    for round in 0..5_000 {
        let mut request = request(&mut generator);
        if round % 2 == 0 {
            request.splice(0..0, b"password=TOKEN-other\n".iter().copied());
        }
        let ran = run(&bench, "erase", &request);
        is_well_behaved(&ran, &request);
        assert!(ran.out.is_empty());
    }
    assert!((bench.files(), bench.memory.len()) == before);
}

#[test]
fn a_hostile_store_never_changes_what_a_person_added() {
    let bench = full_bench();
    let mut generator = Generator(0xd1b5_4a32_d192_ed03);
    for _ in 0..300 {
        let mut request = request(&mut generator);
        request.splice(0..0, b"password=OTHER\n".iter().copied());
        let ran = run(&bench, "store", &request);
        is_well_behaved(&ran, &request);
        assert!(ran.out.is_empty());
    }
    let entries = bench.entries();
    assert_eq!(entries.iter().filter(|entry| entry.contains(" person active 0")).count(), 6, "{entries:#?}");
    for (request, token) in [
        ("protocol=https\nhost=dev.azure.com\npath=contoso\n", "TOKEN-contoso"),
        ("protocol=https\nhost=fabrikam.visualstudio.com\n", "TOKEN-fabrikam"),
        ("protocol=https\nhost=dev.azure.com\nusername=evilpkgs\n", "TOKEN-evilpkgs"),
        ("protocol=https\nhost=github.com\n", "TOKEN-github"),
        ("protocol=https\nhost=tfs.corp.example:8443\n", "TOKEN-server"),
        ("protocol=https\nhost=git.example\nusername=alice\n", "TOKEN-generic"),
    ] {
        assert_eq!(run(&bench, "get", request).value("password"), Some(token), "{request}");
    }
}

/// Bytes without sense, and requests with some of their bytes turned.
fn nonsense(generator: &mut Generator) -> Vec<u8> {
    if generator.once_in(2) {
        let length = generator.below(300);
        let alphabet = b"=\n\r\0[]%:/@.ahps\x80\xff";
        return (0..length)
            .map(|_| {
                if generator.once_in(2) {
                    generator.roll() as u8
                } else {
                    alphabet[generator.below(alphabet.len())]
                }
            })
            .collect();
    }
    let mut bytes = request(generator);
    bytes.extend(
        generator
            .pick(&[
                "password=x\n",
                "authtype=Basic\ncredential=eDp5\n",
                "authtype=Basic\ncredential=====\n",
                "password_expiry_utc=9223372036854775808\npassword=x\n",
                "url=https://%\n",
                "url=https://u:p@h:99999/%zz\n",
                "url=://\n",
                "",
            ])
            .bytes(),
    );
    for _ in 0..generator.below(4) {
        let at = generator.below(bytes.len());
        bytes[at] = generator.roll() as u8;
    }
    bytes
}

#[test]
fn arbitrary_bytes_end_in_silence_or_in_well_formed_lines() {
    let bench = full_bench();
    let mut generator = Generator(0x6a09_e667_f3bc_c909);
    for round in 0..8_000 {
        let bytes = nonsense(&mut generator);
        // Stores are made durable, so there are fewer of them.
        let operation = match round % 20 {
            0 => "store",
            1 => "capability",
            2 => "unknown",
            3..8 => "erase",
            _ => "get",
        };
        let ran = run(&bench, operation, &bytes);
        assert_eq!(ran.code, 0);
        assert!(ran.notes.lines().count() <= 1, "{}", ran.notes);
        if operation == "capability" {
            assert_eq!(ran.text(), "version 0\ncapability authtype\n");
            continue;
        }
        for line in ran.out.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            assert!(line.contains(&b'=') && !line.contains(&0) && !line.contains(&b'\r'), "{line:?}");
        }
        assert!(ran.out.is_empty() || (operation == "get" && ran.out.ends_with(b"\n")));
    }
}
