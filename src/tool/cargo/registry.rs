//! Which places of a forge are a registry of crates. The `config.json` of an index names the hosts that cargo sends the token to
//! (`dl`, `api`), and a forge serves the files of its repositories below its own name: an index in somebody's repository there
//! would get the token of everybody who builds with it. So a forge's token answers below the paths at which the forge itself is
//! the registry. Deliberately absent: hosts that no forge describes. What a person added for one answers any index there, because nothing
//! tells where its registry is; what git stored does not (mod.rs).

use crate::forge;
use crate::remote::Remote;

/// Whether a token of this forge may answer for an index there. A server may be in a folder of its host, which its realm does not
/// tell; behind a repository's name no file can be had at these paths.
pub(super) fn is_one(forge: &str, index: &Remote, is_git: bool) -> bool {
    let path: Vec<&str> = index.path().iter().map(String::as_str).collect();
    let is_number = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
    match forge {
        id if id == forge::generic::FORGE.id => true,
        _ if is_git => false,
        // The name of each of its services begins so: repositories are another one's (_git, _apis), and feeds have files of other
        // kinds, of which some may have any name (maven).
        "azure-devops" | "azure-devops-server" => {
            let service = path.iter().position(|segment| segment.starts_with('_')).map(|at| &path[at..]);
            matches!(service, Some([service, _, kind, ..])
                if service.eq_ignore_ascii_case("_packaging") && kind.eq_ignore_ascii_case("cargo"))
        }
        "gitea" => {
            matches!(path[..], ["api", "packages", _, "cargo", ..] | [_, "api", "packages", _, "cargo", ..])
        }
        // A project by its number: its path would be several segments here, of which any could be a package's name.
        "gitlab" => match path[..] {
            ["api", "v4", "projects", id, "packages", "cargo", ..]
            | [_, "api", "v4", "projects", id, "packages", "cargo", ..] => is_number(id),
            _ => false,
        },
        _ => false,
    }
}
