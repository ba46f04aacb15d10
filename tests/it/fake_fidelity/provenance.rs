//! The fake of Azure DevOps says of each behaviour where it is known from, and has those that only strays would meet.

use super::*;
use crate::fakes::azure_sign_in;

const BEARER: &str = "bearer-of-alice-herself";

/// The public functions and the switches of a file, each with its comment.
fn documented(name: &str) -> Vec<(String, String)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fakes").join(name);
    let (mut found, mut comment) = (Vec::new(), String::new());
    let mut within = String::new();
    for line in fs::read_to_string(path).unwrap().lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
            continue;
        }
        if let Some(item) = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum ")) {
            within = item.trim_end_matches(" {").to_owned();
        }
        let switch = ["State", "Refusal"].contains(&within.as_str())
            && (line.starts_with("pub ") && line.ends_with(',')
                || line.ends_with(',') && !line.contains(' '));
        let answer = name.ends_with("answers.rs") && line.starts_with("pub fn ");
        if switch || answer {
            found.push((line.to_owned(), comment.clone()));
        }
        if line == "}" {
            within.clear();
        }
        comment.clear();
    }
    found
}

#[test]
fn each_behaviour_of_azure_devops_says_where_it_is_known_from() {
    let all: Vec<(String, String)> =
        ["azure_answers.rs", "azure_pats.rs"].iter().flat_map(|name| documented(name)).collect();
    assert!(all.len() >= 28, "{}: {all:?}", all.len());
    let marks = ["ourced", "easured", "ssumed"];
    let hostile = |line: &str| line.starts_with("pub hostile:");
    let silent: Vec<_> = all
        .iter()
        .filter(|(line, comment)| !hostile(line) && !marks.iter().any(|mark| comment.contains(mark)))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn the_services_around_a_sign_in_take_a_persons_bearer_and_no_token() {
    let server = Server::start(azure_sign_in::handler(BEARER));
    let ask = |line: &str, authorization: &str| {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\nX-TFS-FedAuthRedirect: Suppress\r\n\
             Connection: close\r\n\r\n",
            server.host()
        );
        raw(&server, &head)
    };
    let location = "/contoso/_apis/ServiceDefinitions/LocationService2/951917AC-A960-4999-8464-E3F0AA25B381";
    for (line, text) in [
        ("GET /_apis/profile/profiles/me?api-version=7.1-preview.3".to_owned(), "\"publicAlias\""),
        ("GET /_apis/accounts?memberId=6".to_owned(), "\"accountName\":\"contoso\""),
        (format!("GET {location}?api-version=1.0"), "\"location\":\"https://vssps.dev.azure.com/contoso/\""),
        ("POST /contoso/_apis/token/sessiontokens?tokentype=compact".to_owned(), "\"token\":"),
    ] {
        let opened = ask(&line, &format!("Bearer {BEARER}"));
        assert!(opened.starts_with("HTTP/1.1 200 ") && opened.contains(text), "{line}: {opened}");
        let refused = ask(&line, &format!("Basic {}", base64(&format!(":{TOKEN}"))));
        assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("TF400813"), "{line}: {refused}");
    }
}

#[test]
fn who_is_slowed_down_or_refused_is_told_in_all_the_services_headers() {
    for server in [
        Server::start(Arc::new(|request: &Request| azure::rate_limited(request, 3))),
        Server::start(Arc::new(|_: &Request| azure::slowed_down(Response::new(200), 3))),
    ] {
        let answer = raw(&server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        for header in
            ["Retry-After: 3", "X-RateLimit-Resource: ", "X-RateLimit-Delay: ", "X-RateLimit-Limit: "]
        {
            assert!(answer.contains(header), "{header}: {answer}");
        }
        assert!(answer.contains("X-RateLimit-Remaining: "), "{answer}");
    }
}

#[test]
fn a_test_that_shows_a_token_to_two_services_fails_when_they_are_dropped() {
    let leak = |forgiven: bool| {
        let leaked = std::panic::catch_unwind(|| {
            crate::fakes::leaks::begin();
            let servers = [(), ()].map(|()| Server::start(Arc::new(|_: &Request| Response::new(200))));
            for server in &servers {
                let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
                raw(server, &format!("GET / HTTP/1.1\r\nHost: x\r\n{bearer}Connection: close\r\n\r\n"));
                if forgiven {
                    server.log().forgive();
                }
            }
        });
        crate::fakes::leaks::begin();
        leaked.is_err()
    };
    assert!(leak(false) && !leak(true));
}
