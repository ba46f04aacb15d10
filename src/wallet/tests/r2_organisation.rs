//! R2: the organisation of Azure DevOps Services.

use super::fixture::TestWallet;
use crate::wallet::Stored;

/// Every spelling of one organisation's places, `ORG` standing for its name; `/` at the end where a path may follow.
pub(crate) const SPELLINGS: &[&str] = &[
    "https://dev.azure.com/ORG/",
    "https://ORG@dev.azure.com/ORG/",
    "https://alice@dev.azure.com/ORG/",
    "https://pkgs.dev.azure.com/ORG/",
    "https://feeds.dev.azure.com/ORG/",
    "https://vssps.dev.azure.com/ORG/",
    "https://vsrm.dev.azure.com/ORG/",
    "https://almsearch.dev.azure.com/ORG/",
    "https://ORG.visualstudio.com/",
    "https://ORG@ORG.visualstudio.com/",
    "https://ORG.visualstudio.com/DefaultCollection/",
    "https://ORG.pkgs.visualstudio.com/",
    "https://ORG.pkgs.visualstudio.com/DefaultCollection/",
    "https://ORG.vssps.visualstudio.com/",
    "https://ORG.vsrm.visualstudio.com/",
    "https://DEV.AZURE.COM./ORG/",
    "https://dev.azure.com:443/ORG/",
];

#[test]
fn every_spelling_of_one_organisation_is_one_account() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T1");
    test.add("https://fabrikam.visualstudio.com", None, "T2");
    for spelling in SPELLINGS {
        for (organisation, token) in
            [("contoso", "T1"), ("Contoso", "T1"), ("CONTOSO", "T1"), ("fabrikam", "T2"), ("other", "")]
        {
            for path in ["", "p/_git/r", "_git/r", "_apis/x"] {
                let url = spelling.replace("ORG", organisation) + path;
                let given = test.get(&url);
                if token.is_empty() {
                    assert_eq!(given, "NoAccount", "{url}");
                } else {
                    assert!(given.ends_with(&format!(":{token}")), "{url}: {given}");
                }
            }
        }
    }
    assert_eq!(test.entries().len(), 2);
}

#[test]
fn without_a_path_the_user_name_is_the_organisation_and_a_path_wins_over_it() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T1");
    test.add("https://dev.azure.com/fabrikam", None, "T2");
    assert_eq!(test.get("https://contoso@dev.azure.com"), "contoso:T1");
    assert_eq!(test.get("https://Fabrikam@dev.azure.com"), "Fabrikam:T2");
    assert_eq!(test.get("https://contoso@pkgs.dev.azure.com"), "contoso:T1");
    assert_eq!(test.get("https://contoso@dev.azure.com/fabrikam/p/_git/r"), "contoso:T2");
    assert_eq!(test.get("https://contoso@fabrikam.visualstudio.com"), "contoso:T2");
}

#[test]
fn an_organisation_is_never_guessed_even_if_only_one_is_held() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T");
    let before = test.files();
    for url in [
        "https://dev.azure.com",
        "https://@dev.azure.com",
        "https://pkgs.dev.azure.com",
        "https://dev.azure.com/_apis/connectionData",
        "https://contoso@dev.azure.com/_apis/connectionData",
        "https://dev.azure.com/con.toso",
        "https://dev.azure.com/contoso%20x",
        "https://dev.azure.com/-contoso",
        "https://me@mail.example@dev.azure.com",
        "https://con_toso@dev.azure.com",
    ] {
        assert_eq!(test.get(url), "NoOrganisation", "{url}");
    }
    assert!(test.files() == before);
}

#[test]
fn reserved_labels_and_foreign_services_are_never_answered_and_never_kept() {
    let test = TestWallet::new();
    for organisation in ["contoso", "app", "vssps", "evil", "www"] {
        test.add(&format!("https://dev.azure.com/{organisation}"), None, "T");
    }
    for url in [
        "https://visualstudio.com/contoso",
        "https://app.visualstudio.com",
        "https://www.visualstudio.com/contoso",
        "https://vs-ssh.visualstudio.com/contoso",
        "https://marketplace.visualstudio.com/contoso",
        "https://app.vssps.visualstudio.com/_apis/x",
        "https://spsprodweu1.vssps.visualstudio.com",
        "https://tfsprodneu2.visualstudio.com",
        "https://contoso.evil.visualstudio.com",
        "https://vs-ssh.contoso.visualstudio.com",
        "https://a.contoso.pkgs.visualstudio.com",
        "https://contoso.a.pkgs.visualstudio.com",
        "https://test.dev.azure.com/contoso",
        "https://ssh.dev.azure.com/contoso",
        "https://status.dev.azure.com/contoso",
        "https://contoso.dev.azure.com",
        "https://a.pkgs.dev.azure.com/contoso",
    ] {
        assert_eq!(test.get(url), "NotOurs", "{url}");
        assert_eq!(test.store(url, "T"), Stored::NotOurs, "{url}");
        assert_eq!(test.erase(url, "T"), 0, "{url}");
    }
    assert_eq!(test.entries().len(), 5);
}

#[test]
fn a_user_name_that_means_no_preference_is_no_organisation() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T");
    for user in ["VssSessionToken", "pat", "PAT", "git", "x-access-token", "token", "AzureDevOps"] {
        let url = format!("https://{user}@dev.azure.com");
        assert_eq!(test.get(&url), "NoOrganisation", "{user}");
        assert!(matches!(test.store(&url, "other"), Stored::NoOrganisation { .. }), "{user}");
        assert_eq!(test.store(&url, "T"), Stored::Unchanged, "{user}");
        assert_eq!(test.get(&format!("{url}/contoso")), format!("{user}:T"), "{user}");
    }
    assert_eq!(test.entries().len(), 1);
}

#[test]
fn a_service_that_is_not_built_in_can_be_mapped_by_hand() {
    let test = TestWallet::new();
    test.configure(
        r#"
        [[host]]
        url = "https://brandnew.dev.azure.com/contoso"
        forge = "azure-devops"
        realm = "azure-devops/contoso"
        "#,
    );
    test.add("https://dev.azure.com/contoso", None, "T");
    assert_eq!(test.get("https://brandnew.dev.azure.com/contoso/x"), "pat:T", "never without a name");
    assert_eq!(test.get("https://brandnew.dev.azure.com/fabrikam/x"), "NotOurs");
    assert_eq!(test.get("http://brandnew.dev.azure.com/contoso/x"), "NotOurs");
    assert_eq!(test.get("https://other.dev.azure.com/contoso/x"), "NotOurs");
}
