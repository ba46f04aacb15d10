//! The judge of circles, judged: small trees of modules with one seeded circle each, and trees without any.

use std::collections::BTreeMap;

use super::modules::Tree;

fn tree(files: &[(&str, &str)]) -> Tree {
    let files: BTreeMap<String, String> =
        files.iter().map(|&(name, text)| (format!("src/{name}.rs"), text.to_owned())).collect();
    let roots: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|name| *name == "src/lib.rs" || name.contains("bin/"))
        .collect();
    let (bins, lib): (Vec<_>, Vec<_>) = roots.into_iter().partition(|root| root.contains("bin/"));
    Tree::read(&files, &[lib, bins].concat())
}

/// The members of each circle.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let first = |text: &String| text.lines().next().unwrap().trim_start_matches("circle of ").to_owned();
    tree(files).circles().iter().map(first).collect()
}

const LIB: (&str, &str) = ("lib", "pub mod a; pub mod b; pub mod c;");

#[test]
fn each_way_to_write_a_circle_is_seen() {
    for (a, b, c) in [
        // An import.
        ("use crate::b::B; pub struct A;", "use crate::a::A; pub struct B;", ""),
        // Within braces, renamed, over several lines.
        ("use crate::{b::{self as other,\n B}, c};", "use crate::a;", ""),
        // A path in the middle of code.
        ("fn f() { g(1, ..crate::b::g()) }", "fn g() -> u8 { <u8 as crate::a::T>::f() }", ""),
        ("fn f() {}", "fn g() { super::c::h() }", "fn h() { super::b::g() }"),
        ("fn f() {}", "fn g() { self::super::c::h() }", "mod d { use super::{super::b}; }"),
        // From a macro and a type.
        ("fn f() { write!(x, \"{}\", crate::b::G) }", "pub const G: Option<super::a::F> = None;", ""),
        // By a name that an import brought.
        ("use crate::c; fn f() { c::b::g() }", "use crate::a::f;", "pub use crate::b;"),
        // By all names of a module.
        ("use crate::b::*;", "use crate::a::*;", ""),
        // By a text that serde reads.
        ("struct S { #[serde(with = \"crate::b::as_hex\")] s: u8 }", "use super::a::S;", ""),
        ("struct S { #[cfg_attr(unix, serde(with = \"crate::b::as_hex\"))] s: u8 }", "use super::a::S;", ""),
        // In a function, and for one system only.
        ("fn f() { use crate::b::g; g() }", "#[cfg(windows)] fn g() { crate::a::f() }", ""),
        ("#[cfg(not(test))] use crate::b;", "#[cfg(any(test, unix))] use crate::a;", ""),
    ] {
        let found = circles(&[LIB, ("a", a), ("b", b), ("c", c)]);
        assert_eq!(found.len(), 1, "{a}\n{b}\n{c}\n{found:?}");
    }
}

#[test]
fn a_circle_of_three_is_named_with_the_places_that_make_it() {
    let files =
        [LIB, ("a", "\nuse crate::b;"), ("b", "use super::c::x;"), ("c", "\n\nfn f() { crate::a::y() }")];
    assert_eq!(
        tree(&files).circles(),
        ["circle of a, b, c\n    a -> b: src/a.rs:2: crate::b\n    b -> c: src/b.rs:1: super::c::x\n    \
          c -> a: src/c.rs:3: crate::a::y"]
    );
}

#[test]
fn a_re_export_hides_no_circle() {
    // a asks the front of b, which hands on what is in c, and c uses a.
    let through_another = [
        LIB,
        ("a", "use crate::b::Thing; pub struct A;"),
        ("b", "pub use crate::c::Thing;"),
        ("c", "pub struct Thing(crate::a::A);"),
    ];
    assert_eq!(circles(&through_another), ["a, b, c"]);
    // The children of one shelf, of which one takes the other's type from the shelf's front.
    let in_a_shelf = [
        ("lib", "mod shelf;"),
        ("shelf/mod", "mod one; mod two; pub use two::Two as Second; pub use one::*;"),
        ("shelf/one", "pub struct One(super::Second);"),
        ("shelf/two", "use crate::shelf::One; pub struct Two;"),
    ];
    assert_eq!(circles(&in_a_shelf), ["shelf::one, shelf::two"]);
}

#[test]
fn a_module_and_its_children_count_as_one_beside_others() {
    let deep = [
        LIB,
        ("a/mod", "mod deep; mod other;"),
        ("a/deep", "mod deeper;"),
        ("a/deep/deeper", "use super::super::other; use crate::b;"),
        ("a/other", ""),
        ("b", "mod inner { fn f() { super::super::a::x() } }"),
        ("c", ""),
    ];
    assert_eq!(circles(&deep), ["a, b"]);
}

#[test]
fn what_is_no_circle_is_none() {
    let clean: &[&[(&str, &str)]] = &[
        // One way only; parents and children know each other.
        &[
            LIB,
            ("a/mod", "mod child; pub struct A; use child::f; fn g() { child::f() }"),
            ("a/child", "use super::A; use crate::a; use crate::b; pub fn f() {}"),
            ("b", "use crate::c;"),
            ("c", ""),
        ],
        // Comments, texts, and what only tests have.
        &[
            LIB,
            ("a", "use crate::b;"),
            (
                "b",
                "//! [`crate::a`]\n/* use crate::a; */ const X: &str = \"crate::a\"; #[cfg(test)] mod tests { use crate::a; }",
            ),
            ("c", "#[cfg(all(test, unix))] use crate::a; const Y: &str = r#\"use crate::a;\"#;"),
        ],
        // Names of other crates, of fields and of methods.
        &[
            LIB,
            ("a", "use crate::b; use std::c; use c::x;"),
            ("b", "use std::a; fn f(x: X) { x.a::<u8>(); x.a.b(); ::a::f(); a::g() }"),
            ("c", ""),
        ],
        // A program stands on the library, which does not know it.
        &[
            LIB,
            ("a", ""),
            ("b", "use crate::a;"),
            ("c", ""),
            ("bin/a", "use keyfob::a; mod b { fn f() { crate::g() } }"),
        ],
    ];
    for files in clean {
        assert_eq!(circles(files), [""; 0], "{files:?}");
    }
}

#[test]
fn a_module_in_a_file_of_another_name_is_read() {
    let files = [
        ("lib", "#[cfg_attr(unix, path = \"x.rs\")] mod a; #[path = \"y.rs\"] mod b;"),
        ("x", "use crate::b;"),
        ("y", "use crate::a;"),
    ];
    assert_eq!(circles(&files), ["a, b"]);
}

#[test]
fn the_library_is_seen_by_its_name_too() {
    let files =
        [LIB, ("a", "pub fn f() {}"), ("b", ""), ("c", ""), ("bin/p", "fn main() { ::keyfob::a::f() }")];
    let tree = tree(&files);
    let uses: Vec<String> = tree.uses().into_iter().map(|used| used.place).collect();
    assert_eq!(uses, ["src/bin/p.rs:1: keyfob::a::f"]);
}

#[test]
fn methods_are_counted_by_the_type_that_has_them() {
    let files = [
        LIB,
        (
            "a",
            "pub struct T; impl T { fn a() {} } impl Clone for T { fn clone() {} } impl T { const C: u8 = 1; }",
        ),
        ("b", "use crate::a::T; impl<'a, F: Fn() -> u8> T { fn b(f: impl Fn()) -> impl Iterator {} }"),
        ("c", "struct T; impl T { fn c() {} } impl crate::a::T { fn c() {} } mod d; mod e; mod f; mod g;"),
        // By a name of its own, by a trait of the house, and with a bound that has a `for`.
        ("c/d", "use crate::a::T as U; type V = U; impl V { fn d() {} } type F = fn(U) -> V;"),
        ("c/e", "trait More { fn e(); } impl More for crate::a::T { fn e() {} }"),
        ("c/f", "use crate::a::T; impl<F> T where F: for<'a> Fn(&'a u8) { fn f() {} }"),
        (
            "c/g",
            "use super::e::More; impl More for &mut super::T { fn e() {} } impl Iterator for super::T { fn n() {} }",
        ),
    ];
    let tree = tree(&files);
    let found = tree.files_with_methods();
    assert_eq!(
        found["a::T"].iter().copied().collect::<Vec<_>>(),
        ["src/a.rs", "src/b.rs", "src/c.rs", "src/c/d.rs", "src/c/e.rs", "src/c/f.rs"]
    );
    assert_eq!(found["c::T"].iter().copied().collect::<Vec<_>>(), ["src/c.rs", "src/c/g.rs"]);
    assert_eq!(found.len(), 2, "{found:?}");
}
