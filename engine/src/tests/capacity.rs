//! Switches of the mode, warm throughput, and the commitment of an account.

use millstream_model::limits as aws;

use super::*;
use crate::{CallLimits, CommitmentStatus, Error, StreamStatus, WarmThroughput};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn limited() -> World {
    let mut world = World::new();
    world.settings.limits = Limits { calls_per_second: CallLimits::OFF, ..Limits::AWS };
    world
}

fn on_demand(arn: &StreamArn, warm_mib: u32) -> CreateStream {
    CreateStream { mode: Some(Mode::OnDemand), shard_count: None, warm_mib, ..provisioned(arn, 1) }
}

fn open_shards(engine: &Engine, arn: &StreamArn) -> usize {
    engine.describe_stream_summary(arn).unwrap().open_shards
}

fn warm(engine: &Engine, arn: &StreamArn) -> Option<(u32, u32)> {
    let described = engine.describe_stream_summary(arn).unwrap().warm_throughput;
    described.map(|WarmThroughput { target_mib, current_mib }| (target_mib, current_mib))
}

async fn commit(engine: &Engine, arn: &StreamArn, is_committed: bool) -> Result<CommitmentStatus> {
    let settings = engine.update_account_settings(&arn.account, &arn.region, is_committed).await;
    settings.map(|settings| settings.status)
}

#[tokio::test]
async fn a_mode_is_switched_and_the_shards_stay() {
    let world = limited();
    let (engine, orders) = world.with_stream(7).await;
    put_all(&engine, &orders, numbered(0..3)).await;
    engine.update_stream_mode(&orders, Mode::OnDemand, 0).await.unwrap();
    assert_eq!(engine.describe_stream_summary(&orders).unwrap().mode, Mode::OnDemand);
    assert!(matches!(engine.update_shard_count(&orders, 8).await, Err(Error::Validation(_))));
    put(&engine, &orders, "while on demand").await.unwrap();
    // What the stream had when it was switched, it keeps for 30 days.
    for _ in 0..30 {
        world.clock.advance(DAY);
        engine.scale_on_demand().await;
        assert_eq!(open_shards(&engine, &orders), 7);
    }
    engine.update_stream_mode(&orders, Mode::Provisioned, 0).await.unwrap();
    world.clock.advance(DAY * 3);
    engine.scale_on_demand().await;
    assert_eq!(open_shards(&engine, &orders), 7);
    engine.update_shard_count(&orders, 8).await.unwrap();
}

#[tokio::test]
async fn a_stream_with_less_than_four_shards_keeps_them_too() {
    let world = limited();
    let (engine, orders) = world.with_stream(1).await;
    engine.update_stream_mode(&orders, Mode::OnDemand, 0).await.unwrap();
    for _ in 0..40 {
        world.clock.advance(DAY);
        engine.scale_on_demand().await;
    }
    assert_eq!(open_shards(&engine, &orders), 1);
}

#[tokio::test]
async fn a_mode_is_switched_twice_a_day() {
    let world = limited();
    let (engine, orders) = world.with_stream(2).await;
    let of = "stream orders under account 000000000000";
    let already =
        |mode| Error::Validation(format!("Request is invalid. S{} is already in {mode} mode.", &of[1..]));
    let switch = async |engine: &Engine, mode| engine.update_stream_mode(&orders, mode, 0).await;
    assert_eq!(switch(&engine, Mode::Provisioned).await, Err(already("Provisioned")));
    switch(&engine, Mode::OnDemand).await.unwrap();
    assert_eq!(switch(&engine, Mode::OnDemand).await, Err(already("On-Demand")));
    world.clock.advance(HOUR);
    switch(&engine, Mode::Provisioned).await.unwrap();
    let refused = Error::LimitExceeded(format!(
        "The mode of {of} was switched 2 times within 24 hours, which is the limit."
    ));
    assert_eq!(switch(&engine, Mode::OnDemand).await, Err(refused.clone()));
    // The switches are remembered by the stream, not by the process.
    engine.close().await.unwrap();
    let engine = world.open().await;
    world.clock.advance(HOUR * 23 - Duration::from_millis(1));
    assert_eq!(switch(&engine, Mode::OnDemand).await, Err(refused));
    world.clock.advance(Duration::from_millis(1));
    switch(&engine, Mode::OnDemand).await.unwrap();
}

#[tokio::test]
async fn a_switch_has_its_quota_and_its_phase() {
    let mut world = limited();
    world.settings.limits.on_demand_streams_per_account = Some(1);
    world.settings.delays.update = Duration::from_secs(5);
    let (engine, orders) = world.with_stream(1).await;
    let elastic = arn("elastic");
    engine.create_stream(on_demand(&elastic, 0)).await.unwrap();
    let refused = engine.update_stream_mode(&orders, Mode::OnDemand, 0).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "This request would exceed the limit on the number of On-Demand streams for the account 000000000000 in \
         us-east-1. Current On-Demand streams count: 1. Limit: 1."
    );
    engine.update_stream_mode(&elastic, Mode::Provisioned, 0).await.unwrap();
    engine.update_stream_mode(&orders, Mode::OnDemand, 0).await.unwrap();
    let status = || engine.describe_stream_summary(&orders).unwrap().status;
    assert_eq!(status(), StreamStatus::Updating);
    let busy = engine.update_stream_mode(&orders, Mode::Provisioned, 0).await.unwrap_err();
    assert_eq!(
        busy,
        Error::ResourceInUse(
            "Stream orders under account 000000000000 not ACTIVE, instead in state UPDATING".into()
        )
    );
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(status(), StreamStatus::Active);
}

#[tokio::test]
async fn a_stream_is_warmed_and_cools_down() {
    let world = limited();
    let (engine, elastic) = (world.open().await, arn("elastic"));
    assert_eq!(commit(&engine, &elastic, true).await, Ok(CommitmentStatus::Enabled));
    engine.create_stream(on_demand(&elastic, 10)).await.unwrap();
    assert_eq!((open_shards(&engine, &elastic), warm(&engine, &elastic)), (10, Some((10, 10))));

    let raised = engine.update_warm_throughput(&elastic, 25).await.unwrap();
    assert_eq!(raised, WarmThroughput { target_mib: 25, current_mib: 10 });
    assert_eq!(warm(&engine, &elastic), Some((25, 25)));
    // As long as it is to be warm, it is, whatever is written.
    for _ in 0..40 {
        world.clock.advance(DAY);
        engine.scale_on_demand().await;
    }
    assert_eq!(open_shards(&engine, &elastic), 25);

    // 6,000 records a second within the last hour need 12 shards.
    let entries: Vec<_> = (0..500_u32).map(|number| entry(&number.to_string(), "x")).collect();
    engine.scale_on_demand().await;
    for _ in 0..6 * 60 * 2 {
        engine.put_records(&elastic, &entries, false).await.unwrap();
    }
    world.clock.advance(Duration::from_secs(60));
    engine.scale_on_demand().await;
    world.clock.advance(HOUR - Duration::from_secs(120));
    let lowered = engine.update_warm_throughput(&elastic, 5).await.unwrap();
    assert_eq!(lowered, WarmThroughput { target_mib: 5, current_mib: 25 });
    assert_eq!(warm(&engine, &elastic), Some((5, 12)));
    // The same again, as of one who tries again, changes nothing; less does, now that that hour is past.
    world.clock.advance(HOUR * 2);
    engine.update_warm_throughput(&elastic, 5).await.unwrap();
    assert_eq!(warm(&engine, &elastic), Some((5, 12)));
    engine.update_warm_throughput(&elastic, 0).await.unwrap();
    assert_eq!(warm(&engine, &elastic), Some((0, 4)));
}

#[tokio::test]
async fn what_is_being_written_is_not_taken_away() {
    let world = limited();
    let (engine, elastic) = (world.open().await, arn("elastic"));
    commit(&engine, &elastic, true).await.unwrap();
    engine.create_stream(on_demand(&elastic, 20)).await.unwrap();
    let entries: Vec<_> = (0..500_u32).map(|number| entry(&number.to_string(), "x")).collect();
    for _ in 0..6 * 60 * 2 {
        engine.put_records(&elastic, &entries, false).await.unwrap();
    }
    // No look has seen these records yet.
    engine.update_warm_throughput(&elastic, 1).await.unwrap();
    assert_eq!(warm(&engine, &elastic), Some((1, 12)));
}

#[tokio::test]
async fn a_switch_can_warm() {
    let world = limited();
    let (engine, orders) = world.with_stream(3).await;
    commit(&engine, &orders, true).await.unwrap();
    let refused = engine.update_stream_mode(&orders, Mode::OnDemand, 20_000).await.unwrap_err();
    assert_eq!(
        refused,
        Error::LimitExceeded(
            "WarmThroughputMiBps cannot be greater than 10240. Requested warm throughput: 20000".into()
        )
    );
    engine.update_stream_mode(&orders, Mode::OnDemand, 8).await.unwrap();
    assert_eq!(warm(&engine, &orders), Some((8, 8)));
    engine.update_stream_mode(&orders, Mode::Provisioned, 0).await.unwrap();
    assert_eq!((open_shards(&engine, &orders), warm(&engine, &orders)), (8, None));
    // Nothing is warm any more, so the commitment may end.
    world.clock.advance(DAY);
    assert_eq!(commit(&engine, &orders, false).await, Ok(CommitmentStatus::Disabled));
}

#[tokio::test]
async fn warmth_needs_a_commitment_and_a_stream_on_demand() {
    let world = limited();
    let (engine, orders) = world.with_stream(1).await;
    let elastic = arn("elastic");
    let text = "WarmThroughputMiBps requires MinimumThroughputBillingCommitment to be enabled for the account \
                000000000000 in us-east-1.";
    let refused = engine.create_stream(on_demand(&elastic, 5)).await;
    assert_eq!(refused, Err(Error::InvalidArgument(text.into())));
    engine.create_stream(on_demand(&elastic, 0)).await.unwrap();
    assert_eq!(warm(&engine, &elastic), None);
    for mib in [0, 5] {
        let refused = engine.update_warm_throughput(&elastic, mib).await;
        assert_eq!(refused, Err(Error::Validation(text.into())));
    }
    let refused = engine.update_stream_mode(&orders, Mode::OnDemand, 5).await;
    assert_eq!(refused, Err(Error::Validation(text.into())));

    commit(&engine, &elastic, true).await.unwrap();
    assert_eq!(warm(&engine, &elastic), Some((0, 4)));
    let text = "WarmThroughputMiBps is not supported for stream orders under account 000000000000 in Provisioned mode.";
    assert_eq!(engine.update_warm_throughput(&orders, 5).await, Err(Error::Validation(text.into())));
    let fixed = arn("fixed");
    let call = CreateStream { warm_mib: 5, ..provisioned(&fixed, 1) };
    assert!(matches!(engine.create_stream(call).await, Err(Error::InvalidArgument(_))));
}

#[tokio::test]
async fn a_commitment_ends_with_its_day_and_not_under_a_warm_stream() {
    let world = limited();
    let (engine, elastic) = (world.open().await, arn("elastic"));
    let (account, region) = (&elastic.account, &elastic.region);
    let read = |engine: &Engine| engine.describe_account_settings(account, region).unwrap();
    assert_eq!(read(&engine).status, CommitmentStatus::Disabled);
    assert_eq!(commit(&engine, &elastic, false).await, Ok(CommitmentStatus::Disabled));
    assert!(!engine.is_advantage(account, region));
    commit(&engine, &elastic, true).await.unwrap();
    assert!(engine.is_advantage(account, region));
    assert!(!engine.is_advantage(account, &"eu-west-1".parse().unwrap()));

    engine.create_stream(on_demand(&elastic, 6)).await.unwrap();
    let text = "MinimumThroughputBillingCommitment cannot be disabled while streams have warm throughput. Set the warm \
                throughput of stream elastic under account 000000000000 to 0 first.";
    assert_eq!(commit(&engine, &elastic, false).await, Err(Error::Validation(text.into())));
    engine.update_warm_throughput(&elastic, 0).await.unwrap();
    let ending = CommitmentStatus::EnabledUntilEarliestAllowedEnd;
    assert_eq!(commit(&engine, &elastic, false).await, Ok(ending));
    assert!(engine.is_advantage(account, region));
    assert!(matches!(engine.update_warm_throughput(&elastic, 6).await, Err(Error::Validation(_))));
    engine.update_warm_throughput(&elastic, 0).await.unwrap();

    engine.close().await.unwrap();
    let engine = world.open().await;
    let settings = read(&engine);
    assert_eq!((settings.status, settings.ended_at), (ending, None));
    assert_eq!(
        settings.earliest_allowed_end_at,
        settings.started_at.map(|started| started.plus(aws::COMMITMENT_MIN))
    );
    world.clock.advance(DAY);
    let settings = read(&engine);
    assert_eq!(settings.status, CommitmentStatus::Disabled);
    assert_eq!(settings.ended_at, settings.earliest_allowed_end_at);
    assert_eq!(warm(&engine, &elastic), None);
}

#[tokio::test]
async fn larger_shards_need_fewer_to_be_warm() {
    let mut world = limited();
    world.settings.limits.write_bytes_per_second = Some(4 * 1024 * 1024);
    let (engine, elastic) = (world.open().await, arn("elastic"));
    commit(&engine, &elastic, true).await.unwrap();
    engine.create_stream(on_demand(&elastic, 25)).await.unwrap();
    assert_eq!((open_shards(&engine, &elastic), warm(&engine, &elastic)), (7, Some((25, 28))));
}
