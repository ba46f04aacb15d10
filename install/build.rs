//! What cargo asks before it builds: the linker's part in making the release program small and quick to start. Everything is tried
//! on a program of one line first, for there are linkers that do not know it; without, the program is the same, only larger and
//! a little slower.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    for file in ["build.rs", "no-unwind-tables.ld", "often.ld"] {
        println!("cargo::rerun-if-changed=install/{file}");
    }
    println!("cargo::rerun-if-env-changed=KEYFOB_BUILD_UNFOLDED");
    // Other profiles unwind when they panic, and nobody waits for them. A program for another machine cannot be tried here; one with
    // another C library can.
    let machine = |name| value(name).replace("-musl", "-gnu");
    if value("PROFILE") != "release"
        || value("CARGO_CFG_TARGET_OS") != "linux"
        || machine("HOST") != machine("TARGET")
    {
        return;
    }
    let folder = format!("-T{}/install", value("CARGO_MANIFEST_DIR"));
    // Functions that came out the same are kept once; but tests/bench/order.sh has to see which of them runs.
    let folded = env::var_os("KEYFOB_BUILD_UNFOLDED").is_none();
    let fold = if folded { vec!["-Wl,--icf=all".to_owned()] } else { Vec::new() };
    let mut options: Vec<String> = Vec::new();
    for wish in [
        // The linker that the compiler brings, where it does not take it by itself.
        compilers_linker().filter(|_| value("TARGET") != value("HOST")).unwrap_or_default(),
        // Nothing unwinds, so the tables for it go; what runs often lies side by side.
        vec![format!("{folder}/no-unwind-tables.ld")],
        vec![format!("{folder}/often.ld")],
        fold,
    ] {
        let with_it = [options.clone(), wish].concat();
        let flags: Vec<String> = with_it.iter().map(|option| format!("-Clink-arg={option}")).collect();
        if links(&flags.iter().map(String::as_str).collect::<Vec<_>>()) {
            options = with_it;
        }
    }
    for option in options {
        println!("cargo::rustc-link-arg-bins={option}");
        println!("cargo::rustc-link-arg-examples={option}");
    }
    // The compiler's library of its own as part of the program: loading it takes as long as a tenth of a `get`. It is made for the
    // host's C library; and what is linked statically has one in it.
    if value("TARGET") == value("HOST")
        && !value("CARGO_CFG_TARGET_FEATURE").contains("crt-static")
        && let Some(folder) = folder_of("libgcc_eh.a")
        && links(&["-L", &format!("native={folder}"), "-l", "static:-bundle=gcc_eh"])
    {
        println!("cargo::rerun-if-changed={folder}/libgcc_eh.a");
        println!("cargo::rustc-link-search=native={folder}");
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

fn value(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// How the C compiler is told to link with the compiler's own linker.
fn compilers_linker() -> Option<Vec<String>> {
    let asked = Command::new(value("RUSTC")).args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(asked.stdout).ok()?;
    let folder = format!("{}/lib/rustlib/{}/bin/gcc-ld", sysroot.trim_end(), value("HOST"));
    Path::new(&folder).is_dir().then(|| {
        // This folder and the other one that the linker is told of may be gone after an upgrade; then cargo asks again.
        println!("cargo::rerun-if-changed={folder}");
        vec![format!("-B{folder}"), "-fuse-ld=lld".to_owned()]
    })
}

/// Where the C compiler keeps a library.
fn folder_of(library: &str) -> Option<String> {
    let asked =
        Command::new("cc").arg(format!("-print-file-name={library}")).stderr(Stdio::null()).output().ok()?;
    let path = String::from_utf8(asked.stdout).ok()?;
    // What it does not have, it names as it was asked.
    let folder = Path::new(path.trim_end()).parent().filter(|folder| folder.is_absolute())?;
    folder.to_str().map(str::to_owned)
}

/// Whether a program is built with these options, and runs.
fn links(options: &[&str]) -> bool {
    let folder = value("OUT_DIR");
    let (source, program) = (Path::new(&folder).join("probe.rs"), Path::new(&folder).join("probe"));
    if std::fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let mut build = Command::new(value("RUSTC"));
    build.args(value("CARGO_ENCODED_RUSTFLAGS").split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        build.arg("-C").arg(format!("linker={}", linker.display()));
    }
    build
        .args(["-C", "panic=abort", "--target", &value("TARGET")])
        .args(options)
        .arg("-o")
        .arg(&program)
        .arg(&source);
    works(&mut build) && works(&mut Command::new(&program))
}

fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|end| end.success())
}
