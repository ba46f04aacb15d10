//! Gitea and its relatives (Forgejo, Codeberg). The token stands in place of the password.

use serde::Deserialize;

use crate::http_message::{Auth, Request, Response};

use super::lifecycle::{Lifecycle, ScopeOption};
use super::token_format::{Alphabet, Part, TokenFormat};
use super::verify::{self, Check, Obstacles, Problem, Target, Verdict};
use super::{Crates, Example, Forge, Need, Packages, Scheme, UrlTemplate};

/// Gitea, Forgejo, Codeberg.
pub static FORGE: Forge = Forge {
    id: "gitea",
    name: "Gitea or Forgejo",
    url_templates: &[
        UrlTemplate { pattern: "codeberg.org", realm: "codeberg.org", needs_path: false },
        UrlTemplate { pattern: "www.codeberg.org", realm: "codeberg.org", needs_path: false },
        UrlTemplate { pattern: "gitea.com", realm: "gitea.com", needs_path: false },
        UrlTemplate { pattern: "www.gitea.com", realm: "gitea.com", needs_path: false },
    ],
    host_hints: &["gitea", "forgejo", "codeberg"],
    placeholders: &["x-oauth-basic"],
    token_page: Some("{origin}/user/settings/applications"),
    lifecycle: Lifecycle {
        options: &[
            ScopeOption { task: "git", label: "repository: Read and write", scopes: &["write:repository"] },
            ScopeOption { task: "packages", label: "package: Read", scopes: &["read:package"] },
        ],
        ..Lifecycle::BY_HAND
    },
    packages: Packages {
        scheme: Scheme::Bearer,
        crates: Crates::Paths(are_crates),
        terraform: true,
        paths: |path| matches!(path, ["v2", ..] | ["api", "packages", ..] | [_, "api", "packages", ..]),
        ..Packages::OWN_HOST
    },
    scopes: &[
        (Need::Code, &["read:repository", "write:repository", "all"]),
        (Need::Packages, &["read:package", "write:package", "all"]),
    ],
    check: Some(&Check { request, read }),
    token_formats: &[TokenFormat {
        // Every commit's id looks like it.
        distinctive: false,
        ..TokenFormat::of("an access token of Gitea", &[Part::Chars(Alphabet::Hex, 40, 40)])
    }],
    examples: &[
        Example { url: "https://codeberg.org/alice/repo.git", realm: Some("gitea/codeberg.org") },
        Example { url: "https://gitea.com/alice/repo.git", realm: Some("gitea/gitea.com") },
        Example { url: "https://www.codeberg.org/alice/repo.git", realm: Some("gitea/codeberg.org") },
        Example { url: "https://www.gitea.com/alice/repo.git", realm: Some("gitea/gitea.com") },
        Example { url: "https://pages.codeberg.org", realm: None },
        Example { url: "https://git.corp.example/alice/repo.git", realm: None },
    ],
    ..Forge::SELF_HOSTED
};

fn are_crates(path: &[&str]) -> bool {
    matches!(path, ["api", "packages", _, "cargo", ..] | [_, "api", "packages", _, "cargo", ..])
}

fn request(target: &Target<'_>) -> Request {
    Request::get(format!("{}/api/v1/user", target.home), Auth::Token)
}

/// An account that may not sign in may not by a token either.
const OBSTACLES: Obstacles = &[
    ("account is prohibited from signing in", Problem::Blocked),
    ("account is not activated", Problem::ActionRequired),
    ("must change your password", Problem::ActionRequired),
];

#[derive(Deserialize)]
struct User {
    login: String,
}

fn read(answer: &Response, _: &Target<'_>) -> Verdict {
    verify::read(answer, OBSTACLES, |answer| Some(Verdict::accepted(Some(answer.json::<User>()?.login))))
}
