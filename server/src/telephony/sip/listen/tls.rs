//! The certificate that TLS shows, read again when its files change.

use crate::telephony::TlsFiles;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("{} cannot be read: {reason}", file.display())]
    File { file: PathBuf, reason: String },
    #[error("{} and {} are no certificate and its key: {reason}", certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, reason: String },
}

pub(in crate::telephony) struct Certificate {
    files: TlsFiles,
    shown: RwLock<Shown>,
}

struct Shown {
    config: Arc<ServerConfig>,
    /// When the files were changed that it is of.
    changed: [Option<SystemTime>; 2],
}

impl Certificate {
    pub(in crate::telephony) fn load(files: &TlsFiles) -> Result<Certificate, CertificateError> {
        let shown = RwLock::new(Shown { changed: changed(files), config: config(files)? });
        Ok(Certificate { files: files.clone(), shown })
    }

    /// For the next handshake; those before keep theirs.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    fn is_stale(&self) -> bool {
        changed(&self.files) != self.shown.read().unwrap_or_else(PoisonError::into_inner).changed
    }

    /// Reads the files again. If they are no pair (one may be written before the other), the old ones stay.
    fn reload(&self) -> Result<(), CertificateError> {
        let changed = changed(&self.files);
        let config = config(&self.files)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Shown { config, changed };
        Ok(())
    }
}

fn changed(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|file| std::fs::metadata(file).and_then(|m| m.modified()).ok())
}

fn config(files: &TlsFiles) -> Result<Arc<ServerConfig>, CertificateError> {
    let unreadable = |file: &Path, reason: String| CertificateError::File { file: file.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unreadable(&files.certificate, e.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, e.to_string()))?;
    let pair = |reason: String| CertificateError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        reason,
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| pair(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| pair(e.to_string()))?;
    Ok(Arc::new(config))
}

/// Reads the files again when they change, and at SIGHUP.
pub(super) async fn keep_fresh(certificate: Arc<Certificate>) {
    let mut hang_ups = signal(SignalKind::hangup()).ok();
    let mut every = tokio::time::interval(LOOKED_AT_EVERY);
    loop {
        let asked = async {
            match &mut hang_ups {
                Some(hang_ups) => hang_ups.recv().await,
                None => std::future::pending().await,
            }
        };
        let due = tokio::select! {
            _ = every.tick() => certificate.is_stale(),
            asked = asked => asked.is_some(),
        };
        if !due {
            continue;
        }
        match certificate.reload() {
            Ok(()) => tracing::info!("the certificate for TLS was read again"),
            Err(error) => tracing::error!(%error, "the certificate for TLS stays as it was"),
        }
    }
}
