//! Whom keyfob trusts: certificates that are no good, servers whose TLS is too old or none, and where the list of authorities comes
//! from.

use std::io::{Read, Write};

use super::*;
use crate::fakes::listener::Listener;
use crate::fakes::tls::Flaw;

/// Azure DevOps Services with certificates of this authority, which is trusted.
fn shown(authority: &Authority) -> Stage {
    let mut stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    stage.proxy = Proxy::start(authority, vec![("dev.azure.com", stage.services.handler())]);
    stage.scene.use_proxy(&stage.proxy.url(), authority.pem());
    stage
}

#[test]
fn each_fault_of_a_certificate_is_named_and_nothing_is_sent() {
    for (flaw, why) in [
        (Flaw::Name("evil.test"), "it is for another name"),
        (Flaw::Name("*.com"), "it is for another name"),
        (Flaw::Name("*.dev.azure.com"), "it is for another name"),
        (Flaw::NameInSubject, "it is for another name"),
        (Flaw::Ended, "it has ended"),
        (Flaw::NotYet, "it is not valid yet"),
        (Flaw::SelfSigned, "its authority is not one that this system trusts"),
        (Flaw::ForClients, "it is not valid"),
    ] {
        let stage = shown(&Authority::with(flaw.clone()));
        let output = stage.run(&format!("check {CONTOSO}"), "");
        let words = format!(
            "cannot ask dev.azure.com: the certificate that answers there is not to be trusted: {why}"
        );
        output.says(6, &[&words, "nothing was sent", "SSL_CERT_FILE"]);
        assert!(stage.proxy.log().entries().is_empty(), "{flaw:?}");
        assert_eq!(stage.verdict().2, "certificate", "{flaw:?}");
        assert_eq!(stage.state(), "active");
    }
}

#[test]
fn tls_that_is_too_old_or_none_is_told() {
    // A server that knows TLS 1.0 only says either that, or goes on with it.
    let alert = b"\x15\x03\x01\0\x02\x02\x46".to_vec();
    let hello = [b"\x16\x03\x01\0\x2a\x02\0\0\x26\x03\x01".as_slice(), &[7; 32], b"\0\xc0\x13\0"].concat();
    let http = b"HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n".to_vec();
    for said in [alert, hello, http, b"220 smtp.example.com ESMTP\r\n".to_vec()] {
        let shown = String::from_utf8_lossy(&said).into_owned();
        let listener = Listener::start(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let _ = stream.write_all(&said);
        });
        let url = format!("https://{}/tfs/Main", listener.address());
        let stage = Stage::new();
        stage.holds(&url, TOKEN);
        let output = stage.run(&format!("check {url}"), "");
        output.says(6, &["it does not speak TLS as keyfob does", "TLS 1.2 or newer"]);
        assert_eq!(stage.check(&url).1[0]["problem"], "tls", "{shown}");
    }
}

/// Asks with these variables and settings of git; `FILE` is the right list, `OTHER` one of strangers, `NONE` no file, `EMPTY` one
/// without a certificate.
fn trusting(variables: &[(&str, &str)], settings: &str) -> (Stage, Output) {
    let authority = Authority::new();
    let mut stage = shown(&authority);
    let home = stage.scene.home();
    for (name, pem) in [("FILE", authority.pem()), ("OTHER", Authority::new().pem()), ("EMPTY", "no\n")] {
        std::fs::write(home.join(name), pem).unwrap();
    }
    let filled = |text: &str| {
        let path = |name: &str| home.join(name).display().to_string();
        ["FILE", "OTHER", "EMPTY", "NONE"]
            .iter()
            .fold(text.to_owned(), |text, name| text.replace(name, &path(name)))
    };
    for name in ["GIT_SSL_CAINFO", "SSL_CERT_FILE"] {
        stage.scene.unset(name);
    }
    stage.scene.append(".gitconfig", &filled(settings).replace('@', "FILE"));
    for (name, value) in variables {
        stage.scene.set(name, filled(value));
    }
    let output = stage.run(&format!("check {CONTOSO}"), "");
    (stage, output)
}

#[test]
fn the_authorities_are_those_that_git_trusts_for_the_host_else_those_of_the_system() {
    for (variables, settings) in [
        (&[("SSL_CERT_FILE", "FILE")][..], ""),
        (&[("GIT_SSL_CAINFO", "FILE")], ""),
        (&[("GIT_SSL_CAINFO", "FILE"), ("SSL_CERT_FILE", "OTHER")], "[http]\nsslCAInfo = OTHER\n"),
        (&[], "[http]\nsslCAInfo = FILE\n"),
        (&[("SSL_CERT_FILE", "OTHER")], "[http]\nsslCAInfo = FILE\n"),
        (&[], "[http]\nsslCAInfo = OTHER\n[http \"https://dev.azure.com\"]\nsslCAInfo = FILE\n"),
        (&[], "[http \"https://dev.azure.com/contoso\"]\nsslCAInfo = FILE\n"),
        // `@` is FILE without its folder.
        (&[], "[http]\nsslCAInfo = ~/@\n"),
        // Where git has Windows check, it does not look at the file.
        (&[("SSL_CERT_FILE", "FILE")], "[http]\nsslBackend = schannel\nsslCAInfo = OTHER\n"),
        (&[], "[http]\nsslBackend = schannel\nschannelUseSSLCAInfo = true\nsslCAInfo = FILE\n"),
        (&[("SSL_CERT_FILE", "FILE")], "[http]\nsslCAInfo =\n"),
    ] {
        let (_stage, output) = trusting(variables, settings);
        assert_eq!(output.code(), 0, "{variables:?} {settings}\n{output}");
    }
}

/// Where the system has its list in a folder, the folder can be another one.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_of_authorities_counts_as_openssl_has_it() {
    let authority = Authority::new();
    let mut stage = shown(&authority);
    let folder = stage.scene.home().join("authorities");
    std::fs::create_dir(&folder).unwrap();
    // openssl-rehash(1) names them by a hash.
    std::fs::write(folder.join("0a1b2c3d.0"), authority.pem()).unwrap();
    stage.scene.unset("GIT_SSL_CAINFO").unset("SSL_CERT_FILE").set("SSL_CERT_DIR", folder);
    stage.run(&format!("check {CONTOSO}"), "").says(0, &["accepted"]);
}

#[test]
fn a_list_that_does_not_hold_the_authority_or_is_none_is_told_and_nothing_is_sent() {
    let unknown = "its authority is not one that this system trusts";
    for (variables, settings, why) in [
        (&[][..], "", unknown),
        (&[("SSL_CERT_FILE", "OTHER")], "", unknown),
        (&[("SSL_CERT_FILE", "FILE")], "[http]\nsslCAInfo = OTHER\n", unknown),
        // No setting of git's takes the check away.
        (&[("GIT_SSL_NO_VERIFY", "1")], "[http]\nsslVerify = false\n", unknown),
        (&[("SSL_CERT_FILE", "EMPTY")], "", "EMPTY"),
        (&[("SSL_CERT_FILE", "NONE")], "", "NONE"),
        (&[], "[http]\nsslCAInfo = NONE\n", "NONE"),
    ] {
        let (stage, output) = trusting(variables, settings);
        output.says(6, &[why, "keyfob: hint: ", "SSL_CERT_FILE"]);
        assert_eq!(stage.check(CONTOSO).1[0]["problem"], "certificate");
        assert!(stage.proxy.log().entries().is_empty(), "{variables:?} {settings}");
    }
}

#[cfg(unix)]
#[test]
fn a_list_that_is_a_pipe_or_a_device_is_told_at_once() {
    for make in ["mkfifo list", "ln -s /dev/null list"] {
        let mut stage = shown(&Authority::new());
        stage.scene.command("sh").args(["-c", make]).run().succeeds();
        let list = stage.scene.home().join("list");
        stage.scene.unset("GIT_SSL_CAINFO").set("SSL_CERT_FILE", list);
        let output = stage.run(&format!("check {CONTOSO}"), "");
        output.says(6, &["list is no list of certificates: it is not a regular file"]);
        assert!(stage.proxy.log().entries().is_empty(), "{make}");
    }
}

#[test]
fn plain_http_is_refused_before_anything_is_asked() {
    let mut stage = Stage::new();
    let proxy = stage.proxy.url();
    stage.scene.set("http_proxy", &proxy);
    for url in ["http://dev.azure.com/contoso", "http://contoso.visualstudio.com", "http://github.com"] {
        for more in ["", " --allow-http", " --force"] {
            let output = stage.run(&format!("add {url}{more}"), TOKEN);
            assert_eq!(output.code(), 2, "{url}{more}: {output}");
        }
    }
    let output = stage.run("add http://tfs.corp.invalid/tfs/Main", TOKEN);
    output.says(2, &["--allow-http"]);
    assert_eq!((stage.proxy.tunnels(), stage.check("").1), (Vec::new(), Vec::new()));
    // Accepted, it is asked through the proxy, in a tunnel: no proxy reads what is not for it without having been told.
    stage.run("add http://tfs.corp.invalid/tfs/Main --allow-http", TOKEN).succeeds();
    let tunnels = stage.proxy.tunnels();
    assert_eq!((tunnels.len(), tunnels[0].target.as_str()), (1, "tfs.corp.invalid:80"));
    assert!(tunnels[0].head.starts_with("CONNECT "));
}
