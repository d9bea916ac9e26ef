//! Registering, deregistering, describing and listing consumers.

use bytestring::ByteString;
use millstream_engine::{
    ConsumerDescription as Description, ConsumerKey, ConsumerStatus as Status, Engine, RegisterConsumer,
};
use millstream_model::{ConsumerArn, ConsumerName, StreamArn};

use super::errors::invalid_argument;
use super::{Answer, names};
use crate::aws::kinesis::generated::{
    Consumer, ConsumerDescription, ConsumerStatus, DeregisterStreamConsumerInput,
    DescribeStreamConsumerInput, DescribeStreamConsumerOutput, ListStreamConsumersInput,
    ListStreamConsumersOutput, RegisterStreamConsumerInput, RegisterStreamConsumerOutput,
};

pub(super) async fn register(
    engine: &Engine,
    input: RegisterStreamConsumerInput,
) -> Answer<RegisterStreamConsumerOutput> {
    let tags = input.tags.unwrap_or_default().into_iter();
    let call = RegisterConsumer {
        stream: names::parse(&input.stream_arn)?,
        name: consumer_name(&input.consumer_name)?,
        tags: tags.map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    };
    Ok(RegisterStreamConsumerOutput { consumer: consumer(&engine.register_consumer(call).await?) })
}

pub(super) async fn deregister(engine: &Engine, input: DeregisterStreamConsumerInput) -> Answer<()> {
    let DeregisterStreamConsumerInput { stream_arn, consumer_name, consumer_arn, .. } = input;
    let named = Named::new(stream_arn.as_ref(), consumer_name.as_ref(), consumer_arn.as_ref())?;
    Ok(engine.deregister_consumer(named.key()).await?)
}

pub(super) fn describe(
    engine: &Engine,
    input: &DescribeStreamConsumerInput,
) -> Answer<DescribeStreamConsumerOutput> {
    let DescribeStreamConsumerInput { stream_arn, consumer_name, consumer_arn, .. } = input;
    let named = Named::new(stream_arn.as_ref(), consumer_name.as_ref(), consumer_arn.as_ref())?;
    let description = engine.describe_consumer(named.key())?;
    let stream_arn = description.arn.stream.to_string().into();
    let Consumer { consumer_name, consumer_arn, consumer_status, consumer_creation_timestamp } =
        consumer(&description);
    Ok(DescribeStreamConsumerOutput {
        consumer_description: ConsumerDescription {
            consumer_name,
            consumer_arn,
            consumer_status,
            consumer_creation_timestamp,
            stream_arn,
        },
    })
}

pub(super) fn list(engine: &Engine, input: &ListStreamConsumersInput) -> Answer<ListStreamConsumersOutput> {
    if input.next_token.is_some() && input.stream_creation_timestamp.is_some() {
        return Err(invalid_argument("NextToken and StreamCreationTimestamp cannot be provided together."));
    }
    let page = engine.list_consumers(
        &names::parse(&input.stream_arn)?,
        input.stream_creation_timestamp,
        input.next_token.as_deref(),
        input.max_results.and_then(|max| usize::try_from(max).ok()),
    )?;
    Ok(ListStreamConsumersOutput {
        consumers: Some(page.consumers.iter().map(consumer).collect()),
        next_token: page.next_token.map(ByteString::from),
    })
}

/// What a request says to name a consumer: its ARN, or its stream and its name, or all of it.
#[derive(Debug)]
enum Named {
    Arn(ConsumerArn),
    Name(StreamArn, ConsumerName),
}

impl Named {
    fn new(stream: Option<&ByteString>, name: Option<&ByteString>, arn: Option<&ByteString>) -> Answer<Self> {
        let stream = stream.map(names::parse).transpose()?;
        let name = name.map(consumer_name).transpose()?;
        match (arn.map(consumer_arn).transpose()?, stream, name) {
            (Some(arn), stream, name) => {
                let agrees = stream.is_none_or(|stream| stream == arn.stream)
                    && name.is_none_or(|name| name == arn.name);
                if !agrees {
                    let text = format!(
                        "ConsumerARN {arn} must name the same consumer as StreamARN and ConsumerName."
                    );
                    return Err(invalid_argument(text));
                }
                Ok(Self::Arn(arn))
            }
            (None, Some(stream), Some(name)) => Ok(Self::Name(stream, name)),
            (None, ..) => {
                Err(invalid_argument("Either ConsumerARN or StreamARN and ConsumerName must be provided."))
            }
        }
    }

    fn key(&self) -> ConsumerKey<'_> {
        match self {
            Self::Arn(arn) => ConsumerKey::Arn(arn),
            Self::Name(stream, name) => ConsumerKey::Name(stream, name),
        }
    }
}

pub(super) fn consumer_arn(arn: &ByteString) -> Answer<ConsumerArn> {
    arn.parse().map_err(|_| invalid_argument(format!("ConsumerARN {arn} is not the ARN of a consumer.")))
}

fn consumer_name(name: &ByteString) -> Answer<ConsumerName> {
    name.parse().map_err(|error| invalid_argument(format!("ConsumerName: {error}")))
}

fn consumer(description: &Description) -> Consumer {
    Consumer {
        consumer_name: description.arn.name.as_str().into(),
        consumer_arn: description.arn.to_string().into(),
        consumer_status: match description.status {
            Status::Creating => ConsumerStatus::Creating,
            Status::Active => ConsumerStatus::Active,
            Status::Deleting => ConsumerStatus::Deleting,
        },
        consumer_creation_timestamp: description.created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_is_named_by_its_arn_or_by_its_stream_and_name() {
        const STREAM: &str = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders";
        const CONSUMER: &str = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders/consumer/app:1700000000";
        let text = |text: Option<&'static str>| text.map(ByteString::from_static);
        let named =
            |stream, name, arn| Named::new(text(stream).as_ref(), text(name).as_ref(), text(arn).as_ref());
        assert!(matches!(named(None, None, Some(CONSUMER)), Ok(Named::Arn(_))));
        assert!(matches!(named(Some(STREAM), Some("app"), Some(CONSUMER)), Ok(Named::Arn(_))));
        assert!(matches!(named(Some(STREAM), Some("app"), None), Ok(Named::Name(..))));
        for (stream, name, arn) in [
            (None, None, None),
            (Some(STREAM), None, None),
            (None, Some("app"), None),
            (None, Some("other"), Some(CONSUMER)),
            (Some("arn:aws:kinesis:eu-west-1:000000000000:stream/other"), None, Some(CONSUMER)),
            (None, None, Some(STREAM)),
            (Some(CONSUMER), Some("app"), None),
        ] {
            assert_eq!(named(stream, name, arn).unwrap_err().code(), "InvalidArgumentException");
        }
    }
}
