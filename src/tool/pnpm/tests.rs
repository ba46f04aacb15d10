//! The helper with byte buffers and a wallet in memory.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::forge::{azure, bitbucket_data_center, gitea, gitlab};
use crate::tool::tests::{Ran, call};
use crate::wallet::tests::fixture::{TestWallet, on};

fn run(bench: &TestWallet, args: &[&str]) -> Ran {
    call(super::serve, bench, args, b"never read")
}

/// The header for a place.
fn get(bench: &TestWallet, place: &str) -> String {
    let (code, out, _) = run(bench, &[place]);
    assert_eq!(code, 0, "{place}");
    out
}

fn basic(pair: &str) -> String {
    format!("Basic {}\n", BASE64.encode(pair))
}

#[test]
fn every_spelling_of_an_organisation_gets_basic_by_url_and_by_the_name_of_a_link() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    for place in [
        "https://pkgs.dev.azure.com/contoso",
        "https://pkgs.dev.azure.com/Contoso/_packaging/f/npm/registry/",
        "https://contoso.pkgs.visualstudio.com",
        "+https+pkgs.dev.azure.com+contoso",
        "+https+contoso.pkgs.visualstudio.com",
    ] {
        assert_eq!(get(&bench, place), basic("contoso:T"), "{place}");
    }
}

#[test]
fn each_forge_gets_its_form() {
    let bench = TestWallet::new();
    bench.add("https://npm.example", Some("alice"), "T");
    bench.add("https://gitlab.com", None, "L");
    bench.add("https://github.com", None, "H");
    bench.add_as("https://git.example", "G", on(&gitea::FORGE, None)).unwrap();
    bench.add_as("https://lab.example", "S", on(&gitlab::FORGE, None)).unwrap();
    bench.add_as("https://tfs.example/tfs/One", "O", on(&azure::server::FORGE, None)).unwrap();
    bench.add_as("https://bit.example", "B", on(&bitbucket_data_center::FORGE, None)).unwrap();
    assert_eq!(get(&bench, "https://npm.example/"), basic("alice:T"));
    assert_eq!(get(&bench, "https://gitlab.com/api/v4/projects/1/packages/npm/"), "Bearer L\n");
    assert_eq!(get(&bench, "https://npm.pkg.github.com/"), "Bearer H\n");
    assert_eq!(get(&bench, "https://git.example/api/packages/a/npm/"), "Bearer G\n");
    assert_eq!(get(&bench, "https://lab.example/"), "Bearer S\n");
    assert!(get(&bench, "https://tfs.example/tfs/One/_packaging/f/npm/registry/").starts_with("Basic "));
    assert_eq!(get(&bench, "https://bit.example/"), "Bearer B\n");
}

#[test]
fn without_a_token_the_answer_is_empty_and_pnpm_goes_on() {
    let bench = TestWallet::new();
    bench.add("https://npm.example", Some("alice"), "T");
    let (code, out, notes) = run(&bench, &["https://pkgs.dev.azure.com/contoso"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("keyfob add https://dev.azure.com/contoso"), "{notes}");
    for foreign in [
        "http://npm.example",
        "https://npm.example:8443",
        "https://xnpm.example",
        "https://npm.example.evil.test",
        "https://registry.example.test/",
        "https://contoso.blob.core.windows.net/x",
        "https://contoso.vsblob.vsassets.io/x",
        "+https+npm.example~2Eevil.test",
    ] {
        let (code, out, notes) = run(&bench, &[foreign]);
        assert_eq!((code, out.as_str(), notes.as_str()), (0, "", ""), "{foreign}");
    }
}

#[test]
fn a_locked_store_is_said_and_pnpm_goes_on() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    crate::store::Store::lock(&bench.memory).unwrap();
    let before = bench.files();
    let (code, out, notes) = run(&bench, &["https://pkgs.dev.azure.com/contoso"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.starts_with("keyfob: error: ") && notes.contains("locked"), "{notes}");
    assert!(bench.files() == before);
}

#[test]
fn asked_without_a_place_or_with_a_bad_one_it_explains_itself() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let (code, out, notes) = run(&bench, &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(notes.contains("keyfob setup pnpm"), "{notes}");
    let long = format!("https://{}.test/", "x".repeat(9000));
    for bad in [
        "contoso",
        "+",
        "+https+h~zz",
        "https://u:s3cret@h/",
        "https://h/\nx",
        "https://h\\x",
        &long,
        "file:///x",
    ] {
        let (code, out, notes) = run(&bench, &[bad]);
        assert_eq!((code, out.as_str()), (2, ""), "{bad}");
        assert!(!notes.contains("s3cret") && notes.lines().count() == 1, "{notes}");
    }
}

#[test]
fn a_token_that_fits_into_no_header_is_not_printed() {
    let bench = TestWallet::new();
    bench.add("https://gitlab.com", None, "a\u{e9}b");
    assert_eq!(get(&bench, "https://gitlab.com/"), "");
}
