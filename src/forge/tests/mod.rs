//! What every record has to say of itself, and a service that does not exist.

use super::*;
use crate::remote::{Realm, Remote};

pub(crate) mod made_up;

fn realm_of(url: &str) -> Option<String> {
    // As git would split it, so that nothing is mended on the way.
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let remote = Remote::from_parts(scheme, host, Some(path)).ok()?;
    match recognise(&remote, user) {
        Recognition::Cloud { realm, .. } => Some(realm.to_string()),
        _ => None,
    }
}

#[test]
fn every_example_of_every_forge_gives_its_realm() {
    for forge in ALL {
        assert!(!forge.examples.is_empty(), "{} has no examples", forge.id);
        for example in forge.examples {
            assert_eq!(realm_of(example.url).as_deref(), example.realm, "{}", example.url);
        }
    }
}

#[test]
fn the_home_url_of_every_example_leads_to_its_realm() {
    for (forge, example) in ALL.iter().flat_map(|forge| forge.examples.iter().map(move |e| (forge, e))) {
        if let Some(realm) = example.realm {
            let url = forge.home_url(&Realm::from_text(realm).unwrap()).unwrap();
            assert_eq!(realm_of(&url).as_deref(), Some(realm), "{}", example.url);
        }
    }
}

#[test]
fn every_home_of_every_forge_has_an_example() {
    for forge in ALL {
        for template in forge.url_templates {
            let host = template.pattern.split('/').next().unwrap();
            let tail = host.rsplit_once('}').map_or(host, |(_, tail)| tail);
            let shown = |e: &Example| e.realm.is_some() && e.url.contains(tail);
            assert!(forge.examples.iter().any(shown), "{}: {}", forge.id, template.pattern);
        }
    }
}

#[test]
fn ids_are_unique_and_fit_into_a_realm() {
    for (at, forge) in ALL.iter().enumerate() {
        assert!(!forge.id.contains('/'), "{}", forge.id);
        assert!(ALL[..at].iter().all(|other| other.id != forge.id), "{}", forge.id);
        assert!(!forge.user_name.fallback.is_empty(), "{}: never an empty user name", forge.id);
    }
    assert!(ALL.last().unwrap().is_generic());
}

#[test]
fn plain_http_never_belongs_to_a_cloud_forge() {
    for forge in ALL {
        for example in forge.examples.iter().filter(|example| example.realm.is_some()) {
            let url = example.url.replacen("https://", "http://", 1);
            assert_eq!(realm_of(&url), None, "{url}");
        }
    }
}

#[test]
fn look_alikes_of_cloud_hosts_are_no_cloud_hosts() {
    for host in [
        "dev.azure.com.evil.test",
        "evildev.azure.com",
        "dev.azure.com.",
        "dev-azure.com",
        "xdev.azure.com",
        "github.com.evil.test",
        "evilgithub.com",
        "github.com.br",
        "githubxcom",
        "gitlab.com.evil.test",
        "contoso.visualstudio.com.evil.test",
        "contosovisualstudio.com",
        "bitbucket.org.evil.test",
    ] {
        let given = realm_of(&format!("https://{host}/contoso/p/_git/r"));
        let expected = (host == "dev.azure.com.").then(|| "azure-devops/contoso".to_owned());
        assert_eq!(given, expected, "{host}");
    }
}
