//! One token added once and one setup, and every tool downloads from its look-alike under the real host names, without another
//! step. What came is the README's table: `KEYFOB_REVIEW=1` writes it anew.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::fakes::crates::crates;
use crate::fakes::forge::{Forge, Token};
use crate::fakes::git_backend::Repositories;
use crate::fakes::http::{Handler, Response};
use crate::fakes::npm_registry::{npm_registry, npm_storage};
use crate::fakes::nuget_feed::NugetFeed;
use crate::fakes::proxy::Proxy;
use crate::fakes::python_index::{PythonIndex, WHEEL};
use crate::fakes::tls::Authority;
use crate::support::scene::{Scene, installed, skip};

const TOKEN: &str = "the-one-token-that-only-this-test-knows";
const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed";
const REPOSITORY: &str = "https://dev.azure.com/contoso/Project/_git/Repo";
const MODULE: &str = "dev.azure.com/contoso/Project/_git/Repo.git";

/// Where the table stands in the README.
const BEGIN: &str = "<!-- What tests/it/every_tool.rs saw; KEYFOB_REVIEW=1 writes it anew. -->\n";
const END: &str = "<!-- So far. -->\n";

/// The clients by the name that a person calls them by.
const CLIENTS: [(&str, &str); 4] = [
    ("pip", "pip-current/bin/pip"),
    ("uv", "uv/bin/uv"),
    ("twine", "twine/bin/twine"),
    ("pnpm", "pnpm-current/node_modules/.bin/pnpm"),
];

/// A person's machine with every tool on it, and the services within its reach.
struct Machine {
    scene: Scene,
    proxy: Proxy,
    rows: Vec<String>,
}

impl Machine {
    /// `None` where a client is not installed.
    fn new(repositories: &Repositories) -> Option<Machine> {
        let mut scene = Scene::new();
        if !crate::go::use_go(&mut scene) {
            return None;
        }
        let nuget = installed("nuget/node_modules/nuget-exe/nuget-5.8.0.exe");
        let mono = scene.command("sh").args(["-c", "command -v mono && command -v cert-sync"]).run();
        let clients = CLIENTS.map(|(name, path)| (name, installed(path)));
        if mono.code() != 0 || clients.iter().any(|(_, path)| path.is_none()) || nuget.is_none() {
            skip("the clients in target/test-tools: tests/run.sh");
            return None;
        }
        for (name, path) in clients {
            std::os::unix::fs::symlink(path?, scene.bin().join(name)).unwrap();
        }
        // As it is started where mono is: by a script of two lines.
        let script = scene.script("nuget", &format!("#!/bin/sh\nexec mono {} \"$@\"\n", nuget?.display()));
        fs::rename(script, scene.bin().join("nuget")).unwrap();
        // The cargo that runs this test: the one in PATH may be rustup's, which looks into the home.
        let cargo = PathBuf::from(std::env::var_os("CARGO").expect("cargo runs these tests"));
        for name in ["cargo", "rustc"] {
            std::os::unix::fs::symlink(cargo.with_file_name(name), scene.bin().join(name)).unwrap();
        }
        let proxy = internet(&mut scene, repositories);
        // Nobody is asked yet.
        fs::write(
            scene.home().join(".gitconfig"),
            "[user]\n\tname = Alice\n\temail = alice@example.test\n[init]\n\tdefaultBranch = main\n",
        )
        .unwrap();
        Some(Machine { scene, proxy, rows: Vec::new() })
    }

    /// Runs a command line as a person types it, in this folder.
    #[track_caller]
    fn types(&self, folder: &str, line: &str) {
        let at = self.scene.home().join(folder);
        fs::create_dir_all(&at).unwrap();
        self.scene.command("sh").args(["-c", line]).within(at).run().succeeds();
    }

    /// The same; then this has come, only Azure's own hosts saw the token, and the storage behind them did not.
    #[track_caller]
    fn row(&mut self, tool: &str, folder: &str, line: &str, came: &str, words: &str) {
        self.proxy.log().take();
        self.types(folder, line);
        assert!(
            came.is_empty() || self.scene.home().join(folder).join(came).exists(),
            "{tool}: {came} has not come"
        );
        let hosts = self.proxy.log().hosts_that_saw(TOKEN);
        assert!(hosts.len() == 1, "{tool}: {hosts:?}");
        assert!(["dev.azure.com", "pkgs.dev.azure.com"].contains(&hosts[0].as_str()), "{tool}: {hosts:?}");
        self.rows.push(format!("| {tool} | `{line}` | {words} | {} |\n", hosts[0]));
    }
}

/// Azure DevOps Services with its feeds, and the storage that packages are really in.
fn internet(scene: &mut Scene, repositories: &Repositories) -> Proxy {
    let forge = Forge::services(repositories);
    repositories.create("contoso/Project/Repo");
    forge.add(Token::new("contoso", "alice", TOKEN));
    let python = installed("pip-current/bin/python").unwrap();
    let index = PythonIndex::new(crate::support::python_feed::wheel(scene, &python), &[("contoso", TOKEN)]);
    let nuget = NugetFeed::new(crate::nuget::package(scene), &[("contoso", TOKEN)]);
    nuget.store_at("https://x1.blob.core.windows.net/nuget");
    let header = format!("Basic {}", BASE64.encode(format!("PAT:{TOKEN}")));
    let feeds = by_path(vec![
        ("/pypi/", index.handler()),
        ("/npm/", npm_registry(&[("contoso", TOKEN)])),
        ("/nuget/", nuget.handler()),
        ("/Cargo/", crates("/contoso/_packaging/feed/Cargo", &header)),
    ]);
    let storage =
        by_path(vec![(".whl", index.storage()), (".tgz", npm_storage()), ("nuget", nuget.storage())]);
    let authority = Authority::new();
    let rows = vec![
        ("dev.azure.com", forge.handler()),
        ("pkgs.dev.azure.com", feeds),
        ("*.blob.core.windows.net", storage),
    ];
    let proxy = Proxy::start(&authority, rows);
    scene.use_proxy(&proxy.url(), authority.pem());
    let trusted = scene.home().join("authority.pem");
    // Each client has a list of authorities of its own; none of this is about tokens.
    scene.set("PIP_CERT", &trusted).set("CARGO_HTTP_CAINFO", &trusted).set("http_proxy", proxy.url());
    scene.command("cert-sync").arg("--user").arg(&trusted).run().succeeds();
    scene.set("PIP_CONFIG_FILE", "/dev/null").set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    scene.set("UV_PYTHON_DOWNLOADS", "never").set("UV_PYTHON", python).set("CARGO_TERM_COLOR", "never");
    scene.set("NO_COLOR", "1").set("npm_config_update_notifier", "false").set("npm_config_audit", "false");
    scene.set("GOPRIVATE", "dev.azure.com");
    proxy
}

/// The first handler whose part is in the path.
fn by_path(rows: Vec<(&'static str, Handler)>) -> Handler {
    Arc::new(move |request| match rows.iter().find(|(part, _)| request.path().contains(part)) {
        Some((_, handler)) => handler(request),
        None => Response::with(404, "text/plain", "There is nothing here.\n"),
    })
}

#[test]
fn one_add_and_one_setup_serve_every_tool_without_another_step() {
    let folder = tempfile::TempDir::new().unwrap();
    let repositories = Repositories::new(folder.path().join("repositories"));
    let Some(mut machine) = Machine::new(&repositories) else { return };
    machine.scene.add("https://dev.azure.com/contoso", TOKEN);
    machine.scene.keyfob(["setup", "--yes"]).succeeds();
    settings(&machine.scene);

    machine.row("git", "", &format!("git clone {REPOSITORY} work"), "work/README.md", "a clone");
    put_a_module_there(&machine);
    let line = format!("go mod download {MODULE}@main");
    machine.row("Go", "go", &line, "", "a module");
    machine.row("nuget.exe", "nuget", "nuget install Greeting", "Greeting.1.0.0", "a package");
    let line = format!("pip download --index-url {FEED}/pypi/simple/ greeting");
    machine.row("pip", "pip", &line, WHEEL, "a wheel");
    let named = FEED.replace("https://", "https://VssSessionToken@");
    let line = format!("uv pip install --target got --default-index {named}/pypi/simple/ greeting");
    machine.row("uv", "uv", &line, "got/greeting.py", "a wheel");
    let line = format!("twine upload --repository-url {FEED}/pypi/upload/ {WHEEL}");
    machine.row("twine", "pip", &line, "", "an upload");
    machine.row("cargo", "greet", "cargo publish --registry contoso --no-verify", "", "an upload");
    machine.row("cargo", "app", "cargo fetch", "Cargo.lock", "a crate");
    machine.row("pnpm", "pnpm", "pnpm install", "node_modules/greeting/index.js", "a package");
    machine.row("npm", "npm", "keyfob run -- npm install", "node_modules/greeting/index.js", "a package");

    assert_eq!(machine.scene.held(), ["azure-devops/contoso - person active"]);
    let table = format!(
        "| tool | what was typed | what came | who saw the token |\n|---|---|---|---|\n{}",
        machine.rows.concat()
    );
    compare_with_readme(&table);
}

/// What a project says of its feed, which is no secret and is checked in with it.
fn settings(scene: &Scene) {
    let pem = scene.home().join("authority.pem");
    for project in ["npm", "pnpm"] {
        let manifest = "{\"name\":\"app\",\"version\":\"1.0.0\",\"dependencies\":{\"greeting\":\"1.0.0\"}}";
        fs::create_dir(scene.home().join(project)).unwrap();
        scene.append(&format!("{project}/package.json"), manifest);
        let registry = format!("registry={FEED}/npm/registry/\ncafile={}\n", pem.display());
        scene.append(&format!("{project}/.npmrc"), &registry);
    }
    fs::create_dir(scene.home().join("nuget")).unwrap();
    scene.append(
        "nuget/nuget.config",
        &format!(
            "<?xml version=\"1.0\"?><configuration><packageSources><clear/><add key=\"feed\" \
             value=\"{FEED}/nuget/v3/index.json\"/></packageSources></configuration>\n"
        ),
    );
    for (crate_name, dependencies) in
        [("greet", ""), ("app", "greet = { version = \"0.1.0\", registry = \"contoso\" }\n")]
    {
        let about = "version = \"0.1.0\"\nedition = \"2021\"\ndescription = \"x\"\nlicense = \"MIT\"\n";
        let manifest = format!("[package]\nname = \"{crate_name}\"\n{about}[dependencies]\n{dependencies}");
        fs::create_dir_all(scene.home().join(crate_name).join("src")).unwrap();
        fs::create_dir(scene.home().join(crate_name).join(".cargo")).unwrap();
        scene.append(&format!("{crate_name}/Cargo.toml"), &manifest);
        scene.append(&format!("{crate_name}/src/lib.rs"), "");
        let registry = format!("[registries.contoso]\nindex = \"sparse+{FEED}/Cargo/index/\"\n");
        scene.append(&format!("{crate_name}/.cargo/config.toml"), &registry);
    }
}

/// The clone becomes a Go module.
fn put_a_module_there(machine: &Machine) {
    let work = machine.scene.home().join("work");
    fs::write(work.join("go.mod"), format!("module {MODULE}\n\ngo 1.20\n")).unwrap();
    fs::write(work.join("greeting.go"), "package greeting\n").unwrap();
    machine.types("work", "git add . && git commit --quiet -m Greet && git push --quiet");
}

/// The README shows what was seen, and nothing else.
fn compare_with_readme(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the README has a place for the table");
    let (shown, after) = rest.split_once(END).expect("the README's table has an end");
    if std::env::var_os("KEYFOB_REVIEW").is_some() {
        fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown.trim(), table.trim(), "KEYFOB_REVIEW=1 cargo test --test it every_tool");
}
