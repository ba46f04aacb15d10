//! What each variable gives, and what is no token.

use super::*;
use crate::environment::TOKEN_VARIABLES;
use std::collections::BTreeSet;

fn read(pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let environment = Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())));
    let given = super::read(&environment);
    let shown = |t: &EnvironmentToken| {
        let token = String::from_utf8_lossy(t.token.expose()).into_owned();
        format!("{} {} {} {token}", t.from, t.remote, t.user.as_deref().unwrap_or("-"))
    };
    (given.tokens.iter().map(shown).collect(), given.unusable.iter().map(UnusableToken::words).collect())
}

#[test]
fn each_variable_gives_its_token_bound_to_its_url() {
    let (found, notes) = read(&[
        ("KEYFOB_URL", "https://dev.azure.com/contoso"),
        ("KEYFOB_TOKEN", "one"),
        ("KEYFOB_TOKENS", r#"[{"url":"https://github.com","token":"two","username":"me"}]"#),
        ("SYSTEM_ACCESSTOKEN", "three"),
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/fabrikam/"),
        (
            "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
            r#"{"endpointCredentials":[{"endpoint":"https://s/C/_packaging/f/nuget/v3/index.json","password":"four"}]}"#,
        ),
    ]);
    let expected = [
        "KEYFOB_TOKEN https://dev.azure.com/contoso - one",
        "SYSTEM_ACCESSTOKEN https://dev.azure.com/fabrikam - three",
        "KEYFOB_TOKENS https://github.com me two",
        "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS https://s/C/_packaging/f/nuget/v3/index.json - four",
    ];
    assert_eq!(found, expected);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn one_token_for_several_feeds_is_bound_to_each_and_the_newer_name_counts() {
    let (old, new) = (("VSS_NUGET_ACCESSTOKEN", "old"), ("ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN", "new"));
    let feeds = " https://pkgs.dev.azure.com/contoso/ ;;https://contoso.pkgs.visualstudio.com/;";
    let old_feeds = ("VSS_NUGET_URI_PREFIXES", feeds);
    let new_feeds = ("ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES", "https://tfs.example/tfs/One");
    let both = [
        "VSS_NUGET_ACCESSTOKEN https://pkgs.dev.azure.com/contoso - old",
        "VSS_NUGET_ACCESSTOKEN https://contoso.pkgs.visualstudio.com - old",
    ];
    let newer = ["ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN https://tfs.example/tfs/One - new"];
    assert_eq!(read(&[old, old_feeds]).0, both);
    assert_eq!(read(&[old, old_feeds, new, new_feeds]).0, newer);
    // Each name goes with its own.
    assert_eq!(read(&[old, new_feeds]), (Vec::new(), Vec::new()));
    assert_eq!(read(&[new, old_feeds]), (Vec::new(), Vec::new()));
    let (found, notes) = read(&[old, ("VSS_NUGET_URI_PREFIXES", "http://h/;https://h")]);
    assert_eq!((found.len(), notes.len()), (1, 1), "{notes:?}");
}

#[test]
fn what_holds_a_token_is_on_the_list_of_what_no_child_inherits() {
    for name in [
        "KEYFOB_TOKEN",
        "KEYFOB_TOKENS",
        "SYSTEM_ACCESSTOKEN",
        "AZURE_DEVOPS_EXT_PAT",
        "ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS",
        "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
        "ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN",
        "VSS_NUGET_ACCESSTOKEN",
    ] {
        assert!(TOKEN_VARIABLES.contains(&name), "{name}");
    }
    let pairs = PAIRS.iter().map(|(variable, _)| *variable);
    let prefixes = PREFIXES.iter().map(|(variable, _)| *variable);
    let all = pairs.chain([LIST, ENTRA]).chain(ENDPOINTS.iter().copied()).chain(prefixes);
    assert_eq!(all.collect::<BTreeSet<_>>(), TOKEN_VARIABLES.iter().copied().collect());
}

#[test]
fn a_token_without_a_usable_url_is_ignored_and_said_without_its_value() {
    for (pairs, why) in [
        (&[("KEYFOB_TOKEN", "s3cret")][..], "KEYFOB_URL, which says where it belongs, is not set"),
        (&[("KEYFOB_TOKEN", "s3cret"), ("KEYFOB_URL", "not a url")], "its URL is not a usable one"),
        (&[("KEYFOB_TOKEN", "s3cret"), ("KEYFOB_URL", "http://dev.azure.com/x")], "its URL is plain http"),
        (&[("KEYFOB_TOKENS", "s3cret")], "it is not a JSON list of objects with url and token"),
        (
            &[("KEYFOB_TOKENS", r#"[{"url":"https://x","token":"s3\ncret"}]"#)],
            "what stands there is not a token",
        ),
        (&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "s3cret")], "it is not JSON with endpointCredentials"),
    ] {
        let (found, notes) = read(pairs);
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(notes, [format!("{} is ignored: {why}", pairs[0].0)]);
    }
    assert_eq!(read(&[("SYSTEM_ACCESSTOKEN", "x")]), (Vec::new(), Vec::new()));
}

#[test]
fn an_odd_entry_voids_itself_only() {
    let good = r#"{"endpoint":"https://s/C/_packaging/f/nuget/v3/index.json","password":"E"}"#;
    for (odd, why) in [
        (r#"{"endpoint":"https://x/i","password":null}"#, "has no password"),
        (r#"{"endpoint":"https://x/i","username":"u"}"#, "has no password"),
        (r#"{"endpoint":"https://x/i","password":7}"#, "has no password"),
        (r#"{"endpoint":"https://x/i","clientId":"c"}"#, "client id"),
        (r#"{"endpointPrefix":"https://x/","password":"p"}"#, "has no endpoint"),
        ("7", "is not an object"),
        (r#""text""#, "is not an object"),
        (r#"{"endpoint":"https://x/i","password":""}"#, "it is empty"),
        (r#"{"endpoint":"https://x/i","password":"$(PAT)"}"#, "that nothing replaced"),
        (r#"{"endpoint":"https://x/i","password":"***"}"#, "asterisks"),
    ] {
        for list in [format!("{good},{odd}"), format!("{odd},{good}")] {
            let text = format!(r#"{{"endpointCredentials":[{list}]}}"#);
            let (found, notes) = read(&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", &text)]);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(notes.len() == 1 && notes[0].contains(why), "{text}: {notes:?}");
        }
    }
    let own = r#"[{"url":"https://x","token":null},{"url":"https://github.com","token":"E"},{"token":"E"}]"#;
    let (found, notes) = read(&[("KEYFOB_TOKENS", own)]);
    assert_eq!((found.len(), notes.len()), (1, 2), "{notes:?}");
}

#[test]
fn a_list_is_read_as_people_write_it() {
    for text in [
        "{'endpointCredentials':[{'endpoint':'https://s/f/index.json','username':'x','password':'E'}]}",
        r#"{"EndpointCredentials":[{"Endpoint":"https://s/f/index.json","UserName":"x","PASSWORD":"E"}]}"#,
        r#"{"endpointCredentials":[{"endpoint":"https://s/f/index.json","username":"x","password":"E",},]}"#,
        r#"{"more":1,"endpointCredentials":[{"endpoint":"https://s/f/index.json","username":"x","password":"E\n","x":{}}]}"#,
    ] {
        let (found, notes) = read(&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", text)]);
        let expected = "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS https://s/f/index.json x E";
        assert_eq!((found, notes), (vec![expected.to_owned()], Vec::new()), "{text}");
    }
    let deep = format!("{}{}", "[".repeat(60_000), "'");
    let (found, notes) = read(&[("KEYFOB_TOKENS", &deep)]);
    assert!(found.is_empty() && notes.len() == 1, "{notes:?}");
}

#[test]
fn a_lines_end_behind_a_token_is_dropped_in_every_variable() {
    let endpoints = r#"{"endpointCredentials":[{"endpoint":"https://d/f","password":"E\r\n"}]}"#;
    let (found, notes) = read(&[
        ("KEYFOB_URL", "https://a"),
        ("KEYFOB_TOKEN", "E\n"),
        ("AZURE_DEVOPS_ORG_URL", "https://b"),
        ("AZURE_DEVOPS_EXT_PAT", "E\r\n"),
        ("KEYFOB_TOKENS", r#"[{"url":"https://c","token":"E\n"}]"#),
        ("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", endpoints),
        ("VSS_NUGET_ACCESSTOKEN", " E\n"),
        ("VSS_NUGET_URI_PREFIXES", "https://e"),
    ]);
    assert!(found.len() == 5 && found.iter().all(|line| line.ends_with(" E")), "{found:?}");
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn plain_http_needs_the_hosts_name_in_a_variable() {
    let http = [("KEYFOB_URL", "http://tfs.example:8080/tfs/One"), ("KEYFOB_TOKEN", "E")];
    for (allowed, fits) in [
        ("tfs.example", true),
        ("TFS.example:8080", true),
        ("other, tfs.example", true),
        ("http://tfs.example:8080", true),
        ("tfs.example:8081", false),
        ("example", false),
        ("tfs.example.evil", false),
        ("", false),
        ("*", false),
    ] {
        let (found, notes) = read(&[http[0], http[1], (ALLOW_HTTP, allowed)]);
        assert_eq!((found.len() == 1, notes.len() == 1), (fits, !fits), "{allowed}: {notes:?}");
    }
    let cloud =
        [("KEYFOB_URL", "http://dev.azure.com/x"), ("KEYFOB_TOKEN", "E"), (ALLOW_HTTP, "dev.azure.com")];
    assert!(read(&cloud).0.is_empty(), "never to a cloud service");
}
