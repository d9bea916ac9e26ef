//! The HTTP client under the SDK: HTTP/1.1 on hyper, TLS on rustls with ring.
//!
//! The SDK's own client is not used: it cannot skip certificate checks, panics on a CA bundle that is not
//! PEM, and reads the system's certificates even for `http://`. Requests of one connection are not
//! multiplexed; many in flight mean many connections, which keeps a slow reply from holding up others.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_kinesis::config::RuntimeComponents;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::uri::Scheme;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};

/// Long enough for a far region on a bad line, short enough to notice a host that is not there.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// AWS closes idle connections after about a minute; ours go first, so that none is used while it dies.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Whom to trust behind `https://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The certificates that the system trusts.
    System,
    /// The certificates of this PEM file, instead of the system's.
    Bundle(PathBuf),
    /// Any certificate, for servers that sign their own.
    Anybody,
}

/// Two pools of connections, without and with TLS; clones share them.
#[derive(Clone, Debug)]
pub(super) struct HyperClient(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    trust: Trust,
    plain: Client<TcpConnector, SdkBody>,
    /// Made when first needed, because the system's certificates take several milliseconds to load.
    encrypted: OnceLock<Result<Client<HttpsConnector<TcpConnector>, SdkBody>>>,
}

impl HyperClient {
    pub(super) fn new(trust: Trust) -> Self {
        let plain = pool_builder().build(tcp());
        Self(Arc::new(Pools { trust, plain, encrypted: OnceLock::new() }))
    }

    /// Loads certificates now, so that what is wrong with them is known before the first request.
    pub(super) fn prepare_tls(&self) -> Result<()> {
        self.encrypted().map(|_| ())
    }

    fn encrypted(&self) -> Result<&Client<HttpsConnector<TcpConnector>, SdkBody>> {
        let made = self.0.encrypted.get_or_init(|| {
            let tls = client_config(&self.0.trust)?;
            let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1();
            Ok(pool_builder().build(https.wrap_connector(tcp())))
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl HttpClient for HyperClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for HyperClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let reply = if request.uri().scheme() == Some(&Scheme::HTTPS) {
            match self.encrypted() {
                Ok(pool) => pool.request(request),
                Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
            }
        } else {
            self.0.plain.request(request)
        };
        HttpConnectorFuture::new(async move {
            let reply = reply.await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(reply.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn tcp() -> TcpConnector {
    let mut tcp = TcpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

fn pool_builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE_TIMEOUT);
    builder
}

pub(super) fn client_config(trust: &Trust) -> Result<ClientConfig> {
    match trust {
        Trust::System => trusting(system_roots()?),
        Trust::Bundle(path) => trusting(bundle_roots(path)?),
        Trust::Anybody => {
            let provider = Arc::new(ring::default_provider());
            Ok(builder(&provider)?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAnybody(provider)))
                .with_no_client_auth())
        }
    }
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    Ok(builder(&provider)?.with_root_certificates(roots).with_no_client_auth())
}

fn builder(
    provider: &Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Configuration(format!("TLS cannot be set up: {error}")))
}

fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let reason = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(Error::Configuration(format!(
            "the system has no certificates to trust{reason}: install them (ca-certificates) or name a CA bundle"
        )));
    }
    Ok(roots)
}

fn bundle_roots(path: &Path) -> Result<RootCertStore> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Error::Configuration(format!("the CA bundle {} cannot be used: {reason}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"it holds no certificate")) } else { Ok(roots) }
}

/// Checks that the peer holds the key of the certificate it shows, and nothing about whose it is.
#[derive(Debug)]
struct AcceptAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_none_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in
            ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            std::fs::write(file.path(), content).unwrap();
            let error = HyperClient::new(Trust::Bundle(file.path().into())).prepare_tls().unwrap_err();
            let Error::Configuration(message) = error else { panic!("{error:?}") };
            assert!(message.contains(&file.path().display().to_string()), "{message}");
        }
        assert!(HyperClient::new(Trust::Bundle("/nowhere/ca.pem".into())).prepare_tls().is_err());
    }
}
