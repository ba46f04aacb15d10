//! The Azure CLI's `az devops`, `az repos`, `az pipelines`, `az boards`, `az artifacts`: no way to ask, but a token in a variable
//! comes before its own sign-in. It is not tied to an organisation.

use crate::forge::Need;

use super::Tool;
use super::profile::{Endpoint, Form, OnConflict, Profile, Search, Variable};

/// The Azure CLI.
pub static TOOL: Tool = Tool {
    name: "az",
    title: "Azure CLI (azure-devops extension)",
    need: Need::Anything,
    how: "a variable: keyfob run -- az …",
    profile: Some(&Profile {
        programs: &["az"],
        discover: Some((
            "the default organisation (`az devops configure --defaults organization=URL`)",
            discover,
        )),
        variables: &[Variable {
            name: "AZURE_DEVOPS_EXT_PAT",
            form: Form::Token,
            on_conflict: OnConflict::Refuse,
        }],
    }),
    ..Tool::BASE
};

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    let Some(folder) = search.file("AZURE_CONFIG_DIR", ".azure") else { return Vec::new() };
    let text = search.text(&folder.join("azuredevops/config")).unwrap_or_default();
    organisation(&text).and_then(|url| Endpoint::found(None, url)).into_iter().collect()
}

/// `organization` of the section `defaults`.
fn organisation(text: &str) -> Option<&str> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != "[defaults]").skip(1);
    let mut pairs = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    pairs.find(|(key, _)| key.trim() == "organization").map(|(_, url)| url.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organisation_is_the_one_of_the_defaults() {
        let text = "[core]\r\norganization = no\r\n[defaults]\r\norganization = https://dev.azure.com/contoso/\r\nproject = x\r\n";
        assert_eq!(organisation(text), Some("https://dev.azure.com/contoso/"));
        assert_eq!(organisation("[defaults]\n[other]\norganization = no\n"), None);
    }
}
