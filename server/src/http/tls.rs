//! The certificate that the server shows.
//!
//! Without one of the operator's own, a certificate authority is made for this server, signs one
//! certificate for the local names, and its key is thrown away: who trusts `ca.pem` trusts this server and
//! nothing else.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::kept_file::{SecretFileError, read_secret, write};
use crate::settings::TlsSetting;

const CA_FILE: &str = "ca.pem";
const CERTIFICATE_FILE: &str = "server.pem";
const KEY_FILE: &str = "server-key.pem";

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: {reason}", path.display())]
    Pem { path: PathBuf, reason: String },
    #[error("{0}")]
    Key(#[from] SecretFileError),
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("certificate and key do not fit: {0}")]
    Pair(#[from] rustls::Error),
}

/// Certificate and key in PEM.
struct Pair {
    certificate: (PathBuf, Vec<u8>),
    key: (PathBuf, Zeroizing<Vec<u8>>),
}

/// The operator's certificate, else the one kept in `directory`, else a new one, which is kept there. With
/// no directory a new one is made each time.
pub(crate) fn acceptor(setting: &TlsSetting, directory: Option<&Path>) -> Result<TlsAcceptor, TlsError> {
    let pair = match (setting, directory) {
        (TlsSetting { certificate: Some(certificate), key: Some(key) }, _) => read(certificate, key)?,
        (_, Some(directory)) => kept(&directory.join("tls"))?,
        (_, None) => {
            let made = make()?;
            Pair {
                certificate: (CERTIFICATE_FILE.into(), made.certificate.into_bytes()),
                key: (KEY_FILE.into(), made.key.into_bytes().into()),
            }
        }
    };
    let mut config = server_config(&pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn server_config(pair: &Pair) -> Result<ServerConfig, TlsError> {
    let (path, pem) = &pair.certificate;
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| TlsError::Pem { path: path.clone(), reason: error.to_string() })?;
    let (path, pem) = &pair.key;
    let key = PrivateKeyDer::from_pem_slice(pem);
    let key = key.map_err(|error| TlsError::Pem { path: path.clone(), reason: error.to_string() })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_no_client_auth().with_single_cert(chain, key)?)
}

fn read(certificate: &Path, key: &Path) -> Result<Pair, TlsError> {
    let chain = fs::read(certificate);
    let chain = chain.map_err(|error| TlsError::File { path: certificate.into(), error })?;
    Ok(Pair { certificate: (certificate.into(), chain), key: (key.into(), read_secret(key)?) })
}

fn kept(directory: &Path) -> Result<Pair, TlsError> {
    let (certificate, key) = (directory.join(CERTIFICATE_FILE), directory.join(KEY_FILE));
    if !key.exists() || !certificate.exists() {
        let made = make()?;
        let in_directory = |error| TlsError::File { path: directory.into(), error };
        fs::create_dir_all(directory).map_err(in_directory)?;
        write(&directory.join(CA_FILE), made.authority.as_bytes(), 0o644).map_err(in_directory)?;
        write(&certificate, made.certificate.as_bytes(), 0o644).map_err(in_directory)?;
        write(&key, made.key.as_bytes(), 0o600).map_err(in_directory)?;
    }
    read(&certificate, &key)
}

/// What was made, in PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make() -> Result<Made, rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Millstream local CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let names = ["localhost", "*.localhost", "host.docker.internal", "millstream"].map(str::to_owned);
    let mut server = CertificateParams::new(names)?;
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        server.subject_alt_names.push(SanType::IpAddress(address));
    }
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;
    Ok(Made {
        authority: authority_certificate.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keeps_what_it_made_and_hides_the_key() {
        let directory = tempfile::tempdir().unwrap();
        acceptor(&TlsSetting::default(), Some(directory.path())).unwrap();
        let files = directory.path().join("tls");
        let first = fs::read(files.join(CERTIFICATE_FILE)).unwrap();
        assert_eq!(fs::metadata(files.join(KEY_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        acceptor(&TlsSetting::default(), Some(directory.path())).unwrap();
        assert_eq!(fs::read(files.join(CERTIFICATE_FILE)).unwrap(), first);
    }

    #[test]
    fn what_a_crash_left_unfinished_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let files = directory.path().join("tls");
        fs::create_dir(&files).unwrap();
        fs::write(files.join("server-key.new"), "-----BEGIN PRIV").unwrap();
        fs::write(files.join(CERTIFICATE_FILE), "of a key that was never written").unwrap();
        assert!(acceptor(&TlsSetting::default(), Some(directory.path())).is_ok());
        assert!(!files.join("server-key.new").exists());
    }

    #[test]
    fn refuses_an_exposed_key() {
        let directory = tempfile::tempdir().unwrap();
        acceptor(&TlsSetting::default(), Some(directory.path())).unwrap();
        let files = directory.path().join("tls");
        let key = files.join(KEY_FILE);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let own = TlsSetting { certificate: Some(files.join(CERTIFICATE_FILE)), key: Some(key) };
        assert!(matches!(acceptor(&own, None), Err(TlsError::Key(SecretFileError::Exposed { .. }))));
    }

    #[test]
    fn a_certificate_for_memory_is_not_kept() {
        assert!(acceptor(&TlsSetting::default(), None).is_ok());
    }
}
