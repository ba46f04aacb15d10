//! Servers of one's own: which forge one looks like, and what of its URL is the realm.

use super::{ALL, Forge, Prefix};
use crate::remote::{Realm, Remote};

/// The realm of a server of one's own: forge, origin and the prefix that a person gave (R3).
#[must_use]
pub fn server_realm(forge: &Forge, remote: &Remote, prefix: &[String]) -> Realm {
    let mut prefix = prefix.to_vec();
    if forge.case_insensitive_paths {
        prefix.iter_mut().for_each(|segment| segment.make_ascii_lowercase());
    }
    Realm::made_by_forge(forge.id, &remote.with_path(prefix).to_string())
}

/// Which forge an unknown host looks like, when a *person* adds it or names it in the environment: by path segments that only
/// one has, then by words in the host name. Never asked about a URL of a tool.
#[must_use]
pub fn looks_like(remote: &Remote) -> Option<&'static Forge> {
    by_path(remote).or_else(|| {
        let words: Vec<&str> = remote.host().split(['.', '-', '_']).collect();
        let servers = ALL.iter().copied().filter(|forge| forge.self_hosted);
        servers.into_iter().find(|forge| forge.host_hints.iter().any(|word| words.contains(word)))
    })
}

/// Which forge's path this is, by segments that only that one has. Sound enough to keep a tool's entry by whole host (R3).
#[must_use]
pub fn by_path(remote: &Remote) -> Option<&'static Forge> {
    let has = |sign: &&str| remote.path().iter().any(|segment| segment.eq_ignore_ascii_case(sign));
    ALL.iter().copied().find(|forge| forge.self_hosted && forge.path_markers.iter().any(&has))
}

/// The forge that an unknown host most likely is, when a person gives it with a path that may be a collection.
#[must_use]
pub fn of_collections() -> Option<&'static Forge> {
    ALL.iter().copied().find(|forge| forge.self_hosted && forge.prefix == Prefix::Collection)
}

/// The names of forges that people install on their own servers, for a sentence.
#[must_use]
pub fn self_hosted_names() -> String {
    let names: Vec<&str> = ALL.iter().filter(|forge| forge.self_hosted).map(|forge| forge.id).collect();
    names.join(", ")
}

/// The part of a path that belongs to the realm, when a person adds a URL of a server.
#[must_use]
pub fn prefix_of<'a>(forge: &Forge, remote: &'a Remote) -> &'a [String] {
    let path = remote.path();
    match forge.prefix {
        Prefix::WholeSite => &[],
        // A feed's index is not all of the feed.
        Prefix::AsGiven => match path.split_last() {
            Some((last, feed)) if last.eq_ignore_ascii_case("index.json") => feed,
            _ => path,
        },
        Prefix::Collection => {
            let before = path.iter().position(|segment| segment.starts_with('_'));
            before.map_or(path, |at| &path[..collection_length(&path[..at])])
        }
    }
}

/// How many of the segments before `_git` are virtual directory and collection: all but the project. One segment (two below
/// `tfs`) is the collection itself, its project being named as the repository.
fn collection_length(before: &[String]) -> usize {
    let directory = usize::from(before.first().is_some_and(|first| first.eq_ignore_ascii_case("tfs")));
    if before.len() <= directory + 1 { before.len() } else { before.len() - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::azure;

    #[test]
    fn a_persons_server_is_recognised_by_its_path_before_its_name() {
        let like = |url: &str| looks_like(&Remote::from_url(url).unwrap().0).map(|forge| forge.id);
        assert_eq!(like("https://server:8080/tfs/DefaultCollection"), Some("azure-devops-server"));
        assert_eq!(like("https://gitlab.corp.example/group/_git/x"), Some("azure-devops-server"));
        assert_eq!(like("https://gitlab.corp.example"), Some("gitlab"));
        assert_eq!(like("https://ghe.corp.example"), Some("github"));
        assert_eq!(like("https://bitbucket.corp.example"), Some("bitbucket-data-center"));
        assert_eq!(like("https://git.corp.example"), None);
        assert_eq!(like("https://notgitlabatall.example"), None);
    }

    #[test]
    fn a_servers_realm_ends_before_the_project() {
        let prefix = |url: &str| {
            let (remote, _) = Remote::from_url(url).unwrap();
            prefix_of(&azure::server::FORGE, &remote).join("/")
        };
        assert_eq!(prefix("https://s/tfs/Coll/Proj/_git/Repo"), "tfs/Coll");
        assert_eq!(prefix("https://s/tfs/Coll/_git/Repo"), "tfs/Coll");
        assert_eq!(prefix("https://s/Coll/Proj/_git/Repo"), "Coll");
        assert_eq!(prefix("https://s/Coll/_git/Repo"), "Coll");
        assert_eq!(prefix("https://s/sub/Coll/Proj/_git/Repo"), "sub/Coll");
        assert_eq!(prefix("https://s/tfs/Coll"), "tfs/Coll");
        assert_eq!(prefix("https://s/any/where/Coll"), "any/where/Coll");
    }

    #[test]
    fn the_index_of_a_feed_is_not_all_of_the_feed() {
        let prefix =
            |url: &str| prefix_of(&crate::forge::generic::FORGE, &Remote::from_url(url).unwrap().0).join("/");
        assert_eq!(prefix("https://nexus.example/repository/nuget/index.json"), "repository/nuget");
        assert_eq!(prefix("https://nexus.example/repository/nuget"), "repository/nuget");
        assert_eq!(prefix("https://nexus.example/index.json/more"), "index.json/more");
    }
}
