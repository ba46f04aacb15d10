//! What Azure DevOps says, in its own words: the 401 lines, the sign-in page, the error texts. The shapes are the
//! services'; ids, names and addresses are ours.
//!
//! Each behaviour says where it is known from: *sourced* from Microsoft's documents, specifications and clients or from what people
//! showed of its answers; *measured* with the real git; *assumed* where nobody told, and then no claim of keyfob's rests on it
//! alone.

use serde_json::{Value, json};

use super::http::{Request, Response, percent_encode};

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is none, it is unknown, revoked, or of another organisation: the service does not tell these apart. (Sourced for
    /// strangers; assumed to be the same for the others.)
    Anonymous,
    /// Its time is over: the only state that the service names. (Sourced: dumps of its header and its JSON.)
    Expired,
}

impl Denial {
    fn text(self) -> &'static str {
        match self {
            Denial::Anonymous => {
                "TF400813: Resource not available for anonymous access. Client authentication required."
            }
            Denial::Expired => "Access Denied: The Personal Access Token used has expired.",
        }
    }

    fn json(self) -> Value {
        let (message, kind) = match self {
            Denial::Anonymous => (
                "TF400813: The user '' is not authorized to access this resource.",
                "UnauthorizedRequestException",
            ),
            Denial::Expired => (self.text(), "AccessCheckException"),
        };
        json!({
            "$id": "1",
            "innerException": null,
            "message": message,
            "typeName": format!("Microsoft.VisualStudio.Services.Security.{kind}, Microsoft.VisualStudio.Services.WebApi"),
            "typeKey": kind,
            "errorCode": 0,
            "eventId": 3000,
        })
    }
}

/// The services' refusal. `joined`: the challenges in one header line with commas, as some front ends send them. (Sourced: the
/// lines, the redirect of whoever does not suppress it, JSON for what changes something. Assumed: that git is told by its
/// `User-Agent`, and that `Suppress` does it everywhere.)
pub fn services_denial(request: &Request, denial: Denial, joined: bool) -> Response {
    let for_git = request.header("user-agent").is_some_and(|agent| agent.starts_with("git/"));
    let suppressed = request.header("x-tfs-fedauthredirect").is_some_and(|value| value == "Suppress");
    let may_redirect = matches!(request.method.as_str(), "GET" | "HEAD");
    if !for_git && !suppressed && may_redirect && denial == Denial::Anonymous {
        return sign_in_redirect(request);
    }
    let challenges = [
        "Bearer authorization_uri=https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111",
        "Basic realm=\"https://tfsprodweu3.visualstudio.com/\"",
        "TFS-Federated",
    ];
    let mut response = marks(Response::new(401))
        .header("X-VSS-ResourceTenant", "11111111-1111-1111-1111-111111111111")
        .header("X-VSS-AuthorizationEndpoint", "https://vssps.dev.azure.com/")
        .header("X-TFS-FedAuthRealm", "https://tfsprodweu3.visualstudio.com/")
        .header("X-TFS-ServiceError", percent_encode(denial.text()));
    response = if joined {
        response.header("WWW-Authenticate", challenges.join(", "))
    } else {
        challenges.iter().fold(response, |response, line| response.header("WWW-Authenticate", *line))
    };
    if for_git {
        response.header("Content-Type", "text/html; charset=utf-8").body(sign_in_html("Access denied"))
    } else {
        response.header("Content-Type", "application/json; charset=utf-8").body(denial.json().to_string())
    }
}

/// An on-premises server's refusal. With IIS's own Basic authentication on, that one stands last and names the bare
/// host; it takes Windows passwords and no token. (Sourced: the lines and their order. Measured: that git then fails.)
pub fn server_denial(
    request: &Request,
    denial: Denial,
    virtual_directory: &str,
    iis_basic: bool,
) -> Response {
    let ours = format!("Basic realm=\"{}{virtual_directory}\"", request.origin());
    let windows = format!("Basic realm=\"{}\"", request.host_name());
    let challenges = if iis_basic {
        ["Bearer", "NTLM", "Negotiate", windows.as_str()]
    } else {
        ["Bearer", ours.as_str(), "Negotiate", "NTLM"]
    };
    let response = marks(Response::with(401, "text/html; charset=utf-8", sign_in_html("Access denied")))
        .header("Lfs-Authenticate", "NTLM")
        .header("X-TFS-ServiceError", percent_encode(denial.text()));
    challenges.iter().fold(response, |response, line| response.header("WWW-Authenticate", *line))
}

/// The headers by which any answer is known as Azure DevOps. (Sourced: dumps.)
pub fn marks(response: Response) -> Response {
    response
        .header("X-TFS-ProcessId", "22222222-2222-2222-2222-222222222222")
        .header("ActivityId", "33333333-3333-3333-3333-333333333333")
        .header("X-TFS-Session", "44444444-4444-4444-4444-444444444444")
        .header("X-VSS-E2EID", "55555555-5555-5555-5555-555555555555")
}

/// The sign-in page, with the status that looks like success. (Sourced: status, type and title; its text is ours.)
pub fn sign_in_page(_: &Request) -> Response {
    marks(Response::with(203, "text/html; charset=utf-8", sign_in_html("Azure DevOps Services | Sign In")))
}

/// To the sign-in page: on the real host when the real host was asked, else here, so that a test without a proxy stays
/// on loopback. (Sourced: host, path and parameters.)
pub fn sign_in_redirect(request: &Request) -> Response {
    let real = [".visualstudio.com", "dev.azure.com"].iter().any(|end| request.host_name().ends_with(end));
    let origin =
        if real { "https://spsprodweu1.vssps.visualstudio.com".to_owned() } else { request.origin() };
    let back = percent_encode(&format!("{}{}", request.origin(), request.target));
    let to = format!("{origin}/_signin?realm=dev.azure.com&reply_to={back}&redirect=1");
    let body =
        "<html><head><title>Object moved</title></head><body>\n<h2>Object moved</h2>\n</body></html>\n";
    marks(Response::with(302, "text/html; charset=utf-8", body)).header("Location", to)
}

/// Several lines: a page of one line makes git end well. (Measured.)
fn sign_in_html(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<title>{title}</title>\n</head>\n<body>\n<p>Sign in</p>\n</body>\n</html>\n"
    )
}

/// The caller's token is good but may not push. (Sourced: status and words.)
pub fn push_refused() -> Response {
    let text = "TF401027: You need the Git 'GenericContribute' permission to perform this action. \
                Details: identity 'alice', scope 'repository'.\n";
    marks(Response::with(403, "text/plain; charset=utf-8", text))
}

/// The repository is not there, or not for this caller. (Sourced: the words. Measured: git takes them with 404.)
pub fn no_repository(name: &str) -> Response {
    let text = format!(
        "TF401019: The Git repository with name or identifier {name} does not exist or you do not have permissions \
         for the operation you are attempting.\n"
    );
    marks(Response::with(404, "text/plain; charset=utf-8", text))
}

/// Too many requests; wait so many seconds. (Sourced: status, words and headers.)
pub fn rate_limited(_: &Request, seconds: u32) -> Response {
    let text =
        "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource.\n";
    marks(Response::with(429, "text/plain; charset=utf-8", text))
        .header("Retry-After", seconds.to_string())
        .header("X-RateLimit-Resource", "Core")
        .header("X-RateLimit-Delay", format!("{seconds}.000"))
        .header("X-RateLimit-Limit", "200")
        .header("X-RateLimit-Remaining", "0")
        .header("X-RateLimit-Reset", "1795338600")
}

/// The caller's token is good, but not for this: 401 without a word, or 403 with some. (What the service really says is not
/// known for sure: assumed.)
pub fn scope_lacking(in_words: bool) -> Response {
    if !in_words {
        return marks(Response::new(401));
    }
    let body =
        json!({ "message": "The token lacks a scope that this needs.", "typeKey": "AccessCheckException" });
    marks(Response::with(403, "application/json; charset=utf-8", body.to_string()))
}

/// A bad minute. (Assumed.)
pub fn broken(_: &Request) -> Response {
    marks(Response::with(500, "text/plain; charset=utf-8", "TF400898: An Internal Error Occurred.\n"))
}

/// Delayed rather than refused: the answer, with the headers that ask for a pause. (Sourced: it comes with a 200, too.)
pub fn slowed_down(answer: Response, seconds: u32) -> Response {
    answer
        .header("Retry-After", seconds.to_string())
        .header("X-RateLimit-Resource", "Core")
        .header("X-RateLimit-Delay", "1.250")
        .header("X-RateLimit-Limit", "200")
        .header("X-RateLimit-Remaining", "12")
}

/// Blob storage as packages are fetched from: the address is signed, and an Authorization header is refused. (Sourced: reports of
/// that 403.)
pub fn blob_storage(request: &Request) -> Response {
    if request.header("authorization").is_some() {
        return Response::with(403, "application/xml", "<Error><Code>AuthenticationFailed</Code></Error>");
    }
    Response::with(200, "application/octet-stream", format!("blob {}\n", request.path()))
}

/// The id of whoever is not recognised.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Who the caller is (`_apis/connectionData`); nobody is `Anonymous`. Without a preview version the service refuses to answer.
/// (Sourced: Microsoft's clients and their tests; the words of the 400 are assumed.)
pub fn connection_data(request: &Request, account: Option<&str>, hosted: bool) -> Response {
    let version = request.query().split('&').find_map(|pair| pair.strip_prefix("api-version="));
    if version.is_some_and(|version| !version.contains("-preview")) {
        let body = json!({
            "message": "The requested version of the resource is under preview. The -preview flag must be supplied in \
                        the api-version for such requests.",
            "typeKey": "VssInvalidPreviewVersionException",
        });
        return marks(Response::with(400, "application/json", body.to_string()));
    }
    let id = if account.is_some() { "66666666-6666-6666-6666-666666666666" } else { NOBODY };
    let account = account.unwrap_or("Anonymous");
    let user = json!({
        "id": id,
        "descriptor": format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;{account}"),
        "subjectDescriptor": "aad.fake",
        "providerDisplayName": account,
        "isActive": true,
        "properties": { "Account": { "$type": "System.String", "$value": account } },
    });
    let body = json!({
        "authenticatedUser": user,
        "authorizedUser": user,
        "instanceId": "77777777-7777-7777-7777-777777777777",
        "deploymentId": "88888888-8888-8888-8888-888888888888",
        "deploymentType": if hosted { "hosted" } else { "onPremises" },
        "locationServiceData": {},
    });
    marks(Response::with(200, "application/json; charset=utf-8", body.to_string()))
}
