//! Which certificates are trusted: the system's, or those of one file.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::BuilderVerifierExt as _;
use ureq::tls::{Certificate, PemItem};

use crate::error::{Error, NetworkError};

use super::pinned::Pinned;

/// Reads the certificates of a PEM file.
///
/// # Errors
/// [`Error::Certificates`] if the file cannot be read, or there is none in it.
pub(super) fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let failed = |why: String| Error::Certificates { path: file.to_owned(), why };
    // A pipe is not waited for, and a device not read without end.
    let bytes = crate::files::read_others(file).map_err(|error| match error {
        Error::Io { source, .. } if source.raw_os_error().is_some() => {
            failed(format!("it cannot be read: {}", source.kind()))
        }
        Error::Io { source, .. } => failed(source.to_string()),
        other => failed(other.to_string()),
    })?;
    let bytes = bytes.ok_or_else(|| failed("there is no such file".to_owned()))?;
    let certificates = ureq::tls::parse_pem(&bytes).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(failed("there is no certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// Returns how a client speaks TLS that trusts the system, or the certificates of one file in its place. HTTP/1.1 only.
///
/// # Errors
/// [`Error::Certificates`] about the file; [`Error::Network`] for `host` if the system has no list of authorities.
pub(crate) fn client_config(authorities: Option<&Path>, host: &str) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |cause| Error::Network { host: host.to_owned(), cause };
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| unusable(NetworkError::Tls))?;
    let mut config = match authorities {
        None => builder
            .with_platform_verifier()
            .map_err(|error| unusable(super::error::of_tls(&error)))?
            .with_no_client_auth(),
        Some(file) => {
            let mut roots = rustls::RootCertStore::empty();
            let certificates = certificates(file)?;
            let named: Vec<CertificateDer<'static>> =
                certificates.iter().map(|one| CertificateDer::from(one.der().to_vec())).collect();
            roots.add_parsable_certificates(named.iter().cloned());
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let inner = inner.map_err(|_| Error::Certificates {
                path: file.to_owned(),
                why: "there is no certificate in it that can be used".to_owned(),
            })?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned { inner, named }))
                .with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
