//! `lease explain`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use millstream_client::{ShardFilter, StreamApi, StreamRef};
use millstream_lease::shard_sync::Shard;
use millstream_lease::{Lease, LeaseKey, StreamIdentifier};
use serde::Serialize;

use super::application::Application;
use super::diagnosis::{Scene, of_missing, of_stream};
use super::findings::Finding;
use super::fleet::{Fleet, Member};
use super::lag;
use super::ls::is_of;
use super::sighting::{Sighting, State};
use super::{ApplicationArguments, FailoverArguments, LagArguments};
use crate::exit::Failure;
use crate::moment::parse_duration;
use crate::output::{Format, printable, show_one, warn};

/// Added to the failover time, so that what was not renewed has expired for certain.
const MARGIN: Duration = Duration::from_secs(1);

/// Say why a shard has no owner or does not get on, and who should get its lease.
///
/// Watches the table for a little longer than the failover time, or until every lease was renewed. Shards without a
/// lease are found only if the stream is named (--stream), or with --lag where leases name their streams.
#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(super) application: ApplicationArguments,

    /// Its key, or the shard's id; all leases without it.
    lease: Option<String>,

    #[command(flatten)]
    pub(super) lag: LagArguments,

    /// How long the table is watched [default: a second more than --failover].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    watch_for: Option<Duration>,

    #[command(flatten)]
    failover: FailoverArguments,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    application: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// What is wrong with the fleet as a whole.
    findings: Vec<Told>,
    workers: BTreeMap<String, Member>,
    leases: Vec<LeaseExplained>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaseExplained {
    /// The shard's id, for a shard without a lease.
    lease_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// Whether somebody should look at it.
    is_trouble: bool,
    findings: Vec<Told>,
}

/// A finding as data and in words.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    finding: Finding,
    text: String,
}

impl From<Finding> for Told {
    fn from(finding: Finding) -> Self {
        Self { text: finding.to_string(), finding }
    }
}

impl LeaseExplained {
    fn new(lease_key: String, state: Option<State>, findings: Vec<Finding>) -> Self {
        let is_trouble = findings.iter().any(Finding::is_trouble);
        Self { lease_key, state, is_trouble, findings: findings.into_iter().map(Into::into).collect() }
    }
}

pub(super) async fn run(
    application: &Application,
    api: Option<&dyn StreamApi>,
    format: Format,
    arguments: &ExplainArguments,
) -> Result<(), Failure> {
    let only = match &arguments.lease {
        Some(lease) => Some(application.find(lease).await?.key),
        None => None,
    };
    let failover = arguments.failover.failover;
    let watch_for = arguments.watch_for.unwrap_or(failover + MARGIN);
    let seen = Sighting::of(application, watch_for, failover).await?;
    let fleet = Fleet::of(application, &seen).await?;
    let stream = arguments.lag.stream.as_ref();
    let is_wanted =
        |lease: &&Lease| only.as_ref().is_none_or(|only| lease.key == *only) && is_of(lease, stream);
    let wanted: Vec<_> = seen.listing.leases.iter().filter(is_wanted).cloned().collect();
    let lags = lag::of_leases(api, application.clock.as_ref(), &wanted, stream).await;
    let missing = match api.filter(|_| only.is_none()) {
        Some(api) => unleased(api, &seen.listing.leases, stream).await?,
        None => Vec::new(),
    };
    let scene = Scene::new(&seen, &fleet, &lags);
    let mut leases: Vec<_> = wanted.iter().map(|lease| of_lease(&scene, &seen, lease)).collect();
    leases.extend(missing);
    leases.extend(seen.listing.bad.iter().filter(|bad| is_named(&bad.key, only.as_ref())).map(|bad| {
        let problem = format!("{} {}", bad.attribute, bad.problem);
        LeaseExplained::new(bad.key.clone(), None, vec![Finding::Unreadable { problem }])
    }));
    let explanation = explanation(application, &fleet, &scene, leases);
    show_one(format, &explanation, || words(&explanation)).await
}

fn is_named(key: &str, only: Option<&LeaseKey>) -> bool {
    only.is_none_or(|only| only.as_str() == key)
}

fn of_lease(scene: &Scene<'_>, seen: &Sighting, lease: &Lease) -> LeaseExplained {
    LeaseExplained::new(lease.key.to_string(), Some(seen.state(lease)), scene.of_lease(lease))
}

fn explanation(
    application: &Application,
    fleet: &Fleet,
    scene: &Scene<'_>,
    leases: Vec<LeaseExplained>,
) -> Explanation {
    let nobody = fleet.alive().next().is_none().then_some(Finding::NoWorkers);
    Explanation {
        application: application.name.clone(),
        leader: fleet.lock.as_ref().filter(|lock| !lock.is_released).map(|lock| lock.owner.to_string()),
        findings: nobody.into_iter().chain(scene.leader()).map(Into::into).collect(),
        workers: fleet.workers.iter().map(|(worker, member)| (worker.to_string(), member.clone())).collect(),
        leases,
    }
}

/// Open shards without a lease, of the stream that was named or of those that leases name.
async fn unleased(
    api: &dyn StreamApi,
    leases: &[Lease],
    stream: Option<&StreamRef>,
) -> Result<Vec<LeaseExplained>, Failure> {
    let named: BTreeSet<&StreamIdentifier> =
        leases.iter().filter_map(|lease| lease.stream.as_ref()).map(|of| &of.stream).collect();
    let of_one = stream.filter(|_| named.is_empty()).map(|stream| (None, stream.clone()));
    let of_many = named.into_iter().filter_map(|id| {
        let name = id.stream.parse().ok().map(StreamRef::Name)?;
        stream.is_none_or(|wanted| wanted.name() == name.name()).then_some((Some(id), name))
    });
    let mut found = Vec::new();
    for (id, stream) in of_one.into_iter().chain(of_many) {
        let shards = match api.all_shards(&stream, ShardFilter::FromTrimHorizon).await {
            Ok(shards) => shards,
            // Leases of a stream that was deleted stay until somebody removes them.
            Err(error @ millstream_client::Error::ResourceNotFound(_)) if id.is_some() => {
                warn(&error.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let shards: Vec<_> = shards.iter().filter_map(shard).collect();
        let leases = of_stream(leases, id);
        let explained = of_missing(&shards, &leases, id).into_iter().map(|(shard, finding)| {
            let key = id.map_or_else(|| LeaseKey::of_shard(&shard), |id| id.lease_key(&shard));
            LeaseExplained::new(key.to_string(), None, vec![finding])
        });
        found.extend(explained);
    }
    Ok(found)
}

fn shard(listed: &millstream_client::Shard) -> Option<Shard> {
    Some(Shard {
        name: listed.id.to_string().parse().ok()?,
        parents: listed.parents().filter_map(|parent| parent.to_string().parse().ok()).collect(),
        hash_range: Some(listed.hash_key_range),
        is_open: listed.is_open(),
    })
}

fn words(explanation: &Explanation) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {}", explanation.application, summary(explanation));
    if let Some(leader) = &explanation.leader {
        let _ = writeln!(text, "  leader {}", printable(leader));
    }
    for (worker, member) in &explanation.workers {
        let life = if member.is_alive { "alive" } else { "no sign of life" };
        let report =
            member.reported_secs_ago.map(|ago| format!(", reported {ago} s ago")).unwrap_or_default();
        let worker = printable(worker);
        let _ = writeln!(text, "  worker {worker}: {life}{report}, {}", leases(member.leases));
    }
    for told in &explanation.findings {
        let _ = writeln!(text, "  ! {}", printable(&told.text));
    }
    for lease in &explanation.leases {
        let state = lease.state.map_or("no lease", State::word);
        let _ = writeln!(text, "\n{} ({state})", printable(&lease.lease_key));
        for told in &lease.findings {
            let mark = if told.finding.is_trouble() { "!" } else { "-" };
            let _ = writeln!(text, "  {mark} {}", printable(&told.text));
        }
    }
    text
}

fn summary(explanation: &Explanation) -> String {
    let troubled = explanation.leases.iter().filter(|lease| lease.is_trouble).count();
    let all = leases(explanation.leases.len());
    match troubled {
        0 => format!("{all}, nothing wrong"),
        _ => format!("{all}, {troubled} to be looked at"),
    }
}

fn leases(count: usize) -> String {
    match count {
        1 => "1 lease".to_owned(),
        _ => format!("{count} leases"),
    }
}
