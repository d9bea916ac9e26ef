//! Streams that are there from the start: `name:shards:region`, with commas between them.
//!
//! The form is that of kinesis-mock's `INITIALIZE_STREAMS`, which many compose files hold.

use std::collections::BTreeMap;

use millstream_engine::{CreateStream, Distribution, Error, LiveEngine, Mode};
use millstream_model::{AccountId, Region, StreamArn, limits};

/// Of a stream that is named without a number, as in kinesis-mock.
const SHARDS_DEFAULT: u32 = 4;

/// The streams of the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InitialStreams(Vec<InitialStream>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct InitialStream {
    arn: StreamArn,
    shard_count: u32,
}

/// An entry that names no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is not name:shards:region: {why}")]
pub struct InvalidStreams {
    entry: String,
    why: String,
}

/// A stream that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the initial stream {stream} could not be made: {error}")]
pub struct MakeError {
    stream: StreamArn,
    error: Error,
}

impl InitialStreams {
    /// Reads a list; streams without a region are in `region`. An empty text is an empty list.
    pub(crate) fn parse(text: &str, account: &AccountId, region: &Region) -> Result<Self, InvalidStreams> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let streams = entries.map(|entry| InitialStream::parse(entry, account, region));
        Ok(Self(streams.collect::<Result<_, _>>()?))
    }

    /// Makes those that are not there. What is there stays as it is, whatever its shards. They are ACTIVE at once,
    /// however many they are and whatever the delays of streams that are created later.
    pub(crate) async fn make(&self, engine: &LiveEngine) -> Result<(), MakeError> {
        for InitialStream { arn, shard_count } in &self.0 {
            let call = CreateStream {
                arn: arn.clone(),
                shard_count: Some(*shard_count),
                mode: Some(Mode::Provisioned),
                tags: BTreeMap::new(),
                record_kib_max: None,
                distribution: Distribution::default(),
                warm_mib: 0,
            };
            let made = make_one(engine, call).await;
            match made {
                Ok(()) => tracing::info!(stream = %arn, shards = shard_count, "an initial stream was made"),
                Err(Error::ResourceInUse(_)) => tracing::debug!(stream = %arn, "an initial stream is there"),
                Err(error) => return Err(MakeError { stream: arn.clone(), error }),
            }
        }
        Ok(())
    }
}

async fn make_one(engine: &LiveEngine, call: CreateStream) -> Result<(), Error> {
    engine.current().await?.create_operators_stream(call).await
}

impl InitialStream {
    fn parse(entry: &str, account: &AccountId, region: &Region) -> Result<Self, InvalidStreams> {
        let invalid = |why: String| InvalidStreams { entry: entry.to_owned(), why };
        let parts: Vec<_> = entry.split(':').map(str::trim).collect();
        let (name, shards, in_region) = match parts[..] {
            [name] => (name, "", ""),
            [name, shards] => (name, shards, ""),
            [name, shards, region] => (name, shards, region),
            _ => return Err(invalid("it has too many parts".to_owned())),
        };
        let name = name.parse().map_err(|error| invalid(format!("{error}")))?;
        let shard_count = match shards {
            "" => SHARDS_DEFAULT,
            shards => shards
                .parse()
                .ok()
                .filter(|count| (1..=limits::SHARDS_PER_STREAM_MAX).contains(count))
                .ok_or_else(|| {
                    invalid(format!("{shards:?} is not from 1 to {}", limits::SHARDS_PER_STREAM_MAX))
                })?,
        };
        let region = match in_region {
            "" => region.clone(),
            region => region.parse().map_err(|error| invalid(format!("{error}")))?,
        };
        Ok(Self { arn: StreamArn { account: account.clone(), region, name }, shard_count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(String, u32)>, String> {
        let streams =
            InitialStreams::parse(text, &"000000000000".parse().unwrap(), &"us-east-1".parse().unwrap());
        let shown = |stream: &InitialStream| {
            (format!("{}/{}", stream.arn.region, stream.arn.name), stream.shard_count)
        };
        streams.map(|streams| streams.0.iter().map(shown).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_form_is_that_of_kinesis_mock() {
        let streams = parse("a:1, b::us-west-2 ,c,d:7:eu-west-1,").unwrap();
        let expected = [("us-east-1/a", 1), ("us-west-2/b", 4), ("us-east-1/c", 4), ("eu-west-1/d", 7)];
        assert_eq!(streams, expected.map(|(name, shards)| (name.to_owned(), shards)));
        assert_eq!(parse(" "), Ok(vec![]));
    }

    #[test]
    fn what_names_no_stream_is_told() {
        for (text, word) in [
            ("a:0", "is not from 1 to"),
            ("a:many", "is not from 1 to"),
            ("a:1,b:99999999", "\"b:99999999\""),
            ("a:1:us-east-1:x", "too many parts"),
            (":1", "\":1\""),
            ("a b:1", "\"a b:1\""),
            ("a:1:US EAST", "\"a:1:US EAST\""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
