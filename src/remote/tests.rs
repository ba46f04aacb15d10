//! What is the same place, and what is none.

use super::*;

fn from(protocol: &str, host: &str, path: &str) -> Option<String> {
    Remote::from_parts(protocol, host, Some(path)).ok().map(|remote| remote.to_string())
}

#[test]
fn what_does_not_matter_is_folded() {
    for host in ["dev.azure.com", "DEV.Azure.COM", "dev.azure.com.", "dev.azure.com:443"] {
        assert_eq!(from("https", host, "").as_deref(), Some("https://dev.azure.com"), "{host}");
    }
    assert_eq!(from("HTTPS", "x", "/a/b/").as_deref(), Some("https://x/a/b"));
    assert_eq!(from("http", "x:443", "").as_deref(), Some("http://x:443"));
    assert_eq!(from("https", "[0:0::1]:8443", "").as_deref(), Some("https://[::1]:8443"));
    assert_eq!(from("https", "x", "a/My Project?version=1").as_deref(), Some("https://x/a/My%20Project"));
}

#[test]
fn a_path_is_shown_so_that_a_shell_reads_it_as_one_word() {
    assert_eq!(from("https", "x", "a/$(b)&c;d'e*").as_deref(), Some("https://x/a/%24%28b%29%26c%3Bd%27e%2A"));
}

#[test]
fn hosts_and_ports_that_are_none_are_refused() {
    let hosts = [
        "",
        ".",
        "a..b",
        "dev.azure.com..",
        "a b",
        "a/b",
        "a\\b",
        "a@b",
        "a?b",
        "a#b",
        "a%2eb",
        "x:0",
        ":",
        ":443",
        "x:00443",
        "x:65536",
        "x:73616",
        "x:+443",
        "x:-1",
        "x:8080.evil",
        "x:443:443",
        "[::1",
        "::1",
        "[::1]x",
        "[::1%]",
        "[::1%a b]",
        "[::1%a%b]",
        "[::1%25eth/0]",
        "[%eth0]",
        "[::1]%eth0",
        "127.0.0.1%eth0",
        "[dev.azure.com]",
        "a\nb",
        "a\rb",
        "a\0b",
        "ｄev.azure.com",
        "dev。azure。com",
        "a\u{2028}b",
        "-",
        "*",
    ];
    for host in hosts.iter().filter(|&&host| host != "-") {
        assert_eq!(from("https", host, ""), None, "{host:?}");
    }
}

#[test]
fn an_international_name_is_compared_in_its_ascii_form() {
    assert_eq!(from("https", "bücher.example", "").as_deref(), Some("https://xn--bcher-kva.example"));
    let (typed, _) = Remote::from_url("https://bücher.example").unwrap();
    assert_eq!(typed, Remote::from_parts("https", "xn--bcher-kva.example", None).unwrap());
    for host in
        ["bücher.example..", "bücher.example。.", "bücher%2eexample", "bü/cher.example", "bü cher.example"]
    {
        assert_eq!(from("https", host, ""), None, "{host:?}");
    }
}

#[test]
fn paths_that_climb_or_are_read_differently_are_refused() {
    for path in ["../a", "a/../b", "a/./b", "a//../b", "a\\b", "a\tb", ".."] {
        assert_eq!(from("https", "x", path), None, "{path:?}");
    }
    assert_eq!(from("ftp", "x", "a//b"), None);
}

#[test]
fn an_empty_segment_counts_as_nothing_on_the_web() {
    for path in ["a/b", "/a//b", "a///b//", "//a/b", "a//b?x//y", "a//b#/"] {
        assert_eq!(from("https", "x", path).as_deref(), Some("https://x/a/b"), "{path:?}");
        let (typed, _) = Remote::from_url(&format!("http://x/{path}")).unwrap();
        assert_eq!(typed.to_string(), "http://x/a/b", "{path:?}");
    }
    assert_eq!(from("https", "x", "//").as_deref(), Some("https://x"));
}

/// Of a caller that does not decode, or before a server that decodes twice.
#[test]
fn a_segment_that_would_become_another_place_by_decoding_is_refused() {
    for path in [
        "a/%2e%2e/b",
        "a/%2E./b",
        "a/%2e/b",
        "a/%252e%252e/b",
        "a/b%2f..%2f..%2fc",
        "a%2Fb",
        "a%5cb",
        "a%25252fb",
    ] {
        assert_eq!(from("https", "x", path), None, "{path:?}");
        assert_eq!(from("ftp", "x", path), None, "{path:?}");
    }
    for url in [
        "https://x/a/%2e%2e/%252e%252e/b",
        "https://x/a/%252e%252e/b",
        "https://x/a%252fb",
        "https://x/a%5cb",
    ] {
        assert!(Remote::from_url(url).is_err(), "{url}");
    }
    for path in ["a/100%", "a/%zz", "a/50%25", "a/...", "a/.git", "a/..b", "a/%2e%2e%2e", "a/x%20y", "a/%ff"]
    {
        assert!(from("https", "x", path).is_some(), "{path:?}");
    }
    // An escaped slash in a URL is one to git, too, and GitLab's API has them.
    assert_eq!(Remote::from_url("https://x/projects/a%2Fb/p").unwrap().0.path(), ["projects", "a", "b", "p"]);
}

#[test]
fn an_empty_port_is_the_default_and_a_zone_is_part_of_the_address() {
    for (host, expected) in [
        ("x:", "https://x"),
        ("[::1]:", "https://[::1]"),
        ("[fe80::1%eth0]:8443", "https://[fe80::1%25eth0]:8443"),
        ("[FE80:0::1%Eth0.7]", "https://[fe80::1%25Eth0.7]"),
        ("[fe80::1%25]", "https://[fe80::1%2525]"),
    ] {
        let remote = Remote::from_parts("https", host, None).unwrap();
        assert_eq!(remote.to_string(), expected, "{host}");
        assert_eq!(Remote::from_url(expected).unwrap().0, remote, "{host}");
    }
    let (typed, user) = Remote::from_url("https://me@[fe80::1%eth0]:8443/a").unwrap();
    assert_eq!((typed.host(), typed.port(), user.as_deref()), ("[fe80::1%eth0]", Some(8443), Some("me")));
    assert_eq!(Remote::from_url("https://x:/a").unwrap().0.to_string(), "https://x/a");
    for other in ["[fe80::1]:8443", "[fe80::1%eth1]:8443", "[fe80::1%ETH0]:8443"] {
        assert_ne!(Remote::from_parts("https", other, None).unwrap(), typed.without_path(), "{other}");
    }
    for bad in
        ["https://[fe80::1%25]/", "https://[fe80::1%]/", "https://[fe80::1%25a%2fb]/", "https://[::1%25x/y]"]
    {
        assert!(Remote::from_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn protocols_that_are_none_are_refused() {
    for protocol in ["", "ht tp", "https:", "https://", "1http", "h\0"] {
        assert_eq!(from(protocol, "x", ""), None, "{protocol:?}");
    }
}

#[test]
fn a_certificate_is_known_by_its_file() {
    let one = Remote::from_parts("cert", "", Some("/home/me/client.pem")).unwrap();
    assert_eq!(one.path(), ["/home/me/client.pem"]);
    assert!(Remote::from_parts("cert", "", None).is_err());
}

#[test]
fn a_prefix_covers_whole_segments_only() {
    let remote = Remote::from_parts("https", "x", Some("tfs/DefaultCollection/p")).unwrap();
    let prefix = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    assert!(remote.path_is_within(&prefix("TFS/defaultcollection"), true));
    assert!(!remote.path_is_within(&prefix("TFS/defaultcollection"), false));
    assert!(!remote.path_is_within(&prefix("tfs/Default"), true));
    assert!(!remote.path_is_within(&prefix("tfs/DefaultCollection/p/q"), true));
}

#[test]
fn a_host_in_other_characters_than_its_own_is_refused_in_a_url_too() {
    for url in [
        "https://dev%2Eazure.com/contoso",
        "https://me@dev%2eazure.com/contoso",
        "https://dev\u{3002}azure\u{ff0e}com/contoso",
        "https://\u{ff44}\u{ff45}\u{ff56}.azure.com/contoso",
        "https://dev.azure.com\u{200b}/contoso",
        "https:dev.azure.com/contoso/http://x",
        "https:\u{200b}dev.azure.com/contoso/http://x",
        "https:/dev.azure.com/contoso/://",
        "https:///dev.azure.com/contoso",
        // The same IPv4 address to a browser, another one or a name to others.
        "https://012.0.0.1/x",
        "https://012.0.0.1:8443/x",
        "https://0xa.0.0.1/x",
        "https://10.1/x",
        "https://me@167772161:8443/x",
        "https://10.0.0.1%2e/x",
        // Another name by IDNA 2003.
        "https://faß.example",
        "https://FAẞ.example",
        "https://οδος.example",
        "HTTPS:////dev%2eazure.com",
    ] {
        assert!(Remote::from_url(url).is_err(), "{url}");
    }
    for url in [
        "https://me%40x@dev.azure.com/a%2eb",
        "https://dev.azure.com/ü?ü#%",
        "https://[::1]:8443/%20",
        "https://me@10.0.0.1.:8443",
        "https://10.0.0.1",
    ] {
        assert!(Remote::from_url(url).is_ok(), "{url}");
    }
}

#[test]
fn a_typed_url_gives_its_user_name_and_never_takes_a_password() {
    let (remote, user) = Remote::from_url(" https://contoso@dev.azure.com/contoso/My%20Project ").unwrap();
    assert_eq!(remote.to_string(), "https://dev.azure.com/contoso/My%20Project");
    assert_eq!(user.as_deref(), Some("contoso"));
    let error = Remote::from_url("https://me:s3cret@dev.azure.com/contoso").unwrap_err();
    assert!(!error.to_string().contains("s3cret"));
    for bad in [
        "dev.azure.com/contoso",
        "git@ssh.dev.azure.com:v3/a/b/c",
        "ssh://git@h/x",
        "ftp://h",
        "https://",
        "https://a%0ahost=evil@github.com",
        "https://a%00@github.com",
        "x:y",
    ] {
        assert!(Remote::from_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_this_machine_is_loopback() {
    let loopback = |host| Remote::from_parts("http", host, None).unwrap().is_loopback();
    for host in ["localhost", "a.localhost", "127.0.0.1:8080", "127.9.9.9", "[::1]:80"] {
        assert!(loopback(host), "{host}");
    }
    for host in ["localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "evil-localhost", "[::2]"] {
        assert!(!loopback(host), "{host}");
    }
}

#[test]
fn the_text_of_a_remote_can_be_pasted_into_a_shell() {
    let path = "a$(reboot)/b;reboot&x|y/'q'/\"d\"/`c`/*/!1/{a,b}/<i>/ü e";
    let text = from("https", "x", path).unwrap();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~+,=:@/%".contains(c);
    assert!(text.chars().all(plain), "{text}");
    assert_eq!(Remote::from_url(&text).unwrap().0, Remote::from_parts("https", "x", Some(path)).unwrap());
}

#[test]
fn a_realm_reads_back_as_it_was_written() {
    let realm = Realm::made_by_forge("azure-devops", "contoso");
    assert_eq!(Realm::from_text(realm.as_str()), Some(realm.clone()));
    assert_eq!((realm.forge(), realm.what()), ("azure-devops", "contoso"));
    assert_eq!(Realm::from_text("contoso"), None);
}
