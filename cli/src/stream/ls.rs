//! `stream ls`.

use clap::Args;
use millstream_client::{StreamApi, StreamListing};
use serde::Serialize;

use crate::exit::Failure;
use crate::moment::format_time;
use crate::output::{Format, Table, show_list};

/// List the streams of the account.
#[derive(Args, Debug)]
pub(crate) struct LsArguments {}

/// What an endpoint older than stream summaries does not tell is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    stream_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_creation_timestamp: Option<String>,
}

pub(super) async fn run(api: &dyn StreamApi, format: Format) -> Result<(), Failure> {
    let rows: Vec<_> = api.all_streams().await?.iter().map(row).collect();
    show_list(format, &rows, || table(&rows)).await
}

fn row(listing: &StreamListing) -> Row {
    Row {
        stream_name: listing.name.to_string(),
        stream_status: listing.status.map(|status| status.to_string()),
        stream_mode: listing.mode.map(|mode| mode.to_string()),
        stream_creation_timestamp: listing.created.map(format_time),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["NAME", "STATUS", "MODE", "CREATED"]);
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    for row in rows {
        table.row(vec![
            row.stream_name.clone(),
            cell(&row.stream_status),
            cell(&row.stream_mode),
            cell(&row.stream_creation_timestamp),
        ]);
    }
    table
}
