//! What each rule promises, one at a time.

use std::time::Duration;

use millstream_agent::Error as AgentError;
use millstream_agent::settings::{
    Conversion, InitialPosition, LogFormat, LogToJson, OnTooLarge, OnUnconvertible, PartitionKey,
    StartPattern,
};
use millstream_client::Error;

use crate::world::World;

const LOG: &str = "/logs/app.log";

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[test]
fn lines_are_put_once_and_in_order_and_so_they_are_after_a_restart() {
    let world = World::new(1, true);
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\ntwo\r\nthr");
    world.live(async |life| {
        life.seconds(2).await;
        assert_eq!(world.lines(), ["one", "two"], "a line that has not ended waits");
        world.tree.append(&file, b"ee\n");
        life.seconds(2).await;
        assert_eq!(world.lines(), ["one", "two", "three"]);
        life.stop().await.unwrap();
    });
    world.tree.append(&file, b"four\n");
    world.live(async |life| life.seconds(2).await);
    assert_eq!(world.lines(), ["one", "two", "three", "four"]);
}

#[test]
fn a_crash_puts_again_at_most_what_was_not_in_the_checkpoint() {
    let world = World::new(2, true);
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\n");
    world.live(async |life| life.seconds(2).await);
    world.tree.append(&file, b"two\n");
    world.live(async |life| life.pass(Duration::from_millis(300)).await);
    world.live(async |life| life.seconds(2).await);
    let lines = world.lines();
    assert_eq!(lines.iter().filter(|line| *line == "one").count(), 1, "{lines:?}");
    assert!(lines.contains(&"two".to_owned()), "{lines:?}");
}

#[test]
fn the_end_is_where_the_first_start_begins_and_no_later_one() {
    let mut world = World::new(3, true);
    world.flow().initial_position = InitialPosition::End;
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"before\nbeg");
    world.live(async |life| life.pass(Duration::from_millis(50)).await);
    world.tree.append(&file, b"un\nbetween\n");
    let other = world.tree.create("/logs/app.log.other");
    world.tree.append(&other, b"of another\n");
    world.live(async |life| life.seconds(2).await);
    assert_eq!(sorted(world.lines()), ["begun", "between", "of another"]);
}

#[test]
fn a_file_that_is_renamed_is_read_to_its_end_before_the_new_one() {
    let world = World::new(4, true);
    let old = world.tree.create(LOG);
    world.tree.append(&old, b"one\n");
    world.live(async |life| {
        life.seconds(2).await;
        world.tree.append(&old, b"two\nth");
        world.tree.rename(LOG, "/logs/app.log.1");
        let new = world.tree.create(LOG);
        world.tree.append(&new, b"five\n");
        life.seconds(3).await;
        world.tree.append(&old, b"ree\nfour without an end");
        life.seconds(2).await;
        assert_eq!(world.lines(), ["one", "two", "five", "three"]);
        life.seconds(8).await;
        assert_eq!(world.lines().last().unwrap(), "four without an end", "nobody will end it");
    });
}

#[test]
fn a_file_that_is_removed_is_read_to_its_end_and_let_go() {
    let mut world = World::new(5, true);
    world.flow().files = vec![LOG.parse().unwrap()];
    world.stream.outage(Some(Error::Unreachable("away".to_owned())));
    let file = world.tree.create(LOG);
    world.live(async |life| {
        life.seconds(2).await;
        world.tree.append(&file, b"one\ntwo");
        world.tree.remove(LOG);
        assert_eq!(world.tree.opened(&file), 1);
        life.seconds(60).await;
        world.stream.outage(None);
        life.seconds(60).await;
        assert_eq!(world.lines(), ["one", "two"]);
        assert_eq!(world.tree.opened(&file), 0);
    });
}

#[test]
fn a_file_that_is_truncated_is_read_anew() {
    let world = World::new(6, true);
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\ntwo\n");
    world.live(async |life| {
        life.seconds(2).await;
        world.tree.truncate(&file);
        world.tree.append(&file, b"three\n");
        life.seconds(2).await;
        // Between two looks, and larger than before.
        world.tree.truncate(&file);
        world.tree.append(&file, b"four, which is long\nfive\n");
        life.seconds(2).await;
        life.stop().await.unwrap();
    });
    // And while nobody looks.
    world.tree.truncate(&file);
    world.tree.append(&file, b"six, which is as long as the others were\n");
    world.live(async |life| life.seconds(2).await);
    assert_eq!(
        world.lines(),
        ["one", "two", "three", "four, which is long", "five", "six, which is as long as the others were"]
    );
}

#[test]
fn a_copy_is_read_on_where_the_truncated_file_was() {
    let world = World::new(7, true);
    let file = world.tree.create(LOG);
    let line = |number: usize| format!("line {number} {}\n", "x".repeat(100));
    let mut written = Vec::new();
    let mut write = |from: usize, until: usize| {
        for number in from..until {
            world.tree.append(&file, line(number).as_bytes());
            written.push(line(number).trim_end().to_owned());
        }
    };
    write(0, 50);
    world.live(async |life| {
        life.seconds(2).await;
        // Lines that nobody has read when the file is truncated.
        write(50, 60);
        let copy = world.tree.create("/logs/app.log.1");
        world.tree.append(&copy, &world.tree.bytes(&file));
        world.tree.truncate(&file);
        write(60, 70);
        life.seconds(15).await;
    });
    assert_eq!(sorted(world.lines()), sorted(written));
}

#[test]
fn an_inode_that_is_given_again_is_another_file() {
    for keeps_births in [true, false] {
        let world = World::new(8, keeps_births);
        let file = world.tree.create(LOG);
        world.tree.append(&file, b"one\ntwo\n");
        world.live(async |life| life.seconds(2).await);
        world.tree.remove(LOG);
        drop(file);
        let other = world.tree.create(LOG);
        world.tree.append(&other, b"three\nfour\nfive\n");
        world.live(async |life| life.seconds(2).await);
        assert_eq!(world.lines(), ["one", "two", "three", "four", "five"]);
    }
}

#[test]
fn records_of_many_lines_stay_together() {
    let mut world = World::new(9, true);
    world.flow().multi_line_start = Some(StartPattern::new("[0-9]").unwrap());
    world.flow().keep_newline = true;
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"1 error\n  at a\n");
    world.live(async |life| {
        life.pass(Duration::from_millis(600)).await;
        assert_eq!(world.lines(), Vec::<String>::new(), "more lines may come");
        world.tree.append(&file, b"  at b\n2 fine\n");
        life.seconds(3).await;
    });
    assert_eq!(world.lines(), ["1 error\n  at a\n  at b\n", "2 fine\n"]);
}

#[test]
fn what_is_too_large_is_cut_or_left_out() {
    for (policy, expected) in [
        (OnTooLarge::Truncate { terminator: b"...".to_vec() }, vec!["one", "x...", "two"]),
        (OnTooLarge::Skip, vec!["one", "two"]),
    ] {
        let mut world = World::new(10, true);
        world.flow().on_too_large = policy;
        world.flow().record_bytes_max = 2048;
        world.flow().partition_key = PartitionKey::Constant("k".to_owned());
        let file = world.tree.create(LOG);
        world.tree.append(&file, b"one\n");
        world.live(async |life| {
            // A line that grows for long, and is never whole in memory.
            for _ in 0..100 {
                world.tree.append(&file, &[b'x'; 5_000]);
                life.pass(Duration::from_millis(100)).await;
            }
        });
        // A crash in the middle of it.
        world.live(async |life| {
            world.tree.append(&file, b"xxx\ntwo\n");
            life.seconds(3).await;
        });
        let short = |line: String| if line.len() > 100 { format!("x{}", &line[2044..]) } else { line };
        assert_eq!(world.lines().into_iter().map(short).collect::<Vec<_>>(), expected);
        assert!(world.lines().iter().all(|line| line.len() <= 2047));
    }
}

#[test]
fn what_the_stream_refuses_is_left_out_and_the_rest_goes_on() {
    let mut world = World::new(11, true);
    world.flow().aggregate = false;
    world.stream.poison("bad");
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\nbad\ntwo\n");
    world.live(async |life| {
        life.seconds(5).await;
        life.stop().await.unwrap();
    });
    world.live(async |life| life.seconds(2).await);
    assert_eq!(sorted(world.lines()), ["one", "two"]);
}

#[test]
fn a_service_that_refuses_everybody_gets_all_of_it_later() {
    let mut world = World::new(12, true);
    // With an order there are no others on their way.
    world.flow().order = millstream_producer_sdk::Order::PartitionKey;
    world.flow().partition_key = PartitionKey::File;
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\n");
    world.live(async |life| {
        life.seconds(2).await;
        world.stream.outage(Some(Error::AccessDenied("no".to_owned())));
        world.tree.append(&file, b"two\n");
        life.seconds(5).await;
        world.tree.append(&file, b"three\n");
        life.seconds(120).await;
        world.stream.outage(None);
        life.seconds(40).await;
    });
    assert_eq!(world.lines(), ["one", "two", "three"]);
}

#[test]
fn while_the_stream_is_away_little_is_read_and_files_stay_open() {
    let mut world = World::new(13, true);
    world.flow().outstanding_records_max = 10;
    let old = world.tree.create(LOG);
    world.live(async |life| {
        life.seconds(2).await;
        world.stream.outage(Some(Error::Unreachable("away".to_owned())));
        let lines: String = (0..1000).map(|number| format!("{number}\n")).collect();
        world.tree.append(&old, lines.as_bytes());
        life.seconds(5).await;
        world.tree.rename(LOG, "/logs/old");
        let new = world.tree.create(LOG);
        world.tree.append(&new, b"last\n");
        life.seconds(5).await;
        assert_eq!((world.tree.opened(&old), world.tree.opened(&new)), (1, 1));
        world.tree.remove("/logs/old");
        life.seconds(60).await;
        world.stream.outage(None);
        life.seconds(60).await;
    });
    let mut expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    expected.push("last".to_owned());
    assert_eq!(sorted(world.lines()), sorted(expected));
}

#[test]
fn a_stream_that_is_not_there_yet_is_waited_for() {
    let world = World::new(14, true);
    world.stream.outage(Some(Error::ResourceNotFound("orders".to_owned())));
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\n");
    world.live(async |life| {
        life.seconds(60).await;
        assert_eq!(world.tree.opened(&file), 1);
        world.stream.outage(None);
        life.seconds(60).await;
    });
    assert_eq!(world.lines(), ["one"]);
}

#[test]
fn more_files_than_may_be_open_are_all_read() {
    let mut world = World::new(15, true);
    world.flow().open_files_max = 3;
    let files: Vec<_> =
        (0..20).map(|number| world.tree.create(&format!("/logs/app.log.x{number:02}"))).collect();
    let mut expected = Vec::new();
    world.live(async |life| {
        for round in 0..3 {
            for (number, file) in files.iter().enumerate() {
                let line = format!("{round} of {number}");
                world.tree.append(file, format!("{line}\n").as_bytes());
                expected.push(line);
            }
            life.seconds(30).await;
            let open: usize = files.iter().map(|file| world.tree.opened(file)).sum();
            assert!(open <= 3, "{open} files are open");
        }
    });
    assert_eq!(sorted(world.lines()), sorted(expected));
}

#[test]
fn a_header_is_skipped_once() {
    let mut world = World::new(16, true);
    world.flow().skip_header_lines = 2;
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"a,b\n");
    world.live(async |life| life.seconds(2).await);
    world.tree.append(&file, b"c,d\n1,2\n");
    world.live(async |life| life.seconds(2).await);
    world.tree.append(&file, b"3,4\n");
    world.live(async |life| life.seconds(2).await);
    assert_eq!(world.lines(), ["1,2", "3,4"]);
}

#[test]
fn records_are_converted_and_keyed_by_what_comes_out() {
    let mut world = World::new(17, true);
    let log = LogToJson::new(
        LogFormat::Syslog,
        Some(r"(\S+) (.*)"),
        Some(vec!["user".into(), "text".into()]),
        Default::default(),
    );
    world.flow().conversions = vec![Conversion::Log(log.unwrap())];
    world.flow().partition_key = PartitionKey::Field("user".to_owned());
    world.flow().on_unconvertible = OnUnconvertible::Skip;
    world.flow().keep_newline = true;
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"ann came\nnonsense\nbob went\r\n");
    world.live(async |life| life.seconds(2).await);
    let read = world.stream.read();
    let keys: Vec<_> = read.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["ann", "bob"]);
    assert_eq!(read[0].1, "{\"user\":\"ann\",\"text\":\"came\"}\n");
}

#[test]
fn many_records_go_as_one_where_that_is_asked_for() {
    for (aggregate, expected) in [(true, 1..=5), (false, 100..=100)] {
        let mut world = World::new(18, true);
        world.flow().aggregate = aggregate;
        let file = world.tree.create(LOG);
        world.tree.append(&file, b"line\n".repeat(100).as_slice());
        world.live(async |life| life.seconds(2).await);
        assert_eq!(world.lines().len(), 100);
        assert!(expected.contains(&world.stream.stored()), "{}", world.stream.stored());
    }
}

#[test]
fn a_checkpoint_that_is_damaged_is_refused_and_one_that_cannot_be_written_is_tried_again() {
    let world = World::new(19, true);
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\n");
    world.live(async |life| {
        life.seconds(1).await;
        world.store.fail(true);
        world.tree.append(&file, b"two\n");
        life.seconds(5).await;
        world.store.fail(false);
        life.seconds(2).await;
    });
    world.live(async |life| life.seconds(2).await);
    assert_eq!(world.lines(), ["one", "two"]);
    let mut bytes = world.store.bytes().unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    world.store.replace(Some(bytes));
    world.live(async |life| {
        life.seconds(2).await;
        let ended = life.ended();
        assert!(matches!(ended, Some(Err(AgentError::Checkpoint { .. }))), "{ended:?}");
    });
    assert_eq!(world.lines(), ["one", "two"]);
}

#[test]
fn an_agent_with_nothing_to_do_leaves_its_checkpoint_alone() {
    let world = World::new(20, true);
    let file = world.tree.create(LOG);
    world.tree.append(&file, b"one\n");
    world.live(async |life| {
        life.seconds(5).await;
        let saves = world.store.saves();
        life.seconds(300).await;
        assert!(world.store.saves() <= saves + 1, "{} and {saves}", world.store.saves());
    });
}
