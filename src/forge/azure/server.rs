//! Azure DevOps Server (once Team Foundation Server), on people's own machines. A token belongs to a collection; a URL alone
//! does not tell where the virtual directory ends, so the realm is the prefix that a person gave (R3).
//!
//! IIS offers NTLM and Negotiate beside Basic, and curl prefers those: a token only arrives when Basic is forced
//! (measured with git 2.47: with user name and password the same git takes NTLM and fails).

use crate::forge::lifecycle::Lifecycle;
use crate::forge::{Example, Forge, Prefix, Presentation, UserName};

use super::{PACKAGES, SCOPE_OPTIONS, SCOPES_BY_NEED, TOKEN_FORMATS, verify};

/// Azure DevOps Server.
pub static FORGE: Forge = Forge {
    id: "azure-devops-server",
    name: "Azure DevOps Server",
    realm_noun: "collection",
    host_hints: &["tfs", "azuredevops", "devops", "ado", "vsts", "azdo"],
    path_markers: &["_git", "tfs", "DefaultCollection", "_packaging", "_apis"],
    prefix: Prefix::Collection,
    user_name: UserName { fallback: "pat", ..UserName::ANY },
    placeholders: &["VssSessionToken", "AzureDevOps", "build"],
    presentation: Presentation::ForcedBasic,
    token_page: Some("{origin}/_usersSettings/tokens"),
    lifecycle: Lifecycle { options: SCOPE_OPTIONS, ..Lifecycle::BY_HAND },
    packages: PACKAGES,
    scopes: SCOPES_BY_NEED,
    check: Some(&verify::SERVER),
    token_formats: TOKEN_FORMATS,
    // Which hosts are such servers is in the records, not here: without one, no realm.
    examples: &[Example {
        url: "https://tfs.contoso.example:8443/tfs/DefaultCollection/P/_git/R",
        realm: None,
    }],
    ..Forge::SELF_HOSTED
};
