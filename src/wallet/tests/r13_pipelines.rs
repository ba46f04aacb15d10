//! R13 as pipelines meet it: several variables at once, no home, and values that are no tokens.

use super::fixture::{NoStores, TestWallet, query, secret};
use crate::environment::Environment;
use crate::error::NoCredential;
use crate::folders::NoFolders;
use crate::forge::Need;
use crate::wallet::{LocalWallet, Lookup, Note, Query, Stored, Wallet as _};

const FEEDS: &str = "https://pkgs.dev.azure.com/contoso/_packaging";

fn endpoints(list: &[(&str, &str)]) -> String {
    let one = |(url, token): &(&str, &str)| {
        format!(r#"{{"endpoint":"{url}","username":"x","password":"{token}"}}"#)
    };
    format!(r#"{{"endpointCredentials":[{}]}}"#, list.iter().map(one).collect::<Vec<_>>().join(","))
}

/// What a task of a pipeline sets: the job's token for its organisation, and one of a service connection for one feed in it.
#[test]
fn the_most_exact_entry_wins() {
    let test = TestWallet::new();
    let (shared, own) =
        (format!("{FEEDS}/shared/nuget/v3/index.json"), format!("{FEEDS}/own/nuget/v3/index.json"));
    let list = endpoints(&[(&shared, "connection")]);
    test.set_environment(&[
        (
            "VSS_NUGET_URI_PREFIXES",
            "https://pkgs.dev.azure.com/contoso/;https://contoso.pkgs.visualstudio.com/",
        ),
        ("VSS_NUGET_ACCESSTOKEN", "job"),
        ("SYSTEM_ACCESSTOKEN", "system"),
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/contoso/"),
        ("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", &list),
    ]);
    let packages = |url: &str| test.get_for(Need::Packages, url).split_once(':').unwrap().1.to_owned();
    assert_eq!(packages(&shared), "connection");
    assert_eq!(packages(&shared.to_uppercase().replace("HTTPS", "https")), "connection", "letter case aside");
    assert_eq!(
        packages("https://contoso.pkgs.visualstudio.com/_packaging/shared/nuget/v3/index.json"),
        "connection"
    );
    assert_eq!(packages(&own), "job", "made for packages, before the job's general one");
    assert_eq!(
        test.get("https://dev.azure.com/contoso/p/_git/r"),
        "contoso:system",
        "no feed's token for code"
    );
}

#[test]
fn each_endpoint_of_an_organisation_or_a_host_gets_its_own_token() {
    for [one, two, other] in [
        [
            &format!("{FEEDS}/f/nuget/v3/index.json"),
            &format!("{FEEDS}/g/nuget/v3/index.json"),
            &format!("{FEEDS}/h/nuget/v3/index.json"),
        ]
        .map(String::as_str),
        [
            "https://gitlab.com/api/v4/projects/1/packages/nuget/index.json",
            "https://gitlab.com/api/v4/projects/2/packages/nuget/index.json",
            "https://gitlab.com/api/v4/projects/3/packages/nuget/index.json",
        ],
        [
            "https://nuget.pkg.github.com/one/index.json",
            "https://nuget.pkg.github.com/two/index.json",
            "https://nuget.pkg.github.com/three/index.json",
        ],
        [
            "https://tfs.example/tfs/C/_packaging/f/nuget/v3/index.json",
            "https://tfs.example/tfs/C/_packaging/g/nuget/v3/index.json",
            "https://tfs.example/tfs/C/_packaging/h/nuget/v3/index.json",
        ],
        [
            "https://nexus.example/repository/f/index.json",
            "https://nexus.example/repository/g/index.json",
            "https://nexus.example/repository/h/index.json",
        ],
    ] {
        let test = TestWallet::new();
        let list = endpoints(&[(one, "T1"), (two, "T2")]);
        test.set_environment(&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", &list)]);
        let get = |url: &str| test.get_for(Need::Packages, url);
        assert!(get(one).ends_with(":T1") && get(two).ends_with(":T2"), "{one}: {} {}", get(one), get(two));
        assert!(!get(other).contains(":T"), "{other}: {}", get(other));
    }
}

#[test]
fn a_whole_hosts_token_answers_package_tools_for_every_organisation_there() {
    for (url, token) in [("VSS_NUGET_URI_PREFIXES", "VSS_NUGET_ACCESSTOKEN"), ("KEYFOB_URL", "KEYFOB_TOKEN")]
    {
        for host in ["https://pkgs.dev.azure.com/", "https://dev.azure.com"] {
            let test = TestWallet::new();
            test.set_environment(&[(url, host), (token, "E")]);
            for feed in [
                format!("{FEEDS}/f/nuget/v3/index.json"),
                "https://pkgs.dev.azure.com/fabrikam/_packaging/g/npm/registry".into(),
            ] {
                assert!(test.get_for(Need::Packages, &feed).ends_with(":E"), "{url}={host}: {feed}");
            }
            for foreign in [
                "https://pkgs.dev.azure.example/contoso/x",
                "https://github.com/contoso",
                "http://pkgs.dev.azure.com/contoso/x",
            ] {
                assert!(!test.get_for(Need::Packages, foreign).contains(":E"), "{url}={host}: {foreign}");
            }
            let code = test.get("https://dev.azure.com/contoso/p/_git/r");
            assert_eq!(
                code,
                if url == "KEYFOB_URL" { "Unusable" } else { "NoAccount" },
                "none is guessed for code"
            );
        }
    }
    let test = TestWallet::new();
    test.set_environment(&[
        ("VSS_NUGET_URI_PREFIXES", "https://pkgs.dev.azure.com/"),
        ("VSS_NUGET_ACCESSTOKEN", "all"),
        ("KEYFOB_URL", "https://dev.azure.com/contoso"),
        ("KEYFOB_TOKEN", "one"),
    ]);
    assert!(test.get_for(Need::Packages, FEEDS).ends_with(":one"), "the organisation's own is more exact");
}

#[test]
fn without_a_home_it_answers_and_nothing_else_does() {
    let environment = |pairs: &[(&str, &str)]| {
        Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())))
    };
    let given = environment(&[(
        "KEYFOB_TOKENS",
        r#"[{"url":"https://dev.azure.com/contoso","token":"E"},{"url":"https://nexus.example","token":"F","username":"bob"}]"#,
    )]);
    for why in [NoFolders::NoHome, NoFolders::Relative("HOME")] {
        let wallet = LocalWallet::homeless(why, &NoStores, &given, 0);
        for (url, token) in [
            ("https://dev.azure.com/contoso/p/_git/r", "E"),
            ("https://alice@dev.azure.com/contoso", "E"),
            ("https://nexus.example/x", "F"),
            ("https://nexus.example", "F"),
        ] {
            let Ok(Lookup::Found(answer)) = wallet.get(&query(url)) else { panic!("{url}") };
            assert!(answer.token.same_as(&secret(token)), "{url}");
            assert_eq!(answer.variable, Some("KEYFOB_TOKENS"));
            assert_eq!(wallet.store(&query(url), secret(token).into()).unwrap(), Stored::Unchanged);
            let note = wallet.erase(&query(url), Some(&secret(token))).unwrap().note;
            assert_eq!(note, Some(Note::VariableRefused { variable: "KEYFOB_TOKENS" }));
        }
        for url in ["https://github.com/x", "https://dev.azure.com/fabrikam", "https://bob@elsewhere.example"]
        {
            assert!(wallet.get(&query(url)).is_err() && wallet.erase(&query(url), None).is_err(), "{url}");
            assert!(wallet.store(&query(url), secret("n").into()).is_err(), "{url}");
        }
        assert!(wallet.places().is_err() && wallet.logout(&query("https://github.com")).is_err());
    }
    let empty = environment(&[("KEYFOB_URL", "https://dev.azure.com/contoso"), ("KEYFOB_TOKEN", "")]);
    let found = LocalWallet::homeless(NoFolders::NoHome, &NoStores, &empty, 0)
        .get(&query("https://dev.azure.com/contoso"));
    assert!(
        matches!(
            found,
            Ok(Lookup::None { reason: NoCredential::Unusable { variable: "KEYFOB_TOKEN", .. }, .. })
        ),
        "{found:?}"
    );
}

#[test]
fn a_token_answers_without_the_records_being_opened() {
    let test = one_token();
    std::fs::create_dir_all(test.data().parent().unwrap()).unwrap();
    std::fs::write(test.data(), "in place of the wallet's folder").unwrap();
    assert_eq!(test.get("https://dev.azure.com/contoso/p/_git/r"), "contoso:E");
    assert!(test.get("https://dev.azure.com/fabrikam").starts_with("error: "));
}

/// The log of a pipeline is the only place where anybody reads why there is no token.
#[test]
fn a_miss_names_the_variable_whose_value_is_no_token() {
    let feed = format!("{FEEDS}/f/nuget/v3/index.json");
    for (pairs, variable, why) in [
        (
            &[("KEYFOB_TOKENS", r#"[{"url":"https://dev.azure.com/contoso","token":""}]"#)][..],
            "KEYFOB_TOKENS",
            "it is empty",
        ),
        (&[("KEYFOB_TOKENS", "[{")], "KEYFOB_TOKENS", "it is not a JSON list"),
        (&[("KEYFOB_TOKENS", "$(TOKENS)")], "KEYFOB_TOKENS", "nothing replaced"),
        (&[("KEYFOB_TOKENS", "")], "KEYFOB_TOKENS", "it is empty"),
        (&[("KEYFOB_TOKEN", "E")], "KEYFOB_TOKEN", "KEYFOB_URL"),
        (
            &[("KEYFOB_TOKEN", "${PAT}"), ("KEYFOB_URL", "https://dev.azure.com/contoso")],
            "KEYFOB_TOKEN",
            "nothing replaced",
        ),
        (
            &[
                ("SYSTEM_ACCESSTOKEN", "$(System.AccessToken)"),
                ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/contoso/"),
            ],
            "SYSTEM_ACCESSTOKEN",
            "nothing replaced",
        ),
        (
            &[("SYSTEM_ACCESSTOKEN", ""), ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/contoso/")],
            "SYSTEM_ACCESSTOKEN",
            "it is empty",
        ),
        (
            &[("AZURE_DEVOPS_EXT_PAT", "%PAT%"), ("AZURE_DEVOPS_ORG_URL", "https://dev.azure.com/contoso")],
            "AZURE_DEVOPS_EXT_PAT",
            "nothing replaced",
        ),
        (
            &[
                ("VSS_NUGET_ACCESSTOKEN", ""),
                ("VSS_NUGET_URI_PREFIXES", "https://pkgs.dev.azure.com/contoso/"),
            ],
            "VSS_NUGET_ACCESSTOKEN",
            "it is empty",
        ),
        (
            &[
                ("ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN", "***"),
                ("ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES", "https://pkgs.dev.azure.com/"),
            ],
            "ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN",
            "asterisks",
        ),
        (
            &[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "not json")],
            "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
            "it is not JSON",
        ),
    ] {
        let test = TestWallet::new();
        test.set_environment(pairs);
        let found = test.with(|wallet| wallet.get(&Query { need: Need::Packages, ..query(&feed) })).unwrap();
        let Lookup::None { reason, report: true } = found else { panic!("{pairs:?}: {found:?}") };
        let words = reason.line_for_git(&feed).unwrap();
        assert!(words.contains(variable) && words.contains(why), "{words}");
        assert!(!words.contains("PAT)") || words.contains("such as"), "{words}");
        test.add("https://dev.azure.com/contoso", None, "T");
        assert!(
            test.get_for(Need::Packages, &feed).ends_with(":T"),
            "a stored token answers all the same: {pairs:?}"
        );
    }
}

#[test]
fn a_variable_that_is_for_another_place_is_not_blamed() {
    let test = TestWallet::new();
    test.set_environment(&[("KEYFOB_URL", "https://dev.azure.com/fabrikam"), ("KEYFOB_TOKEN", "")]);
    assert_eq!(test.get("https://dev.azure.com/contoso"), "NoAccount");
    assert_eq!(test.get("https://dev.azure.com/fabrikam"), "Unusable");
    test.set_environment(&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "not json")]);
    assert_eq!(test.get("https://dev.azure.com/contoso"), "NoAccount", "it is for packages only");
    assert_eq!(test.get_for(Need::Packages, "https://nuget.example/index.json"), "NotOurs");
}

#[test]
fn plain_http_that_only_the_environment_names_is_reported() {
    let url = "http://server5:8080/tfs/One/_packaging/f/nuget/v3/index.json";
    let pairs = [("VSS_NUGET_URI_PREFIXES", "http://server5:8080/tfs/One/"), ("VSS_NUGET_ACCESSTOKEN", "E")];
    let test = TestWallet::new();
    test.set_environment(&pairs);
    let words = |url: &str| match test
        .with(|wallet| wallet.get(&Query { need: Need::Packages, ..query(url) }))
        .unwrap()
    {
        Lookup::None { reason, report: true } => reason.line_for_git(url).unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(words(url).contains("KEYFOB_ALLOW_HTTP=server5:8080"), "{}", words(url));
    test.set_environment(&[pairs[0], pairs[1], ("KEYFOB_ALLOW_HTTP", "server5")]);
    assert!(test.get_for(Need::Packages, url).ends_with(":E"));
    assert!(!test.get_for(Need::Packages, "http://server6:8080/tfs/One/x").contains(":E"));
    let cloud = "http://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json";
    let list = endpoints(&[(cloud, "E")]);
    test.set_environment(&[
        ("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", &list),
        ("KEYFOB_ALLOW_HTTP", "pkgs.dev.azure.com"),
    ]);
    assert!(words(cloud).ends_with("use https"), "{}", words(cloud));
}

fn one_token() -> TestWallet {
    let test = TestWallet::new();
    test.set_environment(&[("KEYFOB_URL", "https://dev.azure.com/contoso"), ("KEYFOB_TOKEN", "E")]);
    test
}
