//! `keyfob rotate` for Azure DevOps Services.

use super::{CONTOSO, Stage, TOKEN};
use crate::fakes::azure_pats::made;
use crate::fakes::forge::{Forge, Token};
use crate::fakes::git_backend::Repositories;
use crate::fakes::http::{Handler, Response};

#[test]
fn a_new_token_is_made_kept_and_verified_and_then_the_old_one_is_revoked() {
    let (stage, id) = Stage::holding("git on laptop");
    let output = stage.ends(
        &format!("rotate {CONTOSO} --pat {}", &id[..8]),
        0,
        &["the token \"git on laptop #", "the earlier one is revoked"],
    );
    assert_eq!(output.stdout(), "");
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working()), (made(2), vec![made(2)]));
    assert_eq!(stage.list()[0]["set_aside"], 0);
    let asked: Vec<String> =
        stage.proxy.log().entries().iter().map(|entry| format!("{} {}", entry.method, entry.host)).collect();
    assert_eq!(
        asked[asked.len() - 3..],
        ["POST vssps.dev.azure.com", "GET dev.azure.com", "DELETE vssps.dev.azure.com"]
    );
    assert!(stage.is_done());
    // From now on keyfob knows which token it is.
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["\"git on laptop #"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (made(3), 1));
    let name = stage.pats.change(|state| state.pats[2].name.clone());
    assert_eq!(name.matches('#').count(), 1, "{name}");
}

#[test]
fn which_token_is_revoked_is_never_guessed() {
    let (stage, _) = Stage::holding("git");
    stage.ends(&format!("rotate {CONTOSO}"), 2, &["which of your 1 tokens in contoso this is", "--pat NAME"]);
    stage.ends(&format!("rotate {CONTOSO} --keep-old"), 2, &["what the new token is for is not known"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (TOKEN.to_owned(), 1));
    stage.ends(&format!("rotate {CONTOSO} --keep-old --for git"), 0, &["is in the vault store"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (made(2), 2));
    assert_eq!(stage.list()[0]["set_aside"], 1);
}

#[test]
fn a_token_for_all_organisations_is_not_revoked_by_the_rotation_of_one() {
    let (stage, _) = Stage::holding("everywhere");
    stage.pats.change(|state| state.pats[0].global = true);
    stage.ends(&format!("rotate {CONTOSO} --pat everywhere"), 0, &["is for contoso alone", "2026-12-01"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (made(2), 2));
}

#[test]
fn a_refused_creation_leaves_all_as_it_was() {
    let (stage, _) = Stage::holding("git");
    stage.pats.change(|state| state.refuses = Some("patLifespanPolicyViolation"));
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &["lasts as long"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working()), (TOKEN.to_owned(), vec![TOKEN.to_owned()]));
    assert!(stage.is_done());
}

#[test]
fn a_new_token_that_is_not_taken_gives_way_to_the_old_one() {
    let (stage, _) = Stage::holding("git");
    stage.pats.change(|state| state.makes_duds = true);
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &["does not take the token that it has just made"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working()), (TOKEN.to_owned(), vec![TOKEN.to_owned()]));
    assert!(stage.is_done());
}

#[test]
fn what_keeps_the_new_token_from_being_verified_is_said_and_the_old_one_stays() {
    let rule =
        "VS403463: The conditional access policy defined by your Microsoft Entra administrator has failed.";
    let body = serde_json::json!({ "message": rule }).to_string();
    let barred = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (folder, seen) = (tempfile::TempDir::new().unwrap(), barred.clone());
    let services = Forge::services(&Repositories::new(folder.path().join("repositories")));
    services.add(Token::new("contoso", "alice@contoso.test", &made(2)));
    let inner = services.handler();
    let handler: Handler = std::sync::Arc::new(move |request| {
        let no = seen.load(std::sync::atomic::Ordering::SeqCst);
        if no { Response::with(403, "application/json", body.clone()) } else { inner(request) }
    });
    let stage = Stage::with(vec![("dev.azure.com", handler)]);
    stage.pats.add("git", TOKEN);
    stage.holds(CONTOSO, TOKEN);
    let texts =
        ["could not be verified: dev.azure.com does not let the token in from here", "goes on from there"];
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &texts);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (made(2), 2));
    assert!(!stage.is_done());
    barred.store(false, std::sync::atomic::Ordering::SeqCst);
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["is verified, and the earlier one is revoked"]);
    assert_eq!(stage.pats.working(), [made(2)]);
    assert!(stage.is_done());
}

#[test]
fn an_answer_that_was_lost_is_made_good_by_the_next_rotation() {
    let (stage, _) = Stage::holding("git");
    stage.pats.change(|state| state.loses_answers = true);
    let texts = ["whether a token was made before that is not known", "keyfob doctor --repair"];
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &texts);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (TOKEN.to_owned(), 2));
    let doctor = stage.scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains("a new token of azure-devops/contoso was begun"), "{doctor}");
    stage.pats.change(|state| state.loses_answers = false);
    stage.ends(
        &format!("rotate {CONTOSO}"),
        0,
        &["revoked a new token of azure-devops/contoso that nobody had", "the earlier one is revoked"],
    );
    assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)]);
    assert!(stage.is_done());
}

#[test]
fn a_lost_answer_is_made_good_however_long_the_name_was() {
    for name in ["x".repeat(400), "ü".repeat(300), "🔑".repeat(150), " ".repeat(3)] {
        let (stage, id) = Stage::holding(&name);
        stage.pats.change(|state| state.loses_answers = true);
        let words = format!("rotate {CONTOSO} --pat {}", &id[..8]);
        let said = stage.ends(&words, 6, &["whether a token was made before that is not known"]);
        assert_eq!(said.stderr().contains("the name of the old one is long"), name.len() > 100, "{said}");
        assert_eq!(stage.pats.working().len(), 2);
        stage.pats.change(|state| state.loses_answers = false);
        let repair = stage.run("doctor --repair", "");
        assert!(repair.stdout().contains("revoked a new token of azure-devops/contoso"), "{repair}");
        assert_eq!(
            (stage.pats.working(), stage.in_force(CONTOSO)),
            (vec![TOKEN.to_owned()], TOKEN.to_owned())
        );
        assert!(stage.is_done());
    }
}

#[test]
fn what_is_half_done_stays_on_the_list_while_the_services_list_cannot_be_read_whole() {
    let (stage, _) = Stage::holding("git");
    stage.pats.change(|state| state.loses_answers = true);
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &[]);
    // The mark may be on the entry that cannot be read: to forget it would leave a token that nobody has.
    let mark = stage.pats.change(|state| {
        (state.loses_answers, state.garbled) = (false, 1);
        state.pats.pop().unwrap()
    });
    for words in ["doctor --repair", &format!("rotate {CONTOSO}")] {
        let output = stage.run(words, "");
        assert!(format!("{output}").contains("an answer that keyfob cannot read"), "{output}");
        assert!(!stage.is_done() && stage.in_force(CONTOSO) == TOKEN, "{output}");
    }
    // One that is found is found, whatever else is on the list; and read whole, it is made good.
    stage.pats.change(|state| state.pats.push(mark));
    stage.run("doctor --repair", "");
    assert!(stage.is_done());
    assert_eq!(stage.pats.working(), [TOKEN]);
}

#[test]
fn an_old_one_that_could_not_be_revoked_is_by_the_next_rotation_or_by_doctor() {
    for words in [&format!("rotate {CONTOSO}"), "doctor --repair"] {
        let (stage, _) = Stage::holding("git");
        stage.pats.change(|state| state.cannot_revoke = true);
        let texts =
            ["is in use, but the old one is not revoked yet", "keyfob rotate https://dev.azure.com/contoso"];
        stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &texts);
        assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (made(2), 2));
        // While it stays so, each says so and changes nothing.
        let again = stage.run(words, "");
        assert!(again.code() == 6, "{again}");
        stage.pats.change(|state| state.cannot_revoke = false);
        let output = stage.run(words, "");
        assert!(format!("{output}").contains("the earlier one is revoked"), "{output}");
        assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)]);
        assert!(stage.is_done());
    }
}

#[test]
fn doctor_uses_the_network_only_to_repair_and_says_so() {
    let (stage, _) = Stage::holding("git");
    stage.pats.change(|state| state.loses_answers = true);
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &[]);
    stage.proxy.log().take();
    let doctor = stage.run("doctor", "");
    assert!(doctor.stdout().contains("keyfob rotate https://dev.azure.com/contoso"), "{doctor}");
    assert!(stage.proxy.log().take().is_empty());
    let repair = stage.run("doctor --repair", "");
    assert!(repair.stdout().contains("asked the service: revoked a new token"), "{repair}");
    assert!(!stage.proxy.log().take().is_empty());
    assert!(stage.run("doctor --repair", "").stdout().contains("ok"));
    assert!(stage.proxy.log().take().is_empty(), "nothing is half done");
}

#[test]
fn a_token_that_was_revoked_elsewhere_is_rotated_all_the_same() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git,nuget", 0, &[]);
    stage.ends("pat revoke contoso --yes", 0, &[]);
    // The service need not know a revoked one any more.
    stage.pats.change(|state| state.pats[0].organisation = "another".to_owned());
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["is revoked already", "is in the vault store"]);
    assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)]);
    assert_eq!(stage.pats.change(|state| state.pats[1].scope.clone()), "vso.code_write vso.packaging");
    let row = stage.list().remove(0);
    assert_eq!((&row["state"], &row["set_aside"]), (&"active".into(), &0.into()));
}

#[test]
fn another_persons_sign_in_does_not_take_the_place_of_the_owners() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git", 0, &[]);
    let held = stage.in_force(CONTOSO);
    // Unknown to whoever is signed in, and accepted.
    stage.pats.change(|state| state.pats.clear());
    stage.ends(&format!("rotate {CONTOSO}"), 2, &["it is another person's"]);
    assert_eq!((stage.in_force(CONTOSO), stage.pats.working().len()), (held, 0));
    assert!(stage.is_done());
}

#[test]
fn no_account_is_made_to_revoke_the_token_of_another() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git --name one --account one", 0, &[]);
    stage.holds(&format!("{CONTOSO} --account two"), TOKEN);
    stage.ends(&format!("rotate {CONTOSO} --account two --pat one"), 2, &["for the account one"]);
    stage.pats.add("three", "s3cret-three");
    stage.ends(&format!("rotate {CONTOSO} --account one --pat three"), 2, &["knows that the old one is"]);
    assert_eq!(stage.pats.working().len(), 2);
}
