//! The pages of docs/ that are for users, as `keyfob help PAGE` shows them: however keyfob was installed, help and hints can name a page
//! that is there, and of this version.

/// A page: its name and its text.
type Page = (&'static str, &'static str);

macro_rules! page {
    ($name:literal, $file:literal) => {
        ($name, include_str!(concat!("../../docs/", $file)))
    };
}

/// Every page for users.
pub(super) static PAGES: &[Page] = &[
    page!("agent", "tools/agent.md"),
    page!("askpass", "tools/askpass.md"),
    page!("az", "tools/az.md"),
    page!("azure-devops", "forges/azure-devops.md"),
    page!("azure-devops-server", "forges/azure-devops-server.md"),
    page!("bazel", "tools/bazel.md"),
    page!("bitbucket", "forges/bitbucket.md"),
    page!("bitbucket-data-center", "forges/bitbucket-data-center.md"),
    page!("cargo", "tools/cargo.md"),
    page!("commands", "commands.md"),
    page!("composer", "tools/composer.md"),
    page!("conan", "tools/conan.md"),
    page!("config", "config.md"),
    page!("docker", "tools/docker.md"),
    page!("environment", "stores/environment.md"),
    page!("generic", "forges/generic.md"),
    page!("git", "tools/git.md"),
    page!("gitea", "forges/gitea.md"),
    page!("github", "forges/github.md"),
    page!("gitlab", "forges/gitlab.md"),
    page!("go", "tools/go.md"),
    page!("gradle", "tools/gradle.md"),
    page!("hugging-face", "forges/hugging-face.md"),
    page!("import", "import.md"),
    page!("json", "json.md"),
    page!("json-doctor", "json-doctor.md"),
    page!("keychain", "stores/keychain.md"),
    page!("keyring", "tools/keyring.md"),
    page!("maven", "tools/maven.md"),
    page!("network", "network.md"),
    page!("npm", "tools/npm.md"),
    page!("nuget", "tools/nuget.md"),
    page!("pipelines", "pipelines.md"),
    page!("pnpm", "tools/pnpm.md"),
    page!("poetry", "tools/poetry.md"),
    page!("python", "tools/python.md"),
    page!("rest", "tools/rest.md"),
    page!("run", "tools/run.md"),
    page!("secret-service", "stores/secret-service.md"),
    page!("terraform", "tools/terraform.md"),
    page!("threat-model", "threat-model.md"),
    page!("twine", "tools/twine.md"),
    page!("vault", "stores/vault.md"),
    page!("yarn", "tools/yarn.md"),
];

/// The page of this name, as it is read in a terminal: a link to another page is the command that shows that one.
pub(super) fn page(name: &str) -> Option<String> {
    let (_, text) = PAGES.iter().find(|(page, _)| *page == name)?;
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
    PAGES.iter().any(|(page, _)| *page == name).then(|| format!("`keyfob help {name}`"))
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
        for (name, _) in PAGES {
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
