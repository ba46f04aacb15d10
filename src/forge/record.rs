//! What is known of a service: the record that each file of this shelf holds, as data.

use super::lifecycle::Lifecycle;
use super::packages::Packages;
use super::token_format::TokenFormat;
use super::verify::Check;

/// All that is known of a service.
pub struct Forge {
    /// Its name in realms, records and configuration. Never changes.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What this service calls the thing that a realm is, for text about it.
    pub realm_noun: &'static str,
    /// Where it lives in the cloud, if it does. All https, default port.
    pub url_templates: &'static [UrlTemplate],
    /// What `{service}` in a template may stand for.
    pub service_labels: &'static [&'static str],
    /// Names that `{organisation}` as a host label never stands for. A trailing `*` means "begins with".
    pub reserved: &'static [&'static str],
    /// Domains that are this service's own: a host below one that fits no template never gets a token, not even one
    /// that a tool wants to keep for it.
    pub domains: &'static [&'static str],
    /// First path segments that say nothing (`DefaultCollection` on the old hosts).
    pub ignored_segments: &'static [&'static str],
    /// Whether a user name in the URL stands for the organisation when the path does not tell it (R2).
    pub user_may_be_organisation: bool,
    /// Whether it is also installed on people's own servers, so that `add` may take an unknown host for it.
    pub self_hosted: bool,
    /// Words in a host name that make an unknown host look like one of these, when a person adds it.
    pub host_hints: &'static [&'static str],
    /// Path segments that only this service's URLs have.
    pub path_markers: &'static [&'static str],
    /// Whether paths fold letter case (R3).
    pub case_insensitive_paths: bool,
    /// How much of a path belongs to the realm on people's own servers.
    pub prefix: Prefix,
    /// The user name that goes with a token.
    pub user_name: UserName,
    /// Whether any user name will do, so that an account needs none.
    pub ignores_user_names: bool,
    /// User names that mean "no preference" here, besides those that mean it everywhere.
    pub placeholders: &'static [&'static str],
    /// How a person's token goes onto the wire.
    pub presentation: Presentation,
    /// Where a person makes a new token; `{organisation}` and `{origin}` are filled in.
    pub token_page: Option<&'static str>,
    /// What it means for package tools.
    pub packages: Packages,
    /// How its tokens are created, renewed and revoked.
    pub lifecycle: Lifecycle,
    /// What a token of this service must be allowed to do, by need: any one of these scopes covers it. A need without a row
    /// is covered by every token.
    pub scopes: &'static [(Need, &'static [&'static str])],
    /// What its tokens look like.
    pub token_formats: &'static [TokenFormat],
    /// How it is asked whether it takes a token; `None` where nothing is known that tells.
    pub check: Option<&'static Check>,
    /// URLs with the realm they must give: shown in the documentation, and its tests.
    pub examples: &'static [Example],
}

/// One spelling of where a service lives.
pub struct UrlTemplate {
    /// `host/path` with `{organisation}` and `{service}` standing for one label or segment each.
    pub pattern: &'static str,
    /// What the realm is called, with the same words filled in.
    pub realm: &'static str,
    /// Whether git must send the path so that the realm can be seen (`credential.useHttpPath`).
    pub needs_path: bool,
}

/// How the user name of an answer is found (R5); never empty. The first that gives one wins: the word that the token's
/// beginning demands; what was asked for; the account's name; the fallback.
pub struct UserName {
    /// Beginnings of tokens that demand a fixed word.
    pub by_token: &'static [(&'static str, &'static str)],
    /// Whether any name that was asked for may be given back.
    pub echo: bool,
    /// The last resort. `{organisation}` is filled in.
    pub fallback: &'static str,
}

impl UserName {
    /// For records: any name, or one that says what it is.
    pub const ANY: UserName = UserName { by_token: &[], echo: true, fallback: "x-access-token" };
}

/// How much of a path belongs to the realm of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// None of it: one token opens the site. (A site below a path is described in the configuration.)
    WholeSite,
    /// Virtual directory and collection: what stands before the project (R3).
    Collection,
    /// All that the person gave.
    AsGiven,
}

/// How a token is shown to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// Basic. Whether it must be forced past NTLM and Negotiate, by `authtype=Basic`: wherever the server is seen to offer
    /// those.
    Basic,
    /// Basic, forced always: servers on premises nearly always offer NTLM too.
    ForcedBasic,
    /// Bearer where the tool can, Basic otherwise.
    Bearer,
    /// User name and password exactly as they are, never forced.
    Plain,
}

/// What a tool wants the token for; chooses among the tokens of one organisation by their scopes (R4), and keeps one
/// tool's refusals from another's (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// Repositories: git.
    Code,
    /// Package feeds: NuGet, pip, npm, cargo …
    Packages,
    /// Anything else.
    Anything,
}

impl Need {
    /// Its name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Need::Code => "code",
            Need::Packages => "packages",
            Need::Anything => "anything",
        }
    }
}

/// A URL and the realm that it must give; `None` when it must give none.
pub struct Example {
    /// As git would have it, user name included.
    pub url: &'static str,
    /// The realm in text.
    pub realm: Option<&'static str>,
}

/// User names that mean "no preference" everywhere: what tools write when the server ignores names.
static PLACEHOLDERS: &[&str] = &[
    "VssSessionToken",
    "x-access-token",
    "oauth2",
    "git",
    "pat",
    "PAT",
    "token",
    "_token",
    "__token__",
    "any",
];

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Forge {
    fn eq(&self, other: &Forge) -> bool {
        self.id == other.id
    }
}

impl Eq for Forge {}

impl Forge {
    /// For records: all that most services have in common.
    pub const BASE: Forge = Forge {
        id: "",
        name: "",
        realm_noun: "site",
        url_templates: &[],
        service_labels: &[],
        reserved: &[],
        domains: &[],
        ignored_segments: &[],
        user_may_be_organisation: false,
        self_hosted: false,
        host_hints: &[],
        path_markers: &[],
        case_insensitive_paths: true,
        prefix: Prefix::WholeSite,
        user_name: UserName::ANY,
        ignores_user_names: true,
        placeholders: &[],
        presentation: Presentation::Basic,
        token_page: None,
        lifecycle: Lifecycle::BY_HAND,
        packages: Packages::OWN_HOST,
        scopes: &[],
        token_formats: &[],
        check: None,
        examples: &[],
    };

    /// For the records of services that people also install on their own servers.
    pub const SELF_HOSTED: Forge = Forge { self_hosted: true, ..Forge::BASE };

    /// Whether a user name means "no preference" in this realm (R4).
    #[must_use]
    pub fn is_placeholder(&self, user: &str) -> bool {
        user.is_empty()
            || PLACEHOLDERS.iter().chain(self.placeholders).any(|word| user.eq_ignore_ascii_case(word))
    }

    /// Whether a token with these recorded scopes serves `need`. Nothing recorded covers everything (R4).
    #[must_use]
    pub fn covers(&self, scopes: &[String], need: Need) -> bool {
        let Some((_, enough)) = self.scopes.iter().find(|(row, _)| *row == need) else { return true };
        scopes.is_empty() || scopes.iter().any(|scope| enough.contains(&scope.as_str()))
    }
}
