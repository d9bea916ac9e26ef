//! `lease`: looking at the leases of an application that shares a stream among workers, and moving them.
//!
//! Works over any table in KCL's schema, whoever writes it. Reads are repeated for a while when the table does not
//! answer; writes are one attempt, compare what was seen, and say what they found instead.

mod application;
mod diagnosis;
mod explain;
mod failure;
mod findings;
mod fleet;
mod lag;
mod ls;
mod release;
mod row;
mod show;
mod sighting;
mod steal;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use millstream_client::{StreamApi, StreamRef};

use self::application::Application;
pub(crate) use self::failure::LeaseFailure;
use crate::connection::{ConnectionArguments, SHORT_PATIENCE, Surroundings};
use crate::exit::Failure;
use crate::moment::parse_duration;
use crate::output::Format;

/// Look at leases and move them.
#[derive(Debug, Subcommand)]
pub(crate) enum LeaseCommand {
    /// List the leases of an application.
    Ls(LookArguments),
    Show(show::ShowArguments),
    Explain(explain::ExplainArguments),
    Steal(steal::StealArguments),
    Release(release::ReleaseArguments),
}

/// Where the tables are, if that is not where the streams are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TableArguments {
    /// The table service; --endpoint-url, AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL stand in for it.
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    dynamodb_endpoint: Option<String>,
}

impl TableArguments {
    /// The endpoint, for messages; `None` for AWS's own.
    pub(crate) fn endpoint(&self, connection: &ConnectionArguments) -> Option<String> {
        connection.table_endpoint(self.dynamodb_endpoint.as_deref())
    }
}

/// The application whose leases are meant.
#[derive(Args, Clone, Debug)]
struct ApplicationArguments {
    /// The application's name, which is its lease table's.
    application: String,
}

/// Which stream's records tell how far an application is behind.
#[derive(Args, Clone, Debug)]
struct LagArguments {
    /// The stream that the application reads, by name or ARN: adds how far it is behind, for one read a shard.
    #[arg(long, value_name = "STREAM")]
    stream: Option<StreamRef>,

    /// The same for an application of many streams, whose leases name theirs.
    #[arg(long)]
    lag: bool,
}

impl LagArguments {
    fn is_wanted(&self) -> bool {
        self.lag || self.stream.is_some()
    }
}

/// How signs of life are judged.
#[derive(Args, Clone, Debug)]
struct FailoverArguments {
    /// How long a lease may go without renewal: the application's failoverTimeMillis.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    failover: Duration,
}

/// What `ls` and `show` look at, and for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct LookArguments {
    #[command(flatten)]
    application: ApplicationArguments,

    #[command(flatten)]
    lag: LagArguments,

    /// Look again for up to so long, to tell who renews from who does not; at once it shows who owns what.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    watch_for: Duration,

    #[command(flatten)]
    failover: FailoverArguments,
}

pub(crate) async fn run(
    connection: ConnectionArguments,
    tables: TableArguments,
    format: Format,
    command: LeaseCommand,
) -> Result<(), Failure> {
    let surroundings = Surroundings::default();
    let config = connection.table_config(tables.dynamodb_endpoint.as_deref()).await?;
    let open = |arguments: &ApplicationArguments| {
        Application::connect(&config, &arguments.application, &surroundings.clock)
    };
    // Whoever wants no lag needs no stream service.
    let streams = async |lag: &LagArguments| -> Result<Option<Arc<dyn StreamApi>>, Failure> {
        if !lag.is_wanted() {
            return Ok(None);
        }
        Ok(Some(surroundings.retrying(connection.connect_once(&surroundings).await?, SHORT_PATIENCE)))
    };
    // A list that only leaves out lags would not say that there is no such stream; `explain` says what is left of one.
    let streams_that_are = async |lag: &LagArguments| -> Result<Option<Arc<dyn StreamApi>>, Failure> {
        let api = streams(lag).await?;
        if let (Some(api), Some(stream)) = (&api, &lag.stream) {
            api.describe_stream_summary(stream).await?;
        }
        Ok(api)
    };
    match command {
        LeaseCommand::Ls(arguments) => {
            let api = streams_that_are(&arguments.lag).await?;
            ls::run(&open(&arguments.application), api.as_deref(), format, &arguments).await
        }
        LeaseCommand::Show(arguments) => {
            let api = streams_that_are(&arguments.look.lag).await?;
            show::run(&open(&arguments.look.application), api.as_deref(), format, &arguments).await
        }
        LeaseCommand::Explain(arguments) => {
            let api = streams(&arguments.lag).await?;
            explain::run(&open(&arguments.application), api.as_deref(), format, &arguments).await
        }
        LeaseCommand::Steal(arguments) => steal::run(&open(&arguments.application), format, &arguments).await,
        LeaseCommand::Release(arguments) => {
            release::run(&open(&arguments.application), format, &arguments).await
        }
    }
}
