//! GitHub, GitHub Enterprise Cloud with data residency (`ORG.ghe.com`), and GitHub Enterprise Server on people's own
//! machines. One token opens the site, its interfaces and its package registries; the user name is ignored.

use serde::Deserialize;

use crate::http_message::{Auth, Method, Request, Response};

use super::lifecycle::{FineGrained, Lifecycle, Revocation, ScopeOption};
use super::token_format::{Alphabet, Part, TokenFormat, crc32};
use super::verify::{self, Check, Obstacles, Problem, Target, Verdict};
use super::{Example, Forge, Hosts, LoginForm, Need, Packages, Scheme, UrlTemplate};

/// A token with GitHub's checksum.
const fn classic(name: &'static str, parts: &'static [Part]) -> TokenFormat {
    TokenFormat { checksum: Some(checksum_holds), ..TokenFormat::of(name, parts) }
}

/// GitHub.
pub static FORGE: Forge = Forge {
    id: "github",
    name: "GitHub",
    url_templates: &[
        UrlTemplate { pattern: "github.com", realm: "github.com", needs_path: false },
        UrlTemplate { pattern: "{service}.github.com", realm: "github.com", needs_path: false },
        UrlTemplate { pattern: "www.github.com", realm: "github.com", needs_path: false },
        UrlTemplate { pattern: "ghcr.io", realm: "github.com", needs_path: false },
        UrlTemplate { pattern: "{service}.pkg.github.com", realm: "github.com", needs_path: false },
        UrlTemplate { pattern: "{organisation}.ghe.com", realm: "{organisation}.ghe.com", needs_path: false },
        UrlTemplate {
            pattern: "{service}.{organisation}.ghe.com",
            realm: "{organisation}.ghe.com",
            needs_path: false,
        },
    ],
    service_labels: &["gist", "api", "uploads", "npm", "nuget", "maven", "rubygems", "docker", "containers"],
    reserved: &["www", "api", "gist", "auth", "docs"],
    host_hints: &["github", "ghe", "ghes"],
    placeholders: &["x-access-token", "x-oauth-basic", "PersonalAccessToken"],
    token_page: Some("{origin}/settings/tokens"),
    lifecycle: Lifecycle {
        options: &[
            ScopeOption {
                task: "git",
                label: "fine-grained: Contents, read and write; classic: repo",
                scopes: &["repo"],
            },
            ScopeOption { task: "packages", label: "classic: read:packages", scopes: &["read:packages"] },
            ScopeOption { task: "publish", label: "classic: write:packages", scopes: &["write:packages"] },
        ],
        preset_page: Some("{origin}/settings/tokens/new?description=keyfob&scopes={scopes}"),
        // GitHub's packages accept no fine-grained tokens.
        fine_grained: Some(&FineGrained {
            page: "{origin}/settings/personal-access-tokens/new?name=keyfob&{permissions}",
            permissions: &[("git", "contents=write")],
        }),
        revocation: Some(&Revocation { request: revoke, done: |answer| answer.status == 202 }),
        ..Lifecycle::BY_HAND
    },
    packages: Packages {
        scheme: Scheme::Bearer,
        npm: Hosts {
            named: &[
                ("github.com", &["npm.pkg.github.com"]),
                ("{organisation}.ghe.com", &["npm.{organisation}.ghe.com"]),
            ],
            own: true,
        },
        others: Hosts {
            named: &[
                (
                    "github.com",
                    &[
                        "maven.pkg.github.com",
                        "nuget.pkg.github.com",
                        "rubygems.pkg.github.com",
                        "docker.pkg.github.com",
                    ],
                ),
                (
                    "{organisation}.ghe.com",
                    &[
                        "maven.{organisation}.ghe.com",
                        "nuget.{organisation}.ghe.com",
                        "rubygems.{organisation}.ghe.com",
                    ],
                ),
            ],
            own: false,
        },
        // An Enterprise Server without hosts of their own for its packages.
        paths: |path| path.first() == Some(&"_registry"),
        // Its npm registry alone takes no Basic.
        login: |host, path| match host.starts_with("npm.") || path.starts_with(&["_registry", "npm"]) {
            true => LoginForm::Bearer,
            false => LoginForm::Usual,
        },
        containers: Hosts {
            named: &[
                ("github.com", &["ghcr.io"]),
                ("{organisation}.ghe.com", &["containers.{organisation}.ghe.com"]),
            ],
            own: true,
        },
        downloads: Hosts {
            named: &[
                ("github.com", &["github.com", "api.github.com", "*.pkg.github.com"]),
                ("{organisation}.ghe.com", &["{organisation}.ghe.com", "*.{organisation}.ghe.com"]),
            ],
            own: true,
        },
        ..Packages::OWN_HOST
    },
    scopes: &[
        (Need::Code, &["repo", "public_repo", "contents"]),
        (Need::Packages, &["read:packages", "write:packages", "delete:packages", "packages"]),
    ],
    check: Some(&Check { request, read }),
    token_formats: &[
        classic(
            "a personal access token of GitHub",
            &[Part::Text("ghp_"), Part::Chars(Alphabet::Base62, 36, 36)],
        ),
        // GitHub documents no checksum for these.
        TokenFormat::of(
            "a fine-grained personal access token of GitHub",
            &[
                Part::Text("github_pat_"),
                Part::Chars(Alphabet::Base62, 22, 22),
                Part::Text("_"),
                Part::Chars(Alphabet::Base62, 59, 59),
            ],
        ),
        classic("an OAuth token of GitHub", &[Part::Text("gho_"), Part::Chars(Alphabet::Base62, 36, 36)]),
        classic(
            "a user's token of a GitHub App",
            &[Part::Text("ghu_"), Part::Chars(Alphabet::Base62, 36, 36)],
        ),
        // Installation tokens and refresh tokens have grown longer over the years.
        TokenFormat::of(
            "an installation token of a GitHub App",
            &[Part::Text("ghs_"), Part::Chars(Alphabet::Dotted, 36, 2000)],
        ),
        TokenFormat::of(
            "a refresh token of a GitHub App",
            &[Part::Text("ghr_"), Part::Chars(Alphabet::Dotted, 36, 2000)],
        ),
    ],
    examples: &[
        Example { url: "https://github.com/rust-lang/rust.git", realm: Some("github/github.com") },
        Example { url: "https://alice@github.com/alice/repo", realm: Some("github/github.com") },
        Example { url: "https://gist.github.com/1234.git", realm: Some("github/github.com") },
        Example { url: "https://api.github.com/user", realm: Some("github/github.com") },
        Example { url: "https://ghcr.io", realm: Some("github/github.com") },
        Example { url: "https://npm.pkg.github.com/@alice", realm: Some("github/github.com") },
        Example { url: "https://nuget.pkg.github.com/alice/index.json", realm: Some("github/github.com") },
        Example { url: "https://contoso.ghe.com/team/repo.git", realm: Some("github/contoso.ghe.com") },
        Example { url: "https://api.contoso.ghe.com/user", realm: Some("github/contoso.ghe.com") },
        Example { url: "https://pages.github.com", realm: None },
        Example { url: "https://www.github.com/alice/repo", realm: Some("github/github.com") },
        Example { url: "https://www.pkg.github.com", realm: None },
        Example { url: "https://github.com:8443/a/b", realm: None },
        Example { url: "https://evil.pkg.github.com", realm: None },
        Example { url: "https://alice.github.io/repo", realm: None },
        Example { url: "https://raw.githubusercontent.com/a/b/c", realm: None },
        Example { url: "https://ghe.com", realm: None },
    ],
    ..Forge::SELF_HOSTED
};

/// Digits, upper, lower: the order in which GitHub counts.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The last six of 36 characters behind the prefix are the CRC-32 of the thirty before, in base 62.
fn checksum_holds(token: &[u8]) -> bool {
    let Some(body) = token.len().checked_sub(36).map(|at| &token[at..]) else { return false };
    let (random, sum) = body.split_at(30);
    let mut left = crc32(random);
    sum.iter().rev().all(|&digit| {
        let expected = DIGITS[(left % 62) as usize];
        left /= 62;
        digit == expected
    })
}

/// `user` tells who; headers tell scopes (of classic tokens) and the end.
fn request(target: &Target<'_>) -> Request {
    let url = match target.home.strip_prefix("https://") {
        Some(host) if !target.realm.what().contains("://") => format!("https://api.{host}/user"),
        _ => format!("{}/api/v3/user", target.home),
    };
    Request::get(url, Auth::Bearer)
}

/// Single sign-on is told by a header.
const OBSTACLES: Obstacles = &[
    ("account was suspended", Problem::Blocked),
    ("account is suspended", Problem::Blocked),
    ("has an IP allow list enabled", Problem::BlockedByPolicy),
];

#[derive(Deserialize)]
struct User {
    login: String,
}

fn read(answer: &Response, _: &Target<'_>) -> Verdict {
    // The address in it opens a page for an hour; the page of tokens does the same, and for longer.
    let sign_on =
        answer.header("x-github-sso").is_some_and(|value| value.trim_start().starts_with("required"));
    if answer.status == 403 && sign_on {
        return Verdict::problem(Problem::SingleSignOn, answer);
    }
    let mut verdict =
        verify::read(answer, OBSTACLES, |answer| Some(Verdict::accepted(Some(answer.json::<User>()?.login))));
    if verdict.outcome == verify::Outcome::Accepted {
        verdict.expires = answer.header("github-authentication-token-expiration").and_then(end);
        verdict.scopes = verify::listed(answer, "x-oauth-scopes");
    }
    verdict
}

/// `2027-01-31 12:00:00 UTC` or with an offset.
fn end(text: &str) -> Option<i64> {
    let text = text.trim().replace("UTC", "+0000");
    let time = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", text).ok()?;
    Some(time.to_timestamp().ok()?.as_second())
}

/// Whoever holds a token may revoke it, without signing in; with a token in the header it is refused. Only known of github.com.
fn revoke(target: &Target<'_>) -> Option<Request> {
    (target.realm.what() == "github.com").then(|| {
        let auth = Auth::InJson("{\"credentials\":[", "]}");
        let url = "https://api.github.com/credentials/revoke".to_owned();
        Request { method: Method::Post, ..Request::get(url, auth) }
    })
}
