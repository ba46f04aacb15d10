//! `bench-floor`: how fast it could be. Without a word more it reads one file and prints it: no program that answers from a file
//! can do less. With `durable COUNT FOLDER` it makes that many files of 300 bytes, each written, synced, renamed and its
//! folder synced: what a durable store cannot do without. Built as the release binary is.
#![allow(clippy::unwrap_used, reason = "a program of its own, for measuring")]

use std::fs::{self, File};
use std::io::{Read, Write};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap();
    if first != "durable" {
        std::io::stdout().write_all(&fs::read(first).unwrap()).unwrap();
        return;
    }
    let (count, folder): (usize, String) =
        (arguments.next().unwrap().parse().unwrap(), arguments.next().unwrap());
    let mut sent = Vec::new();
    std::io::stdin().read_to_end(&mut sent).unwrap();
    for number in 0..count {
        // A new name each time, as a new account has.
        let target = format!("{folder}/{}-{number}", std::process::id());
        let mut file = File::create_new(format!("{target}.new")).unwrap();
        file.write_all(&[b'x'; 300]).unwrap();
        file.sync_all().unwrap();
        fs::rename(format!("{target}.new"), target).unwrap();
        File::open(&folder).unwrap().sync_all().unwrap();
    }
}
