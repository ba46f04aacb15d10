//! Bitbucket Cloud. The user name depends on the kind of token: access tokens of a repository, project or workspace want
//! one fixed word, API tokens another (or the Bitbucket user name). App passwords ended on 2026-06-09.

use serde::Deserialize;

use crate::http_message::{Auth, Request, Response};

use super::lifecycle::{Lifecycle, ScopeOption};
use super::token_format::{Alphabet, Part, TokenFormat};
use super::verify::{self, Check, Target, Verdict};
use super::{Example, Forge, Hosts, Need, Packages, UrlTemplate, UserName};

/// Bitbucket Cloud.
pub static FORGE: Forge = Forge {
    id: "bitbucket",
    name: "Bitbucket Cloud",
    url_templates: &[
        UrlTemplate { pattern: "bitbucket.org", realm: "bitbucket.org", needs_path: false },
        UrlTemplate { pattern: "www.bitbucket.org", realm: "bitbucket.org", needs_path: false },
        UrlTemplate { pattern: "api.bitbucket.org", realm: "bitbucket.org", needs_path: false },
    ],
    user_name: UserName {
        by_token: &[("ATCTT3", "x-token-auth"), ("ATATT3", "x-bitbucket-api-token-auth")],
        fallback: "x-bitbucket-api-token-auth",
        ..UserName::ANY
    },
    placeholders: &["x-token-auth", "x-bitbucket-api-token-auth"],
    token_page: Some("https://id.atlassian.com/manage-profile/security/api-tokens"),
    lifecycle: Lifecycle {
        options: &[ScopeOption {
            task: "git",
            label: "read:repository:bitbucket, write:repository:bitbucket",
            scopes: &["read:repository:bitbucket", "write:repository:bitbucket"],
        }],
        ..Lifecycle::BY_HAND
    },
    scopes: &[(
        Need::Code,
        &[
            "read:repository:bitbucket",
            "write:repository:bitbucket",
            "admin:repository:bitbucket",
            "repository",
            "repository:write",
        ],
    )],
    packages: Packages { npm: Hosts::NONE, containers: Hosts::NONE, ..Packages::OWN_HOST },
    check: Some(&Check { request, read }),
    token_formats: &[
        // Their length is not documented; what was seen is near 190.
        TokenFormat::of(
            "an API token of Atlassian",
            &[Part::Text("ATATT3"), Part::Chars(Alphabet::Base64Url, 80, 400)],
        ),
        TokenFormat::of(
            "an access token of Bitbucket",
            &[Part::Text("ATCTT3"), Part::Chars(Alphabet::Base64Url, 80, 400)],
        ),
        TokenFormat {
            ended: Some("app passwords of Bitbucket stopped working on 2026-06-09"),
            ..TokenFormat::of(
                "an app password of Bitbucket",
                &[Part::Text("ATBB"), Part::Chars(Alphabet::Base62, 28, 40)],
            )
        },
    ],
    examples: &[
        Example { url: "https://bitbucket.org/team/repo.git", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://alice@bitbucket.org/team/repo.git", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://api.bitbucket.org/2.0/user", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://www.bitbucket.org/team/repo.git", realm: Some("bitbucket/bitbucket.org") },
        Example { url: "https://team.bitbucket.org", realm: None },
        Example { url: "https://bitbucket.corp.example/scm/p/r.git", realm: None },
    ],
    ..Forge::BASE
};

/// Access tokens of a repository, project or workspace are a Bearer; API tokens a password beside the account's e-mail address.
fn request(target: &Target<'_>) -> Request {
    let auth = match target.account {
        _ if is_access_token(target) => Auth::Bearer,
        Some(account) => Auth::Basic(account.to_owned()),
        None => Auth::Basic("x-bitbucket-api-token-auth".to_owned()),
    };
    Request::get("https://api.bitbucket.org/2.0/user".to_owned(), auth)
}

fn is_access_token(target: &Target<'_>) -> bool {
    target.token.begins_with(b"ATCTT3")
}

#[derive(Deserialize)]
struct User {
    #[serde(alias = "nickname")]
    username: Option<String>,
    display_name: Option<String>,
}

fn read(answer: &Response, target: &Target<'_>) -> Verdict {
    let by_email = target.account.is_some_and(|account| account.contains('@'));
    if answer.status == 401 && !by_email && !is_access_token(target) {
        return Verdict::problem(verify::Problem::WantsEmail, answer);
    }
    let mut verdict = verify::read(answer, &[], |answer| {
        let user = answer.json::<User>()?;
        Some(Verdict::accepted(Some(user.username.or(user.display_name)?)))
    });
    if verdict.outcome == verify::Outcome::Accepted {
        verdict.scopes = verify::listed(answer, "x-oauth-scopes");
    }
    verdict
}
