//! A generator of hostile requests without luck: the same ones on every machine.

/// Xorshift (Marsaglia 2003): good enough to be nasty, the same on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
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

fn spliced(dice: &mut Dice, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(2) {
        let at = dice.below(characters.len() + 1);
        match dice.below(5) {
            0 => drop(characters.splice(at..at, dice.pick(SPLICES).chars())),
            1 if at < characters.len() => drop(characters.remove(at)),
            2 if at < characters.len() => characters[at] = characters[at].to_ascii_uppercase(),
            3 => characters.extend(dice.pick(SPLICES).chars()),
            _ => drop(characters.splice(0..0, dice.pick(SPLICES).chars())),
        }
    }
    characters.into_iter().collect()
}

/// A request that is right, or nearly.
pub(super) fn request(dice: &mut Dice) -> Vec<u8> {
    let mut lines: Vec<String> = Vec::new();
    if dice.once_in(3) {
        lines.push("capability[]=authtype".to_owned());
    }
    let mut host = dice.pick(HOSTS).to_owned();
    if dice.once_in(3) {
        host = spliced(dice, &host);
    }
    lines.push(format!("protocol={}", dice.pick(PROTOCOLS)));
    lines.push(format!("host={host}"));
    if !dice.once_in(3) {
        let mut path: Vec<&str> = (0..=dice.below(4)).map(|_| dice.pick(SEGMENTS)).collect();
        if dice.once_in(4) {
            path.splice(0..0, ["tfs", "One"]);
        }
        lines.push(format!("path={}", path.join("/")));
    }
    if dice.once_in(2) {
        lines.push(format!("username={}", dice.pick(USERS)));
    }
    if dice.once_in(3) {
        lines.push(format!(
            "wwwauth[]={}",
            dice.pick(&["NTLM", "Negotiate", "Basic realm=\"x\nhost=github.com\"", "Bearer"])
        ));
    }
    if dice.once_in(8) {
        let again = dice.pick(&[
            "host=github.com",
            "host=evil.test",
            "path=contoso",
            "protocol=https",
            "username=contoso",
            "x=y",
            "x",
        ]);
        lines.insert(dice.below(lines.len() + 1), again.to_owned());
    }
    if dice.once_in(20) {
        let length = [1_023, 4_095, 65_535, 200_000][dice.below(4)];
        lines.insert(dice.below(lines.len() + 1), format!("wwwauth[]={}host=github.com", "a".repeat(length)));
    }
    if dice.once_in(15) {
        drop(lines.remove(dice.below(lines.len())));
    }
    if dice.once_in(10) {
        let last = lines.len() - 1;
        lines.swap(0, last);
    }
    let end = if dice.once_in(6) { "\r\n" } else { "\n" };
    let mut bytes = (lines.join(end) + end).into_bytes();
    if dice.once_in(10) {
        let at = dice.below(bytes.len());
        bytes[at] = [0, b'\r', b'\n', b'=', 0xff, b'/', b':'][dice.below(7)];
    }
    bytes
}
