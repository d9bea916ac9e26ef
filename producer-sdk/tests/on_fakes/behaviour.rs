//! What a producer promises when the stream stays as it is.

use std::time::Duration;

use millstream_client::Error;
use millstream_client::aggregation::{Deaggregation, MemberPolicy};
use millstream_client::envelope::{Opener, idempotence_tag};
use millstream_model::{HashKey, HashKeyRange};
use millstream_producer_sdk::{
    AttemptOutcome, Compression, Idempotence, PutError, Record, SecretKey, StaticKeys, TryPutError,
};
use millstream_runtime::Clock;
use std::sync::Arc;

use crate::fake::{FakeStream, Weather};
use crate::{clock, pass, producer_of, run, settle};

const MS: Duration = Duration::from_millis(1);

/// A record of the lower half of the hash key space, or the upper one.
fn record(half: u32, data: &str) -> Record {
    let range = HashKeyRange::uniform(2).nth(half as usize).unwrap();
    Record::new(format!("key-{half}"), data.to_owned()).at(HashKey(range.start().0 + 5))
}

fn texts(stream: &FakeStream) -> Vec<String> {
    let found = stream.read(MemberPolicy::KclStrict);
    found.iter().map(|found| String::from_utf8(found.data.to_vec()).unwrap()).collect()
}

fn calls(stream: &FakeStream) -> Vec<usize> {
    stream.0.state.lock().calls.iter().map(|(_, records)| records.len()).collect()
}

#[tokio::test]
async fn records_are_packed_for_their_shards_and_receipts_say_where_they_are() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    stream.weather(Weather { latency_max: MS * 10, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let began = clock.monotonic();
    let mut pending = Vec::new();
    for (half, text) in [(0, "a"), (1, "b"), (0, "c"), (0, "d")] {
        pending.push((text, producer.send(record(half, text)).await.unwrap()));
    }
    assert_eq!(producer.outstanding().records, 4);
    let mut receipts = Vec::new();
    for (text, pending) in pending {
        receipts.push((text, run(&clock, pending).await.unwrap()));
    }
    assert!(clock.monotonic() - began <= MS * 115, "the buffered time and one call");
    assert_eq!(calls(&stream), [2], "both containers go together");
    let found = stream.read(MemberPolicy::KclStrict);
    for (text, receipt) in &receipts {
        let found = found.iter().find(|found| found.data == text.as_bytes()).unwrap();
        assert_eq!(found.shard, receipt.shard());
        assert_eq!(found.sequence_number.to_string(), receipt.sequence_number().as_str());
        assert_eq!(found.sub_sequence_number, receipt.sub_sequence_number());
        assert_eq!(receipt.is_aggregated(), *text != "b", "one that is alone goes as it is");
        assert_eq!(receipt.copies(), 1..=1);
        let times = receipt.times();
        assert!(times.admission.is_zero() && times.buffering >= MS * 80 && times.buffering <= MS * 100);
        assert!(times.sending <= MS * 10 && times.total() <= MS * 115, "{times:?}");
    }
    assert_eq!(producer.outstanding().records, 0);
    assert_eq!(producer.outstanding().bytes, 0);
    assert_eq!(producer.close(Duration::ZERO).await.unfinished, 0);
}

#[tokio::test]
async fn containers_are_closed_by_count_and_size_and_a_large_record_goes_alone() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| {
        settings.aggregation_max_count = 3;
        settings.aggregation_max_size = 1_000;
    });
    let producer = producer.start().await.unwrap();
    for text in ["1", "2", "3", "4"] {
        drop(producer.send(record(0, text)).await.unwrap());
    }
    drop(producer.send(record(0, &"x".repeat(990))).await.unwrap());
    drop(producer.send(record(0, &"y".repeat(5_000))).await.unwrap());
    drop(producer.send(record(0, "5")).await.unwrap());
    run(&clock, producer.flush()).await;
    let sizes: Vec<_> = stream.0.state.lock().calls.iter().flat_map(|(_, records)| records.clone()).collect();
    let sizes: Vec<_> = sizes.iter().map(millstream_client::NewRecord::size).collect();
    assert_eq!(sizes.len(), 5, "{sizes:?}");
    assert!(
        sizes[0] < 100 && sizes[1] < 100,
        "three by count, then one because the next does not fit: {sizes:?}"
    );
    assert_eq!((sizes[2], sizes[3]), (995, 5_005));
    assert_eq!(texts(&stream).len(), 7);
}

#[tokio::test]
async fn without_aggregation_each_record_goes_by_itself_at_once() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    let producer = producer_of(&stream, &clock, 1)
        .settings(|settings| *settings = millstream_producer_sdk::ProducerSettings::low_latency());
    let producer = producer.start().await.unwrap();
    let pending = producer.send(record(0, "a")).await.unwrap();
    let other = producer.send(record(0, "b")).await.unwrap();
    settle().await;
    let (a, b) = (pending.await.unwrap(), other.await.unwrap());
    assert!(!a.is_aggregated() && !b.is_aggregated());
    assert_eq!(a.times().total(), Duration::ZERO, "no time had to pass");
}

#[tokio::test]
async fn the_budget_makes_putters_wait_and_gives_records_back_that_would_not() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.outstanding_records_max = 2);
    let producer = producer.start().await.unwrap();
    let first = producer.send(record(0, "a")).await.unwrap();
    let _second = producer.try_put(record(1, "b")).unwrap();
    assert_eq!(producer.try_put(record(0, "c")).unwrap_err(), TryPutError::Full(Box::new(record(0, "c"))));
    // Whoever stops waiting takes nothing and puts nothing.
    {
        let mut waits = Box::pin(producer.put(record(0, "never")));
        let once = tokio::select! { biased; _ = &mut waits => true, () = settle() => false };
        assert!(!once, "there is no room");
    }
    let third = producer.clone();
    let third = run(&clock, async move { third.put(record(0, "c")).await.unwrap() }).await;
    assert!(third.times().admission >= MS * 80, "it waited until the others were sent: {:?}", third.times());
    first.await.unwrap();
    let mut texts = texts(&stream);
    texts.sort_unstable();
    assert_eq!(texts, ["a", "b", "c"]);
    let largest = producer_of(&stream, &clock, 1).settings(|settings| {
        settings.outstanding_bytes_max = 1_000;
        settings.max_user_record_size = 1_000;
    });
    let producer = largest.start().await.unwrap();
    let large = producer.send(record(0, &"x".repeat(995))).await.unwrap();
    assert_eq!(producer.outstanding().bytes, 1_000);
    assert!(matches!(producer.try_put(record(0, "")), Err(TryPutError::Full(_))));
    run(&clock, large).await.unwrap();
    assert!(matches!(producer.put(record(0, &"x".repeat(996))).await, Err(PutError::TooLarge { .. })));
}

#[tokio::test]
async fn only_what_was_throttled_is_tried_again_and_all_of_it_is_stored() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    stream.weather(Weather { quota: 20, latency_max: MS * 4, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).settings(|settings| {
        settings.aggregation_enabled = false;
        settings.record_ttl = Duration::from_secs(60);
    });
    let producer = producer.start().await.unwrap();
    let mut pending = Vec::new();
    for index in 0..150_u32 {
        pending.push(producer.send(record(index % 2, &index.to_string())).await.unwrap());
    }
    let mut retried = 0;
    for pending in pending {
        let receipt = run(&clock, pending).await.unwrap();
        assert_eq!(receipt.copies(), 1..=1, "a throttle stores nothing");
        let failures = &receipt.attempts()[..receipt.attempts().len() - 1];
        let is_throttle = |error: &Error| matches!(error, Error::ProvisionedThroughputExceeded(_));
        assert!(failures.iter().all(|attempt| attempt.error().is_some_and(is_throttle)));
        retried += usize::from(!failures.is_empty());
    }
    assert!(retried > 50, "{retried}");
    let mut texts = texts(&stream);
    texts.sort_by_key(|text| text.parse::<u32>().unwrap());
    assert!(texts.iter().map(|text| text.parse::<u32>().unwrap()).eq(0..150), "each once");
}

#[tokio::test]
async fn a_producer_that_is_throttled_sends_less_in_vain() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    stream.weather(Weather { quota: 100, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).settings(|settings| {
        settings.aggregation_enabled = false;
        settings.rate_limit = Some(100);
        settings.record_ttl = Duration::from_secs(60);
    });
    let producer = producer.start().await.unwrap();
    for index in 0..5_000 {
        drop(producer.send(record(0, &index.to_string())).await.unwrap());
    }
    pass(&clock, Duration::from_secs(20)).await;
    let sent_before = sent(&stream);
    let stored_before = stream.read(MemberPolicy::KeepAll).len();
    pass(&clock, Duration::from_secs(10)).await;
    let (sent, stored) =
        (sent(&stream) - sent_before, stream.read(MemberPolicy::KeepAll).len() - stored_before);
    assert!(stored >= 850, "{stored} of the 1000 that the shard takes");
    assert!(sent * 100 <= stored * 115, "{sent} sent for {stored}");
}

fn sent(stream: &FakeStream) -> usize {
    stream.0.state.lock().calls.iter().map(|(_, records)| records.len()).sum()
}

#[tokio::test]
async fn a_lost_reply_is_admitted_to_in_the_receipt() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    stream.weather(Weather { lost_replies: 1_000, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let pending = producer.send(record(0, "a")).await.unwrap();
    pass(&clock, MS * 100).await;
    stream.weather(Weather::default());
    let receipt = run(&clock, pending).await.unwrap();
    let copies = stream.read(MemberPolicy::KeepAll).len();
    assert!(copies > 1);
    assert_eq!(receipt.copies(), 1..=copies);
    assert!(matches!(receipt.attempts()[0].outcome, AttemptOutcome::Failed(Error::ConnectionLost(_))));
    assert!(receipt.attempts().last().unwrap().has_stored());
}

#[tokio::test]
async fn a_record_that_is_not_acknowledged_in_time_expires_and_says_whether_it_may_be_stored() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1)
        .settings(|settings| settings.record_ttl = Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    stream.crash(Duration::from_secs(3_600));
    let began = clock.monotonic();
    assert_eq!(producer.outage(), None);
    let error = run(&clock, producer.put(record(0, "a"))).await.unwrap_err();
    let outage = producer.outage().unwrap();
    assert!(outage.lasts > Duration::from_secs(1), "{outage:?}");
    let took = clock.monotonic() - began;
    assert!(took >= Duration::from_secs(2) && took <= MS * 2_010, "{took:?}");
    assert!(matches!(error, PutError::Expired(_)), "{error}");
    assert!(error.to_string().contains("cannot reach the service"), "{error}");
    assert_eq!(error.copies_max(), 0);
    assert!(error.attempts().len() > 2);
    stream.crash(Duration::ZERO);
    stream.weather(Weather { hanging: 1_000, ..Weather::default() });
    let error = run(&clock, producer.put(record(0, "b"))).await.unwrap_err();
    assert!(matches!(error, PutError::Expired(_)), "{error}");
    assert!(stream.read(MemberPolicy::KeepAll).len() <= error.copies_max());
    assert!(error.attempts().iter().any(|attempt| matches!(attempt.error(), Some(Error::TimedOut(_)))));
}

#[tokio::test]
async fn a_refusal_is_final_and_throttles_are_where_that_is_asked_for() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.fail_if_throttled = true);
    let producer = producer.start().await.unwrap();
    for refusal in [Error::ResourceNotFound("gone".to_owned()), Error::Throttling("slower".to_owned())] {
        stream.refuse([refusal.clone()]);
        let error = run(&clock, producer.put(record(0, "a"))).await.unwrap_err();
        let PutError::Rejected { error, .. } = error else { panic!("{error}") };
        assert_eq!(error, refusal);
    }
    assert!(texts(&stream).is_empty());
}

#[tokio::test]
async fn one_bad_record_does_not_take_its_company_down() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.aggregation_enabled = false);
    let producer = producer.start().await.unwrap();
    stream.0.state.lock().poison = Some("poison".into());
    let mut pending = Vec::new();
    for index in 0..20 {
        let text = if index == 13 { "poison".to_owned() } else { index.to_string() };
        pending.push(producer.send(record(0, &text)).await.unwrap());
    }
    for (index, pending) in pending.into_iter().enumerate() {
        let outcome = run(&clock, pending).await;
        assert_eq!(outcome.is_err(), index == 13, "{index}: {outcome:?}");
    }
    assert_eq!(texts(&stream).len(), 19);
}

#[tokio::test]
async fn flush_waits_for_what_was_put_before_it_alone() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    let producer = producer_of(&stream, &clock, 1)
        .settings(|settings| settings.record_max_buffered_time = Duration::from_secs(10))
        .start()
        .await
        .unwrap();
    drop(producer.send(record(0, "a")).await.unwrap());
    drop(producer.send(record(1, "b")).await.unwrap());
    let began = clock.monotonic();
    run(&clock, producer.flush()).await;
    assert_eq!(clock.monotonic(), began, "nothing had to pass");
    assert_eq!(texts(&stream).len(), 2);
    drop(producer.send(record(0, "c")).await.unwrap());
    let flushing = producer.clone();
    let mut flush = Box::pin(async move { flushing.flush().await });
    stream.crash(Duration::from_secs(1));
    tokio::select! { biased; () = &mut flush => panic!("c is not stored"), () = settle() => {} }
    drop(producer.send(record(0, "d")).await.unwrap());
    run(&clock, flush).await;
    assert_eq!(texts(&stream).len(), 3, "d has time");
    run(&clock, producer.flush()).await;
    run(&clock, producer.flush()).await;
    assert_eq!(texts(&stream).len(), 4);
}

#[tokio::test]
async fn close_drains_within_its_limit_and_admits_to_what_is_left() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let pending = producer.send(record(0, "a")).await.unwrap();
    assert_eq!(run(&clock, producer.close(Duration::from_secs(5))).await.unfinished, 0);
    pending.await.unwrap();
    assert_eq!(producer.put(record(0, "b")).await.unwrap_err(), PutError::Closed);

    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.outstanding_records_max = 2);
    let producer = producer.start().await.unwrap();
    stream.crash(Duration::from_secs(3_600));
    let sent = producer.send(record(0, "c")).await.unwrap();
    pass(&clock, MS * 200).await;
    let waits = producer.send(record(0, "d")).await.unwrap();
    let (late, closing) = (producer.clone(), producer.clone());
    let late = async move { late.put(record(0, "e")).await };
    let close = async move { closing.close(Duration::from_secs(1)).await };
    let (ended, late) =
        run(&clock, async { tokio::join!(biased; async { settle().await; close.await }, late) }).await;
    assert_eq!(ended.unfinished, 2);
    assert_eq!(late.unwrap_err(), PutError::Closed);
    let error = sent.await.unwrap_err();
    assert!(matches!(error, PutError::Abandoned(_)) && !error.attempts().is_empty(), "{error}");
    assert!(matches!(waits.await.unwrap_err(), PutError::Abandoned(_)));
    assert_eq!(producer.outstanding().records, 0);
}

#[tokio::test]
async fn nobody_waits_for_ever_when_the_producer_is_dropped() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    stream.weather(Weather { hanging: 1_000, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let in_flight = producer.send(record(0, "a")).await.unwrap();
    pass(&clock, MS * 150).await;
    let buffered = producer.send(record(0, "b")).await.unwrap();
    drop(producer);
    let (in_flight, buffered) = run(&clock, async { (in_flight.await, buffered.await) }).await;
    assert_eq!(in_flight.unwrap_err().copies_max(), 1);
    assert_eq!(buffered.unwrap_err().copies_max(), 0);
}

#[tokio::test]
async fn calls_in_flight_are_bounded() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    stream.weather(Weather { latency_max: Duration::from_secs(1), ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).settings(|settings| {
        settings.collection_max_count = 1;
        settings.aggregation_enabled = false;
        settings.rate_limit = None;
        settings.max_connections = 3;
    });
    let producer = producer.start().await.unwrap();
    for index in 0..40 {
        drop(producer.send(record(0, &index.to_string())).await.unwrap());
    }
    run(&clock, producer.flush()).await;
    assert_eq!(stream.0.state.lock().calls_in_flight_max, 3);
    assert_eq!(calls(&stream), [1; 40]);
}

#[tokio::test]
async fn where_shards_cannot_be_listed_records_go_one_by_one() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    stream.weather(Weather { failing_listings: 1_000, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let mut pending = Vec::new();
    for half in [0, 1, 0] {
        pending.push(producer.send(record(half, "x")).await.unwrap());
    }
    for pending in pending {
        assert!(!run(&clock, pending).await.unwrap().is_aggregated());
    }
    assert_eq!(texts(&stream).len(), 3);
}

#[tokio::test]
async fn nonsense_is_refused_before_anything_starts() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let builder = producer_of(&stream, &clock, 1).settings(|settings| settings.max_connections = 0);
    let error = builder.start().await.unwrap_err();
    assert!(error.to_string().contains("max_connections"), "{error}");
}

/// The members in the stream as a consumer opens them, with their tags.
fn opened(stream: &FakeStream, opener: &Opener) -> Vec<(String, Option<String>)> {
    let state = stream.0.state.lock();
    let records = state.shards.iter().flat_map(|held| held.records.clone());
    let members = records.flat_map(|record| Deaggregation::default().take_apart(record)).map(Result::unwrap);
    members
        .map(|member| {
            let data = opener.open(&member.partition_key, &member.tags, &member.data).unwrap();
            let data = data.unwrap_or(member.data);
            let tag = idempotence_tag(&member.tags).map(|tag| tag.to_string());
            (String::from_utf8(data.to_vec()).unwrap(), tag)
        })
        .collect()
}

#[tokio::test]
async fn what_is_compressed_and_encrypted_is_undone_by_who_has_the_key() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    let keys = Arc::new(StaticKeys::new("key", SecretKey::new([3; 32])));
    for compression in [Compression::Lz4, Compression::Zstd { level: 3 }] {
        let builder = producer_of(&stream, &clock, 1).compression(compression).encryption(keys.clone());
        let producer = builder.start().await.unwrap();
        for half in [0, 1, 1] {
            drop(producer.send(record(half, &"secret".repeat(100))).await.unwrap());
        }
        run(&clock, producer.flush()).await;
    }
    let raw = stream.read(MemberPolicy::KclStrict);
    assert!(raw.iter().all(|found| found.data.len() < 150 && !found.data.starts_with(b"secret")));
    let opened = opened(&stream, &Opener::new(Some(keys)));
    assert_eq!(opened.len(), 6);
    assert!(opened.iter().all(|(text, tag)| *text == "secret".repeat(100) && tag.is_none()));
}

#[tokio::test]
async fn tags_are_those_that_were_given_or_the_producers_own_and_repetitions_have_the_same() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    stream.weather(Weather { lost_replies: 700, ..Weather::default() });
    let producer =
        producer_of(&stream, &clock, 1).settings(|settings| settings.idempotence = Idempotence::Generated);
    let producer = producer.start().await.unwrap();
    drop(producer.send(record(0, "given").with_idempotence_tag("order 7")).await.unwrap());
    drop(producer.send(record(0, "generated")).await.unwrap());
    run(&clock, producer.flush()).await;
    drop(producer.send(record(0, "alone")).await.unwrap());
    run(&clock, producer.flush()).await;
    let opened = opened(&stream, &Opener::default());
    assert!(opened.len() > 3, "some came more than once");
    let mut tags: Vec<_> = opened.iter().map(|(text, tag)| (text.clone(), tag.clone().unwrap())).collect();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 3, "{tags:?}");
    assert!(tags.contains(&("given".to_owned(), "order 7".to_owned())));
}

#[tokio::test]
async fn a_record_that_is_too_large_with_what_goes_with_it_is_refused() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.max_user_record_size = 1_000);
    let producer = producer.start().await.unwrap();
    let largest = record(0, &"x".repeat(995));
    drop(producer.try_put(largest.clone()).unwrap());
    let tagged = Record { data: largest.data.slice(10..), ..largest }.with_idempotence_tag("7");
    let Err(TryPutError::Refused(PutError::TooLarge { bytes, .. })) = producer.try_put(tagged) else {
        panic!("there is no room for the container around it");
    };
    assert!(bytes > 1_000 && bytes < 1_100, "{bytes}");
}
