//! The traps of Azure DevOps' host names (reference: azure-devops, 1.3, 1.4 and section 6), through the wire, with a wallet that
//! holds tokens of several realms: each spelling gets its own token or none.

use super::{full_bench, run};

/// A URL as git splits it, and whose token it gets.
const TABLE: &[(&str, Option<&str>)] = &[
    // One organisation through all its forms.
    ("https://dev.azure.com/contoso/Project/_git/Repo", Some("contoso")),
    ("https://contoso@dev.azure.com/contoso/Project/_git/Repo", Some("contoso")),
    ("https://contoso@dev.azure.com", Some("contoso")),
    ("https://dev.azure.com/contoso/_git/Repo", Some("contoso")),
    ("https://contoso.visualstudio.com/Project/_git/Repo", Some("contoso")),
    ("https://contoso.visualstudio.com/DefaultCollection/Project/_git/Repo", Some("contoso")),
    ("https://contoso.visualstudio.com", Some("contoso")),
    ("https://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json", Some("contoso")),
    ("https://contoso.pkgs.visualstudio.com/_packaging/f", Some("contoso")),
    ("https://feeds.dev.azure.com/contoso", Some("contoso")),
    ("https://vssps.dev.azure.com/contoso", Some("contoso")),
    ("https://contoso.vssps.visualstudio.com", Some("contoso")),
    ("https://vsrm.dev.azure.com/contoso", Some("contoso")),
    ("https://CONTOSO.VisualStudio.com", Some("contoso")),
    ("https://DEV.AZURE.COM/CONTOSO", Some("contoso")),
    ("https://dev.azure.com./contoso", Some("contoso")),
    ("https://dev.azure.com:443/contoso", Some("contoso")),
    ("https://alice@dev.azure.com/contoso/p", Some("contoso")),
    // Two organisations on one host.
    ("https://dev.azure.com/fabrikam/p", Some("fabrikam")),
    ("https://fabrikam@dev.azure.com", Some("fabrikam")),
    ("https://contoso@dev.azure.com/fabrikam/p", Some("fabrikam")),
    ("https://contoso@fabrikam.visualstudio.com", Some("fabrikam")),
    ("https://contoso.visualstudio.com/fabrikam", Some("contoso")),
    ("https://dev.azure.com", None),
    ("https://dev.azure.com/_apis/connectionData", None),
    ("https://contoso@dev.azure.com/_apis/connectionData", None),
    ("https://other@dev.azure.com", None),
    ("https://dev.azure.com/other/contoso", None),
    // An organisation may be called like this; its token is its own.
    ("https://evilpkgs.visualstudio.com/_packaging/f", Some("evilpkgs")),
    ("https://evilpkgs.visualstudio.com/contoso", Some("evilpkgs")),
    ("https://dev.azure.com/evilpkgs", Some("evilpkgs")),
    // A shared domain.
    ("https://visualstudio.com/contoso", None),
    ("https://www.visualstudio.com/contoso", None),
    ("https://app.visualstudio.com/contoso", None),
    ("https://marketplace.visualstudio.com/contoso", None),
    ("https://vs-ssh.visualstudio.com/contoso", None),
    ("https://vs-ssh.contoso.visualstudio.com", None),
    ("https://contoso@vs-ssh.visualstudio.com/v3/contoso", None),
    ("https://tfsprodweu1.visualstudio.com/contoso", None),
    ("https://spsprodweu1.vssps.visualstudio.com/contoso", None),
    ("https://app.vssps.visualstudio.com/contoso", None),
    ("https://contoso.unknown.visualstudio.com", None),
    ("https://a.contoso.visualstudio.com", None),
    ("https://contoso.a.pkgs.visualstudio.com", None),
    ("https://contosovisualstudio.com", None),
    ("https://contoso.evilvisualstudio.com", None),
    ("https://contoso.visualstudio.com.evil.test", None),
    ("https://contoso.pkgs.visualstudio.com.evil.test", None),
    ("https://contoso-visualstudio.com", None),
    // Look-alikes of dev.azure.com.
    ("https://dev.azure.com.evil.test/contoso", None),
    ("https://dev.azure.com@evil.test/contoso", None),
    ("https://contoso@dev.azure.com@evil.test/contoso", None),
    ("https://evildev.azure.com/contoso", None),
    ("https://evil.dev.azure.com/contoso", None),
    ("https://test.dev.azure.com/contoso", None),
    ("https://ssh.dev.azure.com/v3/contoso", None),
    ("https://status.dev.azure.com/contoso", None),
    ("https://a.pkgs.dev.azure.com/contoso", None),
    ("https://dev.azure.us/contoso", None),
    ("https://dev.azure.cn/contoso", None),
    ("https://devppe.azure.com/contoso", None),
    ("https://azure.com/contoso", None),
    ("https://dev-azure.com/contoso", None),
    ("https://dev.azure.co/contoso", None),
    ("https://dev.azure.com:8443/contoso", None),
    ("https://dev.azure.com:80/contoso", None),
    ("https://dev.azure.com../contoso", None),
    ("http://dev.azure.com/contoso", None),
    ("http://dev.azure.com:443/contoso", None),
    ("http://contoso.visualstudio.com", None),
    ("ftp://dev.azure.com/contoso", None),
    ("https://d\u{435}v.azure.com/contoso", None),
    ("https://\u{ff44}ev.azure.com/contoso", None),
    ("https://dev\u{3002}azure\u{3002}com/contoso", None),
    ("https://xn--dv-bmc.azure.com/contoso", None),
    // Hosts that must never get it.
    ("https://contoso.blob.core.windows.net", None),
    ("https://contoso.vsblob.vsassets.io", None),
    ("https://contoso.vsblob.visualstudio.com", None),
    ("https://contoso.vstmrblob.vsassets.io", None),
    ("https://cdn.vsassets.io/contoso", None),
    ("https://contoso.gallerycdn.vsassets.io", None),
    ("https://login.microsoftonline.com/contoso", None),
    ("https://login.windows.net/contoso", None),
    ("https://login.live.com/contoso", None),
    ("https://contoso.vsts.me", None),
    ("https://contoso.codedev.ms", None),
    // Names that are none.
    ("https://dev.azure.com/con.toso", None),
    ("https://dev.azure.com/contoso%20", None),
    ("https://dev.azure.com/-contoso", None),
    ("https://dev.azure.com/contoso ", None),
    ("https://dev.azure.com/x/../contoso", None),
    ("https://dev.azure.com/contoso/../fabrikam", None),
    ("https://dev.azure.com/contoso/%2e%2e/fabrikam", None),
    // A slash too many, an empty port.
    ("https://dev.azure.com//contoso//p", Some("contoso")),
    ("https://dev.azure.com:/contoso/p", Some("contoso")),
    ("https://tfs.corp.example:8443/tfs//One///p", Some("server")),
    // The other realms of this wallet.
    ("https://github.com/contoso/repo", Some("github")),
    ("https://contoso@github.com", Some("github")),
    ("https://tfs.corp.example:8443/tfs/One/p/_git/r", Some("server")),
    ("https://contoso@tfs.corp.example:8443/TFS/one", Some("server")),
    ("https://tfs.corp.example:8443", Some("server")),
    ("https://tfs.corp.example:8443/tfs/OneMore", None),
    ("https://tfs.corp.example:8443/contoso", None),
    ("https://tfs.corp.example/tfs/One", None),
    ("http://tfs.corp.example:8443/tfs/One", None),
    ("https://git.example/contoso", Some("generic")),
    ("https://alice@git.example", Some("generic")),
    ("https://contoso@git.example", None),
    ("https://git.example:8443", None),
    ("https://sub.git.example", None),
];

#[test]
fn each_spelling_gets_the_token_of_its_own_realm_or_none() {
    let bench = full_bench();
    let before = bench.files();
    for (url, expected) in TABLE {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let mut request = format!("protocol={scheme}\nhost={host}\n");
        if !path.is_empty() {
            request.push_str(&format!("path={path}\n"));
        }
        if let Some(user) = user {
            request.push_str(&format!("username={user}\n"));
        }
        let ran = run(&bench, "get", request);
        let given = ran.value("password").map(|token| token.trim_start_matches("TOKEN-"));
        assert_eq!(given, *expected, "{url}");
        assert_eq!((ran.code, ran.out.is_empty()), (0, expected.is_none()), "{url}");
    }
    assert!(bench.files() == before);
}

#[test]
fn a_missing_organisation_is_said_in_one_line() {
    let ran = run(&full_bench(), "get", "protocol=https\nhost=dev.azure.com\n");
    let hint = "git config --global credential.https://dev.azure.com.useHttpPath true\n";
    assert!(ran.notes.ends_with(hint) && ran.notes.lines().count() == 1, "{}", ran.notes);
}

#[test]
fn a_refusal_of_another_secret_does_not_touch_the_one_that_is_held() {
    let bench = full_bench();
    let before = bench.files();
    for request in [
        "protocol=https\nhost=dev.azure.com\nusername=contoso\npassword=TOKEN-fabrikam\n",
        "protocol=https\nhost=dev.azure.com\npath=contoso\npassword=wrong\n",
        "protocol=https\nhost=dev.azure.com\npassword=wrong\n",
        "protocol=https\nhost=contoso.visualstudio.com\npassword=TOKEN-fabrikam\n",
        "protocol=https\nhost=github.com\npassword=TOKEN-contoso\n",
        "protocol=https\nhost=evil.test\npassword=TOKEN-contoso\n",
    ] {
        super::erase(&bench, request);
    }
    assert!(bench.files() == before);
}
