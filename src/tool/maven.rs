//! Maven: no way to ask, but its settings may name a variable, `${env.…}`. They tie it to a repository's id, so each id has
//! variables of its own, with names that pass through the shell script which Maven is.

use crate::forge::Need;
use crate::formats::xml::{Event, events};

use super::Tool;
use super::profile::search::{Search, expand};
use super::profile::{Endpoint, Form, OnConflict, Profile, Variable};

/// Maven.
pub static TOOL: Tool = Tool {
    name: "maven",
    clients: &["mvn", "mvnw", "mvnd"],
    title: "Maven",
    need: Need::Packages,
    how: "variables that settings.xml names: keyfob run -- mvn …",
    profile: Some(&Profile {
        programs: &["mvn", "mvnw", "mvnd"],
        discover: Some((
            "repositories, plugin repositories and `distributionManagement` in `pom.xml` and its parents' in the folders above; repositories and mirrors \
             in `~/.m2/settings.xml`",
            discover,
        )),
        variables: &[
            Variable { name: "MAVEN_{ID}_USERNAME", form: Form::User, on_conflict: OnConflict::Refuse },
            Variable { name: "MAVEN_{ID}_TOKEN", form: Form::Token, on_conflict: OnConflict::Refuse },
        ],
    }),
    ..Tool::BASE
};

/// What has an id and a URL.
const KINDS: &[&str] = &["repository", "pluginRepository", "snapshotRepository", "mirror", "server"];

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    // A module's parent stands in the folder above it.
    let poms = search.upwards().map(|folder| folder.join("pom.xml"));
    let mut files: Vec<_> = poms.take_while(|pom| pom.exists()).collect();
    files.extend(search.home().map(|home| home.join(".m2/settings.xml")));
    let (mut endpoints, mut served, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let environment = search.environment;
        let found = search.parsed(&file, |text| read(text, &|name| environment.text(name)));
        let Some(found) = found else { continue };
        endpoints.extend(found.endpoints);
        served.extend(found.served);
        unclear.extend(found.unclear);
    }
    search.unclear(&endpoints, &unclear);
    search.each_once(endpoints.into_iter().map(|endpoint: Endpoint| {
        let has = endpoint.name.as_ref().is_some_and(|name| served.contains(name));
        endpoint.with_token(has)
    }))
}

/// What is in a file.
#[derive(Debug, Default, PartialEq)]
struct Read {
    endpoints: Vec<Endpoint>,
    /// The ids that have a password.
    served: Vec<String>,
    /// The ids that are also those of URLs that only Maven can make out, from properties.
    unclear: Vec<String>,
}

fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<Read> {
    let mut read = Read::default();
    let (mut kind, mut depth, mut inner) = ("", 0, "");
    let (mut id, mut url, mut password) = (String::new(), String::new(), String::new());
    let events = events(text)?;
    for (event, _) in &events {
        match event {
            Event::Open(element) if depth == 0 => {
                if KINDS.contains(&element.name()) {
                    (kind, depth) = (element.name(), 1);
                    [&mut id, &mut url, &mut password].into_iter().for_each(String::clear);
                }
            }
            Event::Open(element) => {
                depth += 1;
                inner = if depth == 2 { element.name() } else { "" };
            }
            Event::Text(text) if depth == 2 => match inner {
                "id" => id = text.trim().to_owned(),
                "url" => url = text.trim().to_owned(),
                "password" => password = text.trim().to_owned(),
                _ => {}
            },
            Event::Text(_) => {}
            Event::Close if depth > 1 => {
                depth -= 1;
                inner = "";
            }
            Event::Close if depth == 1 => {
                depth = 0;
                if kind == "server" {
                    // One that is to come from a variable is no token yet.
                    if !password.is_empty() && !password.contains("${env.") {
                        read.served.push(id.clone());
                    }
                } else {
                    let url = expand(&url, "${env.", '}', variable);
                    match Endpoint::found(Some(&id), &url) {
                        Some(endpoint) => read.endpoints.push(endpoint),
                        None if url.starts_with("file:") => {}
                        None => read.unclear.push(id.clone()),
                    }
                }
            }
            Event::Close => {}
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_found_by_their_ids() {
        let pom = "<?xml version=\"1.0\"?><project xmlns=\"http://maven.apache.org/POM/4.0.0\"><id>not-this</id>\
                   <url>https://not.this/</url><repositories><repository>\n<id>feed</id>\r\n<releases><enabled>true</enabled>\
                   <url>https://nor.this/</url></releases><url>https://h.test/${env.ORG}/v1</url></repository></repositories>\
                   <distributionManagement><snapshotRepository><url>https://h.test/s?a=1&amp;b</url><id>snap</id>\
                   </snapshotRepository></distributionManagement></project>";
        let Read { endpoints, served, .. } =
            read(pom, &|name| (name == "ORG").then(|| "contoso".to_owned())).unwrap();
        let shown: Vec<_> = endpoints
            .iter()
            .map(|endpoint| format!("{} {}", endpoint.name.as_deref().unwrap(), endpoint.url))
            .collect();
        assert_eq!(shown, ["feed https://h.test/contoso/v1", "snap https://h.test/s"]);
        assert!(served.is_empty());
        assert_eq!(read("<project>", &|_| None), None);
    }

    #[test]
    fn an_id_that_also_stands_for_a_url_with_a_property_is_noted() {
        let repository = |url: &str| format!("<repository><id>feed</id><url>{url}</url></repository>");
        for (other, notes) in [
            ("https://${h}/x", 1),
            ("https://me:x@other.test/", 1),
            ("file:///x", 0),
            ("https://h.test/b", 0),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let pom = format!("<project>{}{}</project>", repository(other), repository("https://h.test/a"));
            std::fs::write(folder.path().join("pom.xml"), pom).unwrap();
            let environment = crate::environment::Environment::default();
            let mut search = Search::new(folder.path(), &environment);
            discover(&mut search);
            assert_eq!(search.notes.len(), notes, "{other}: {:?}", search.notes);
        }
    }

    #[test]
    fn a_server_with_a_password_has_one_and_one_with_a_variable_has_none() {
        let settings = "<settings><servers><server><id>a</id><password>x</password></server><server><id>b</id>\
                        <password>${env.MAVEN_B_TOKEN}</password></server></servers></settings>";
        assert_eq!(read(settings, &|_| None).unwrap().served, ["a"]);
    }
}
