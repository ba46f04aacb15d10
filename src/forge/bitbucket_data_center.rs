//! Bitbucket Data Center, on people's own machines. Tokens of a project or repository are taken as Bearer only, so that is
//! how a token is shown where the tool can; with a user name they are refused.

use crate::http_message::{Auth, Request, Response};

use super::lifecycle::{Lifecycle, ScopeOption};
use super::token_format::{Alphabet, Part, TokenFormat};
use super::verify::{self, Check, Target, Verdict};
use super::{Example, Forge, Hosts, Packages, Presentation, UserName};

/// Bitbucket Data Center.
pub static FORGE: Forge = Forge {
    id: "bitbucket-data-center",
    name: "Bitbucket Data Center",
    realm_noun: "server",
    host_hints: &["bitbucket", "stash"],
    user_name: UserName { fallback: "x-token-auth", ..UserName::ANY },
    placeholders: &["x-token-auth"],
    presentation: Presentation::Bearer,
    token_page: Some("{origin}/plugins/servlet/access-tokens/manage"),
    lifecycle: Lifecycle {
        options: &[ScopeOption { task: "git", label: "Repositories: Write", scopes: &[] }],
        ..Lifecycle::BY_HAND
    },
    packages: Packages { npm: Hosts::NONE, containers: Hosts::NONE, ..Packages::OWN_HOST },
    check: Some(&Check { request, read }),
    token_formats: &[TokenFormat::of(
        "an HTTP access token of Bitbucket Data Center",
        &[Part::Text("BBDC-"), Part::Chars(Alphabet::Base64, 36, 64)],
    )],
    examples: &[Example { url: "https://bitbucket.corp.example/scm/proj/repo.git", realm: None }],
    ..Forge::SELF_HOSTED
};

/// Any answer to somebody who was recognised names him in a header; this one needs no right at all.
fn request(target: &Target<'_>) -> Request {
    Request::get(format!("{}/rest/api/latest/application-properties", target.home), Auth::Bearer)
}

fn read(answer: &Response, _: &Target<'_>) -> Verdict {
    verify::read(answer, &[], |answer| {
        let user = answer.header("x-ausername").filter(|user| !user.is_empty() && *user != "anonymous");
        Some(match user {
            Some(user) => Verdict::accepted(Some(user.to_owned())),
            None => Verdict::problem(verify::Problem::UnexpectedResponse { status: 200 }, answer),
        })
    })
}
