//! Members of aggregated records that cannot be read: a member of a group is told, or they are left out.

use millstream_model::HashKey;
use millstream_proto::v1::{ShardRevocation, UnreadableRecords};

use super::*;

/// As the KPL frames it; of its three members the second one has a partition key that is not there.
fn aggregated() -> Vec<u8> {
    let keys = b"\x0a\x01k".as_slice();
    let members =
        [b"\x1a\x05\x08\x00\x1a\x01a".as_slice(), b"\x1a\x05\x08\x07\x1a\x01b", b"\x1a\x05\x08\x00\x1a\x01c"];
    let message = [keys, &members.concat()].concat();
    // A record's hash key is an MD5 as well.
    let digest = HashKey::of_partition_key(&message).0.to_be_bytes();
    [b"\xf3\x89\x9a\xc2".as_slice(), &message, &digest].concat()
}

async fn put(world: &mut World, data: Vec<u8>) {
    let request = PutRecordRequest {
        stream_name: Some("orders".to_owned()),
        data: Some(data.into()),
        partition_key: Some("k".to_owned()),
        ..Default::default()
    };
    world.records.put_record(request).await.unwrap();
}

#[tokio::test]
async fn a_shard_stops_in_front_of_what_cannot_be_read_and_says_so() {
    let mut world = World::new().await;
    put(&mut world, aggregated()).await;
    let mut member = Member::join(&world, start()).await;
    assert_eq!(member.process(&world, 1).await, ["a"]);
    let why = member.until(&world, |heard| match heard {
        Heard::Stopped { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(why.await.contains("the container has no partition key 7"));
    member.leave();
    let (heard, ended) = member.end(&world).await;
    assert!(ended.is_ok(), "{ended:?}");
    let given_back = Heard::Revoked { shard: SHARD.to_owned(), reason: ShardRevocation::GivenBack };
    assert!(heard.contains(&given_back), "{heard:?}");

    // What was acknowledged stays so, and whoever wants to may go on.
    let skip = JoinStart { unreadable_records: Some(UnreadableRecords::Skip.into()), ..start() };
    let mut second = Member::join(&world, skip).await;
    assert_eq!(second.process(&world, 1).await, ["c"]);
}
