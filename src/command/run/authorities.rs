//! The certificate authorities that a command behind the proxy trusts: those that it trusted before, and the run's own. As PEM, and
//! for Java as a key store. Deliberately absent: judging a certificate; whoever trusts the list does that.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use crate::environment::Environment;
use crate::files::read_others;

/// Where distributions keep the system's authorities.
const SYSTEM: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Certificates in DER, each once.
#[derive(Default)]
pub(super) struct Authorities {
    all: Vec<Vec<u8>>,
    seen: BTreeSet<Vec<u8>>,
}

impl Authorities {
    /// Those of the system, and of every file that one of these variables names.
    pub(super) fn before(variables: &[&str], environment: &Environment) -> Authorities {
        let mut authorities = Authorities::default();
        for file in SYSTEM.iter().map(PathBuf::from) {
            if authorities.all.is_empty() {
                authorities.add_file(&file);
            }
        }
        for certificate in rustls_native_certs::load_native_certs().certs {
            authorities.add(certificate.to_vec());
        }
        authorities.add_named(variables, environment);
        authorities
    }

    /// Those of every file that one of these variables names.
    pub(super) fn add_named(&mut self, variables: &[&str], environment: &Environment) {
        for variable in variables {
            if let Some(file) = environment.os(variable) {
                self.add_file(&PathBuf::from(file));
            }
        }
    }

    /// Those of a file; of one that cannot be read, none: the client would have said so.
    pub(super) fn add_file(&mut self, file: &std::path::Path) {
        if let Ok(Some(bytes)) = read_others(file) {
            self.add_pem(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Those of a text (RFC 7468).
    pub(super) fn add_pem(&mut self, text: &str) {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        for part in text.split(BEGIN).skip(1) {
            let body: String = part.split("-----END").next().unwrap_or_default().split_whitespace().collect();
            if let Ok(der) = BASE64.decode(body) {
                self.add(der);
            }
        }
    }

    fn add(&mut self, der: Vec<u8>) {
        if self.seen.insert(der.clone()) {
            self.all.push(der);
        }
    }

    /// As PEM.
    pub(super) fn pem(&self) -> String {
        let mut pem = String::new();
        for der in &self.all {
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            let text = BASE64.encode(der);
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (line, more) = rest.split_at(rest.len().min(64));
                pem.push_str(line);
                pem.push('\n');
                rest = more;
            }
            pem.push_str("-----END CERTIFICATE-----\n");
        }
        pem
    }

    /// As Java's own kind of key store (JKS), which every version reads: a header, an entry for each certificate, and a digest with the
    /// password. The format is that of `sun.security.provider.JavaKeyStore`.
    pub(super) fn key_store(&self, password: &str) -> Vec<u8> {
        /// Of a trusted certificate.
        const TAG: u32 = 2;
        let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let text = |text: &str| {
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
            [&length, text.as_bytes()].concat()
        };
        let mut store = [0xfeed_feed_u32, 2].map(u32::to_be_bytes).concat();
        store.extend(number(self.all.len()));
        for (at, der) in self.all.iter().enumerate() {
            store.extend(TAG.to_be_bytes());
            store.extend(text(&at.to_string()));
            // When it was put in, which nobody asks.
            store.extend(0_u64.to_be_bytes());
            store.extend(text("X.509"));
            store.extend(number(der.len()));
            store.extend_from_slice(der);
        }
        let mut digest = Sha1::new();
        password.encode_utf16().for_each(|unit| digest.update(unit.to_be_bytes()));
        digest.update(b"Mighty Aphrodite");
        digest.update(&store);
        store.extend_from_slice(&digest.finalize());
        store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_found_among_other_text_and_come_out_again_each_once() {
        let one = format!(
            "-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----",
            BASE64.encode([7; 100])
        );
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        let mut authorities = Authorities::default();
        authorities.add_pem(&format!("# a name\n{one}\n{key}\n{one}\n-----BEGIN CERTIFICATE-----\n???"));
        assert_eq!(authorities.all, [vec![7; 100]]);
        let mut again = Authorities::default();
        again.add_pem(&authorities.pem());
        assert_eq!(again.all, authorities.all);
    }

    #[test]
    fn a_file_that_cannot_be_read_adds_nothing() {
        let environment = Environment::new([("A".into(), "/no/such/file".into()), ("B".into(), "/".into())]);
        let mut authorities = Authorities::default();
        authorities.add_named(&["A", "B", "C"], &environment);
        assert!(authorities.all.is_empty() && authorities.pem().is_empty());
    }
}
