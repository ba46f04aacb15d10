//! The age format against the Community Cryptography Test Vectors (C2SP/CCTV): files that must open, and files that must not, each
//! for one reason. Their author publishes them as an npm package.

use std::fs;

use keyfob::formats::age::{self, DecryptError, DecryptWith, Identity, armor};
use keyfob::secret::Secret;
use sha2::{Digest, Sha256};

use crate::support::scene::{Scene, installed, skip};

/// Writes each vector into a file of its own, unpacked.
const UNPACK: &str = r#"
import fs from "node:fs";
import zlib from "node:zlib";
const [, vectors, folder] = process.argv;
for (const [name, bytes] of Object.entries(await import(vectors))) {
  const whole = Buffer.from(bytes);
  const end = whole.indexOf("\n\n") + 2;
  const [head, body] = [whole.subarray(0, end), whole.subarray(end)];
  const plain = head.includes("compressed: zlib\n") ? zlib.inflateSync(body) : body;
  fs.writeFileSync(`${folder}/${name}`, Buffer.concat([head, plain]));
}
"#;

/// A vector: what is to come of it, with what, and the file.
struct Vector {
    name: String,
    head: String,
    file: Vec<u8>,
}

impl Vector {
    fn all(&self, key: &str) -> Vec<&str> {
        let prefix = format!("{key}: ");
        self.head.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
    }

    fn one(&self, key: &str) -> &str {
        self.all(key).first().copied().unwrap_or_default()
    }

    /// What it is opened with; nothing where it has a kind of identity that keyfob does not read.
    fn with(&self) -> Vec<DecryptWith> {
        let identities: Option<Vec<_>> = self.all("identity").into_iter().map(Identity::parse).collect();
        let passphrases = self.all("passphrase").into_iter();
        let mut with: Vec<_> =
            passphrases.map(|text| DecryptWith::Passphrase(Secret::copy_of(text.as_bytes()))).collect();
        // An empty file needs no key to be refused.
        let needed = |all: &Vec<_>| with.is_empty() || !all.is_empty();
        with.extend(identities.filter(needed).map(DecryptWith::Identities));
        with
    }

    /// What comes of it, in the words of the vectors, and whether the payload is the right one.
    fn outcome(&self, with: &DecryptWith) -> &'static str {
        let inner = match self.one("armored") {
            "yes" => match armor::taken_off(&self.file) {
                Some(inner) => inner.to_vec(),
                None => return "armor failure",
            },
            _ => self.file.clone(),
        };
        match age::open(&inner, with) {
            Ok(plain) => {
                let hash: String = Sha256::digest(&*plain).iter().map(|byte| format!("{byte:02x}")).collect();
                if hash == self.one("payload") { "success" } else { "another payload" }
            }
            Err(DecryptError::Header | DecryptError::TooCostly) => "header failure",
            Err(DecryptError::NotForUs | DecryptError::Passphrase) => "no match",
            Err(DecryptError::Altered) => "HMAC failure, payload failure",
        }
    }
}

fn vectors() -> Option<Vec<Vector>> {
    let Some(package) = installed("cctv-age/node_modules/cctv-age/index.js") else {
        skip("cctv-age in target/test-tools: tests/run.sh");
        return None;
    };
    let scene = Scene::new();
    let folder = scene.home().join("vectors");
    fs::create_dir(&folder).unwrap();
    let node = scene.command("node").args(["--input-type=module", "--eval", UNPACK]);
    node.arg(package).arg(&folder).run().succeeds();
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let whole = fs::read(entry.path()).unwrap();
        let end = whole.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
        let head = String::from_utf8(whole[..end].to_vec()).unwrap();
        Vector { name: entry.file_name().into_string().unwrap(), head, file: whole[end..].to_vec() }
    };
    Some(fs::read_dir(folder).unwrap().map(read).collect())
}

#[test]
fn every_vector_of_the_age_format_opens_or_is_refused_for_its_reason() {
    let Some(vectors) = vectors() else { return };
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for vector in &vectors {
        let ways = vector.with();
        let hybrid = vector.all("identity").iter().any(|identity| identity.starts_with("AGE-SECRET-KEY-PQ-"));
        assert!(!ways.is_empty() || hybrid, "{}", vector.name);
        for with in ways {
            tried += 1;
            let (expected, outcome) = (vector.one("expect"), vector.outcome(&with));
            if !outcome.contains(expected) {
                wrong.push(format!("{}: {expected} was to come, {outcome} came", vector.name));
            }
        }
    }
    assert!(tried > 120, "{tried} of {} vectors", vectors.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
