//! Go modules in repositories of Azure DevOps: go starts git, and git asks keyfob.
#![cfg(unix)]

use super::*;

#[test]
fn a_module_in_a_repository_comes_through_git() {
    let mut stage = Stage::new();
    if !crate::go::use_go(&mut stage.scene) {
        return;
    }
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.scene.keyfob(["setup", "git", "go", "--yes"]).succeeds();
    // The module is put there by git, too.
    quiet(stage.clone("https://dev.azure.com/contoso/Project/_git/Repo"));
    let module = "dev.azure.com/contoso/Project/_git/Repo.git";
    fs::write(stage.work().join("go.mod"), format!("module {module}\n\ngo 1.20\n")).unwrap();
    fs::write(stage.work().join("greeting.go"), "package greeting\n").unwrap();
    stage.git(["-C", "work", "add", "."]).succeeds();
    stage.git(["-C", "work", "commit", "--quiet", "-m", "Greet"]).succeeds();
    quiet(stage.git(["-C", "work", "push", "--quiet"]));
    stage.scene.set("GOPRIVATE", "dev.azure.com");
    let asked = format!("{module}@main");
    let output = stage.scene.command("go").args(["mod", "download", "-json", &asked]).run().succeeds();
    assert!(output.stdout().contains("\"Zip\""), "{output}");
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["dev.azure.com"]);
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}
