use std::sync::Arc;

use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_smithy_http_client::Builder as HttpBuilder;
use millstream_runtime::{Entropy, SystemClock, SystemEntropy};

use super::*;
use crate::store::contract;

/// Names an endpoint over plain HTTP whose tables may be written to.
const ENDPOINT: &str = "MILLSTREAM_LEASE_ENDPOINT";

#[tokio::test]
async fn keeps_the_contract() {
    let Some(endpoint) = std::env::var_os(ENDPOINT) else {
        println!("skipped: {ENDPOINT} names no endpoint");
        return;
    };
    let endpoint = endpoint.into_string().unwrap();
    for three in [false, true] {
        let unique = <dyn Entropy>::next_u64(&SystemEntropy);
        let name = format!("lease-contract-{unique:x}");
        let layout = if three { Layout::three(&name) } else { Layout::single(&name) };
        let config = aws_sdk_dynamodb::Config::builder()
            .endpoint_url(&endpoint)
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(HttpBuilder::new().build_http());
        let store = DynamoDbStore::connect(config, layout, SystemClock::shared());
        contract::run(Arc::new(store)).await;
    }
}
