//! Laws of the way from a URL to its realm, tried on every example of every forge with a generator that has no luck in it.

use keyfob::forge::{self, Recognition};
use keyfob::remote::Remote;

/// Xorshift (Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

/// An example, split as git splits it.
#[derive(Clone, Copy)]
struct Url<'u> {
    scheme: &'u str,
    user: Option<&'u str>,
    host: &'u str,
    path: &'u str,
}

impl Url<'_> {
    fn with_host(&self, host: &str) -> Option<String> {
        realm(self.scheme, host, self.path, self.user)
    }
}

fn realm(scheme: &str, host: &str, path: &str, user: Option<&str>) -> Option<String> {
    let remote = Remote::from_parts(scheme, host, Some(path)).ok()?;
    match forge::recognise(&remote, user) {
        Recognition::Cloud { realm, .. } => Some(realm.to_string()),
        _ => None,
    }
}

/// Every example with the realm that it gives, if any.
fn examples() -> Vec<(Url<'static>, Option<&'static str>)> {
    let examples = forge::ALL.iter().flat_map(|forge| forge.examples);
    let split = |url: &'static str| {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        Url { scheme, user, host, path }
    };
    examples.map(|example| (split(example.url), example.realm)).collect()
}

/// The examples that give a realm, with plain hosts.
fn homes() -> Vec<(Url<'static>, &'static str)> {
    let plain = |url: &Url<'_>| !url.host.contains(':') && !url.host.ends_with('.');
    let found: Vec<_> = examples()
        .into_iter()
        .filter_map(|(url, realm)| Some((url, realm?)))
        .filter(|(url, _)| plain(url))
        .collect();
    assert!(found.len() > 30);
    found
}

/// The last two labels: what somebody registers. (No forge lives below a public suffix of two labels.)
fn registrable(host: &str) -> &str {
    host.rmatch_indices('.').nth(1).map_or(host, |(at, _)| &host[at + 1..])
}

#[test]
fn letter_case_default_port_and_trailing_dot_never_change_a_realm() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for (url, expected) in homes() {
        for _ in 0..50 {
            let mut host: String = url
                .host
                .chars()
                .map(|c| if dice.below(2) == 0 { c.to_ascii_uppercase() } else { c })
                .collect();
            if dice.below(2) == 0 {
                host.push('.');
            }
            if dice.below(2) == 0 {
                host.push_str([":443", ":"][dice.below(2)]);
            }
            assert_eq!(url.with_host(&host).as_deref(), Some(expected), "{host}");
        }
    }
}

#[test]
fn letter_case_of_the_path_never_changes_a_realm() {
    for (url, expected) in homes() {
        let path = url.path.to_ascii_uppercase();
        assert_eq!(realm(url.scheme, url.host, &path, url.user).as_deref(), Some(expected), "{path}");
    }
}

#[test]
fn what_lies_below_a_realm_never_changes_it() {
    for (url, expected) in homes().into_iter().filter(|(url, _)| !url.path.is_empty()) {
        for below in
            ["x", "github.com", "..evil", "_git", "fabrikam/p?path=/contoso", "a b/%20", "/x", "x///y/"]
        {
            let path = format!("{}/{below}", url.path);
            assert_eq!(realm(url.scheme, url.host, &path, url.user).as_deref(), Some(expected), "{path}");
        }
    }
}

#[test]
fn another_port_or_scheme_is_another_place() {
    for (url, _) in homes() {
        for port in ["80", "444", "8443", "4430", "1", "65535", "0443", "65979", "0", ":443"] {
            assert_eq!(url.with_host(&format!("{}:{port}", url.host)), None, "{}:{port}", url.host);
        }
        for scheme in ["http", "ftp", "ssh", "git", "httpss", "http-s", "cert", "smtp"] {
            assert_eq!(realm(scheme, url.host, url.path, url.user), None, "{scheme}://{}", url.host);
        }
    }
}

#[test]
fn no_change_of_the_registrable_host_keeps_a_realm() {
    let homes = homes();
    let known: Vec<&str> = homes.iter().map(|(url, _)| registrable(url.host)).collect();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let alphabet: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789-.".chars().collect();
    let mut tried = 0;
    for (url, _) in &homes {
        let domain = registrable(url.host);
        let before = url.host.strip_suffix(domain).unwrap();
        for _ in 0..400 {
            let mut letters: Vec<char> = domain.chars().collect();
            for _ in 0..=dice.below(2) {
                let at = dice.below(letters.len());
                let new = alphabet[dice.below(alphabet.len())];
                match dice.below(4) {
                    0 => letters.insert(at, new),
                    1 => letters[at] = new,
                    2 if letters.len() > 1 => drop(letters.remove(at)),
                    _ => letters.push(new),
                }
            }
            let host = format!("{before}{}", letters.iter().collect::<String>());
            // A dot put in at the front only lengthens what is before the registrable host; one at the end is folded.
            if known.contains(&registrable(host.trim_end_matches('.'))) {
                continue;
            }
            assert_eq!(url.with_host(&host), None, "{host}");
            tried += 1;
        }
        for host in [
            format!("{}.evil.test", url.host),
            format!("{}@evil.test", url.host),
            format!("evil.test\\{}", url.host),
            format!("evil.test/{}", url.host),
            format!("evil.test?{}", url.host),
            format!("evil.test#{}", url.host),
            format!("{before}evil{domain}"),
            format!("{before}evil-{domain}"),
            url.host.replace('.', "-"),
            url.host.replacen('.', "..", 1),
            format!("[{}]", url.host),
        ] {
            assert_eq!(url.with_host(&host), None, "{host}");
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn no_look_alike_in_another_script_keeps_a_realm() {
    let alike = [
        ('a', '\u{430}'),
        ('e', '\u{435}'),
        ('o', '\u{43e}'),
        ('c', '\u{441}'),
        ('i', '\u{131}'),
        ('s', '\u{17f}'),
        ('k', '\u{212a}'),
        ('.', '\u{3002}'),
    ];
    for (url, expected) in homes() {
        for (letter, other) in alike {
            for (at, _) in url.host.match_indices(letter) {
                let mut host = url.host.to_owned();
                host.replace_range(at..at + letter.len_utf8(), &other.to_string());
                // An organisation of that name would be another one.
                assert_ne!(url.with_host(&host).as_deref(), Some(expected), "{host}");
            }
        }
        let wide: String = url.host.chars().map(|c| full_width(c).unwrap_or(c)).collect();
        assert_eq!(url.with_host(&wide), None, "{wide}");
    }
}

/// A letter's full-width form, which some readers fold back.
fn full_width(c: char) -> Option<char> {
    c.is_ascii_lowercase().then(|| char::from_u32(u32::from(c) + 0xfee0)).flatten()
}

#[test]
fn what_gives_no_realm_gives_none_in_other_letters_either() {
    for (url, _) in examples().into_iter().filter(|(_, realm)| realm.is_none()) {
        for host in [url.host.to_ascii_uppercase(), format!("{}.", url.host.trim_end_matches('.'))] {
            assert_eq!(url.with_host(&host), None, "{host}");
        }
    }
}
