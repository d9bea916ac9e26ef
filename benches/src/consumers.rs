//! Consumers of a stream, from their registration until they are gone.
//!
//! They are registered one after the other: AWS lets few of a stream be under way at once. As with streams, these
//! calls are patient and not measured.

use serde::Deserialize;
use serde_json::json;

use crate::error::Error;
use crate::streams::{ACTIVE_LIMIT, ACTIVE_POLL, Caller, decode};
use crate::wire::{Connection, Operation};

impl Caller {
    /// Registers so many consumers of a stream and waits until they can subscribe. Returns their ARNs, which are
    /// noted in `made` as well, each as soon as there is something to take away again.
    pub(crate) async fn register_consumers(
        &self,
        stream: &str,
        count: usize,
        made: &mut Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let mut connection = self.connection();
        let stream_arn = self.stream_arn(&mut connection, stream).await?;
        let mut arns = Vec::with_capacity(count);
        for number in 0..count {
            let request = json!({ "StreamARN": stream_arn, "ConsumerName": format!("consumer-{number}") });
            let reply = self.call(&mut connection, Operation::RegisterStreamConsumer, &request).await?;
            let reply: RegisterStreamConsumerReply = decode(Operation::RegisterStreamConsumer, &reply)?;
            let arn = reply.consumer.consumer_arn;
            made.push(arn.clone());
            self.wait_until_consumer_active(&mut connection, &arn).await?;
            arns.push(arn);
        }
        Ok(arns)
    }

    pub(crate) async fn wait_until_consumer_active(
        &self,
        connection: &mut Connection,
        arn: &str,
    ) -> Result<(), Error> {
        let operation = Operation::DescribeStreamConsumer;
        let deadline = self.clock.monotonic() + ACTIVE_LIMIT;
        loop {
            let reply = self.call(connection, operation, &json!({ "ConsumerARN": arn })).await?;
            let reply: DescribeStreamConsumerReply = decode(operation, &reply)?;
            if reply.consumer_description.consumer_status == "ACTIVE" {
                return Ok(());
            }
            if self.clock.monotonic() >= deadline {
                return Err(Error::ConsumerNotActive(arn.to_owned()));
            }
            self.clock.sleep(ACTIVE_POLL).await;
        }
    }

    /// Deregisters every consumer that can be, and minds none that is not there; returns the first error.
    pub(crate) async fn deregister_consumers(&self, arns: &[String]) -> Result<(), Error> {
        let mut connection = self.connection();
        let mut outcome = Ok(());
        for arn in arns {
            let request = json!({ "ConsumerARN": arn });
            match self.call(&mut connection, Operation::DeregisterStreamConsumer, &request).await {
                Err(Error::Refused { kind, .. }) if kind == "ResourceNotFoundException" => {}
                deregistered => outcome = outcome.and(deregistered.map(|_| ())),
            }
        }
        outcome
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegisterStreamConsumerReply {
    consumer: RegisteredConsumer,
}

#[derive(Deserialize)]
struct RegisteredConsumer {
    #[serde(rename = "ConsumerARN")]
    consumer_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeStreamConsumerReply {
    consumer_description: ConsumerDescription,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConsumerDescription {
    consumer_status: String,
}
