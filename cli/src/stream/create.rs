//! `stream create`.

use std::collections::BTreeMap;

use clap::Args;
use millstream_client::{Capacity, NewStream, StreamApi, StreamRef};
use millstream_model::{StreamName, limits};
use millstream_runtime::Clock;

use crate::exit::Failure;

/// Create a stream.
#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    name: StreamName,

    /// Shards to begin with; each takes 1 MiB/s and 1000 records/s.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    shards: u32,

    /// Let the service decide on the number of shards.
    #[arg(long, conflicts_with = "shards")]
    on_demand: bool,

    /// How long records are kept, 24 to 8760; other than 24 this waits until the stream is there.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(
        i64::from(limits::RETENTION_HOURS_MIN)..=i64::from(limits::RETENTION_HOURS_MAX)))]
    retention_hours: Option<u32>,

    /// Can be given several times.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    tags: Vec<(String, String)>,

    /// Return once the stream can be used.
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(
    api: &dyn StreamApi,
    clock: &dyn Clock,
    arguments: CreateArguments,
) -> Result<(), Failure> {
    let CreateArguments { name, shards, on_demand, retention_hours, tags, wait } = arguments;
    let capacity = if on_demand { Capacity::OnDemand } else { Capacity::Provisioned { shards } };
    let tags = tags.into_iter().collect::<BTreeMap<_, _>>();
    let stream = StreamRef::Name(name.clone());
    api.create_stream(&NewStream { name, capacity, tags }).await?;
    let longer = retention_hours.filter(|&hours| hours > limits::RETENTION_HOURS_MIN);
    if wait || longer.is_some() {
        super::wait_until_active(api, clock, &stream).await?;
    }
    if let Some(hours) = longer {
        api.increase_retention(&stream, hours).await?;
        super::wait_until_active(api, clock, &stream).await?;
    }
    Ok(())
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a tag is written KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_a_key() {
        assert_eq!(parse_tag("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_tag("a="), Ok(("a".to_owned(), String::new())));
        assert!(parse_tag("a").is_err() && parse_tag("=b").is_err());
    }
}
