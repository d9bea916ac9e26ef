//! Where the service is and who is asking: endpoint, region, credentials, certificates.
//!
//! AWS itself is found by the SDK's normal chains. When an endpoint is given that is not AWS's, the instance
//! metadata service is never asked (a laptop would wait for it), and where nothing is configured the region
//! is `us-east-1` and the key `test`/`test`, which every stand-in for AWS accepts.

use std::path::PathBuf;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kinesis::config::Region;
use http::Uri;

use super::credentials::{CredentialsFrom, Search};
#[cfg(feature = "grpc")]
use super::http::client_config;
use super::http::{HyperClient, Trust};
use crate::error::{Error, Result};

const FALLBACK_REGION: &str = "us-east-1";

/// A service that the settings lead to. Each has an endpoint variable of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsService {
    Kinesis,
    DynamoDb,
}

impl AwsService {
    fn endpoint_variable(self) -> &'static str {
        match self {
            Self::Kinesis => "AWS_ENDPOINT_URL_KINESIS",
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
        }
    }
}

/// What the caller says explicitly; everything else comes from the environment and AWS's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// Before the service's own variable (`AWS_ENDPOINT_URL_KINESIS`) and `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// Before `AWS_REGION` and the profile.
    pub region: Option<String>,
    /// PEM certificates to trust instead of the system's; before `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// Accept any certificate of the endpoint.
    pub insecure: bool,
    pub credentials: CredentialsFrom,
}

/// The settings, resolved as far as they can be without a request.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) config: SdkConfig,
    /// What the requests go through; credentials are fetched through a client of their own.
    pub(super) http: HyperClient,
    /// For messages.
    pub(super) endpoint_url: Option<String>,
}

impl AwsSettings {
    /// The endpoint of a service, unless it is to be AWS's own. Where streams are over gRPC, tables are on the same port
    /// over the AWS wire.
    #[must_use]
    pub fn endpoint_url(&self, service: AwsService) -> Option<String> {
        let url = self
            .endpoint_url
            .clone()
            .or_else(|| variable(service.endpoint_variable()))
            .or_else(|| variable("AWS_ENDPOINT_URL"))?;
        let is_over_aws = service == AwsService::DynamoDb;
        Some(match (url.strip_prefix("grpc://"), url.strip_prefix("grpcs://")) {
            (Some(rest), _) if is_over_aws => format!("http://{rest}"),
            (_, Some(rest)) if is_over_aws => format!("https://{rest}"),
            _ => url,
        })
    }

    /// The region of an endpoint that is not AWS's.
    #[cfg(feature = "grpc")]
    pub(crate) async fn region_of_stand_in(&self) -> String {
        self.region_without_metadata().await.to_string()
    }

    /// How a connection with TLS is set up.
    #[cfg(feature = "grpc")]
    pub(crate) fn tls_config(&self) -> Result<rustls::ClientConfig> {
        let bundle = self.ca_bundle.clone().or_else(|| variable("AWS_CA_BUNDLE").map(PathBuf::from));
        let trust = bundle.map_or(Trust::System, Trust::Bundle);
        client_config(if self.insecure { &Trust::Anybody } else { &trust })
    }

    /// A setup that no connection uses, where there is no TLS: the system's certificates need not be there.
    #[cfg(feature = "grpc")]
    pub(crate) fn no_tls_config(&self) -> Result<rustls::ClientConfig> {
        client_config(&Trust::Anybody)
    }

    /// Everything that another client of the AWS SDK needs to talk to a service as this crate's talk to Kinesis: the
    /// endpoint, the region, the caller, and a connection that trusts what is to be trusted. No request is sent to
    /// the service.
    pub async fn sdk_config(&self, service: AwsService) -> Result<SdkConfig> {
        let Resolved { config, http, .. } = self.resolve(service).await?;
        Ok(config.into_builder().http_client(http).build())
    }

    pub(super) async fn resolve(&self, service: AwsService) -> Result<Resolved> {
        let endpoint_url = self.endpoint_url(service);
        let place = endpoint_url.as_deref().map(Place::of).transpose()?.unwrap_or(Place::AWS);
        let bundle = self.ca_bundle.clone().or_else(|| variable("AWS_CA_BUNDLE").map(PathBuf::from));
        let trust = bundle.map_or(Trust::System, Trust::Bundle);
        let credentials_http = HyperClient::new(trust.clone());
        let http = HyperClient::new(if self.insecure { Trust::Anybody } else { trust });
        if place.encrypted {
            http.prepare_tls()?;
        }

        let mut loader =
            aws_config::defaults(BehaviorVersion::latest()).http_client(credentials_http.clone());
        if let Some(url) = &endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if place.is_aws {
            if let Some(region) = self.region.clone() {
                loader = loader.region(Region::new(region));
            }
        } else {
            let region = self.region_without_metadata().await;
            let search =
                Search { http: credentials_http.clone(), region: Some(region.clone()), is_aws: false };
            loader = loader.credentials_provider(search.without_metadata()).region(region);
        }
        let mut config = loader.load().await;
        if config.region().is_none() {
            return Err(Error::Configuration(
                "no region is configured: name one, set AWS_REGION, or give the URL of an endpoint"
                    .to_owned(),
            ));
        }
        if self.credentials != CredentialsFrom::Anywhere {
            let region = config.region().cloned();
            let search = Search { http: credentials_http, region, is_aws: place.is_aws };
            let provider = search.provider(&self.credentials).await;
            config = config.into_builder().credentials_provider(provider).build();
        }
        Ok(Resolved { config, http, endpoint_url })
    }

    async fn region_without_metadata(&self) -> Region {
        let chain = RegionProviderChain::first_try(self.region.clone().map(Region::new))
            .or_else(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new());
        chain.region().await.unwrap_or_else(|| Region::new(FALLBACK_REGION))
    }
}

/// What an endpoint's URL tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    is_aws: bool,
    encrypted: bool,
}

impl Place {
    const AWS: Self = Self { is_aws: true, encrypted: true };

    fn of(url: &str) -> Result<Self> {
        let wrong =
            |reason: &str| Error::Configuration(format!("the endpoint {url:?} is not a URL: {reason}"));
        let uri = url.parse::<Uri>().map_err(|error| wrong(&error.to_string()))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(wrong(
                    "it has to begin with http:// or https://, or for streams with grpc:// or grpcs://",
                ));
            }
        };
        let aws_domains = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu"];
        let is_aws = aws_domains.iter().any(|domain| host.ends_with(domain));
        Ok(Self { is_aws, encrypted })
    }
}

/// An environment variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_whether_it_is_aws() {
        let place = |url| Place::of(url).unwrap();
        assert_eq!(place("http://127.0.0.1:4566"), Place { is_aws: false, encrypted: false });
        assert_eq!(place("https://[::1]:4566/"), Place { is_aws: false, encrypted: true });
        assert_eq!(place("https://kinesis.eu-west-1.amazonaws.com"), Place::AWS);
        assert_eq!(place("https://vpce-1-2.kinesis.us-east-1.vpce.amazonaws.com"), Place::AWS);
        assert!(!place("https://amazonaws.com.example").is_aws);
    }

    #[test]
    fn what_is_no_url_is_named() {
        for url in ["", "localhost:4566", "ftp://localhost", "http://", "/path", "http://a b"] {
            let error = Place::of(url).unwrap_err();
            assert!(matches!(&error, Error::Configuration(message) if message.contains(url)), "{error:?}");
        }
    }
}
