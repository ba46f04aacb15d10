//! A certificate authority of our own, made anew at each start, and TLS with its certificates. Its key never leaves
//! the process.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An authority that vouches for any host.
#[derive(Clone)]
pub struct Authority {
    pem: String,
    config: Arc<ServerConfig>,
}

/// What is wrong with an authority's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// They are all for this name, whatever was asked for.
    Name(&'static str),
    /// They ended long ago.
    Ended,
    /// They begin in many years.
    NotYet,
    /// Each vouches for itself.
    SelfSigned,
    /// They are for clients, not for servers.
    ForClients,
    /// The name is only where it stood before 2000: in the subject.
    NameInSubject,
}

impl Authority {
    /// With a new key.
    pub fn new() -> Authority {
        Authority::of(None)
    }

    /// One whose certificates are no good.
    pub fn with(flaw: Flaw) -> Authority {
        Authority::of(Some(flaw))
    }

    fn of(flaw: Option<Flaw>) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = params("keyfob test authority", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let certificates = Certificates { issuer, flaw, made: Mutex::default() };
        // The provider is named: a default for the whole process would be decided by whoever comes first.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Authority { pem, config: Arc::new(config) }
    }

    /// Its certificate, for a client's list of those that it trusts.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The same in a file.
    pub fn write_pem(&self, file: &Path) {
        fs::write(file, &self.pem).unwrap();
    }

    /// Makes a client's connection (which may be a TLS one itself) a TLS one and hands it to `serve`. A client that turns away (it may not trust us)
    /// ends it.
    pub fn accept<S: Read + Write>(
        &self,
        below: S,
        serve: impl FnOnce(&mut StreamOwned<ServerConnection, S>),
    ) {
        let connection = ServerConnection::new(Arc::clone(&self.config)).unwrap();
        let mut stream = StreamOwned::new(connection, below);
        serve(&mut stream);
        // GnuTLS takes a connection that just ends for a truncated one.
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // Ends before 2050, where the encoding of dates changes and some clients stumble.
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2049, 1, 1));
    params
}

/// Certificates by host, made when they are first asked for.
struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    flaw: Option<Flaw>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that goes to an address sends no name.
        let asked = hello.server_name().unwrap_or("127.0.0.1");
        let name = if let Some(Flaw::Name(name)) = self.flaw { name } else { asked }.to_owned();
        let mut made = self.made.lock().unwrap();
        Some(Arc::clone(made.entry(name).or_insert_with_key(|name| Arc::new(self.make(name)))))
    }
}

impl Certificates {
    fn make(&self, name: &str) -> CertifiedKey {
        let key = KeyPair::generate().unwrap();
        let mut params = params(name, &[name]);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python 3.13 insists on it.
        params.use_authority_key_identifier_extension = true;
        match self.flaw {
            Some(Flaw::Ended) => params.not_after = date_time_ymd(2021, 1, 1),
            Some(Flaw::NotYet) => params.not_before = date_time_ymd(2048, 1, 1),
            Some(Flaw::ForClients) => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Some(Flaw::NameInSubject) => params.subject_alt_names = Vec::new(),
            _ => {}
        }
        let certificate = if self.flaw == Some(Flaw::SelfSigned) {
            params.self_signed(&key).unwrap()
        } else {
            params.signed_by(&key, &self.issuer).unwrap()
        };
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let signing = ring::sign::any_supported_type(&private).unwrap();
        CertifiedKey::new(vec![certificate.der().clone()], signing)
    }
}
