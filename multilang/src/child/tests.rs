use std::sync::Arc;
use std::time::Duration;

use millstream_consumer_sdk::{Batch, Checkpoint, Tags, UserRecord};
use millstream_model::Timestamp;
use millstream_runtime::SystemClock;

use super::*;

/// Long enough for any machine, and the end of a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

fn nursery(script: &str) -> Nursery {
    let command = ["sh", "-c", script].map(str::to_owned);
    Nursery { command: Arc::new(command), clock: SystemClock::shared(), tasks: TaskSet::default() }
}

async fn asked(script: &str, request: Request<'_>, limit: Duration) -> Result<FromChild, Failure> {
    let mut child = nursery(script).start("shardId-000000000000")?;
    child.ask(&request, Some(limit)).await?;
    child.answer(request.action(), Some(limit)).await
}

fn status(of: &str) -> FromChild {
    FromChild::Status { response_for: of.to_owned() }
}

fn batch(records: usize, bytes: usize) -> Batch {
    let record = |number: usize| UserRecord {
        sequence_number: number.to_string().parse().unwrap(),
        sub_sequence: 0,
        is_member: false,
        partition_key: "key".into(),
        explicit_hash_key: None,
        data: vec![b'x'; bytes].into(),
        tags: Tags::default(),
        approximate_arrival: Timestamp::EPOCH,
    };
    Batch { records: (1..=records).map(record).collect(), millis_behind_latest: 0 }
}

#[tokio::test]
async fn a_child_is_asked_and_answers_among_whatever_it_prints() {
    let script = r#"read line; echo hello; echo; echo '{"not":"a message"}'; echo warn >&2
        printf '\n%s\n' '{"action":"status","responseFor":"leaseLost"}'; cat"#;
    assert_eq!(asked(script, Request::LeaseLost, PATIENCE).await.unwrap(), status("leaseLost"));
}

/// A child that prints more than a pipe holds before it reads, and is given more than one holds.
#[tokio::test]
async fn neither_side_waits_for_the_other_on_a_full_pipe() {
    let script = r#"head -c 1000000 /dev/zero | tr '\0' '\n'; read -r line
        echo "{\"action\":\"checkpoint\",\"sequenceNumber\":\"${#line}\"}"; cat"#;
    let batch = batch(100, 10_000);
    let said = asked(script, Request::ProcessRecords(&batch), PATIENCE).await.unwrap();
    let FromChild::Checkpoint(wanted) = said else { panic!("{said:?}") };
    let length: usize = wanted.sequence_number.unwrap().parse().unwrap();
    assert!(length > 100 * 10_000 * 4 / 3, "{length}");
}

#[tokio::test]
async fn a_child_that_ends_says_how() {
    let failure = asked("read line; exit 3", Request::ShardEnded, PATIENCE).await.unwrap_err();
    assert!(matches!(&failure, Failure::Ended(Some(status)) if status.code() == Some(3)), "{failure:?}");
    // It never reads, so that writing is what fails.
    let batch = batch(100, 10_000);
    let failure = asked("exit 4", Request::ProcessRecords(&batch), PATIENCE).await.unwrap_err();
    assert!(matches!(&failure, Failure::Ended(Some(status)) if status.code() == Some(4)), "{failure:?}");
}

#[tokio::test]
async fn a_silent_child_is_given_up() {
    let short = Duration::from_millis(50);
    let failure = asked("cat >/dev/null", Request::LeaseLost, short).await.unwrap_err();
    assert!(matches!(failure, Failure::Silent { action: "leaseLost", .. }), "{failure:?}");
    let batch = batch(100, 10_000);
    let failure = asked("sleep 600", Request::ProcessRecords(&batch), short).await.unwrap_err();
    assert!(matches!(failure, Failure::Silent { action: "processRecords", .. }), "{failure:?}");
}

#[tokio::test]
async fn a_child_that_does_not_stop_talking_is_given_up() {
    let script = r#"while echo '{"action":"status","responseFor":"x"}'; do :; done; sleep 600"#;
    let batch = batch(100, 10_000);
    let failure = asked(script, Request::ProcessRecords(&batch), PATIENCE).await.unwrap_err();
    assert!(matches!(failure, Failure::Talks), "{failure:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let command = ["/no/such/program"].map(str::to_owned);
    let nursery = Nursery { command: Arc::new(command), ..nursery("") };
    assert!(matches!(nursery.start("s"), Err(Failure::Start(_))));
}

/// Whatever a child has started ends with it, and a child that is dismissed ends by itself.
#[tokio::test]
async fn nothing_is_left_of_a_child() {
    let directory = tempfile::tempdir().unwrap();
    let (ids, ended) = (directory.path().join("ids"), directory.path().join("ended"));
    let mut child = nursery(&format!("sleep 600 & echo $! $$ >{0}.new; mv {0}.new {0}; wait", ids.display()));
    let killed = child.start("s").unwrap();
    let clock = SystemClock::shared();
    let wait_for = async |what: &dyn Fn() -> bool| {
        while !what() {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    clock.timeout(PATIENCE, wait_for(&|| ids.exists())).await.unwrap();
    drop(killed);
    let ids: Vec<String> =
        std::fs::read_to_string(&ids).unwrap().split_whitespace().map(str::to_owned).collect();
    let runs = |id: &String| {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // One that nobody has waited for yet has ended all the same.
        !state.is_empty() && !state.contains(") Z ")
    };
    clock.timeout(PATIENCE, wait_for(&|| !ids.iter().any(runs))).await.unwrap();

    child = nursery(&format!("cat >/dev/null; echo end >{}", ended.display()));
    child.start("s").unwrap().dismiss();
    clock.timeout(PATIENCE, wait_for(&|| ended.exists())).await.unwrap();
    assert!(child.tasks.join(clock.as_ref(), PATIENCE).await);
}

#[test]
fn a_position_is_written_as_it_is_in_the_lease() {
    let (from, shard) = (Checkpoint::at("7".parse().unwrap(), 2), "s");
    let (line, tail) = Request::Initialize { shard, from: &from }.frame();
    let line = String::from_utf8(line).unwrap();
    assert!(line.contains(r#""sequenceNumber":"7","subSequenceNumber":2"#) && tail.is_empty(), "{line}");
}
