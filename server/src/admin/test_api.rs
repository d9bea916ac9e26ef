//! What lets a test change the server that it runs against: its clock, its faults, and all that it holds.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{HeaderMap, ORIGIN};
use hyper::{Method, Request, StatusCode};
use millstream_engine::{LiveEngine, SnapshotSource};
use millstream_runtime::TaskSet;
use serde::Serialize;

use super::answer::{Answer, Refusal, json, read_json};
use super::clock::Clocks;
use super::faults::Listed;
use super::snapshot::{Load, Pieces, Saves};
use super::{PATHS, faults, snapshot};
use crate::aws::dynamodb::live_tables::LiveTables;
use crate::faults::{Faults, RuleText, ShownRule};
use crate::init::InitialStreams;

const OFF: &str = "The test API is off, because whoever reaches it can remove everything that this server holds. \
                   --test-api, MILLSTREAM_TEST_API=true or test_api = true switches it on.";
const NOT_FOR_PAGES: &str = "Requests of web pages, which carry an Origin, are refused here.";

#[derive(Debug)]
pub(crate) struct TestApi {
    pub(crate) enabled: bool,
    pub(crate) engine: LiveEngine,
    pub(crate) tables: LiveTables,
    pub(crate) clocks: Clocks,
    pub(crate) faults: Arc<Faults>,
    pub(crate) initial_streams: InitialStreams,
    pub(crate) saves: Saves,
    pub(crate) tasks: TaskSet,
}

#[derive(Serialize)]
struct ShownReset {
    took_ms: u64,
}

impl TestApi {
    /// Whether whoever sent this may use it.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if headers.contains_key(ORIGIN) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, NOT_FOR_PAGES));
        }
        if !self.enabled {
            return Err(Refusal::new(StatusCode::FORBIDDEN, OFF));
        }
        Ok(())
    }

    pub(super) async fn handle<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + std::fmt::Display,
    {
        self.admit(request.headers())?;
        let (parts, body) = request.into_parts();
        let Self { clocks, .. } = self;
        let clock = &clocks.machine;
        let listed = |faults: Vec<ShownRule>| json(StatusCode::OK, &Listed::from(faults));
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/admin/clock") => Ok(json(StatusCode::OK, &clocks.show())),
            (&Method::POST, "/admin/clock") => {
                clocks.change(&read_json(body, clock).await?)?;
                Ok(json(StatusCode::OK, &clocks.show()))
            }
            (&Method::GET, "/admin/faults") => Ok(listed(self.faults.list())),
            (&Method::POST, "/admin/faults") => {
                let made = self.add_faults(faults::texts(read_json(body, clock).await?)?)?;
                Ok(json(StatusCode::CREATED, &Listed::from(made)))
            }
            (&Method::DELETE, "/admin/faults") => {
                self.faults.clear();
                Ok(listed(self.faults.list()))
            }
            (&Method::DELETE, path) if path.starts_with("/admin/faults/") => {
                self.remove_fault(&path["/admin/faults/".len()..]).map(listed)
            }
            (&Method::POST, "/admin/reset") => {
                let took_ms = self.reset().await?;
                Ok(json(StatusCode::OK, &ShownReset { took_ms }))
            }
            (&Method::POST, "/admin/snapshot") => self.save().await.map(snapshot::answer),
            (&Method::POST, "/admin/snapshot/load") => {
                self.load(snapshot::source(body, clock)).await.map(Load::answer)
            }
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, format!("Here are {PATHS}."))),
        }
    }

    /// Adds rules, all or none. Gives those that it has made.
    pub(crate) fn add_faults(&self, texts: Vec<RuleText>) -> Result<Vec<ShownRule>, Refusal> {
        faults::add(&self.faults, texts)
    }

    /// Gives the rules that are left.
    pub(crate) fn remove_fault(&self, id: &str) -> Result<Vec<ShownRule>, Refusal> {
        faults::remove(&self.faults, id)
    }

    /// All that the server holds, as of this moment.
    pub(crate) async fn save(&self) -> Result<Pieces, Refusal> {
        snapshot::save(&self.engine, &self.saves, &self.clocks.machine, &self.tasks).await
    }

    /// Replaces all that the server holds.
    pub(crate) async fn load(&self, source: impl SnapshotSource + 'static) -> Result<Load, Refusal> {
        let loaded = snapshot::load(&self.engine, source, &self.clocks.machine).await?;
        self.await_tables().await?;
        Ok(loaded)
    }

    /// Back to a server that has just been started: nothing in it but the streams of the settings. The scripts of
    /// `ready.d` are not run again. Gives the milliseconds that it took.
    pub(crate) async fn reset(&self) -> Result<u64, Refusal> {
        let Clocks { engine: engine_clock, machine: clock } = &self.clocks;
        let began = clock.monotonic();
        let (faults, engine_clock) = (self.faults.clone(), engine_clock.clone());
        // Not before the reset is sure, and before the new engine begins, which then does so at the machine's time.
        let set_back = move || {
            faults.reset();
            engine_clock.reset();
        };
        self.engine.reset(set_back).await?;
        self.await_tables().await?;
        self.initial_streams.make(&self.engine).await.map_err(|error| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("All was removed, but {error}."))
        })?;
        let took = clock.monotonic().saturating_sub(began);
        Ok(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whoever is told that the content was replaced can use its tables at once.
    async fn await_tables(&self) -> Result<(), Refusal> {
        self.tables.current().await.map(drop).map_err(|error| {
            let text = format!("The content was replaced, but its tables cannot be opened: {error}.");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text)
        })
    }
}
