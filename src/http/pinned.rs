//! A certificate that a file of authorities holds and that a server shows as its own: OpenSSL, and so most clients, trust it, be it
//! an authority's too (`openssl req -x509` makes such). webpki refuses an authority as a server; this takes what the file names
//! itself.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// webpki's judgement, and beyond it the certificates of the file themselves.
#[derive(Debug)]
pub(super) struct Pinned {
    /// webpki's.
    pub inner: Arc<WebPkiServerVerifier>,
    /// The certificates of the file.
    pub named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match judged {
            // It comes to this only when the dates are right; the name is looked at afterwards.
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
                if other.0.to_string() == "CaUsedAsEndEntity"
                    && self.named.iter().any(|named| named.as_ref() == end_entity.as_ref()) =>
            {
                let parsed = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&parsed, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::RootCertStore;

    use super::*;

    fn certificate(host: &str, is_authority: bool) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.self_signed(&key).unwrap().der().clone()
    }

    /// Whether a client that trusts `named` takes `shown` for `host`, so many years after 1970.
    fn takes(named: &CertificateDer<'static>, shown: &CertificateDer<'_>, host: &str, years: u64) -> bool {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(named.clone()).unwrap();
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let verifier = Pinned { inner, named: vec![named.clone()] };
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(years * 365 * 86_400));
        verifier.verify_server_cert(shown, &[], &name, &[], now).is_ok()
    }

    #[test]
    fn an_authority_that_the_file_names_is_taken_as_a_server_for_its_own_name_and_time_alone() {
        let named = certificate("h.test", true);
        assert!(takes(&named, &named, "h.test", 55));
        assert!(!takes(&named, &named, "other.test", 55), "another name");
        assert!(!takes(&named, &named, "h.test", 45), "before its time");
        assert!(!takes(&named, &named, "h.test", 65), "after its time");
        assert!(!takes(&named, &certificate("h.test", true), "h.test", 55), "another certificate");
        assert!(!takes(&certificate("x.test", true), &certificate("h.test", false), "h.test", 55));
    }
}
