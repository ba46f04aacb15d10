//! The pages of docs/ that are for users, as `keyfob help PAGE` shows them: however keyfob was installed, help and hints can name a page
//! that is there, and of this version.

/// A page: its file below docs/ and its text.
type Page = (&'static str, &'static str);

macro_rules! page {
    ($file:literal) => {
        ($file, include_str!(concat!("../../docs/", $file)))
    };
}

/// Every page for users.
static PAGES: &[Page] = &[
    page!("tools/agent.md"),
    page!("tools/askpass.md"),
    page!("tools/az.md"),
    page!("forges/azure-devops.md"),
    page!("forges/azure-devops-server.md"),
    page!("tools/bazel.md"),
    page!("forges/bitbucket.md"),
    page!("forges/bitbucket-data-center.md"),
    page!("tools/cargo.md"),
    page!("commands.md"),
    page!("tools/composer.md"),
    page!("tools/conan.md"),
    page!("config.md"),
    page!("tools/docker.md"),
    page!("stores/environment.md"),
    page!("forges/generic.md"),
    page!("tools/git.md"),
    page!("forges/gitea.md"),
    page!("forges/github.md"),
    page!("forges/gitlab.md"),
    page!("tools/go.md"),
    page!("tools/gradle.md"),
    page!("forges/hugging-face.md"),
    page!("import.md"),
    page!("json.md"),
    page!("json-doctor.md"),
    page!("stores/keychain.md"),
    page!("tools/keyring.md"),
    page!("tools/maven.md"),
    page!("network.md"),
    page!("tools/npm.md"),
    page!("tools/nuget.md"),
    page!("pipelines.md"),
    page!("tools/pnpm.md"),
    page!("tools/poetry.md"),
    page!("tools/python.md"),
    page!("tools/rest.md"),
    page!("tools/run.md"),
    page!("stores/secret-service.md"),
    page!("tools/terraform.md"),
    page!("threat-model.md"),
    page!("tools/twine.md"),
    page!("stores/vault.md"),
    page!("where-a-token-can-go.md"),
    page!("tools/yarn.md"),
];

/// The name of each page: that of its file.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(file, _)| name_of(file))
}

fn name_of(file: &'static str) -> &'static str {
    file.rsplit('/').next().unwrap_or(file).trim_end_matches(".md")
}

/// The page of this name, as it is read in a terminal: a link to another page is the command that shows that one.
pub(super) fn page(name: &str) -> Option<String> {
    let (_, text) = PAGES.iter().find(|(file, _)| name_of(file) == name)?;
    Some(without_paths(&without_links(text)))
}

/// `[text](file.md#part)` becomes the text and the command; `[text](https://…)` the text and the URL.
fn without_links(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(middle) = rest.find("](") {
        let link = rest[..middle].rfind('[').zip(rest[middle..].find(')'));
        let Some((open, close)) = link else { break };
        let (words, target) = (&rest[open + 1..middle], &rest[middle + 2..middle + close]);
        out.push_str(rest[..open].trim_end_matches('!'));
        out.push_str(&match (shown_by(target), target.contains("://")) {
            (Some(command), _) if words.ends_with(".md") => command,
            (Some(command), _) => format!("{words} ({command})"),
            (None, true) => format!("{words} ({target})"),
            (None, false) => words.trim_end_matches(".md").to_owned(),
        });
        rest = &rest[middle + close + 1..];
    }
    out.push_str(rest);
    out
}

/// `docs/tools/npm.md` in prose becomes the command that shows it.
fn without_paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, part) in text.split("docs/").enumerate() {
        let end =
            part.find(|c: char| !(c.is_ascii_alphanumeric() || "/.-_".contains(c))).unwrap_or(part.len());
        let file = part[..end].trim_end_matches('.');
        match shown_by(file).filter(|_| at > 0) {
            Some(command) => {
                // It may stand in code already.
                let command = if out.ends_with('`') { command.trim_matches('`').to_owned() } else { command };
                out.push_str(&command);
                out.push_str(&part[file.len()..]);
            }
            None => out.push_str(part),
        }
    }
    out
}

/// The command that shows a page, by the path of its file.
fn shown_by(path: &str) -> Option<String> {
    let file = path.split('#').next()?.rsplit('/').next()?;
    let name = file.strip_suffix(".md")?;
    names().any(|page| page == name).then(|| format!("`keyfob help {name}`"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_page_for_users_is_there_and_names_no_file_that_is_not_installed() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        for folder in ["", "tools", "forges", "stores"] {
            for entry in std::fs::read_dir(docs.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let is_page = path.extension().is_some_and(|extension| extension == "md");
                // How keyfob is built, and how fast it is.
                if is_page && !["design", "benchmarks"].contains(&name.as_str()) {
                    assert!(page(&name).is_some(), "{} is not in PAGES", path.display());
                }
            }
        }
        for name in names() {
            let text = page(name).unwrap();
            assert!(!text.contains(".md") && !text.contains("]("), "{name}: {text}");
            assert!(text.len() > 100, "{name}");
        }
        assert_eq!(page("nothing-such"), None);
    }

    #[test]
    fn a_link_becomes_the_command_that_shows_the_page() {
        for (link, shown) in [
            ("see [json.md](json.md).", "see `keyfob help json`."),
            ("[the run page](tools/run.md#limits)", "the run page (`keyfob help run`)"),
            ("[git](https://git-scm.com)", "git (https://git-scm.com)"),
            ("[design.md](design.md)", "design"),
            ("(docs/tools/npm.md)", "(`keyfob help npm`)"),
            ("`docs/config.md`", "`keyfob help config`"),
            ("a [b", "a [b"),
        ] {
            assert_eq!(without_paths(&without_links(link)), shown, "{link}");
        }
    }
}
