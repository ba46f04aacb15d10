//! Servers, proxies and networks that mean no good, or are just odd: the token goes nowhere else (the fakes see to that when they are
//! dropped), nothing hangs, nothing is stored or lost for it, and each has a sentence of its own.

use std::time::{Duration, Instant};

use super::*;
use crate::fakes::tls::Flaw;

/// What the services answer before they look at any token.
fn answering(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Stage {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let answer: Handler = Arc::new(answer);
    stage.services.change(|state| state.before = Some(answer));
    stage
}

#[test]
fn a_redirect_is_never_followed() {
    for to in [
        "https://evil.test/steal",
        "http://dev.azure.com/contoso/_apis/connectionData",
        "https://dev.azure.com/fabrikam/_apis/connectionData",
        // To itself, which would be a loop.
        "https://dev.azure.com/contoso/_apis/connectionData?api-version=7.1-preview.1",
        "/contoso/elsewhere",
        "//evil.test/steal",
        "https://dev.azure.com@evil.test/steal",
        "https://dev.azure.com.evil.test\\@dev.azure.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
    ] {
        for status in [301, 302, 303, 307, 308] {
            let stage = answering(move |_| Response::new(status).header("Location", to));
            // One for good tells where the service is, and nothing of the token.
            let expected = match status {
                301 | 308 => (6, "unclear".to_owned(), "moved".to_owned()),
                _ => (5, "refused".to_owned(), "sign-in-page".to_owned()),
            };
            assert_eq!(stage.verdict(), expected, "{status} {to}");
            assert_eq!(stage.proxy.log().entries().len(), 1);
        }
    }
}

#[test]
fn hosts_that_an_answer_names_get_nothing() {
    let stage = answering(|request| {
        let account = Some("alice@contoso.test");
        azure::connection_data(request, account, true)
            .header("X-VSS-AuthorizationEndpoint", "https://evil.test/")
            .header("Content-Location", "https://evil.test/")
            .header("Link", "<https://evil.test/>; rel=next")
            .header("Refresh", "0; url=https://evil.test/")
    });
    assert_eq!(stage.verdict().1, "accepted");
    assert_eq!(stage.proxy.tunnels().len(), 1);
}

#[test]
fn an_answer_without_end_or_measure_is_cut_off() {
    let large = || {
        let id = "66666666-6666-6666-6666-666666666666";
        let name = "x".repeat(50 << 20);
        format!("{{\"authenticatedUser\":{{\"id\":\"{id}\",\"providerDisplayName\":\"{name}\"}}}}")
    };
    let begun = Instant::now();
    for (answer, why) in [
        (Response::with(200, "application/json", large()), "its answer is too large"),
        (Response::with(200, "application/json", " ".repeat(8192)).endless(), "its answer is too large"),
        (Response::new(401).header("X-Long", "x".repeat(200_000)), "its answer is too large"),
        (Response::verbatim(200, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), "does not speak HTTP"),
        (Response::verbatim(200, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), "broke off"),
    ] {
        let stage = answering(move |_| answer.clone());
        let output = stage.run(&format!("check {CONTOSO}"), "");
        output.says(6, &["cannot ask dev.azure.com: ", why]);
        assert_eq!(stage.state(), "active");
    }
    assert!(begun.elapsed() < Duration::from_secs(50));
}

#[test]
fn many_headers_are_refused() {
    let many = (0..500).fold(Response::new(200), |response, n| response.header(&format!("X-{n}"), "x"));
    let stage = answering(move |_| many.clone());
    stage.run(&format!("check {CONTOSO}"), "").says(6, &["cannot ask dev.azure.com: "]);
}

#[test]
fn what_a_server_says_neither_reaches_the_terminal_raw_nor_gives_the_token_away() {
    let stage = answering(|request| {
        let sent = request.header("authorization").unwrap_or_default().to_owned();
        let reason =
            format!("no%20{TOKEN}%20%1B%5B2J%0D%0Akeyfob%3A%20error%3A%20{}", sent.replace(' ', "%20"));
        Response::new(401)
            .header("X-TFS-ServiceError", reason)
            .header("WWW-Authenticate", "Basic realm=\"\t\"")
    });
    let output = stage.run(&format!("check {CONTOSO}"), "");
    let output = output.says(5, &["it says: no (token)"]);
    assert!(!output.stderr().contains('\u{1b}') && output.stderr().lines().count() == 2, "{output}");
    let (_, rows) = stage.check(CONTOSO);
    assert!(rows[0]["reason"].as_str().unwrap().contains("(token)"));
}

#[test]
fn a_certificate_for_another_name_or_of_a_stranger_gets_no_token() {
    let mut stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let services = stage.services.handler();
    let authority = Authority::with(Flaw::Name("evil.test"));
    let proxy = Proxy::start(&authority, vec![("dev.azure.com", services.clone())]);
    stage.scene.use_proxy(&proxy.url(), authority.pem());
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(
        6,
        &["cannot ask dev.azure.com: the certificate", "it is for another name", "nothing was sent"],
    );
    assert!(proxy.log().entries().is_empty());

    let (stranger, trusted) = (Authority::new(), Authority::new());
    let proxy = Proxy::start(&stranger, vec![("dev.azure.com", services)]);
    stage.scene.use_proxy(&proxy.url(), trusted.pem());
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(6, &["its authority is not one that this system trusts", "SSL_CERT_FILE"]);
    assert!(proxy.log().entries().is_empty());
    let output = stage.run("add https://dev.azure.com/fabrikam", OTHER);
    output.says(0, &["is in the vault store", "it was not checked"]);
}

#[test]
fn trouble_with_the_proxy_is_told_as_such() {
    let mut stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    stage.holds("https://codeberg.org", OTHER);
    // The proxy does not let this one through.
    stage
        .run("check https://codeberg.org", "")
        .says(6, &["is in the way: it refuses to connect there (403)"]);
    stage.scene.set("HTTPS_PROXY", "http://127.0.0.1:1").set("https_proxy", "http://127.0.0.1:1");
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(6, &["the proxy http://127.0.0.1:1 is in the way: the connection was refused", "NO_PROXY"]);
    let page = Server::start(Arc::new(|_: &Request| Response::new(407)));
    stage.scene.set("HTTPS_PROXY", page.url()).set("https_proxy", page.url());
    stage.run(&format!("check {CONTOSO}"), "").says(6, &["it wants a user name and a password"]);
    stage.scene.set("HTTPS_PROXY", "socks9://x").set("https_proxy", "socks9://x");
    stage.run(&format!("check {CONTOSO}"), "").says(6, &["its address is not one that keyfob can use"]);
}

#[test]
fn gits_own_settings_lead_the_way_but_no_repositorys() {
    let mut stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let file = stage.scene.home().join("authority.pem");
    for name in ["https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE"] {
        stage.scene.unset(name);
    }
    let config = format!(
        "[http \"https://dev.azure.com\"]\n\tproxy = {}\n\tsslCAInfo = {}\n",
        stage.proxy.url(),
        file.display()
    );
    stage.scene.append(".gitconfig", &config);
    assert_eq!(stage.verdict().1, "accepted");
    // A repository may come from anybody.
    stage.scene.git(["init", "--quiet", "work"]).succeeds();
    stage.scene.append("work/.git/config", "[http]\n\tproxy = http://127.0.0.1:1\n\tsslVerify = false\n");
    let call = stage.scene.program("keyfob").args(["check", CONTOSO]).env("KEYFOB_OFFLINE", "");
    call.within(stage.scene.home().join("work")).run().succeeds();
}

#[test]
fn a_token_for_https_is_never_sent_in_clear_text() {
    let stage = Stage::new();
    let server = Server::start(stage.services.handler());
    // Nobody listens with TLS there; http on the same port is another place.
    let url = format!("https://{}/tfs/Main", server.host());
    stage.holds(&url, TOKEN);
    let output = stage.run(&format!("check {url}"), "");
    assert_eq!(output.code(), 6, "{output}");
    assert!(server.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn nobody_there_is_told_as_such() {
    use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, getsockname, socket};
    let stage = Stage::new();
    // Taken, so that no other test's server gets it, and not listened at.
    let taken = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&taken, &SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = SocketAddrV4::try_from(getsockname(&taken).unwrap()).unwrap().port();
    let url = format!("http://127.0.0.1:{port}/tfs/Main");
    stage.holds(&url, TOKEN);
    stage.run(&format!("check {url}"), "").says(6, &["cannot ask 127.0.0.1:", "the connection was refused"]);
}
