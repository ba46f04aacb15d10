//! R5: the answer to git, byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{erase, get, run, silence, store};
use crate::forge::{self, bitbucket_data_center, generic};
use crate::wallet::tests::fixture::{TestWallet, on};

const CONTOSO: &str = "protocol=https\nhost=dev.azure.com\npath=contoso/p/_git/r\n";
const SERVER: &str = "protocol=https\nhost=srv.example\npath=tfs/One/p/_git/r\n";
const AUTHTYPE: &str = "capability[]=authtype\ncapability[]=state\n";

fn contoso() -> TestWallet {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench
}

fn server() -> TestWallet {
    let bench = TestWallet::new();
    bench.add("https://srv.example/tfs/One", None, "T");
    bench
}

fn forced(user: &str) -> String {
    let credential = BASE64.encode(":T");
    format!("capability[]=authtype\nauthtype=Basic\ncredential={credential}\nusername={user}\npassword=T\n")
}

#[test]
fn a_cloud_token_goes_as_user_name_and_password() {
    assert_eq!(get(&contoso(), CONTOSO), "username=contoso\npassword=T\n");
    assert_eq!(get(&contoso(), &format!("{AUTHTYPE}{CONTOSO}")), "username=contoso\npassword=T\n");
    assert_eq!(
        get(&contoso(), &format!("{AUTHTYPE}{CONTOSO}wwwauth[]=Bearer x\nwwwauth[]=Basic realm=\"NTLM\"\n")),
        "username=contoso\npassword=T\n"
    );
}

#[test]
fn basic_is_forced_where_ntlm_or_negotiate_is_offered_and_only_behind_the_capability() {
    for offer in ["NTLM", "Negotiate", "negotiate", "Basic realm=\"x\", NTLM"] {
        let request = format!("{CONTOSO}wwwauth[]=Bearer\nwwwauth[]={offer}\n");
        assert_eq!(get(&contoso(), &format!("{AUTHTYPE}{request}")), forced("contoso"), "{offer}");
        assert_eq!(get(&contoso(), &request), "username=contoso\npassword=T\n", "{offer}");
        assert_eq!(
            get(&contoso(), &format!("capability[]=state\n{request}")),
            "username=contoso\npassword=T\n"
        );
    }
}

#[test]
fn basic_is_forced_on_premises_always_and_only_behind_the_capability() {
    assert_eq!(get(&server(), &format!("{AUTHTYPE}{SERVER}")), forced("pat"));
    assert_eq!(get(&server(), SERVER), "username=pat\npassword=T\n");
    assert_eq!(get(&server(), &format!("{AUTHTYPE}{SERVER}capability[]=\n")), "username=pat\npassword=T\n");
}

#[test]
fn basic_is_never_forced_on_a_generic_host_or_for_what_a_tool_stored() {
    let bench = TestWallet::new();
    bench.add_as("https://git.example", "T", on(&generic::FORGE, Some("alice"))).unwrap();
    let request = format!("{AUTHTYPE}protocol=https\nhost=git.example\nwwwauth[]=NTLM\n");
    assert_eq!(get(&bench, &request), "username=alice\npassword=T\n");
    let bench = TestWallet::new();
    bench.store("https://bob@srv.example/tfs/One/_git/r", "T");
    let request = format!("{AUTHTYPE}{SERVER}wwwauth[]=NTLM\n");
    assert_eq!(get(&bench, &request), "username=bob\npassword=T\n");
}

#[test]
fn a_bearer_token_goes_as_bearer_where_git_can_and_as_password_where_it_cannot() {
    let bench = TestWallet::new();
    bench.add_as("https://srv.example", "T", on(&bitbucket_data_center::FORGE, Some("alice"))).unwrap();
    let request = "protocol=https\nhost=srv.example\n";
    let bearer = "capability[]=authtype\nauthtype=Bearer\ncredential=T\nusername=alice\npassword=T\n";
    assert_eq!(get(&bench, &format!("{AUTHTYPE}{request}")), bearer);
    assert_eq!(get(&bench, request), "username=alice\npassword=T\n");
    // git brings it all back after it worked, and after it did not.
    let before = bench.files();
    store(&bench, &format!("{bearer}{request}"));
    assert!(bench.files() == before);
    erase(&bench, &format!("{bearer}{request}"));
    assert_eq!(get(&bench, request), "");
}

#[test]
fn the_user_name_is_never_empty_whatever_was_asked() {
    for forge in forge::ALL.iter().filter(|forge| !forge.is_generic()) {
        let url = match forge.url_templates.first() {
            Some(template) => format!("https://{}", template.pattern.replace("{organisation}", "contoso")),
            None => "https://srv.example/One".to_owned(),
        };
        let bench = TestWallet::new();
        bench.add_as(&url, "T", on(forge, None)).unwrap();
        let rest = url.trim_start_matches("https://");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        for user in ["", "username=\n", "username=VssSessionToken\n", "username=me\n"] {
            let request = format!("{AUTHTYPE}protocol=https\nhost={host}\npath={path}\n{user}");
            let ran = run(&bench, "get", &request);
            assert!(ran.value("username").is_some_and(|name| !name.is_empty()), "{}: {request}", forge.id);
        }
    }
}

#[test]
fn what_was_stored_as_authtype_and_credential_returns_verbatim() {
    let bench = TestWallet::new();
    let request = "protocol=https\nhost=git.example\n";
    let pair = "authtype=Digest\ncredential=a=b, c=\"d\"\n";
    store(&bench, &format!("capability[]=authtype\n{pair}{request}"));
    assert_eq!(get(&bench, &format!("{AUTHTYPE}{request}")), format!("capability[]=authtype\n{pair}"));
    assert_eq!(get(&bench, request), "");
}

#[test]
fn protocol_host_path_and_url_are_never_echoed() {
    let bench = super::full_bench();
    for request in [
        CONTOSO,
        "protocol=https\nhost=github.com\npath=a/b\n",
        "protocol=https\nhost=tfs.corp.example:8443\npath=tfs/One\n",
        "protocol=https\nhost=git.example\n",
        "url=https://alice@git.example/x\n",
    ] {
        for capabilities in ["", AUTHTYPE] {
            let ran = run(&bench, "get", format!("{capabilities}{request}"));
            assert!(ran.text().contains("password="), "{request}");
            for key in ["protocol", "host", "path", "url"] {
                assert_eq!(ran.value(key), None, "{request}");
            }
        }
    }
}

#[test]
fn end_and_refresh_token_come_back_as_they_came() {
    let bench = TestWallet::new();
    let request = "protocol=https\nhost=git.example\nusername=bob\n";
    let rest = "password=T\npassword_expiry_utc=1900000000\noauth_refresh_token=R=\n";
    store(&bench, &format!("{request}{rest}"));
    assert_eq!(get(&bench, request), format!("username=bob\n{rest}"));
    assert_eq!(get(&bench, &format!("{AUTHTYPE}{request}")), format!("username=bob\n{rest}"));
}

#[test]
fn past_its_end_not_even_the_user_name_is_printed() {
    let bench = TestWallet::new();
    store(&bench, "protocol=https\nhost=git.example\nusername=bob\npassword=T\npassword_expiry_utc=1\n");
    assert_eq!(run(&bench, "get", "protocol=https\nhost=git.example\n"), silence());
}

#[test]
fn what_is_ephemeral_is_not_stored() {
    let bench = TestWallet::new();
    for ephemeral in ["1", "true"] {
        store(
            &bench,
            &format!("protocol=https\nhost=h.example\nusername=u\npassword=T\nephemeral={ephemeral}\n"),
        );
    }
    assert!(bench.memory.is_empty() && bench.files().is_empty());
    store(&bench, "protocol=https\nhost=h.example\nusername=u\npassword=T\nephemeral=0\n");
    assert_eq!(bench.memory.len(), 1);
}

#[test]
fn what_git_brings_back_after_a_forced_basic_is_recognised() {
    for (bench, request) in [(server(), SERVER), (server(), "protocol=https\nhost=srv.example\n")] {
        let answer = get(&bench, &format!("{AUTHTYPE}{request}"));
        let before = bench.files();
        store(&bench, &format!("{answer}{request}"));
        assert!(bench.files() == before, "decoded and compared (R6)");
        erase(&bench, &format!("{answer}{request}"));
        assert_eq!(get(&bench, &format!("{AUTHTYPE}{request}")), "", "withheld (R7)");
        assert!(bench.files() != before);
    }
}

#[test]
fn a_foreign_basic_credential_is_kept_as_user_name_and_password() {
    let bench = TestWallet::new();
    let credential = BASE64.encode("bob:T");
    let request = "protocol=https\nhost=git.example\n";
    store(&bench, &format!("capability[]=authtype\nauthtype=Basic\ncredential={credential}\n{request}"));
    assert_eq!(get(&bench, request), "username=bob\npassword=T\n");
    erase(&bench, &format!("authtype=basic\ncredential={credential}\n{request}"));
    assert_eq!(get(&bench, request), "");
}

#[test]
fn a_refusal_is_heard_through_the_wire_and_the_token_comes_back_after_a_minute() {
    let bench = contoso();
    erase(&bench, &format!("{CONTOSO}username=contoso\npassword=other\n"));
    erase(&bench, &format!("{CONTOSO}username=contoso\n"));
    assert_eq!(get(&bench, CONTOSO), "username=contoso\npassword=T\n");
    erase(&bench, "protocol=https\nhost=dev.azure.com\nusername=contoso\npassword=T\n");
    assert_eq!(get(&bench, CONTOSO), "");
    bench.wait(60);
    assert_eq!(get(&bench, CONTOSO), "username=contoso\npassword=T\n");
    store(&bench, "protocol=https\nhost=dev.azure.com\nusername=contoso\npassword=T\n");
    assert_eq!(get(&bench, CONTOSO), "username=contoso\npassword=T\n");
}

#[test]
fn a_store_after_a_sign_in_page_changes_nothing_and_one_without_a_password_neither() {
    let bench = contoso();
    let before = bench.files();
    store(&bench, "protocol=https\nhost=dev.azure.com\nusername=contoso\npassword=T\n");
    store(&bench, &format!("{CONTOSO}username=contoso\n"));
    store(&bench, CONTOSO);
    assert!(bench.files() == before && bench.memory.len() == 1);
}
