//! Tokens for all organisations of Azure DevOps Services.

use super::*;

#[test]
fn a_token_that_opens_two_organisations_is_a_global_one() {
    let stage = Stage::new();
    stage.services.change(|state| state.token(TOKEN).realm = String::new());
    stage.holds(CONTOSO, TOKEN);
    stage.holds("https://dev.azure.com/fabrikam", TOKEN);
    let output = stage.run("check", "");
    output.says(0, &["global tokens stop working on 2026-12-01", "make one for each organisation"]);
}

#[test]
fn a_global_token_ends_when_those_do_and_the_list_says_what_to_do() {
    let stage = Stage::new();
    stage.services.change(|state| state.token(TOKEN).realm = String::new());
    stage.holds(&format!("{CONTOSO} --expires 2099-01-31"), TOKEN);
    stage.holds("https://dev.azure.com/fabrikam", TOKEN);
    let ends = || {
        let list = stage.scene.keyfob(["list", "--json"]).succeeds();
        let rows: Value = serde_json::from_str(list.stdout()).unwrap();
        rows.as_array().unwrap().iter().map(|row| row["expires"].to_string()).collect::<Vec<_>>()
    };
    stage.run("check", "");
    assert_eq!(ends(), ["\"2026-12-01T00:00:00Z\""; 2]);
    let texts = [
        "~2026-12-01",
        "each organisation needs one of its own",
        "keyfob rotate https://dev.azure.com/contoso",
    ];
    stage.scene.keyfob(["list"]).says(0, &texts);
    // Whatever day it is when this is read.
    stage.scene.keyfob(["list", "--expiring", "14000d", "--exit-code"]).says(5, &["2 tokens need care"]);
    // Asked about alone, it is no less global.
    stage.run(&format!("check {CONTOSO}"), "");
    assert_eq!(ends(), ["\"2026-12-01T00:00:00Z\""; 2]);
}

#[test]
fn doctor_says_of_a_global_token_that_each_organisation_needs_one_of_its_own_whatever_day_it_is() {
    let stage = Stage::new();
    stage.services.change(|state| state.token(TOKEN).realm = String::new());
    stage.holds(CONTOSO, TOKEN);
    stage.holds("https://dev.azure.com/fabrikam --account alice", TOKEN);
    let about = || {
        let doctor = stage.scene.keyfob(["doctor"]);
        let lines = doctor.stdout().lines().filter(|line| line.contains("tokens: ")).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    assert_eq!(about(), [""; 0], "nothing is known of it before somebody asks");
    stage.run("check", "");
    let line = |of: &str, again: &str| {
        format!(
            "hint    tokens: the token of azure-devops/{of} is for all organisations, and Azure DevOps takes none of those from \
             2026-12-01 on: each organisation needs one of its own; fix: keyfob rotate https://dev.azure.com/{again}"
        )
    };
    assert_eq!(about(), [line("contoso", "contoso"), line("fabrikam (alice)", "fabrikam --account alice")]);
}
