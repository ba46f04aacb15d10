//! The way through proxies: which one is taken is what the real git does; each thing that a proxy can do has a sentence of its own,
//! and its user name and password go to it alone.

use std::fs;
use std::io::{Read, Write};

use super::*;
use crate::fakes::listener::Listener;
use crate::fakes::proxy::Manner;
use crate::fakes::wire::{Site, converse};

/// A proxy with manners in front of Azure DevOps Services, and a wallet with a token of contoso.
fn behind(manner: Manner) -> Stage {
    let mut stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let authority = Authority::new();
    stage.proxy = Proxy::with(manner, &authority, vec![("dev.azure.com", stage.services.handler())]);
    stage.scene.use_proxy(&stage.proxy.url(), authority.pem());
    stage
}

impl Stage {
    fn by(&mut self, proxy: &str) -> Output {
        self.scene.set("HTTPS_PROXY", proxy).set("https_proxy", proxy);
        self.run(&format!("check {CONTOSO}"), "")
    }
}

/// What does not understand what it hears, and says so by HTTP.
fn speaks_http() -> Listener {
    Listener::start(|mut stream| {
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    })
}

/// Two proxies that let nobody through, and who was asked last.
struct Two {
    scene: Scene,
    one: Proxy,
    other: Proxy,
}

impl Two {
    fn asked(&self) -> &'static str {
        // What was seen before is not looked at again.
        let count = |proxy: &Proxy| proxy.tunnels().len();
        match (count(&self.one), count(&self.other)) {
            (0, 0) => "none",
            (_, 0) => "one",
            (0, _) => "other",
            _ => "both",
        }
    }

    /// `ONE` and `OTHER` in a text are the proxies' places.
    fn filled(&self, text: &str) -> String {
        text.replace("ONE", &self.one.host()).replace("OTHER", &self.other.host())
    }
}

/// Whom `program` asks, with these variables and settings of git.
fn whom(url: &str, variables: &[(&str, &str)], settings: &str, git: bool) -> &'static str {
    let authority = Authority::new();
    let mut two = Two {
        scene: Scene::new(),
        one: Proxy::start(&authority, Vec::new()),
        other: Proxy::start(&authority, Vec::new()),
    };
    let settings = two.filled(settings);
    two.scene.append(".gitconfig", &settings);
    for (name, value) in variables {
        let value = two.filled(value);
        two.scene.set(name, value);
    }
    if git {
        two.scene.git(["-c", "credential.helper=", "ls-remote", &format!("{url}/x")]).fails();
    } else {
        two.scene.keyfob_with(["add", url, "--forge", "gitea"], TOKEN).succeeds();
        let call = two.scene.program("keyfob").args(["check", url]).env("KEYFOB_OFFLINE", "");
        assert_eq!(call.run().code(), 6);
    }
    two.asked()
}

/// Nobody is there, and that is known at once.
const HOST: &str = "https://git.corp.invalid";
const ADDRESS: &str = "https://255.255.255.255";
const ADDRESS_6: &str = "https://[ff0e::1]";

type Row = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

/// Where, with which variables and which settings of git, whom.
const ROWS: &[Row] = &[
    (HOST, &[], "", "none"),
    (HOST, &[("https_proxy", "http://ONE")], "", "one"),
    (HOST, &[("HTTPS_PROXY", "ONE")], "", "one"),
    (HOST, &[("https_proxy", "ONE"), ("HTTPS_PROXY", "OTHER")], "", "one"),
    (HOST, &[("https_proxy", ""), ("HTTPS_PROXY", "OTHER")], "", "none"),
    (HOST, &[("https_proxy", ""), ("ALL_PROXY", "OTHER")], "", "none"),
    (HOST, &[("http_proxy", "ONE"), ("HTTP_PROXY", "ONE")], "", "none"),
    (HOST, &[("all_proxy", "ONE")], "", "one"),
    (HOST, &[("ALL_PROXY", "ONE")], "", "one"),
    (HOST, &[("all_proxy", "ONE"), ("ALL_PROXY", "OTHER")], "", "one"),
    (HOST, &[("HTTPS_PROXY", "ONE"), ("all_proxy", "OTHER")], "", "one"),
    (HOST, &[("https_proxy", "OTHER")], "[http]\nproxy = ONE\n", "one"),
    (HOST, &[("https_proxy", "ONE")], "[http]\nproxy =\n", "none"),
    (HOST, &[], "[http]\nproxy = OTHER\n[http \"https://git.corp.invalid\"]\nproxy = ONE\n", "one"),
    (HOST, &[], "[http \"https://git.corp.invalid\"]\nproxy = ONE\n[http]\nproxy = OTHER\n", "one"),
    (HOST, &[], "[http]\nproxy = ONE\n[http \"https://git.corp.invalid\"]\nproxy =\n", "none"),
    (HOST, &[], "[http \"https://*.corp.invalid\"]\nproxy = ONE\n", "one"),
    (HOST, &[], "[http \"https://git.other.invalid\"]\nproxy = ONE\n", "none"),
    (HOST, &[("https_proxy", "ONE")], "[http \"http://git.corp.invalid\"]\nproxy = OTHER\n", "one"),
    (HOST, &[("no_proxy", "corp.invalid")], "[http]\nproxy = ONE\n", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "git.corp.invalid")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("no_proxy", "x"), ("NO_PROXY", "*")], "", "one"),
    (HOST, &[("https_proxy", "ONE"), ("no_proxy", ""), ("NO_PROXY", "*")], "", "one"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "*")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "x,*")], "", "one"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", ".corp.invalid")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "a b,  CORP.Invalid")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "corp.invalid.")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "rp.invalid")], "", "one"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "git.corp.invalid.example")], "", "one"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "git.corp")], "", "one"),
    (ADDRESS, &[("https_proxy", "ONE"), ("NO_PROXY", "255.255.255.255")], "", "none"),
    (ADDRESS, &[("https_proxy", "ONE"), ("NO_PROXY", "255.255.0.0/16")], "", "none"),
    (ADDRESS, &[("https_proxy", "ONE"), ("NO_PROXY", "10.0.0.0/8,255.254.0.0/15")], "", "none"),
    (ADDRESS, &[("https_proxy", "ONE"), ("NO_PROXY", "255.254.0.0/16")], "", "one"),
    (ADDRESS, &[("https_proxy", "ONE"), ("NO_PROXY", "255.255")], "", "one"),
    (ADDRESS, &[("https_proxy", "ONE"), ("NO_PROXY", ".255")], "", "one"),
    (ADDRESS_6, &[("https_proxy", "ONE"), ("NO_PROXY", "ff0e::1")], "", "none"),
    (ADDRESS_6, &[("https_proxy", "ONE"), ("NO_PROXY", "fe00::/8,ff0e::2")], "", "one"),
];

/// What curl does not know, or not yet in 7.88, and what can mean only one thing.
const BEYOND: &[Row] = &[
    (ADDRESS_6, &[("https_proxy", "ONE"), ("NO_PROXY", "FF0E:0::1")], "", "none"),
    (ADDRESS_6, &[("https_proxy", "ONE"), ("NO_PROXY", "ff00::/8")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "*.corp.invalid")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "git.corp.invalid:443")], "", "none"),
    (HOST, &[("https_proxy", "ONE"), ("NO_PROXY", "git.corp.invalid:8443")], "", "one"),
];

#[test]
fn the_proxy_is_the_one_that_the_real_git_takes() {
    let differ = |(url, variables, settings, expected): &Row, git| {
        let asked = whom(url, variables, settings, git);
        let who = if git { "git" } else { "keyfob" };
        let row = format!("{who} asked {asked}, not {expected}: {url} {variables:?} {settings:?}");
        (asked != *expected).then_some(row)
    };
    let ours = ROWS.iter().chain(BEYOND).filter_map(|row| differ(row, false));
    let gits = ROWS.iter().filter_map(|row| differ(row, true));
    let problems: Vec<String> = ours.chain(gits).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_proxy_may_differ_by_the_path_of_an_organisation() {
    let mut stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    for name in ["https_proxy", "HTTPS_PROXY"] {
        stage.scene.unset(name);
    }
    let proxy = format!("[http \"{CONTOSO}\"]\nproxy = {}\n[http]\nproxy = 127.0.0.1:1\n", stage.proxy.url());
    stage.scene.append(".gitconfig", &proxy);
    assert_eq!(stage.verdict().1, "accepted");
}

const ASKS: Manner =
    Manner::Asks { pair: "me:p@ss+w%rd/s3cret", offers: &["Negotiate", "Basic realm=\"proxy\""] };

#[test]
fn a_proxys_user_name_and_password_go_to_it_alone_and_are_never_shown() {
    let mut stage = behind(ASKS);
    let place = stage.proxy.host();
    stage.by(&format!("http://me:p%40ss%2Bw%25rd%2Fs3cret@{place}")).says(0, &["accepted"]);
    // As people write it, and curl takes it.
    stage.by(&format!("me:p@ss+w%25rd/s3cret@{place}")).says(0, &["accepted"]);
    for entry in stage.proxy.log().entries() {
        let own = |(name, _): &(String, String)| name.to_ascii_lowercase().starts_with("proxy-");
        assert!(!entry.headers.iter().any(own), "{entry:?}");
    }
    // `run` sees to it that nothing shows the password, in any of these.
    let at = format!("the proxy http://{place} is in the way: ");
    stage
        .by(&format!("http://me:s3cret@{place}"))
        .says(6, &[&at, "it does not accept the user name and the password"]);
    stage.by("http://me:s3cret@127.0.0.1:1").says(6, &["http://127.0.0.1:1 is in the way", "was refused"]);
    stage.by("http://me:s3cret@p:x").says(6, &["http://p:x is in the way: its address is not one"]);
    stage.by("ftp://me:s3cret@p").says(6, &["ftp://p is in the way: its address is not one"]);
    let (_, rows) = stage.check(CONTOSO);
    assert_eq!(rows[0]["problem"], "proxy");
}

#[test]
fn what_a_proxy_wants_to_know_is_told() {
    let mut stage = behind(ASKS);
    let url = stage.proxy.url();
    let hint = "user name and password go into its URL";
    stage.by(&url).says(6, &["is in the way: it wants a user name and a password", hint]);
    let stage = behind(Manner::Asks { pair: "a:b", offers: &["Negotiate", "NTLM, Digest realm=\"x\""] });
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(6, &["it wants Negotiate or NTLM or Digest, and keyfob knows Basic only"]);
}

#[test]
fn each_oddity_of_a_proxy_is_told_as_the_proxys() {
    let head = |text: &str| Response::verbatim(200, format!("{text}\r\nContent-Length: 0\r\n\r\n"));
    for (answer, why) in [
        (head("HTTP/1.1 403 Forbidden"), "it refuses to connect there (403)"),
        (head("HTTP/1.0 502 Bad Gateway"), "it refuses to connect there (502)"),
        (head("HTTP/1.1 302 Found\r\nLocation: https://evil.test/"), "it refuses to connect there (302)"),
        (Response::verbatim(200, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), "what answers there is no proxy"),
        (Response::verbatim(200, "\u{1}\u{2}\u{3}"), "what answers there is no proxy"),
        (head("HTTP/1.1"), "what answers there is no proxy"),
        (head("HTTP/1.1 20x OK"), "what answers there is no proxy"),
        (head("HTTP/9.9 200 OK"), "what answers there is no proxy"),
        (Response::verbatim(200, "HTTP/1.1 200 OK\r\nX: ").endless(), "what answers there is no proxy"),
        (Response::verbatim(200, "HTTP/1.1 200 OK\r\nX: y\r\n").endless(), "what answers there is no proxy"),
        (Response::verbatim(200, "HTTP/1.1 200 Conn"), "the connection broke off"),
        (Response::verbatim(200, ""), "the connection broke off"),
    ] {
        let shown = format!("{answer:?}");
        let stage = behind(Manner::Says(answer));
        let output = stage.run(&format!("check {CONTOSO}"), "");
        let proxy = format!("the proxy {} is in the way: {why}", stage.proxy.url());
        output.says(6, &[&format!("cannot ask dev.azure.com: {proxy}"), "NO_PROXY"]);
        assert_eq!(stage.state(), "active", "{shown}");
    }
    // One that says yes and is none: what answers then is no server.
    let stage = behind(Manner::Says(Response::with(200, "text/html", "<html>Welcome to the hotel</html>")));
    stage.run(&format!("check {CONTOSO}"), "").says(6, &["cannot ask dev.azure.com: it does not speak TLS"]);
}

#[test]
fn a_proxy_may_say_more_than_200() {
    for status in ["200", "201", "299", "200 "] {
        let mut stage = behind(Manner::Open);
        let handler = stage.services.handler();
        // Its own words and headers do not matter, and an interim answer is none.
        let listener = Listener::start({
            let authority = Authority::new();
            fs::write(stage.scene.home().join("authority.pem"), authority.pem()).unwrap();
            let log = stage.proxy.log().clone();
            move |mut stream| {
                let _ = stream.read(&mut [0; 4096]).unwrap();
                let more: String = (0..40).map(|n| format!("X-{n}: y\r\n")).collect();
                let answer = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 {status} \r\n{more}\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
                let server = "dev.azure.com:443".to_owned();
                let site = Site { secure: true, server, log: log.clone() };
                authority.accept(stream, |stream| converse(stream, &site, &handler));
            }
        });
        stage.by(&format!("http://{}", listener.address())).says(0, &["accepted"]);
    }
}

#[test]
fn a_proxy_may_speak_tls_itself() {
    let mut stage = behind(Manner::Tls);
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(0, &["accepted"]);
    assert_eq!(stage.proxy.tunnels().len(), 1);
    // A certificate that nobody knows: nothing is sent, not even where to.
    stage.scene.set("GIT_SSL_CAINFO", stage.scene.append("other.pem", Authority::new().pem()));
    let output = stage.run(&format!("check {CONTOSO}"), "");
    let why = "its certificate is not to be trusted: its authority is not one that this system trusts";
    output.says(6, &[&format!("the proxy {} is in the way: {why}", stage.proxy.url())]);
    assert_eq!(stage.proxy.tunnels().len(), 1);
    // One that speaks no TLS.
    let plain = speaks_http();
    let output = stage.by(&format!("https://{}", plain.address()));
    output.says(6, &["is in the way: it does not speak TLS"]);
}

#[test]
fn socks_proxies_are_proxies_too() {
    let stage = behind(Manner::Socks(None));
    stage.run(&format!("check {CONTOSO}"), "").says(0, &["accepted"]);
    assert_eq!(stage.proxy.tunnels()[0].target, "dev.azure.com:443");
    stage.holds("https://codeberg.org", OTHER);
    let output = stage.run("check https://codeberg.org", "");
    output.says(6, &[&format!("the proxy {} is in the way: it refuses to connect", stage.proxy.url())]);

    let mut stage = behind(Manner::Socks(Some("me:s3cret")));
    let place = stage.proxy.host();
    stage.by(&format!("socks5h://me:s3cret@{place}")).says(0, &["accepted"]);
    for wrong in ["", "me:s3cret-other@"] {
        let output = stage.by(&format!("socks5h://{wrong}{place}"));
        output.says(6, &["the proxy socks5h://127.0.0.1:", "is in the way: it does not let us in"]);
    }
    stage.by(&format!("socks5h://me@{place}")).says(6, &["is in the way: its address is not one"]);
    // Whose name is to be known here.
    stage.holds(&format!("{HOST} --forge gitea"), OTHER);
    stage.scene.set("https_proxy", format!("socks5://me:s3cret@{place}"));
    let output = stage.run(&format!("check {HOST}"), "");
    output.says(6, &["it has to be told addresses, and the name is not known here; socks5h://"]);
    // What speaks HTTP is no SOCKS.
    let listener = speaks_http();
    for scheme in ["socks5h", "socks4a"] {
        let output = stage.by(&format!("{scheme}://{}", listener.address()));
        output.says(6, &["the proxy socks", "is in the way: what answers there is no proxy"]);
    }
}
