//! `serve`: the server, until it is told to stop.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use millstream_runtime::{SystemClock, SystemEntropy};
use millstream_server::settings::{LogFormat, LogSetting};
use millstream_server::{Secrets, Server, ServerError, Settings};
use tracing_subscriber::EnvFilter;

use crate::config::SettingsArguments;
use crate::exit::Failure;
use crate::signals::StopSignals;

/// A clean stop leaves nothing to wait for. A server that failed leaves the store to be closed by whoever drops it last,
/// which takes RocksDB a second after a compaction that failed, and must not happen while the process is taken down
/// around it: that ends in an abort.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// Run the server: Kinesis on one port for HTTP/1.1, HTTP/2 and TLS; health and metrics on another.
#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    settings: SettingsArguments,
}

pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    let settings = arguments.settings.load()?;
    start_log(&settings.log)?;
    arguments.settings.warn_of_unknown_variables();
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::Output)?;
    let result = runtime.block_on(serve(&settings));
    runtime.shutdown_timeout(LAST_BREATH);
    Ok(result?)
}

async fn serve(settings: &Settings) -> Result<(), ServerError> {
    let secrets = Secrets::from_environment();
    let mut signals = StopSignals::listen().map_err(ServerError::Signals)?;
    // A start may take as long as the log that it reads is; whatever it has done by then is as safe as in a crash.
    let server = tokio::select! {
        started = Server::start(settings, &secrets, SystemClock::shared(), SystemEntropy::shared()) => started?,
        () = signals.recv() => {
            tracing::info!("stopped before the start was over");
            return Ok(());
        }
    };
    let (address, admin) = (server.address(), server.admin_address());
    let (storage, data_dir) = (settings.storage, settings.data_dir.display());
    let initialized = server.initialized();
    if !server.is_initialized() {
        tracing::info!(%address, %admin, "listening; ready when the init scripts have ended");
    }
    if !address.ip().is_loopback() {
        tracing::warn!("any key is accepted, and {address} can be reached from other machines");
    }
    if settings.has_test_api() && !admin.ip().is_loopback() {
        tracing::warn!(
            "the test API is on, and {admin} can be reached from other machines: whoever does can remove everything"
        );
    }
    let next_steps = (settings.log.format == LogFormat::Text).then(|| next_steps(&server));
    let ready = async {
        initialized.await;
        tracing::info!(%address, %admin, ?storage, %data_dir, "ready");
        if let Some(text) = next_steps {
            // The server does its work whether or not anybody reads this.
            let _ = io::stdout().write_all(text.as_bytes());
        }
        std::future::pending::<()>().await;
    };
    let result = server
        .run(async {
            tokio::select! {
                () = signals.recv() => {}
                () = ready => {}
            }
            tracing::info!("stopping");
        })
        .await;
    if result.is_ok() {
        tracing::info!("stopped");
    }
    result
}

fn start_log(log: &LogSetting) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| Failure::Usage(format!("log.filter {:?}: {error}", log.filter)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_terminal = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match log.format {
        LogFormat::Text => builder.with_ansi(is_terminal).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// For whoever has just started it for the first time.
fn next_steps(server: &Server) -> String {
    let address = server.address();
    format!(
        "Try next:\n  \
         export AWS_ENDPOINT_URL=http://{address} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1\n  \
         aws kinesis create-stream --stream-name hello --shard-count 1\n  \
         echo 'hello, world' | aws kinesis put-record --stream-name hello --partition-key k --data fileb:///dev/stdin\n"
    )
}

/// Every connection takes a descriptor, and the usual limit of 1024 is soon reached.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}
