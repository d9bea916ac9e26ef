//! Who is asking, where a caller says where to look; AWS's usual places otherwise.

use std::fmt;

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_sdk_kinesis::config::{Region, SharedCredentialsProvider};
use futures_util::future::BoxFuture;

use super::http::HyperClient;

const FALLBACK_KEY: &str = "test";

/// Where credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CredentialsFrom {
    /// AWS's usual places, one after the other.
    #[default]
    Anywhere,
    /// `AWS_ACCESS_KEY_ID` and its companions.
    Environment,
    /// AWS's files; `None` stands for `AWS_PROFILE`, else `default`.
    Profile(Option<String>),
    /// A token in a file that stands for a role (`AWS_WEB_IDENTITY_TOKEN_FILE`).
    WebIdentity,
    /// The endpoint that containers have.
    Container,
    /// The endpoint that instances of EC2 have.
    InstanceMetadata,
    Keys(Keys),
    Role(Role),
    /// Whichever of them answers first, in this order.
    FirstOf(Vec<Self>),
}

/// Keys that are known.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub session_token: Option<String>,
}

/// A role that the caller of AWS's usual places takes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    pub session_name: String,
    pub external_id: Option<String>,
    /// The URL of the token service, where it is not AWS's own.
    pub endpoint_url: Option<String>,
    pub region: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is known when credentials are looked for.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) http: HyperClient,
    pub(super) region: Option<Region>,
    /// The endpoint is AWS's. Where it is not, instance metadata are left alone unless they are asked for by name.
    pub(super) is_aws: bool,
}

impl Search {
    pub(super) fn provider<'a>(
        &'a self,
        from: &'a CredentialsFrom,
    ) -> BoxFuture<'a, SharedCredentialsProvider> {
        Box::pin(async move {
            let provider = self.provider_config();
            match from {
                CredentialsFrom::Anywhere if self.is_aws => {
                    let chain = DefaultCredentialsChain::builder().configure(provider);
                    SharedCredentialsProvider::new(chain.region(self.region.clone()).build().await)
                }
                CredentialsFrom::Anywhere => self.without_metadata(),
                CredentialsFrom::Environment => {
                    SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
                }
                CredentialsFrom::Profile(name) => {
                    let mut builder = ProfileFileCredentialsProvider::builder().configure(&provider);
                    if let Some(name) = name {
                        builder = builder.profile_name(name);
                    }
                    SharedCredentialsProvider::new(builder.build())
                }
                CredentialsFrom::WebIdentity => SharedCredentialsProvider::new(web_identity(&provider)),
                CredentialsFrom::Container => SharedCredentialsProvider::new(container(&provider)),
                CredentialsFrom::InstanceMetadata => SharedCredentialsProvider::new(
                    ImdsCredentialsProvider::builder().configure(&provider).build(),
                ),
                CredentialsFrom::Keys(Keys { id, secret, session_token }) => SharedCredentialsProvider::new(
                    Credentials::new(id, secret, session_token.clone(), None, "settings"),
                ),
                CredentialsFrom::Role(role) => self.role(role).await,
                CredentialsFrom::FirstOf(sources) => {
                    let mut chain: Option<CredentialsProviderChain> = None;
                    for source in sources {
                        let next = self.provider(source).await;
                        chain = Some(match chain {
                            None => CredentialsProviderChain::first_try("settings", next),
                            Some(chain) => chain.or_else("settings", next),
                        });
                    }
                    chain.map_or_else(|| self.without_metadata(), SharedCredentialsProvider::new)
                }
            }
        })
    }

    /// The SDK's normal chain up to the container's credentials, then the key that needs no configuration. A
    /// source that is configured and broken is an error, as in the normal chain.
    pub(super) fn without_metadata(&self) -> SharedCredentialsProvider {
        let provider = self.provider_config();
        let profile = ProfileFileCredentialsProvider::builder().configure(&provider).build();
        let chain =
            CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
                .or_else("Profile", profile)
                .or_else("WebIdentityToken", web_identity(&provider))
                .or_else("EcsContainer", container(&provider))
                .or_else("Fallback", Credentials::new(FALLBACK_KEY, FALLBACK_KEY, None, None, "fallback"));
        SharedCredentialsProvider::new(chain)
    }

    async fn role(&self, role: &Role) -> SharedCredentialsProvider {
        let region = role.region.clone().map(Region::new).or_else(|| self.region.clone());
        let caller = self.provider(&CredentialsFrom::Anywhere).await;
        // From a loader, and not put together: a clock and a way to wait are among what it has.
        let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(self.http.clone());
        let loaded = loader.region(region).no_credentials().load().await;
        // The token service is where the role says, whatever stands in the environment for the other services.
        let mut config = loaded.into_builder();
        config.set_endpoint_url(role.endpoint_url.clone());
        let builder = AssumeRoleProvider::builder(&role.arn).session_name(&role.session_name);
        let builder = match &role.external_id {
            Some(id) => builder.external_id(id),
            None => builder,
        };
        let builder = builder.configure(&config.build());
        SharedCredentialsProvider::new(builder.build_from_provider(caller).await)
    }

    fn provider_config(&self) -> ProviderConfig {
        ProviderConfig::without_region().with_http_client(self.http.clone()).with_region(self.region.clone())
    }
}

fn web_identity(provider: &ProviderConfig) -> WebIdentityTokenCredentialsProvider {
    WebIdentityTokenCredentialsProvider::builder().configure(provider).build()
}

fn container(provider: &ProviderConfig) -> EcsCredentialsProvider {
    EcsCredentialsProvider::builder().configure(provider).build()
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::ProvideCredentials;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::http::Trust;
    use super::*;

    fn keys(id: &str) -> CredentialsFrom {
        CredentialsFrom::Keys(Keys { id: id.to_owned(), secret: "hush".to_owned(), session_token: None })
    }

    /// Answers one request as AWS's token service would, and gives the request.
    async fn token_service(listener: TcpListener) -> String {
        const ANSWER: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>role-key</AccessKeyId>\
            <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
            <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"ExternalId=e") {
            assert_ne!(connection.read_buf(&mut request).await.unwrap(), 0);
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ANSWER}", ANSWER.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }

    #[tokio::test]
    async fn a_role_is_asked_for_where_it_says() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let role = Role {
            arn: "arn:aws:iam::123456789012:role/reader".to_owned(),
            session_name: "me".to_owned(),
            external_id: Some("e".to_owned()),
            endpoint_url: Some(format!("http://{}", listener.local_addr().unwrap())),
            region: Some("eu-west-1".to_owned()),
        };
        let search = Search { http: HyperClient::new(Trust::System), region: None, is_aws: false };
        let provider = search.provider(&CredentialsFrom::Role(role)).await;
        let (found, request) = tokio::join!(provider.provide_credentials(), token_service(listener));
        assert_eq!(found.unwrap().access_key_id(), "role-key");
        for part in ["role%2Freader", "RoleSessionName=me", "/eu-west-1/sts/"] {
            assert!(request.contains(part), "{part} is not in {request}");
        }
    }

    #[tokio::test]
    async fn the_first_that_answers_is_taken_and_no_secret_is_shown() {
        let search = Search { http: HyperClient::new(Trust::System), region: None, is_aws: false };
        let from = CredentialsFrom::FirstOf(vec![keys("first"), keys("second")]);
        let found = search.provider(&from).await.provide_credentials().await.unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key()), ("first", "hush"));
        assert!(!format!("{from:?}").contains("hush"));
    }
}
