//! Azure DevOps Services (once Visual Studio Team Services). One organisation has many hosts: `dev.azure.com/ORG`, the
//! old `ORG.visualstudio.com`, and a host per service in either style. All of them are one realm, because one personal
//! access token opens them all.

use super::lifecycle::{Lifecycle, Renewal, ScopeOption};
use super::token_format::{Alphabet, Part, TokenFormat};
use super::{Crates, Example, Forge, Hosts, Need, Packages, UrlTemplate, UserName};

mod checksum;
mod entra;
mod issued_month;
mod pats;
mod refusal;
mod scopes;
pub mod server;
mod verify;

/// Tokens of Azure DevOps, Services and Server: until the middle of 2024 52 characters, since then 84.
static TOKEN_FORMATS: &[TokenFormat] = &[
    TokenFormat {
        checksum: Some(checksum::holds),
        ..TokenFormat::of("a personal access token of Azure DevOps", &[Part::Chars(Alphabet::Base32, 52, 52)])
    },
    TokenFormat {
        marker: Some("JQQJ99"),
        lifespan: Some(issued_month::lifespan),
        ..TokenFormat::of(
            "a personal access token of Azure DevOps",
            &[
                Part::Chars(Alphabet::Base62, 52, 52),
                Part::Text("JQQJ99"),
                Part::Chars(Alphabet::Base62, 18, 18),
                Part::Text("AZDO"),
                Part::Chars(Alphabet::Base62, 4, 4),
            ],
        )
    },
];

/// What to tick, on the pages of Services and Server alike.
static SCOPE_OPTIONS: &[ScopeOption] = &[
    ScopeOption { task: "git", label: "Code: Read & write", scopes: &["vso.code_write"] },
    ScopeOption { task: "packages", label: "Packaging: Read", scopes: &["vso.packaging"] },
    ScopeOption { task: "publish", label: "Packaging: Read & write", scopes: &["vso.packaging_write"] },
    ScopeOption { task: "build", label: "Build: Read & execute", scopes: &["vso.build_execute"] },
    ScopeOption { task: "work-items", label: "Work Items: Read & write", scopes: &["vso.work_write"] },
    ScopeOption {
        task: "release",
        label: "Release: Read, write & execute",
        scopes: &["vso.release_execute"],
    },
    ScopeOption { task: "agents", label: "Agent Pools: Read & manage", scopes: &["vso.agentpools_manage"] },
    ScopeOption { task: "analytics", label: "Analytics: Read", scopes: &["vso.analytics"] },
];

/// What the packages of Services and Server have in common. No container registry.
const PACKAGES: Packages = Packages {
    containers: Hosts::NONE,
    crates: Crates::Paths(are_crates),
    // Any name does, and Microsoft's documents write this one into URLs.
    nuget_user_name: Some("VssSessionToken"),
    feed_marker: Some("_packaging"),
    paths: are_packages,
    ..Packages::OWN_HOST
};

/// Feeds and the interface to them: the first segment that is a service's is theirs.
fn are_packages(path: &[&str]) -> bool {
    let service = path.iter().position(|segment| segment.starts_with('_')).map(|at| &path[at..]);
    match service {
        Some([service, ..]) if service.eq_ignore_ascii_case("_packaging") => true,
        Some([service, area, ..]) => {
            service.eq_ignore_ascii_case("_apis") && area.eq_ignore_ascii_case("packaging")
        }
        _ => false,
    }
}

/// The name of each of its services begins so: repositories are another one's (_git, _apis), and feeds have files of other kinds, of
/// which some may have any name (maven).
fn are_crates(path: &[&str]) -> bool {
    let service = path.iter().position(|segment| segment.starts_with('_')).map(|at| &path[at..]);
    matches!(service, Some([service, _, kind, ..])
        if service.eq_ignore_ascii_case("_packaging") && kind.eq_ignore_ascii_case("cargo"))
}

/// Which scopes cover a need, in Services and Server alike.
static SCOPES_BY_NEED: &[(Need, &[&str])] = &[
    (Need::Code, &["app_token", "vso.code", "vso.code_write", "vso.code_manage", "vso.code_full"]),
    (Need::Packages, &["app_token", "vso.packaging", "vso.packaging_write", "vso.packaging_manage"]),
];

/// Azure DevOps Services.
pub static FORGE: Forge = Forge {
    id: "azure-devops",
    name: "Azure DevOps Services",
    realm_noun: "organisation",
    url_templates: &[
        UrlTemplate { pattern: "dev.azure.com/{organisation}", realm: "{organisation}", needs_path: true },
        UrlTemplate {
            pattern: "{service}.dev.azure.com/{organisation}",
            realm: "{organisation}",
            needs_path: true,
        },
        UrlTemplate {
            pattern: "{organisation}.visualstudio.com",
            realm: "{organisation}",
            needs_path: false,
        },
        UrlTemplate {
            pattern: "{organisation}.{service}.visualstudio.com",
            realm: "{organisation}",
            needs_path: false,
        },
    ],
    // Deliberately absent: vsblob, because *.vsblob.visualstudio.com is storage, which must never see a token; whoever needs
    // vsblob.dev.azure.com maps it in the settings.
    // The documents of the REST interfaces 7.1 and 7.2 name these hosts and declare Basic with any user name for each.
    service_labels: &[
        "pkgs",
        "feeds",
        "vssps",
        "vsrm",
        "vsaex",
        "vstmr",
        "almsearch",
        "auditservice",
        "extmgmt",
        "artifacts",
        "advsec",
        "analytics",
        "notifications",
        "governance",
    ],
    // First labels below visualstudio.com that are no organisation: front doors, shared services, scale units.
    reserved: &[
        "app",
        "www",
        "vs-ssh",
        "ssh",
        "marketplace",
        "code",
        "my",
        "login",
        "docs",
        "start",
        "portal",
        "vscode",
        "support",
        "developercommunity",
        "tfs",
        "sps",
        "aex",
        "tfsprod*",
        "spsprod*",
        "pkgsprod*",
        "tfsapp*",
        "status",
        "dev",
    ],
    // The last two are storage, to which downloads are redirected with an address that is its own leave.
    domains: &["dev.azure.com", "visualstudio.com", "vsassets.io", "blob.core.windows.net"],
    ignored_segments: &["DefaultCollection"],
    user_may_be_organisation: true,
    user_name: UserName { fallback: "{organisation}", ..UserName::ANY },
    placeholders: &["VssSessionToken", "AzureDevOps", "AzureDevOpsPAT", "build", "vsts"],
    token_page: Some("https://dev.azure.com/{organisation}/_usersSettings/tokens"),
    lifecycle: Lifecycle {
        options: SCOPE_OPTIONS,
        renewal: Renewal::SignedIn(&pats::Pats),
        // 2026-12-01, the first second of it.
        global_tokens_end: Some(1_796_083_200),
        ..Lifecycle::BY_HAND
    },
    packages: Packages {
        npm: Hosts {
            named: &[(
                "{organisation}",
                &["pkgs.dev.azure.com/{organisation}", "{organisation}.pkgs.visualstudio.com"],
            )],
            own: false,
        },
        downloads: Hosts {
            named: &[(
                "{organisation}",
                &["{organisation}.visualstudio.com", "{organisation}.pkgs.visualstudio.com"],
            )],
            own: false,
        },
        shared_downloads: &["dev.azure.com", "pkgs.dev.azure.com"],
        ..PACKAGES
    },
    scopes: SCOPES_BY_NEED,
    check: Some(&verify::SERVICES),
    token_formats: TOKEN_FORMATS,
    examples: &[
        Example {
            url: "https://dev.azure.com/contoso/Project/_git/Repo",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://contoso@dev.azure.com/contoso/Project/_git/Repo",
            realm: Some("azure-devops/contoso"),
        },
        Example { url: "https://contoso@dev.azure.com", realm: Some("azure-devops/contoso") },
        Example { url: "https://dev.azure.com/contoso/_git/Repo", realm: Some("azure-devops/contoso") },
        Example { url: "https://dev.azure.com/CONTOSO", realm: Some("azure-devops/contoso") },
        Example { url: "https://alice@dev.azure.com/contoso", realm: Some("azure-devops/contoso") },
        Example { url: "https://DEV.azure.com.:443/Contoso", realm: Some("azure-devops/contoso") },
        Example {
            url: "https://contoso.visualstudio.com/Project/_git/Repo",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://contoso.visualstudio.com/DefaultCollection/P/_git/R",
            realm: Some("azure-devops/contoso"),
        },
        Example { url: "https://contoso.visualstudio.com", realm: Some("azure-devops/contoso") },
        Example { url: "https://alice@contoso.visualstudio.com", realm: Some("azure-devops/contoso") },
        Example {
            url: "https://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json",
            realm: Some("azure-devops/contoso"),
        },
        Example { url: "https://contoso@pkgs.dev.azure.com", realm: Some("azure-devops/contoso") },
        Example {
            url: "https://feeds.dev.azure.com/contoso/_apis/packaging/feeds",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://vssps.dev.azure.com/contoso/_apis/tokens/pats",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://vsrm.dev.azure.com/contoso/p/_apis/release",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://analytics.dev.azure.com/contoso/_odata/v3.0",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://contoso.pkgs.visualstudio.com/_packaging/f/nuget/v3/index.json",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://contoso.pkgs.visualstudio.com/DefaultCollection/_packaging/f",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://contoso.vssps.visualstudio.com/_apis/graph/users",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://contoso.vsrm.visualstudio.com/p/_apis/release",
            realm: Some("azure-devops/contoso"),
        },
        Example {
            url: "https://evilpkgs.visualstudio.com/_packaging/f",
            realm: Some("azure-devops/evilpkgs"),
        },
        // What must give none.
        Example { url: "https://dev.azure.com", realm: None },
        Example { url: "https://dev.azure.com/_apis/connectionData", realm: None },
        Example { url: "https://contoso@dev.azure.com/_signin", realm: None },
        Example { url: "https://me@mail.example@dev.azure.com", realm: None },
        Example { url: "https://dev.azure.com/con.toso", realm: None },
        Example { url: "https://dev.azure.com:8443/contoso", realm: None },
        Example { url: "https://test.dev.azure.com/contoso", realm: None },
        Example { url: "https://ssh.dev.azure.com/contoso", realm: None },
        Example { url: "https://status.dev.azure.com/contoso", realm: None },
        Example { url: "https://a.pkgs.dev.azure.com/contoso", realm: None },
        Example { url: "https://visualstudio.com/contoso", realm: None },
        Example { url: "https://app.visualstudio.com", realm: None },
        Example { url: "https://marketplace.visualstudio.com/items", realm: None },
        Example { url: "https://vs-ssh.visualstudio.com/contoso", realm: None },
        Example { url: "https://vs-ssh.contoso.visualstudio.com", realm: None },
        Example { url: "https://app.vssps.visualstudio.com/_apis/profile/profiles/me", realm: None },
        Example { url: "https://spsprodweu1.vssps.visualstudio.com/_signin", realm: None },
        Example { url: "https://tfsprodneu2.visualstudio.com", realm: None },
        Example { url: "https://contoso.evil.visualstudio.com", realm: None },
        Example { url: "https://a.contoso.pkgs.visualstudio.com", realm: None },
        Example { url: "https://contoso.vsblob.vsassets.io/x", realm: None },
        Example { url: "https://contoso.vsblob.visualstudio.com/x", realm: None },
        Example { url: "https://x.blob.core.windows.net/contoso", realm: None },
        Example { url: "https://dev.azure.us/contoso", realm: None },
        Example { url: "https://login.microsoftonline.com/contoso", realm: None },
    ],
    ..Forge::BASE
};

/// A GUID in lower case; `None` for what is none, and for the one that is all zeros.
fn guid(text: &str) -> Option<String> {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let whole = text.len() == 36 && text.bytes().enumerate().all(fits);
    (whole && text.bytes().any(|byte| byte != b'0' && byte != b'-')).then(|| text.to_ascii_lowercase())
}
