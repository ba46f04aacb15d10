//! `bench order MAP PROFILE…`: which functions the calls of the profiles ran, as a linker script that puts those side by side.
//! Pages of a program are brought in sixteen at a time, at some two microseconds; functions that are spread over four megabytes cost
//! thirty times that, and side by side they cost ten.
//!
//! MAP is what lld wrote (`-Map`) of the very program that callgrind profiled (`--dump-instr=yes --compress-pos=no`).

use std::collections::BTreeSet;
use std::fs;

/// A section that went into the program.
struct Section {
    start: u64,
    end: u64,
    /// Of an archive or an object file.
    file: String,
    name: String,
}

/// The linker script, on standard output.
pub(crate) fn order(map: &str, profiles: &[&str]) {
    let mut sections: Vec<Section> = fs::read_to_string(map).unwrap().lines().filter_map(section).collect();
    sections.sort_by_key(|section| section.start);
    // The first call's functions first, and so on.
    let (mut ran, mut order) = (BTreeSet::new(), Vec::new());
    for profile in profiles {
        let mut new = BTreeSet::new();
        for line in fs::read_to_string(profile).unwrap().lines() {
            let Some(address) = line.strip_prefix("0x").and_then(|rest| rest.split(' ').next()) else {
                continue;
            };
            let Ok(address) = u64::from_str_radix(address, 16) else { continue };
            let after = sections.partition_point(|section| section.start <= address);
            if let Some(section) = sections.get(after.wrapping_sub(1)).filter(|section| address < section.end)
            {
                new.extend(pattern(section).filter(|pattern| ran.insert(pattern.clone())));
            }
        }
        order.extend(new);
    }
    assert!(order.len() > 100, "the map does not belong to the profiles");
    println!(
        "/* Written by tests/bench/order.sh; not edited by hand. What a `get` and its like run through lies side by side, so that few pages"
    );
    println!(
        "   have to be brought in. A name that is no longer there is passed over. Added to the linker's own script. */"
    );
    println!("SECTIONS\n{{\n  .text.often : {{");
    order.iter().for_each(|pattern| println!("    {pattern}"));
    println!("  }}\n}}\nINSERT BEFORE .text;");
}

/// A line of the map: address, address, size, alignment, `FILE:(SECTION)`, the last indented as what went in is.
fn section(line: &str) -> Option<Section> {
    let mut words = line.split_ascii_whitespace();
    let start = u64::from_str_radix(words.next()?, 16).ok()?;
    let size = u64::from_str_radix(words.nth(1)?, 16).ok()?;
    let (file, name) = words.nth(1)?.strip_suffix(')')?.rsplit_once(":(")?;
    let file = file.rsplit('/').next()?.to_owned();
    name.starts_with(".text").then(|| Section { start, end: start + size, file, name: name.to_owned() })
}

/// How the linker script names a section. What hangs on the compiler's or another crate's version is left open. `None` for what
/// has no name of its own.
fn pattern(section: &Section) -> Option<String> {
    let member = section.file.strip_prefix("libc.a(").and_then(|rest| rest.strip_suffix(')'));
    Some(match member.and_then(|member| member.strip_suffix(".o")) {
        // The C library chooses by the processor, and callgrind's is an old one.
        Some(member) => match ["-avx2", "-sse2", "-sse4"].iter().find_map(|kind| member.split_once(kind)) {
            Some((function, _)) => {
                format!("*libc.a:{function}-avx*.o(.text .text.*) *libc.a:{function}-evex*.o(.text .text.*)")
            }
            None => format!("*libc.a:{member}.o(.text .text.*)"),
        },
        // musl's functions have names of their own, but for those in assembler.
        None if section.name == ".text" => match member {
            Some(member) => format!("*libc.a:{member}(.text)"),
            None => return (section.file == "crt1.o").then(|| "*crt1.o(.text)".to_owned()),
        },
        None => format!("*({})", open(&section.name)),
    })
}

/// The name of a section with `*` in place of each hash: `17h` and 16 digits before an `E`, and `Cs…_` in names of the newer kind;
/// also of a number that the compiler put behind it.
fn open(name: &str) -> String {
    let mut opened = String::new();
    let (mut rest, end) = match name.rsplit_once('.') {
        Some((whole, number)) if number.parse::<u32>().is_ok() => (whole, "*"),
        _ => (name, ""),
    };
    while let Some(at) = [rest.find("17h"), rest.find("Cs")].into_iter().flatten().min() {
        let (before, hash) = rest.split_at(at);
        opened.push_str(before);
        let (mark, after) = if hash.starts_with("17h") {
            ("17h", hash.get(19..).filter(|after| after.starts_with('E')))
        } else {
            let end = hash.find('_').filter(|end| hash[2..*end].chars().all(|c| c.is_ascii_alphanumeric()));
            ("Cs", end.map(|end| &hash[end..]))
        };
        opened.push_str(mark);
        rest = match after {
            Some(after) => {
                opened.push('*');
                after
            }
            None => &hash[mark.len()..],
        };
    }
    opened + rest + end
}
