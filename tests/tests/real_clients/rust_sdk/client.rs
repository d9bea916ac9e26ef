//! The AWS SDK for Rust with the HTTP client that it has by default, but for `ring` in place of `aws-lc`, which
//! would take minutes to compile.

use std::fs;

use aws_credential_types::Credentials;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use millstream_tests::session::{Session, Transport};

pub(crate) fn client(session: &Session, retries: RetryConfig) -> Client {
    let mut trusted = TrustStore::empty();
    if session.transport == Transport::Https {
        let authority = fs::read(session.server.certificate_authority()).unwrap();
        trusted = trusted.with_pem_certificate(authority);
    }
    let tls = TlsContext::builder().with_trust_store(trusted).build().unwrap();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(session.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(retries)
        .http_client(http);
    Client::from_conf(config.build())
}
