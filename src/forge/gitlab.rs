//! GitLab, in the cloud and on people's own machines. The user name is ignored, but must not be empty.

use serde::Deserialize;

use crate::exchange::{Answer, Auth, Request};

use super::check::{self, Check, Target, Verdict};
use super::shape::{Letters, Part, Shape};
use super::{Example, Forge, Home, Need, Prefix, Presentation, UserName};

/// GitLab.
pub static FORGE: Forge = Forge {
    id: "gitlab",
    name: "GitLab",
    realm_word: "site",
    homes: &[
        Home { template: "gitlab.com", realm: "gitlab.com", needs_path: false },
        Home { template: "registry.gitlab.com", realm: "gitlab.com", needs_path: false },
    ],
    services: &[],
    reserved: &[],
    domains: &[],
    noise: &[],
    user_may_be_organisation: false,
    self_hosted: true,
    host_words: &["gitlab"],
    path_signs: &[],
    folds_path: true,
    prefix: Prefix::WholeSite,
    user_name: UserName { by_token: &[], echo: true, fallback: "oauth2" },
    ignores_user_names: true,
    placeholders: &["oauth2", "gitlab-ci-token", "private-token"],
    presentation: Presentation::Basic,
    token_page: Some("{origin}/-/user_settings/personal_access_tokens"),
    scopes: &[
        (Need::Code, &["api", "read_repository", "write_repository"]),
        (
            Need::Packages,
            &[
                "api",
                "read_api",
                "read_package_registry",
                "write_package_registry",
                "read_registry",
                "write_registry",
            ],
        ),
    ],
    check: Some(&Check { request, read }),
    shapes: &[
        Shape::of(
            "a personal access token of GitLab",
            &[Part::Text("glpat-"), Part::Run(Letters::Base64Url, 20, 20)],
        ),
        Shape::of(
            "a personal access token of GitLab",
            &[
                Part::Text("glpat-"),
                Part::Run(Letters::Base64Url, 27, 300),
                Part::Text("."),
                Part::Run(Letters::LowerDotted, 9, 12),
            ],
        ),
    ],
    examples: &[
        Example { url: "https://gitlab.com/group/project.git", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://oauth2@gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://registry.gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://about.gitlab.com", realm: None },
        Example { url: "https://gitlab.corp.example/group/project", realm: None },
    ],
};

/// The only service whose tokens tell all of themselves.
fn request(target: &Target<'_>) -> Request {
    let url = format!("{}/api/v4/personal_access_tokens/self", target.home);
    Request::get(url, Auth::Header("PRIVATE-TOKEN"))
}

#[derive(Deserialize)]
struct Token {
    user_id: Option<u64>,
    #[serde(default)]
    scopes: Vec<String>,
    /// A date; the token ends as it begins.
    expires_at: Option<String>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    revoked: bool,
}

fn yes() -> bool {
    true
}

fn read(answer: &Answer, _: &Target<'_>) -> Verdict {
    check::read(answer, |answer| {
        let token = answer.json::<Token>()?;
        if token.revoked || !token.active {
            return Some(Verdict::problem(check::Problem::NotAccepted, answer));
        }
        let who = token.user_id.map(|id| format!("user {id}"));
        let end = token.expires_at.and_then(|day| day.parse::<jiff::civil::Date>().ok());
        let end = end.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let expires = end.map(|end| end.timestamp().as_second());
        Some(Verdict { expires, scopes: token.scopes, ..Verdict::accepted(who) })
    })
}
