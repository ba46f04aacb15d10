//! R10: each attack on helpers that is known (reference: git-protocol, section 3): nothing leaked, nothing changed, exit 0,
//! and one line on stderr that never repeats the value.

use super::{full_bench, run};

/// A request with its name.
type Attack = (&'static str, Vec<u8>);

/// Requests that are void as a whole.
fn void() -> Vec<Attack> {
    let mut attacks: Vec<Attack> = Vec::new();
    let mut add = |name, bytes: &[u8]| attacks.push((name, bytes.to_vec()));
    add("CVE-2020-5260: two hosts, the last evil", b"protocol=https\nhost=github.com\nhost=evil.test\n");
    add("CVE-2020-5260: two hosts, the first evil", b"protocol=https\nhost=evil.test\nhost=github.com\n");
    add("two protocols", b"protocol=https\nprotocol=evil\nhost=github.com\n");
    add("two paths", b"protocol=https\nhost=dev.azure.com\npath=contoso\npath=evil\n");
    add("two user names", b"protocol=https\nhost=dev.azure.com\nusername=contoso\nusername=evil\n");
    add("CVE-2020-11008: no host", b"protocol=https\npath=evil\n");
    add("CVE-2020-11008: an empty host", b"protocol=https\nhost=\npath=evil\n");
    add("CVE-2020-11008: no protocol", b"host=github.com\npath=evil\n");
    add("CVE-2020-11008: an empty protocol", b"protocol=\nhost=github.com\n");
    add("CVE-2020-11008: a url without a host", b"url=https:///evil\n");
    add("CVE-2020-11008: a url without a scheme", b"url=github.com/evil\n");
    add("CVE-2020-11008: a query before the slash", b"url=https://?evil\n");
    add("CVE-2024-50338: a CR ends no line", b"protocol=https\nhost=github.com\rhost=evil.test\n");
    add("CVE-2024-50338: in the user name", b"protocol=https\nhost=evil.test\nusername=a\rhost=github.com\n");
    add("CVE-2024-52006: a CR at the end of a CRLF line", b"protocol=https\r\nhost=github.com\r\r\n");
    add("CVE-2024-50349: a control byte", b"protocol=https\nhost=github.com\nusername=evil\x1b[2J\n");
    add("CVE-2024-50349: in the host", b"protocol=https\nhost=github.com\x08evil\n");
    add("CVE-2024-53263: an encoded LF", b"url=https://evil.test%0ahost=github.com/\n");
    add("CVE-2024-53263: an encoded CR", b"url=https://evil.test%0dhost=github.com/\n");
    add("CVE-2024-53263: an encoded NUL", b"url=https://github.com%00.evil.test/\n");
    add("a NUL hides the rest", b"protocol=https\nhost=github.com\0.evil.test\n");
    add("CVE-2025-23040: other line ends", "protocol=https\nhost=github.com\u{2028}evil.test\n".as_bytes());
    add("next line", "protocol=https\nhost=github.com\u{85}evil.test\n".as_bytes());
    add("a line without =", b"protocol=https\nhost=github.com\nevil\n");
    add("an empty key", b"protocol=https\nhost=github.com\n=evil\n");
    add("a port that wraps to 8443", b"protocol=https\nhost=tfs.corp.example:73979\npath=evil\n");
    add("a port with a tail", b"protocol=https\nhost=tfs.corp.example:8443.evil\n");
    add("port 0", b"protocol=https\nhost=github.com:0\npath=evil\n");
    add("an empty port before another", b"protocol=https\nhost=github.com::443\npath=evil\n");
    add("a port with a zero before it", b"protocol=https\nhost=github.com:0443\npath=evil\n");
    add("a signed port", b"protocol=https\nhost=github.com:+443\npath=evil\n");
    add("two ports", b"protocol=https\nhost=github.com:443:443\npath=evil\n");
    add("a user inside the host", b"protocol=https\nhost=github.com@evil.test\n");
    add("a user inside the host, the other way", b"protocol=https\nhost=evil.test@github.com\n");
    add("a slash inside the host", b"protocol=https\nhost=github.com/evil\n");
    add("a query inside the host", b"protocol=https\nhost=github.com?evil\n");
    add("a fragment inside the host", b"protocol=https\nhost=github.com#evil\n");
    add("a backslash inside the host", b"protocol=https\nhost=evil.test\\github.com\n");
    add("a blank before the host", b"protocol=https\nhost= github.com\npath=evil\n");
    add("an escape in the host", b"protocol=https\nhost=github%2ecom\npath=evil\n");
    add("two trailing dots", b"protocol=https\nhost=github.com..\npath=evil\n");
    add("a wildcard", b"protocol=https\nhost=*\npath=evil\n");
    add("a look-alike that folds", "protocol=https\nhost=\u{ff47}ithub.com\npath=evil\n".as_bytes());
    add("full stops that fold", "protocol=https\nhost=github\u{3002}com\npath=evil\n".as_bytes());
    add("a soft hyphen", "protocol=https\nhost=git\u{ad}hub.com\npath=evil\n".as_bytes());
    add("a zero-width blank", "protocol=https\nhost=git\u{200b}hub.com\npath=evil\n".as_bytes());
    add("a Kelvin sign", "protocol=https\nhost=\u{212a}ontoso.visualstudio.com\npath=evil\n".as_bytes());
    add("no text", b"protocol=https\nhost=github.com\xff\npath=evil\n");
    add("climbing", b"protocol=https\nhost=dev.azure.com\npath=contoso/../evil\n");
    add("standing", b"protocol=https\nhost=dev.azure.com\npath=contoso/./evil\n");
    add("climbing for who decodes twice", b"protocol=https\nhost=dev.azure.com\npath=contoso/%2e%2e/evil\n");
    add(
        "climbing for who decodes three times",
        b"protocol=https\nhost=dev.azure.com\npath=contoso/%252e./evil\n",
    );
    add(
        "a slash for who decodes twice",
        b"protocol=https\nhost=dev.azure.com\npath=contoso/x%2f..%2F..%2fevil\n",
    );
    add("climbing behind an empty segment", b"protocol=https\nhost=dev.azure.com\npath=contoso//../evil\n");
    add("a backslash in the path", b"protocol=https\nhost=dev.azure.com\npath=contoso\\evil\n");
    add("an empty request", b"");
    add("an empty line first", b"\nprotocol=https\nhost=evil.test\n");
    add("a byte order mark", b"\xef\xbb\xbfprotocol=https\nhost=github.com\npath=evil\n");
    add("keys in capitals", b"Protocol=https\nHost=github.com\npath=evil\n");
    add("blanks around =", b"protocol = https\nhost = github.com\npath=evil\n");
    add("a protocol that is a URL", b"protocol=https://\nhost=github.com\npath=evil\n");
    let long = |key: &str, length: usize| format!("{key}{}", "a".repeat(length)).into_bytes();
    attacks.push(("over-long in all", long("protocol=https\nhost=github.com\nx=", 1 << 20)));
    attacks.push(("an over-long host", long("protocol=https\nhost=", 9_000)));
    attacks.push(("an over-long path", long("protocol=https\nhost=github.com\npath=", 9_000)));
    attacks.push(("an over-long user name", long("protocol=https\nhost=github.com\nusername=", 9_000)));
    attacks
}

#[test]
fn what_is_void_gives_nothing_changes_nothing_and_is_never_repeated() {
    let bench = full_bench();
    let before = (bench.files(), bench.memory.len());
    for (name, request) in void() {
        for operation in ["get", "store", "erase"] {
            let mut request = request.clone();
            if operation != "get" && !request.is_empty() && request[0] != b'\n' {
                // In front, so that an over-long rest does not hide it.
                request.splice(0..0, b"password=TOKEN-github\n".iter().copied());
            }
            let ran = run(&bench, operation, &request);
            assert_eq!((ran.code, ran.out.len()), (0, 0), "{name}: {operation}");
            assert_eq!(ran.notes.lines().count(), 1, "{name}: {operation}: {}", ran.notes);
            assert!(ran.notes.starts_with("keyfob: error: ignored a malformed request: "), "{}", ran.notes);
            for value in ["evil", "github", "aaa", "TOKEN"] {
                assert!(!ran.notes.contains(value), "{name}: {}", ran.notes);
            }
        }
    }
    assert!((bench.files(), bench.memory.len()) == before);
}

#[test]
fn what_is_another_place_gives_nothing() {
    let bench = full_bench();
    let before = bench.files();
    for (name, host) in [
        ("CVE-2024-53858: a submodule on a foreign host", "gitlab.evil.test"),
        ("VS Code: a substring", "github.com.attacker.example"),
        ("a prefix", "evilgithub.com"),
        ("a dot for any character", "githubxcom"),
        ("a hyphen for a dot", "github-com.evil.test"),
        ("a suffix without a dot", "evildev.azure.com"),
        ("a host below", "evil.github.com"),
        ("another port", "github.com:8443"),
        ("no port where one was stored", "tfs.corp.example"),
        ("the default port where another was stored", "tfs.corp.example:443"),
        ("an address", "140.82.121.4"),
        ("an IPv6 address", "[::1]"),
        ("an IDN look-alike", "g\u{131}thub.com"),
        ("a Cyrillic look-alike", "d\u{435}v.azure.com"),
        ("its ASCII form", "xn--gthub-n4a.com"),
    ] {
        let ran = run(&bench, "get", format!("protocol=https\nhost={host}\npath=contoso/tfs/One\n"));
        assert_eq!((ran.code, ran.out.len(), ran.notes.as_str()), (0, 0, ""), "{name}");
    }
    let http = run(&bench, "get", "protocol=http\nhost=github.com\n");
    assert_eq!((http.code, http.out.len()), (0, 0));
    assert!(bench.files() == before);
}

#[test]
fn a_token_of_the_environment_is_not_for_every_host_either() {
    let bench = full_bench();
    bench.set_environment(&[
        ("KEYFOB_URL", "https://ghe.corp.example"),
        ("KEYFOB_TOKEN", "TOKEN-environment"),
    ]);
    for host in ["ghe.corp.example.evil.test", "evil.test", "ghe.corp.example:8443", "github.com"] {
        let ran = run(&bench, "get", format!("protocol=https\nhost={host}\n"));
        assert!(!ran.text().contains("TOKEN-environment"), "{host}");
    }
}

#[test]
fn an_erase_with_one_users_password_leaves_the_others() {
    let bench = full_bench();
    for (user, password) in [("alice", "A"), ("bob", "B")] {
        bench.store(&format!("https://{user}@two.example"), password);
    }
    run(&bench, "erase", "protocol=https\nhost=two.example\npassword=B\n");
    assert_eq!(super::get(&bench, "protocol=https\nhost=two.example\n"), "username=alice\npassword=A\n");
}

#[test]
fn a_secret_of_the_request_is_in_no_message() {
    let bench = full_bench();
    bench.memory.set_locked(true);
    for operation in ["get", "store", "erase"] {
        for request in [
            "protocol=https\nhost=github.com\nusername=u\npassword=s3cret\noauth_refresh_token=s3cret\n",
            "protocol=https\nhost=dev.azure.com\npassword=s3cret\n",
            "url=https://u:s3cret@github.com\n",
            "url=https://u:s3cret@github.com%0a\n",
            "authtype=Bearer\ncredential=s3cret\nprotocol=https\nhost=github.com\n",
        ] {
            let ran = run(&bench, operation, request);
            assert!(!ran.notes.contains("s3cret"), "{operation}: {}", ran.notes);
            assert!(["", "quit=1\n"].contains(&ran.text()), "{operation}: {}", ran.text());
            assert_eq!(ran.code, 0);
        }
    }
}
