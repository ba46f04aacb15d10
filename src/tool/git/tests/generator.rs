//! A generator of hostile requests without luck: the same ones on every machine.

/// Xorshift (Marsaglia 2003): good enough to be nasty, the same on every machine.
pub(super) struct Generator(pub(super) u64);

impl Generator {
    pub(super) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n as u64).unwrap()
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Once in `n` times.
    pub(super) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

const PROTOCOLS: &[&str] =
    &["https", "https", "https", "https", "https", "http", "HTTPS", "ftp", "cert", "smtp", "azure-devops"];

const HOSTS: &[&str] = &[
    "dev.azure.com",
    "dev.azure.com",
    "pkgs.dev.azure.com",
    "vssps.dev.azure.com",
    "contoso.visualstudio.com",
    "fabrikam.visualstudio.com",
    "evilpkgs.visualstudio.com",
    "contoso.pkgs.visualstudio.com",
    "github.com",
    "api.github.com",
    "npm.pkg.github.com",
    "tfs.corp.example:8443",
    "tfs.corp.example",
    "git.example",
    "evil.test",
    "[::1]",
    "[::ffff:127.0.0.1]:8443",
    "127.0.0.1:8443",
    "d\u{435}v.azure.com",
    "\u{ff47}ithub.com",
    "bücher.git.example",
];

const USERS: &[&str] = &[
    "contoso",
    "fabrikam",
    "CONTOSO",
    "alice",
    "bob",
    "",
    "VssSessionToken",
    "pat",
    "me@mail.example",
    "x\u{202e}y",
];

const SEGMENTS: &[&str] = &[
    "contoso",
    "fabrikam",
    "evilpkgs",
    "Contoso",
    "tfs",
    "One",
    "one",
    "OneMore",
    "p",
    "_git",
    "_apis",
    "DefaultCollection",
    "r.git",
    "..",
    ".",
    "",
    "%2e%2e",
    "x%2f..%2f..",
    "contoso?x",
    "contoso#x",
    "a\\b",
    "con.toso",
    "contoso ",
    "%63ontoso",
    "info",
    "lfs",
];

/// What is put into, or in place of, a byte of a host.
const SPLICES: &[&str] = &[
    ".",
    "..",
    "-",
    ":",
    ":443",
    ":8443",
    ":80",
    ":0",
    ":65979",
    "@",
    "@evil.test",
    ".evil.test",
    "evil",
    "evil.",
    "/",
    "\\",
    "?",
    "#",
    "%2e",
    " ",
    "\t",
    "\r",
    "\0",
    "\n",
    "\u{200b}",
    "\u{ad}",
    "\u{3002}",
    "\u{2028}",
    "xn--",
    "[",
    "]",
    "*",
    "\u{130}",
    "\u{1b}",
];

fn spliced(generator: &mut Generator, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=generator.below(2) {
        let at = generator.below(characters.len() + 1);
        match generator.below(5) {
            0 => drop(characters.splice(at..at, generator.pick(SPLICES).chars())),
            1 if at < characters.len() => drop(characters.remove(at)),
            2 if at < characters.len() => characters[at] = characters[at].to_ascii_uppercase(),
            3 => characters.extend(generator.pick(SPLICES).chars()),
            _ => drop(characters.splice(0..0, generator.pick(SPLICES).chars())),
        }
    }
    characters.into_iter().collect()
}

/// A request that is right, or nearly.
pub(super) fn request(generator: &mut Generator) -> Vec<u8> {
    let mut lines: Vec<String> = Vec::new();
    if generator.once_in(3) {
        lines.push("capability[]=authtype".to_owned());
    }
    let mut host = generator.pick(HOSTS).to_owned();
    if generator.once_in(3) {
        host = spliced(generator, &host);
    }
    lines.push(format!("protocol={}", generator.pick(PROTOCOLS)));
    lines.push(format!("host={host}"));
    if !generator.once_in(3) {
        let mut path: Vec<&str> = (0..=generator.below(4)).map(|_| generator.pick(SEGMENTS)).collect();
        if generator.once_in(4) {
            path.splice(0..0, ["tfs", "One"]);
        }
        lines.push(format!("path={}", path.join("/")));
    }
    if generator.once_in(2) {
        lines.push(format!("username={}", generator.pick(USERS)));
    }
    if generator.once_in(3) {
        lines.push(format!(
            "wwwauth[]={}",
            generator.pick(&["NTLM", "Negotiate", "Basic realm=\"x\nhost=github.com\"", "Bearer"])
        ));
    }
    if generator.once_in(8) {
        let again = generator.pick(&[
            "host=github.com",
            "host=evil.test",
            "path=contoso",
            "protocol=https",
            "username=contoso",
            "x=y",
            "x",
        ]);
        lines.insert(generator.below(lines.len() + 1), again.to_owned());
    }
    if generator.once_in(20) {
        let length = [1_023, 4_095, 65_535, 200_000][generator.below(4)];
        lines.insert(
            generator.below(lines.len() + 1),
            format!("wwwauth[]={}host=github.com", "a".repeat(length)),
        );
    }
    if generator.once_in(15) {
        drop(lines.remove(generator.below(lines.len())));
    }
    if generator.once_in(10) {
        let last = lines.len() - 1;
        lines.swap(0, last);
    }
    let end = if generator.once_in(6) { "\r\n" } else { "\n" };
    let mut bytes = (lines.join(end) + end).into_bytes();
    if generator.once_in(10) {
        let at = generator.below(bytes.len());
        bytes[at] = [0, b'\r', b'\n', b'=', 0xff, b'/', b':'][generator.below(7)];
    }
    bytes
}
