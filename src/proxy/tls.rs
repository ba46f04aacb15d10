//! TLS towards services and proxies: one configuration for each file of authorities, made when it is first needed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::{Error, NetworkError};
use crate::http::{CONNECTING, Route, error, tls};

/// What is read from a connection at once: two records (RFC 8446, section 5.1). The library by itself reads 4 KiB.
pub(super) const READ: usize = 32 * 1024;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection, whatever it leads through.
pub(super) type Connection = Box<dyn Stream>;

/// How TLS is spoken, for each file of authorities.
#[derive(Default)]
pub(super) struct TlsConfigs(Mutex<HashMap<Option<PathBuf>, Arc<rustls::ClientConfig>>>);

impl TlsConfigs {
    fn of(&self, route: &Route, host: &str) -> Result<Arc<rustls::ClientConfig>, Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = all.get(&route.authorities) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(tls::client_config(route.authorities.as_deref(), host)?);
        all.insert(route.authorities.clone(), Arc::clone(&config));
        Ok(config)
    }

    /// Speaks TLS on a connection.
    ///
    /// # Errors
    /// Why that failed.
    pub(super) async fn encrypt(
        &self,
        stream: Connection,
        host: &str,
        route: &Route,
    ) -> Result<Connection, NetworkError> {
        let config = self.of(route, host).map_err(|cause| match cause {
            Error::Network { cause, .. } => cause,
            other => NetworkError::Network { why: other.to_string() },
        })?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| NetworkError::NoSuchHost)?;
        let stream = BufReader::with_capacity(READ, stream);
        let made = timeout(CONNECTING, TlsConnector::from(config).connect(name, stream)).await;
        let silent = NetworkError::Silent { seconds: CONNECTING.as_secs() };
        Ok(Box::new(made.map_err(|_| silent)?.map_err(|cause| error::of_io(cause, None))?))
    }
}
