//! The loopback servers behave as the services do, as the real git sees it. What these tests show is what the others
//! build on: which answers make git store, erase, or do neither (docs: gitcredentials(7), git-http-backend(1)).

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use crate::fakes::azure_answers as azure;
use crate::fakes::forge::{Condition, Forge, Profile, Token};
use crate::fakes::git_backend::Repositories;
use crate::fakes::http::{Handler, Request, Response, Server};
use crate::fakes::log::Entry;
use crate::fakes::proxy::{Proxy, Tunnel};
use crate::fakes::tls::Authority;
use crate::support::process::Output;
use crate::support::scene::{Scene, new_git, old_git, skip};

/// git sends a push of more than 1 MiB (http.postBuffer) in chunks, after a probe.
const LARGE: usize = 3 << 20;
const SMALL: usize = 1 << 10;

const TOKEN: &str = "a-token-that-only-these-tests-know";

/// A scene with repositories and, in place of keyfob, a helper that answers from a file and writes down what it is
/// asked.
struct Stage {
    scene: Scene,
    repositories: Repositories,
    _folder: TempDir,
}

impl Stage {
    fn new() -> Stage {
        let folder = TempDir::new().unwrap();
        let repositories = Repositories::new(folder.path().join("repositories"));
        let stage = Stage { scene: Scene::new(), repositories, _folder: folder };
        stage.answer(&format!("username=alice\npassword={TOKEN}\n"));
        stage
    }

    /// What the helper answers to get.
    fn answer(&self, text: &str) {
        fs::write(self.scene.home().join("answer"), text).unwrap();
    }

    fn git(&self, args: &[&str]) -> Output {
        let helper = "!f() { { echo \"[$1]\"; cat; } >>\"$HOME/asked\"; \
                      if test \"$1\" = get; then cat \"$HOME/answer\"; fi; }; f";
        let ours = ["-c", "credential.helper=", "-c", &format!("credential.helper={helper}")];
        self.scene.git(ours.iter().chain(args))
    }

    fn clone(&self, url: &str) -> Output {
        self.git(&["clone", "--quiet", url, "work"])
    }

    /// Clones, and pushes a file of that many bytes.
    fn clone_and_push(&self, url: &str, name: &str, bytes: usize) {
        self.clone(url).succeeds();
        assert_eq!(fs::read_to_string(self.work().join("README.md")).unwrap(), "Hello\n");
        self.commit(bytes);
        self.git(&["-C", "work", "push", "--quiet"]).succeeds();
        let ours = self.git(&["-C", "work", "rev-parse", "HEAD"]).succeeds();
        assert_eq!(self.repositories.revision(name, "main").as_deref(), Some(ours.stdout().trim()));
    }

    /// Commits a file of that many bytes, which cannot be packed any smaller.
    fn commit(&self, bytes: usize) {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        fs::write(self.work().join("noise"), noise.take(bytes).collect::<Vec<u8>>()).unwrap();
        self.git(&["-C", "work", "add", "noise"]).succeeds();
        self.git(&["-C", "work", "commit", "--quiet", "-m", "Make some noise"]).succeeds();
    }

    fn work(&self) -> PathBuf {
        self.scene.home().join("work")
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.scene.home().join("asked")).unwrap_or_default()
    }

    /// The helper's calls so far, `get store`; and it forgets them.
    fn calls(&self) -> String {
        let asked = self.asked();
        let _ = fs::remove_file(self.scene.home().join("asked"));
        let calls = asked.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
        calls.collect::<Vec<_>>().join(" ")
    }
}

fn services(stage: &Stage) -> Forge {
    stage.repositories.create("contoso/Project/Repo");
    let forge = Forge::services(&stage.repositories);
    forge.add(Token::new("contoso", "alice", TOKEN));
    forge
}

#[test]
fn services_let_git_clone_and_push_with_a_token_and_any_user_name() {
    let stage = Stage::new();
    let server = services(&stage).start();
    stage.answer(&format!("username=anybody\npassword={TOKEN}\n"));
    stage.clone_and_push(
        &format!("{}/contoso/Project/_git/Repo", server.url()),
        "contoso/Project/Repo",
        LARGE,
    );

    assert_eq!(stage.calls(), "get store get store");
    let entries = server.log().entries();
    for entry in &entries {
        let expected = (entry.status == 200).then(|| ("anybody".to_owned(), TOKEN.to_owned()));
        assert_eq!(entry.basic(), expected, "{entry:?}");
    }
    assert_eq!(entries[0].status, 401);
    let chunked = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
    };
    assert!(entries.iter().any(|entry| entry.method == "POST" && entry.headers.iter().any(chunked)));
}

#[test]
fn services_offer_bearer_basic_and_federated_in_one_line_or_three() {
    let stage = Stage::new();
    let forge = services(&stage);
    let server = forge.start();
    for joined in [false, true] {
        forge.change(|state| state.joined_challenges = joined);
        let answer = raw(
            &server,
            &format!(
                "GET /contoso/Project/_git/Repo/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: {}\r\n\
                 User-Agent: git/2.47.3\r\nConnection: close\r\n\r\n",
                server.host()
            ),
        );
        let lines: Vec<_> =
            answer.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: ")).collect();
        assert_eq!(lines.len(), if joined { 1 } else { 3 }, "{answer}");
        let all = lines.join(", ");
        assert!(all.starts_with("Bearer authorization_uri=https://login.microsoftonline.com/"), "{all}");
        assert!(
            all.ends_with(", Basic realm=\"https://tfsprodweu3.visualstudio.com/\", TFS-Federated"),
            "{all}"
        );
    }
}

#[test]
fn a_token_that_is_expired_revoked_unknown_or_of_another_organisation_makes_git_erase() {
    let stage = Stage::new();
    stage.repositories.create("fabrikam/Project/Repo");
    let forge = services(&stage);
    let server = forge.start();
    let url = |organisation| format!("{}/{organisation}/Project/_git/Repo", server.url());
    for condition in [Condition::Expired, Condition::Revoked] {
        forge.change(|state| state.token(TOKEN).condition = condition);
        let output = stage.clone(&url("contoso")).fails();
        assert!(output.stderr().contains("Authentication failed"), "{output}");
        assert_eq!(stage.calls(), "get erase", "{condition:?}");
        let last = server.log().take().pop().unwrap();
        assert!(last.status == 401 && last.carries(TOKEN), "{last:?}");
    }
    forge.change(|state| state.token(TOKEN).condition = Condition::Active);
    stage.clone(&url("fabrikam")).fails();
    assert_eq!(stage.calls(), "get erase");
    stage.answer("username=alice\npassword=unknown\n");
    stage.clone(&url("contoso")).fails();
    assert_eq!(stage.calls(), "get erase");
}

#[test]
fn only_the_expired_state_is_named_by_the_services() {
    let stage = Stage::new();
    let forge = services(&stage);
    let server = forge.start();
    let ask = |condition, extra: &str| {
        forge.change(|state| state.token(TOKEN).condition = condition);
        raw(
            &server,
            &format!(
                "GET /contoso/_apis/connectionData?api-version=7.1-preview.1 HTTP/1.1\r\nHost: {}\r\n{extra}\
             Authorization: Basic {}\r\nConnection: close\r\n\r\n",
                server.host(),
                base64(&format!(":{TOKEN}")),
            ),
        )
    };

    let good = ask(Condition::Active, "");
    assert!(
        good.starts_with("HTTP/1.1 200 OK\r\n") && good.contains("\"providerDisplayName\":\"alice\""),
        "{good}"
    );
    let expired = ask(Condition::Expired, "");
    assert!(expired.starts_with("HTTP/1.1 401 "), "{expired}");
    assert!(
        expired.contains("X-TFS-ServiceError: Access%20Denied%3A%20The%20Personal%20Access%20Token%20used")
    );
    assert!(expired.contains("\"message\":\"Access Denied: The Personal Access Token used has expired.\""));
    // A browser's way in, unless the caller says that it is none.
    let revoked = ask(Condition::Revoked, "");
    assert!(revoked.starts_with("HTTP/1.1 302 "), "{revoked}");
    assert!(
        revoked.contains(&format!("Location: {}/_signin?realm=dev.azure.com", server.url())),
        "{revoked}"
    );
    let revoked = ask(Condition::Revoked, "X-TFS-FedAuthRedirect: Suppress\r\n");
    assert!(
        revoked.starts_with("HTTP/1.1 401 ") && revoked.contains("UnauthorizedRequestException"),
        "{revoked}"
    );
}

fn on_premises(stage: &Stage) -> (Forge, Server) {
    stage.repositories.create("DefaultCollection/Project/Repo");
    let forge = Forge::on_premises(&stage.repositories, "/tfs");
    forge.add(Token::new("DefaultCollection", "alice", TOKEN));
    let server = forge.start();
    (forge, server)
}

const ON_PREMISES: &str = "/tfs/DefaultCollection/Project/_git/Repo";

#[test]
fn on_premises_git_takes_ntlm_for_user_name_and_password_and_fails() {
    let stage = Stage::new();
    let (_forge, server) = on_premises(&stage);
    let output = stage.clone(&format!("{}{ON_PREMISES}", server.url())).fails();
    assert!(output.stderr().contains("Authentication failed"), "{output}");
    let schemes: Vec<String> = server
        .log()
        .entries()
        .iter()
        .filter_map(|entry| Some(entry.authorization()?.split(' ').next()?.to_owned()))
        .collect();
    assert!(schemes.contains(&"NTLM".to_owned()), "{schemes:?}");
    assert!(!schemes.contains(&"Basic".to_owned()), "{schemes:?}");
    assert_eq!(stage.calls(), "get erase");
}

#[test]
fn on_premises_git_clones_and_pushes_when_the_helper_says_basic() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let mut stage = Stage::new();
    stage.scene.use_git(git);
    let (forge, server) = on_premises(&stage);
    forge.change(|state| state.empty_user_only = true);
    let credential = base64(&format!(":{TOKEN}"));
    stage.answer(&format!("capability[]=authtype\nauthtype=Basic\ncredential={credential}\n"));
    // IIS folds letter case.
    let url = format!("{}/TFS/defaultcollection/Project/_git/repo", server.url());
    stage.clone_and_push(&url, "DefaultCollection/Project/Repo", SMALL);
    assert_eq!(stage.calls(), "get store get store");
}

/// git 2.47 (2.51 is reported too) forgets `credential` on the probe before a large push, takes the 401 to the probe for
/// a verdict, and has a good token erased. http.postBuffer above the push's size avoids the probe.
#[test]
fn a_large_push_with_authtype_needs_a_large_post_buffer() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let mut stage = Stage::new();
    stage.scene.use_git(git);
    let (_forge, server) = on_premises(&stage);
    let credential = base64(&format!(":{TOKEN}"));
    stage.answer(&format!("capability[]=authtype\nauthtype=Basic\ncredential={credential}\n"));
    stage.clone(&format!("{}{ON_PREMISES}", server.url())).succeeds();
    stage.commit(LARGE);
    stage.calls();
    server.log().take();

    let output = stage.git(&["-C", "work", "push", "--quiet"]);
    let bare = |entry: &Entry| entry.method == "POST" && entry.authorization().is_none();
    if server.log().take().iter().any(bare) {
        output.fails();
        assert_eq!(stage.calls(), "get store erase");
        stage.git(&["-C", "work", "-c", "http.postBuffer=16m", "push", "--quiet"]).succeeds();
    } else {
        output.succeeds();
    }
    assert_eq!(stage.calls(), "get store");
}

#[test]
fn on_premises_proactive_basic_is_a_way_for_user_name_and_password() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let mut stage = Stage::new();
    stage.scene.use_git(git);
    stage.scene.append(".gitconfig", "[http]\n\tproactiveAuth = basic\n");
    let (_forge, server) = on_premises(&stage);
    stage.clone_and_push(&format!("{}{ON_PREMISES}", server.url()), "DefaultCollection/Project/Repo", LARGE);
    assert_eq!(stage.calls(), "get store get store");
}

#[test]
fn an_old_git_is_not_offered_a_way_on_premises() {
    let Some(git) = old_git() else { return skip("git < 2.46") };
    let mut stage = Stage::new();
    stage.scene.use_git(git);
    let (_forge, server) = on_premises(&stage);
    let credential = base64(&format!(":{TOKEN}"));
    stage.answer(&format!(
        "capability[]=authtype\nauthtype=Basic\ncredential={credential}\nusername=alice\npassword={TOKEN}\n"
    ));
    stage.clone(&format!("{}{ON_PREMISES}", server.url())).fails();
    assert!(!stage.asked().contains("capability[]"));
}

#[test]
fn with_basic_authentication_of_iis_on_every_token_is_refused() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let mut stage = Stage::new();
    stage.scene.use_git(git);
    let (forge, server) = on_premises(&stage);
    forge.change(|state| state.iis_basic = true);
    let credential = base64(&format!(":{TOKEN}"));
    stage.answer(&format!("capability[]=authtype\nauthtype=Basic\ncredential={credential}\n"));
    stage.clone(&format!("{}{ON_PREMISES}", server.url())).fails();
    let asked = stage.asked();
    let lines: Vec<_> = asked.lines().filter_map(|line| line.strip_prefix("wwwauth[]=")).collect();
    // git with GSSAPI tries once without a name when Negotiate is offered, and then passes on the lines of both answers.
    assert!(lines.ends_with(&["Bearer", "NTLM", "Negotiate", "Basic realm=\"127.0.0.1\""]), "{lines:?}");
    assert_eq!(stage.calls(), "get erase");
}

#[test]
fn the_real_host_names_lead_to_loopback_through_the_proxy() {
    let mut stage = Stage::new();
    let forge = services(&stage);
    let authority = Authority::new();
    let rows = vec![("dev.azure.com", forge.handler()), ("*.visualstudio.com", forge.handler())];
    let proxy = Proxy::start(&authority, rows);
    stage.scene.use_proxy(&proxy.url(), authority.pem());

    stage.clone_and_push("https://dev.azure.com/contoso/Project/_git/Repo", "contoso/Project/Repo", LARGE);
    fs::remove_dir_all(stage.work()).unwrap();
    stage.clone("https://contoso.visualstudio.com/DefaultCollection/Project/_git/Repo").succeeds();
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["contoso.visualstudio.com", "dev.azure.com"]);

    stage.calls();
    fs::remove_dir_all(stage.work()).unwrap();
    stage.clone("https://dev.azure.com.example.test/contoso/Project/_git/Repo").fails();
    let Tunnel { target, allowed, .. } = proxy.tunnels().pop().unwrap();
    assert_eq!((target.as_str(), allowed), ("dev.azure.com.example.test:443", false));
    assert_eq!(stage.calls(), "");
}

#[test]
fn a_client_that_does_not_trust_the_authority_turns_away() {
    let mut stage = Stage::new();
    let forge = services(&stage);
    let proxy = Proxy::start(&Authority::new(), vec![("dev.azure.com", forge.handler())]);
    stage.scene.use_proxy(&proxy.url(), Authority::new().pem());
    let output = stage.clone("https://dev.azure.com/contoso/Project/_git/Repo").fails();
    assert!(output.stderr().contains("certificate"), "{output}");
    assert!(proxy.log().entries().is_empty());
}

#[test]
fn tls_serves_an_address_too() {
    let mut stage = Stage::new();
    let authority = Authority::new();
    let server = Server::start_tls(&authority, services(&stage).handler());
    stage.scene.use_proxy("", authority.pem());
    stage.clone(&format!("{}/contoso/Project/_git/Repo", server.url())).succeeds();
}

mod pats;
mod provenance;
mod responses;

use responses::{base64, raw};
