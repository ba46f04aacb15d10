//! GitLab, in the cloud and on people's own machines. The user name is ignored, but must not be empty.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::http_message::{Auth, Method, Request, Response};
use crate::secret::Secret;
use crate::text::date;

use super::lifecycle::{
    ApiError, Created, Lifecycle, Renewal, Revocation, RotationError, ScopeOption, Site, TokenApi,
    TokenRequest,
};
use super::token_format::{Alphabet, Part, TokenFormat};
use super::verify::{self, Check, Obstacles, Problem, Target, Verdict};
use super::{Crates, Example, Forge, Hosts, LoginForm, Need, Packages, Scheme, UrlTemplate, UserName};

/// GitLab.
pub static FORGE: Forge = Forge {
    id: "gitlab",
    name: "GitLab",
    url_templates: &[
        UrlTemplate { pattern: "gitlab.com", realm: "gitlab.com", needs_path: false },
        UrlTemplate { pattern: "www.gitlab.com", realm: "gitlab.com", needs_path: false },
        UrlTemplate { pattern: "registry.gitlab.com", realm: "gitlab.com", needs_path: false },
    ],
    host_hints: &["gitlab"],
    user_name: UserName { fallback: "oauth2", ..UserName::ANY },
    placeholders: &["oauth2", "gitlab-ci-token", "private-token"],
    token_page: Some("{origin}/-/user_settings/personal_access_tokens"),
    lifecycle: Lifecycle {
        options: &[
            ScopeOption {
                task: "git",
                label: "read_repository, write_repository",
                scopes: &["read_repository", "write_repository"],
            },
            ScopeOption {
                task: "packages",
                label: "read_api (packages), read_registry (images)",
                scopes: &["read_api", "read_registry"],
            },
            ScopeOption {
                task: "rotate",
                label: "self_rotate, so that keyfob rotate can renew it",
                scopes: &["self_rotate"],
            },
        ],
        preset_page: Some("{origin}/-/user_settings/personal_access_tokens?name=keyfob&scopes={scopes}"),
        renewal: Renewal::SelfRotation(&SelfRotation),
        revocation: Some(&Revocation { request: revoke, done: |answer| matches!(answer.status, 200 | 204) }),
        ..Lifecycle::BY_HAND
    },
    packages: Packages {
        scheme: Scheme::Bearer,
        containers: Hosts { named: &[("gitlab.com", &["registry.gitlab.com"])], own: true },
        crates: Crates::Paths(are_crates),
        terraform: true,
        paths: are_packages,
        login: |_, path| match api(path) {
            // It takes a personal token as Bearer alone.
            Some(path) if path.contains(&"packages") && path.contains(&"npm") => LoginForm::Bearer,
            Some(_) => LoginForm::Header("PRIVATE-TOKEN"),
            None => LoginForm::Usual,
        },
        ..Packages::OWN_HOST
    },
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
    token_formats: &[
        TokenFormat::of(
            "a personal access token of GitLab",
            &[Part::Text("glpat-"), Part::Chars(Alphabet::Base64Url, 20, 20)],
        ),
        TokenFormat::of(
            "a personal access token of GitLab",
            &[
                Part::Text("glpat-"),
                Part::Chars(Alphabet::Base64Url, 27, 300),
                Part::Text("."),
                Part::Chars(Alphabet::LowerDotted, 9, 12),
            ],
        ),
    ],
    examples: &[
        Example { url: "https://gitlab.com/group/project.git", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://oauth2@gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://registry.gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://www.gitlab.com/group/project", realm: Some("gitlab/gitlab.com") },
        Example { url: "https://about.gitlab.com", realm: None },
        Example { url: "https://gitlab.corp.example/group/project", realm: None },
    ],
    ..Forge::SELF_HOSTED
};

/// A project by its number: its path would be several segments here, of which any could be a package's name.
fn are_crates(path: &[&str]) -> bool {
    match path {
        ["api", "v4", "projects", id, "packages", "cargo", ..]
        | [_, "api", "v4", "projects", id, "packages", "cargo", ..] => {
            id.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

/// What stands behind `api/v4`; a server may be in a folder of its host.
fn api<'p, 'a>(path: &'p [&'a str]) -> Option<&'p [&'a str]> {
    match path {
        ["api", "v4", rest @ ..] | [_, "api", "v4", rest @ ..] => Some(rest),
        _ => None,
    }
}

/// The registries, and where a container registry sends for its tokens.
fn are_packages(path: &[&str]) -> bool {
    let of_api = api(path).is_some_and(|rest| {
        matches!(
            rest,
            ["packages", ..] | ["projects", _, "packages", ..] | ["group" | "groups", _, "-", "packages", ..]
        )
    });
    of_api || matches!(path, ["jwt", "auth"] | [_, "jwt", "auth"])
}

/// The only service whose tokens tell all of themselves.
fn request(target: &Target<'_>) -> Request {
    let url = format!("{}/api/v4/personal_access_tokens/self", target.home);
    Request::get(url, Auth::Header("PRIVATE-TOKEN"))
}

/// Behind `403 Forbidden - `. One that waits for approval says that it is blocked, too.
const OBSTACLES: Obstacles = &[
    ("account has been blocked", Problem::Blocked),
    ("account is pending approval", Problem::Blocked),
    // Its person signs in, and it is not any more.
    ("account has been deactivated", Problem::ActionRequired),
    ("must accept the Terms of Service", Problem::ActionRequired),
    ("email address is not confirmed", Problem::ActionRequired),
    ("password expired", Problem::ActionRequired),
];

#[derive(Deserialize)]
struct Token {
    user_id: u64,
    #[serde(default)]
    scopes: Vec<String>,
    /// A time.
    created_at: Option<String>,
    /// A date; the token ends as it begins.
    expires_at: Option<String>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    revoked: bool,
}

/// The first second of a day: a token ends as its date begins.
fn start_of(day: &str) -> Option<i64> {
    let day = day.parse::<jiff::civil::Date>().ok()?;
    Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

fn yes() -> bool {
    true
}

fn read(answer: &Response, _: &Target<'_>) -> Verdict {
    verify::read(answer, OBSTACLES, |answer| {
        let token = answer.json::<Token>()?;
        if token.revoked || !token.active {
            return Some(Verdict::problem(Problem::NotAccepted, answer));
        }
        let who = Some(format!("user {}", token.user_id));
        let expires = token.expires_at.as_deref().and_then(start_of);
        let made = token.created_at.and_then(|at| Some(at.parse::<jiff::Timestamp>().ok()?.as_second()));
        Some(Verdict { made, expires, scopes: token.scopes, ..Verdict::accepted(who) })
    })
}

/// Another token for the one that is shown, which does not work from then on. Asked again with the old one, GitLab takes it for
/// stolen and revokes the new one, too.
struct SelfRotation;

impl TokenApi for SelfRotation {
    fn create(&self, site: &Site<'_>, order: &TokenRequest) -> Request {
        let url = format!("{}/api/v4/personal_access_tokens/self/rotate", site.home);
        // Without a date it would be a week.
        let body = format!("{{\"expires_at\":\"{}\"}}", date(order.expires));
        let json = Some(Secret::new(body.into_bytes()));
        Request { method: Method::Post, json, ..Request::get(url, Auth::Header("PRIVATE-TOKEN")) }
    }

    fn read_created(&self, answer: &Response, site: &Site<'_>) -> Result<Created, ApiError> {
        read_rotated(answer).map_err(|error| error.into_error(site))
    }
}

/// The scopes of which a token needs one to rotate itself.
const NEEDED: &str = "api or self_rotate";

#[derive(Deserialize)]
struct Rotated {
    token: Zeroizing<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<String>,
}

fn read_rotated(answer: &Response) -> Result<Created, RotationError> {
    match answer.status {
        200 | 201 => {}
        status @ (400 | 401 | 403 | 404 | 405) if answer.is_page() => {
            return Err(RotationError::Page { status });
        }
        401 => return Err(RotationError::Refused),
        403 => {
            let named = verify::message(answer).filter(|said| verify::obstacle(said, OBSTACLES).is_some());
            return Err(named.map_or(RotationError::Scope(NEEDED), RotationError::Account));
        }
        404 | 405 => return Err(RotationError::TooOld),
        400 => return Err(RotationError::Expiry(verify::message(answer))),
        429 => return Err(RotationError::Later),
        300..400 => return Err(RotationError::Refused),
        _ => return Err(RotationError::Unclear),
    }
    let rotated = answer.json::<Rotated>().filter(|rotated| !rotated.token.is_empty());
    let rotated = rotated.ok_or(RotationError::Unclear)?;
    Ok(Created {
        secret: Some(Secret::copy_of(rotated.token.as_bytes())),
        // Nothing is asked by it: the token speaks for itself.
        id: None,
        name: rotated.name,
        scopes: rotated.scopes,
        expires: rotated.expires_at.as_deref().and_then(start_of),
    })
}

fn revoke(target: &Target<'_>) -> Option<Request> {
    Some(Request { method: Method::Delete, ..request(target) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Realm;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: Zeroizing::new(body.as_bytes().to_vec()) }
    }

    #[test]
    fn a_token_renews_and_revokes_itself_at_its_own_site() {
        let realm = Realm::from_text("gitlab/https://git.corp.example").unwrap();
        let token = Secret::copy_of(b"glpat-x");
        let home = "https://git.corp.example".to_owned();
        let target = Target { realm: &realm, home, account: None, token: &token };
        let own = "https://git.corp.example/api/v4/personal_access_tokens/self";
        let site = Site { realm: &realm, home: "https://git.corp.example" };
        let order = TokenRequest { expires: 1_800_000_000, ..TokenRequest::default() };
        let renewal = SelfRotation.create(&site, &order);
        assert_eq!((renewal.method, renewal.url), (Method::Post, format!("{own}/rotate")));
        let body = renewal.json.unwrap();
        assert!(body.same_as(&Secret::copy_of(b"{\"expires_at\":\"2027-01-15\"}")));
        let revocation = revoke(&target).unwrap();
        assert_eq!((revocation.method, revocation.url.as_str()), (Method::Delete, own));
        assert_eq!(revocation.auth, Auth::Header("PRIVATE-TOKEN"));
    }

    #[test]
    fn only_an_answer_with_a_token_is_a_renewal() {
        let body = "{\"token\":\"glpat-new\",\"scopes\":[\"api\"],\"expires_at\":\"2027-01-15\",\"id\":7}";
        let renewed = read_rotated(&answer(200, body)).ok().unwrap();
        assert!(renewed.secret.unwrap().same_as(&Secret::copy_of(b"glpat-new")));
        assert_eq!((renewed.expires, renewed.scopes.len()), (Some(1_799_971_200), 1));
        for (status, body, trouble) in [
            (200, "", RotationError::Unclear),
            (200, "{\"token\":\"\"}", RotationError::Unclear),
            (200, "<html>", RotationError::Unclear),
            (401, "", RotationError::Refused),
            (302, "", RotationError::Refused),
            (403, "{\"error\":\"insufficient_scope\"}", RotationError::Scope(NEEDED)),
            (
                403,
                "{\"message\":\"403 Forbidden - Your account has been blocked.\"}",
                RotationError::Account("403 Forbidden - Your account has been blocked.".to_owned()),
            ),
            (404, "", RotationError::TooOld),
            (405, "", RotationError::TooOld),
            (429, "", RotationError::Later),
            (400, "{\"message\":\"no such day\"}", RotationError::Expiry(Some("no such day".to_owned()))),
            (
                400,
                "{\"message\":{\"expires_at\":[\"must be before 2027-11-22\",\"is too far\"]}}",
                RotationError::Expiry(Some("expires_at must be before 2027-11-22, is too far".to_owned())),
            ),
            // Of a gateway on the way, whatever the number on it.
            (403, "<html>blocked</html>", RotationError::Page { status: 403 }),
            (404, "<!DOCTYPE html>", RotationError::Page { status: 404 }),
            (401, "<html>sign in</html>", RotationError::Page { status: 401 }),
            // Whether it happened before the trouble came, nobody knows.
            (500, "", RotationError::Unclear),
            (502, "", RotationError::Unclear),
        ] {
            assert_eq!(read_rotated(&answer(status, body)).err(), Some(trouble), "{status} {body}");
        }
    }
}
