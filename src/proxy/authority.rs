//! The certificate authority of one run. Its key is in memory alone, it vouches for the run's hosts only (name constraints, RFC
//! 5280 section 4.2.1.10), and it issues a certificate for a host when a client first connects there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Clocks of machines and containers differ; a certificate is valid from this long ago.
const SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a certificate is valid: longer than a command runs, and not longer than clients accept (398 days).
const LIFETIME: Duration = Duration::from_secs(390 * 24 * 60 * 60);

/// The authority, with the certificates that it has issued.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pem: String,
    issued: Mutex<HashMap<String, Arc<rustls::ServerConfig>>>,
}

impl Authority {
    /// Makes one that can vouch for these hosts and those below them.
    ///
    /// # Errors
    /// If the system has no randomness, or a host is no name.
    pub(super) fn new(hosts: &[String]) -> Result<Authority, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        let (from, until) = validity();
        (params.not_before, params.not_after) = (from.into(), until.into());
        // Clients find an authority by its name; what an earlier or outer run left them is another one.
        let number =
            key.public_key_raw().iter().rev().take(4).fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        params.distinguished_name.push(DnType::CommonName, format!("keyfob run {number:08x}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints = Some(constraints(hosts)?);
        let issuer = CertifiedIssuer::self_signed(params, key)?;
        let pem = issuer.pem();
        Ok(Authority { issuer, pem, issued: Mutex::default() })
    }

    /// Its own certificate, as PEM.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the TLS of a host: with a certificate for it alone, refused to a client that asks for another name (SNI).
    ///
    /// # Errors
    /// If the host is no name, or there is no randomness.
    pub(super) fn tls(&self, host: &str) -> Result<Arc<rustls::ServerConfig>, rcgen::Error> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = issued.get(host) {
            return Ok(Arc::clone(tls));
        }
        let tls = Arc::new(self.issue(host)?);
        issued.insert(host.to_owned(), Arc::clone(&tls));
        Ok(tls)
    }

    fn issue(&self, host: &str) -> Result<rustls::ServerConfig, rcgen::Error> {
        // An address becomes a name of its own kind in the certificate.
        let mut params = CertificateParams::new([host.to_owned()])?;
        let (from, until) = validity();
        (params.not_before, params.not_after) = (from.into(), until.into());
        // Another name than the authority's: OpenSSL takes a certificate whose issuer is its subject for self-signed.
        params.distinguished_name.push(DnType::CommonName, "a host of keyfob run");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unusable = |_| rcgen::Error::RemoteKeyError;
        let signing =
            provider.key_provider.load_private_key(PrivatePkcs8KeyDer::from(key.serialize_der()).into());
        let certified = CertifiedKey::new(vec![certificate.der().clone()], signing.map_err(unusable)?);
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let resolver = OneHost { host: host.to_owned(), certified: Arc::new(certified) };
        let mut tls = builder.map_err(unusable)?.with_no_client_auth().with_cert_resolver(Arc::new(resolver));
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(tls)
    }
}

/// Gives its certificate to clients that ask for its host, or, by an address, for none.
#[derive(Debug)]
struct OneHost {
    host: String,
    certified: Arc<CertifiedKey>,
}

impl ResolvesServerCert for OneHost {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        asked.is_none_or(|asked| asked.eq_ignore_ascii_case(&self.host)).then(|| Arc::clone(&self.certified))
    }
}

fn validity() -> (SystemTime, SystemTime) {
    let from = SystemTime::now() - SKEW;
    (from, from + LIFETIME)
}

/// Limits an authority to these hosts. Names and addresses are different kinds: where nothing of a kind is permitted, all of it is
/// excluded.
fn constraints(hosts: &[String]) -> Result<NameConstraints, rcgen::Error> {
    let subtrees = hosts.iter().map(|host| match host.parse::<IpAddr>() {
        Ok(address @ IpAddr::V4(_)) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 32)),
        Ok(address) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 128)),
        Err(_) => GeneralSubtree::DnsName(host.clone()),
    });
    let permitted_subtrees: Vec<GeneralSubtree> = subtrees.collect();
    let mut excluded_subtrees = Vec::new();
    if !permitted_subtrees.iter().any(|tree| matches!(tree, GeneralSubtree::IpAddress(_))) {
        for everything in [IpAddr::from([0; 4]), IpAddr::from([0; 16])] {
            excluded_subtrees.push(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(everything, 0)));
        }
    }
    if !permitted_subtrees.iter().any(|tree| matches!(tree, GeneralSubtree::DnsName(_))) {
        excluded_subtrees.push(GeneralSubtree::DnsName(String::new()));
    }
    Ok(NameConstraints { permitted_subtrees, excluded_subtrees })
}
