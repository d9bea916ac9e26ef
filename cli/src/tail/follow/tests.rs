use millstream_client::NewRecord;
use millstream_client::aggregation::Container;
use millstream_runtime::SeededEntropy;

use super::*;
use crate::fake::{FakeStream, Fate, JumpingClock};

fn stream(shards: u32) -> Arc<FakeStream> {
    Arc::new(FakeStream::new(shards, || Fate::Stored))
}

fn settings(from: Start) -> TailSettings {
    TailSettings { from, follow: false, deaggregate: false, records_max: u64::MAX }
}

async fn begin<'a>(
    stream: &Arc<FakeStream>,
    name: &'a StreamRef,
    surroundings: &'a Surroundings,
    settings: TailSettings,
) -> Tail<'a> {
    let api: Arc<dyn StreamApi> = stream.clone();
    let shards = api.all_shards(name, settings.from.filter()).await.unwrap();
    Tail::new(api, name, surroundings, settings, &shards)
}

/// Tails on a clock that jumps until `stop`, and gives what was shown.
async fn tail_until(
    stream: &Arc<FakeStream>,
    settings: TailSettings,
    stop: impl Future<Output = ()>,
) -> (Vec<(u32, String)>, Result<(), Failure>) {
    let surroundings =
        Surroundings { clock: Arc::new(JumpingClock::default()), entropy: SeededEntropy::shared(7) };
    let name = "orders".parse().unwrap();
    let mut shown = Vec::new();
    let mut show = |shard: ShardId, record: &UserRecord, _: &mut Vec<u8>| {
        shown.push((shard.index(), String::from_utf8(record.data.to_vec()).unwrap()));
        Ok(())
    };
    let tail = begin(stream, &name, &surroundings, settings).await;
    let result = tail.run(&mut Output::new(), &mut show, stop).await;
    (shown, result)
}

async fn tail(stream: &Arc<FakeStream>, settings: TailSettings) -> Vec<(u32, String)> {
    let (shown, result) = tail_until(stream, settings, std::future::pending()).await;
    result.unwrap();
    shown
}

fn texts(shown: &[(u32, String)]) -> Vec<&str> {
    shown.iter().map(|(_, text)| text.as_str()).collect()
}

/// Resolves after so many reads.
async fn reads(stream: &FakeStream, count: usize) {
    while stream.reads().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn all_shards_are_one_sequence() {
    let stream = stream(4);
    let data: Vec<_> = (0..1000).map(|at| at.to_string()).collect();
    data.iter().for_each(|data| stream.append(data, data));
    stream.set_page_records(7);
    assert_eq!(texts(&tail(&stream, settings(Start::TrimHorizon)).await), data);
}

#[tokio::test]
async fn an_endpoint_that_always_says_caught_up_is_read_to_the_end() {
    let stream = stream(1);
    let data: Vec<_> = (0..3000).map(|at| at.to_string()).collect();
    data.iter().for_each(|data| stream.append("a", data));
    stream.always_say_caught_up();
    assert_eq!(texts(&tail(&stream, settings(Start::TrimHorizon)).await), data);
}

#[tokio::test]
async fn parents_come_before_children() {
    let stream = stream(2);
    stream.append("a", "1");
    stream.split(0);
    stream.append("a", "2");
    stream.merge(3, 1);
    stream.append("a", "3");
    stream.split(4);
    let shown = tail(&stream, settings(Start::TrimHorizon)).await;
    assert_eq!(texts(&shown), ["1", "2", "3"]);
    let mut first_reads = stream.reads();
    let mut seen = std::collections::BTreeSet::new();
    first_reads.retain(|shard| seen.insert(*shard));
    let place = |index: u32| first_reads.iter().position(|shard| shard.index() == index).unwrap();
    for (parent, child) in [(0, 2), (0, 3), (3, 4), (1, 4), (4, 5), (4, 6)] {
        assert!(place(parent) < place(child), "{first_reads:?}");
    }
}

#[tokio::test]
async fn new_shards_are_found_while_following() {
    let stream = stream(1);
    stream.append("a", "old");
    let events = async {
        reads(&stream, 1).await;
        stream.append("a", "1");
        reads(&stream, 3).await;
        stream.split(0);
        stream.append("a", "2");
        stream.append("b", "3");
        reads(&stream, 12).await;
    };
    let following = TailSettings { follow: true, ..settings(Start::Latest) };
    let (shown, result) = tail_until(&stream, following, events).await;
    assert!(matches!(result, Err(Failure::Interrupted)));
    assert_eq!(texts(&shown), ["1", "2", "3"]);
}

#[tokio::test]
async fn an_iterator_that_is_too_old_is_renewed_where_it_was() {
    let stream = stream(1);
    (0..50).for_each(|at| stream.append("a", &at.to_string()));
    stream.set_page_records(10);
    let events = async {
        reads(&stream, 2).await;
        stream.expire(3);
        reads(&stream, 9).await;
    };
    let following = TailSettings { follow: true, ..settings(Start::TrimHorizon) };
    let (shown, _) = tail_until(&stream, following, events).await;
    assert_eq!(texts(&shown), (0..50).map(|at| at.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn it_ends_after_as_many_records_as_asked() {
    let stream = stream(2);
    (0..50).for_each(|at| stream.append(&at.to_string(), &at.to_string()));
    let shown = tail(&stream, TailSettings { records_max: 3, ..settings(Start::TrimHorizon) }).await;
    assert_eq!(texts(&shown), ["0", "1", "2"]);
    assert!(tail(&stream, TailSettings { records_max: 0, ..settings(Start::TrimHorizon) }).await.is_empty());
}

#[tokio::test]
async fn containers_are_shown_as_their_user_records() {
    let stream = stream(1);
    let mut container = Container::default();
    for data in ["1", "2", "3"] {
        let (partition_key, data) = ("a".to_owned(), data.into());
        container.push(NewRecord { partition_key, explicit_hash_key: None, data }.into());
    }
    stream.append("a", "0");
    stream.append_record(&container.finish().unwrap());
    stream.append("a", "4");
    let opened = TailSettings { deaggregate: true, ..settings(Start::TrimHorizon) };
    assert_eq!(texts(&tail(&stream, opened.clone()).await), ["0", "1", "2", "3", "4"]);
    let few = TailSettings { records_max: 3, ..opened };
    assert_eq!(texts(&tail(&stream, few).await), ["0", "1", "2"], "user records count");
}

#[tokio::test]
async fn a_point_in_time_starts_there() {
    let stream = stream(2);
    (0..50).for_each(|at| stream.append(&at.to_string(), &at.to_string()));
    let shown = tail(&stream, settings(Start::At(Timestamp::from_millis(48)))).await;
    assert_eq!(texts(&shown), ["47", "48", "49"]);
    assert!(tail(&stream, settings(Start::Latest)).await.is_empty());
}

#[tokio::test]
async fn a_shard_is_not_read_more_often_than_allowed() {
    let stream = stream(1);
    (0..40).for_each(|at| stream.append("a", &at.to_string()));
    stream.set_page_records(1);
    let clock = JumpingClock::default();
    let surroundings = Surroundings { clock: Arc::new(clock.clone()), entropy: SeededEntropy::shared(7) };
    let name = "orders".parse().unwrap();
    let tail = begin(&stream, &name, &surroundings, settings(Start::TrimHorizon)).await;
    tail.run(&mut Output::new(), &mut |_, _: &UserRecord, _: &mut Vec<u8>| Ok(()), std::future::pending())
        .await
        .unwrap();
    let elapsed = millstream_runtime::Clock::monotonic(&clock);
    assert_eq!(stream.reads().len(), 40);
    assert!(elapsed >= Duration::from_secs(39) / 5, "{elapsed:?}");
}
