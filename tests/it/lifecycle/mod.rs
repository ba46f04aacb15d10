//! `keyfob pat` and `keyfob rotate` against fakes of the services under their real names, which see to it, when they are dropped,
//! that no token and no sign-in went astray.

use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use crate::fakes::azure_pats::Pats;
use crate::fakes::azure_sign_in;
use crate::fakes::forge::Forge;
use crate::fakes::git_backend::Repositories;
use crate::fakes::http::{Handler, Request, Response};
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::process::{Call, Output};
use crate::support::scene::Scene;

#[cfg(target_os = "linux")]
mod concurrent;
#[cfg(target_os = "linux")]
mod crash;
mod gitlab;
mod hostile;
#[cfg(target_os = "linux")]
mod manual_rotation;
mod other_forges;
mod pat;
mod pat_edge_cases;
mod rotate;
#[cfg(target_os = "linux")]
mod sign_in;

const CONTOSO: &str = "https://dev.azure.com/contoso";

/// Of no known shape, so that nobody takes them for damaged.
const TOKEN: &str = "s3cret-of-contoso";
const BEARER: &str = "s3cret-bearer-of-alice";

/// A person's machine, signed in, and an internet with Azure DevOps Services in it.
pub struct Stage {
    /// The machine.
    pub scene: Scene,
    /// The life of tokens.
    pub pats: Pats,
    services: Forge,
    proxy: Proxy,
    _folder: TempDir,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(Vec::new())
    }

    /// With more hosts, which come first.
    fn with(mut rows: Vec<(&'static str, Handler)>) -> Stage {
        let folder = TempDir::new().unwrap();
        let services = Forge::services(&Repositories::new(folder.path().join("repositories")));
        let pats = Pats::new(&services, BEARER);
        rows.push(("vssps.dev.azure.com", pats.handler()));
        rows.push(("login.microsoftonline.com", pats.entra()));
        rows.push(("dev.azure.com", services.handler()));
        rows.push(("app.vssps.visualstudio.com", azure_sign_in::handler(BEARER)));
        rows.push(("*.visualstudio.com", services.handler()));
        // Wherever something else is asked, it is seen.
        rows.push(("*.test", Arc::new(|_: &Request| Response::with(200, "text/plain", "evil"))));
        let authority = Authority::new();
        let proxy = Proxy::start(&authority, rows);
        let mut scene = Scene::new();
        scene.use_proxy(&proxy.url(), authority.pem()).set("KEYFOB_ENTRA_TOKEN", BEARER);
        Stage { scene, pats, services, proxy, _folder: folder }
    }

    /// A token that the service knows by this name and the wallet holds; its id.
    fn holding(name: &str) -> (Stage, String) {
        let stage = Stage::new();
        let id = stage.pats.add(name, TOKEN);
        stage.holds(CONTOSO, TOKEN);
        (stage, id)
    }

    /// Adds without asking anybody.
    fn holds(&self, words: &str, token: &str) {
        let words = format!("add {words}");
        self.scene.keyfob_with(words.split(' '), token).succeeds();
    }

    pub fn call(&self, words: &str) -> Call {
        self.scene.program("keyfob").args(words.split(' ')).env("KEYFOB_OFFLINE", "")
    }

    /// With the network, and sees to it that no token is shown.
    #[track_caller]
    fn run(&self, words: &str, stdin: &str) -> Output {
        shown(self.call(words).stdin(stdin).run())
    }

    /// Runs it and wants this exit code, and each of these texts.
    #[track_caller]
    fn ends(&self, words: &str, code: i32, texts: &[&str]) -> Output {
        self.run(words, "").says(code, texts)
    }

    /// The token that a tool would get.
    #[track_caller]
    pub fn in_force(&self, url: &str) -> String {
        let output = self.scene.keyfob(["token", url, "--as", "token", "--yes"]).succeeds();
        output.stdout().trim_end().to_owned()
    }

    /// What `keyfob list --json` shows.
    fn list(&self) -> Vec<Value> {
        let list = self.scene.keyfob(["list", "--json"]).succeeds();
        serde_json::from_str(list.stdout()).unwrap()
    }

    /// Whether nothing is half done.
    pub fn is_done(&self) -> bool {
        !self.scene.data().join("pending.json").exists()
    }
}

#[track_caller]
fn shown(output: Output) -> Output {
    let all = format!("{}{}", output.stdout(), output.stderr());
    assert!(!all.contains("s3cret"), "{output}");
    output
}

fn answer(status: u16, body: &Value) -> Response {
    Response::with(status, "application/json", body.to_string())
}
