//! Writes of leases: what they compare, and what they leave.

use std::collections::BTreeSet;

use millstream_model::{HashKey, HashKeyRange};

use super::{applied, changed, gone, held, made, must, worker};
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::lease::{Lease, PendingCheckpoint};
use crate::names::ShardName;
use crate::row::Value;
use crate::store::{Compare, LeaseStore, Metadata, NewCheckpoint};

fn at(number: u64) -> Checkpoint {
    Checkpoint::at(must(number.to_string().parse()), number % 3)
}

fn to(number: u64) -> NewCheckpoint {
    NewCheckpoint::at(at(number))
}

pub(super) async fn creation_happens_once(store: &dyn LeaseStore) {
    let mut lease = Lease::new(must("create-1".parse()), Checkpoint::AT_TIMESTAMP);
    lease.parents = BTreeSet::from([must("create-0".parse::<ShardName>())]);
    lease.hash_range = HashKeyRange::new(HashKey(0), HashKey::MAX);
    lease.unknown.insert("colour".to_owned(), Value::text("green"));
    assert_eq!(applied(store.create(&lease).await), lease);
    assert_eq!(must(store.get(&lease.key).await), Some(lease.clone()));
    let other = Lease::new(lease.key.clone(), Checkpoint::LATEST);
    assert_eq!(changed(store.create(&other).await), lease, "what is there stays");
    assert_eq!(must(store.get(&must("create-2".parse())).await), None);
}

pub(super) async fn renewal_compares(store: &dyn LeaseStore) {
    let (a, b) = (worker("a"), worker("b"));
    let first = held(store, "renew-1", &a).await;
    let second = applied(store.renew(&first, &a, Some(12.5)).await);
    assert_eq!((second.counter, second.throughput_kbps), (first.counter + 1, Some(12.5)));
    assert_eq!(changed(store.renew(&first, &a, None).await), second, "a counter of yesterday");
    assert_eq!(changed(store.renew(&second, &b, None).await), second, "another's lease");
    let third = applied(store.renew(&second, &a, None).await);
    assert_eq!(third.throughput_kbps, Some(12.5), "what is not measured stays");
    gone(store.renew(&Lease { key: must("renew-2".parse()), ..third }, &a, None).await);
    assert_eq!(must(store.get(&must("renew-2".parse())).await), None, "a renewal makes no row");
}

pub(super) async fn taking_compares_the_counter(store: &dyn LeaseStore) {
    let (a, b) = (worker("a"), worker("b"));
    let free = made(store, "take-1").await;
    let first = applied(store.take(&free, &a).await);
    assert_eq!((first.owner.as_ref(), first.owner_switches_since_checkpoint), (Some(&a), 1));
    assert_eq!(changed(store.take(&free, &b).await), first);
    let second = applied(store.take(&first, &b).await);
    assert_eq!((second.owner.as_ref(), second.owner_switches_since_checkpoint), (Some(&b), 2));
    assert_eq!(changed(store.renew(&first, &a, None).await), second, "the victim is told by whom");
}

pub(super) async fn assignment_compares_what_it_says(store: &dyn LeaseStore) {
    let (a, b, c) = (worker("a"), worker("b"), worker("c"));
    let free = made(store, "assign-1").await;
    let seen = applied(store.assign(&free, &a, Compare::OwnerAndCounter).await);
    assert_eq!((seen.counter, seen.owner_switches_since_checkpoint), (free.counter + 1, 1));
    changed(store.assign(&free, &c, Compare::Owner).await);
    let renewed = applied(store.renew(&seen, &a, None).await);
    assert_eq!(changed(store.assign(&seen, &b, Compare::OwnerAndCounter).await), renewed, "it lives");
    let moved = applied(store.assign(&seen, &b, Compare::Owner).await);
    assert_eq!((moved.owner.as_ref(), moved.counter), (Some(&b), renewed.counter + 1));
    gone(store.assign(&Lease { key: must("assign-2".parse()), ..moved }, &c, Compare::Owner).await);
}

pub(super) async fn handoff_goes_from_one_to_the_other(store: &dyn LeaseStore) {
    let (a, b) = (worker("a"), worker("b"));
    let before = held(store, "handoff-1", &a).await;
    let asked = applied(store.request_handoff(&before, &b).await);
    assert_eq!((asked.owner.as_ref(), asked.checkpoint_owner.as_ref()), (Some(&b), Some(&a)));
    assert_eq!(asked.counter, before.counter, "a request is no renewal");
    changed(store.request_handoff(&before, &worker("c")).await);
    assert_eq!(changed(store.renew(&before, &a, None).await), asked, "this is how the holder learns of it");
    changed(store.renew(&asked, &b, None).await);
    changed(store.checkpoint(&asked, &b, &to(5)).await);
    let renewed = applied(store.renew(&asked, &a, None).await);
    assert!(renewed.is_in_handoff() && renewed.counter == asked.counter + 1);
    let stored = applied(store.checkpoint(&renewed, &a, &to(6)).await);
    assert!(matches!(store.transfer(&stored, &b).await, Err(Error::Misuse(_))));
    changed(store.transfer(&renewed, &a).await);
    let done = applied(store.transfer(&stored, &a).await);
    assert_eq!((done.owner.as_ref(), done.checkpoint_owner.as_ref()), (Some(&b), None));
    assert_eq!((done.counter, &done.checkpoint), (stored.counter + 1, &at(6)));
    changed(store.checkpoint(&stored, &a, &to(7)).await);
    applied(store.renew(&done, &b, None).await);
    assert!(matches!(store.request_handoff(&done, &b).await, Err(Error::Misuse(_))));

    // Who was to have it is gone.
    let before = held(store, "handoff-3", &a).await;
    assert!(matches!(store.transfer_to_anybody(&before, &a).await, Err(Error::Misuse(_))));
    let asked = applied(store.request_handoff(&before, &b).await);
    assert!(matches!(store.transfer_to_anybody(&asked, &b).await, Err(Error::Misuse(_))));
    let renewed = applied(store.renew(&asked, &a, None).await);
    changed(store.transfer_to_anybody(&asked, &a).await);
    let free = applied(store.transfer_to_anybody(&renewed, &a).await);
    assert_eq!((free.holder(), free.owner.as_ref(), free.counter), (None, None, renewed.counter + 1));
    changed(store.renew(&renewed, &a, None).await);

    // The leader loses patience: whatever the holder renewed meanwhile.
    let before = held(store, "handoff-2", &a).await;
    let asked = applied(store.request_handoff(&before, &b).await);
    applied(store.renew(&asked, &a, None).await);
    let forced = applied(store.assign(&asked, &b, Compare::Owner).await);
    assert_eq!((forced.owner.as_ref(), forced.checkpoint_owner.as_ref()), (Some(&b), None));
}

pub(super) async fn release_leaves_the_lease_to_anybody(store: &dyn LeaseStore) {
    let (a, b) = (worker("a"), worker("b"));
    let lease = held(store, "release-1", &a).await;
    let renewed = applied(store.renew(&lease, &a, None).await);
    changed(store.release(&lease).await);
    let free = applied(store.release(&renewed).await);
    assert_eq!((free.owner.as_ref(), free.counter), (None, renewed.counter + 1));
    changed(store.checkpoint(&renewed, &a, &to(1)).await);
    applied(store.assign(&free, &b, Compare::OwnerAndCounter).await);

    let lease = held(store, "release-2", &a).await;
    let asked = applied(store.request_handoff(&lease, &b).await);
    let left = applied(store.release(&asked).await);
    assert_eq!((left.owner.as_ref(), left.checkpoint_owner.as_ref()), (Some(&b), None));
}

pub(super) async fn checkpoints_are_fenced_and_never_go_back(store: &dyn LeaseStore) {
    let (a, b) = (worker("a"), worker("b"));
    let lease = held(store, "checkpoint-1", &a).await;
    let stored = applied(store.checkpoint(&lease, &a, &to(50)).await);
    assert_eq!((stored.counter, &stored.checkpoint), (lease.counter + 1, &at(50)));
    assert_eq!(stored.owner_switches_since_checkpoint, 0);
    let back = store.checkpoint(&stored, &a, &to(49)).await;
    assert!(matches!(back, Err(Error::CheckpointGoesBack { .. })), "{back:?}");
    let taken = applied(store.take(&stored, &b).await);
    assert_eq!(changed(store.checkpoint(&stored, &a, &to(60)).await), taken, "a zombie's checkpoint");
    changed(store.checkpoint(&taken, &a, &to(60)).await);
    let children = BTreeSet::from([must("checkpoint-2".parse()), must("checkpoint-3".parse())]);
    let end = NewCheckpoint { checkpoint: Checkpoint::SHARD_END, children: children.clone() };
    let ended = applied(store.checkpoint(&taken, &b, &end).await);
    assert_eq!((ended.is_finished(), &ended.children), (true, &children));
    assert!(store.checkpoint(&ended, &b, &to(99)).await.is_err(), "the end is final");

    // A row that was removed and made again counts from the beginning; whoever had it before is nobody.
    let first = held(store, "checkpoint-4", &a).await;
    applied(store.delete(&first).await);
    held(store, "checkpoint-4", &b).await;
    changed(store.checkpoint(&first, &a, &to(70)).await);
}

pub(super) async fn checkpoints_in_two_phases(store: &dyn LeaseStore) {
    let (a, b) = (worker("a"), worker("b"));
    let lease = held(store, "pending-1", &a).await;
    let pending = PendingCheckpoint { checkpoint: at(8), state: Some(b"outbox 17".to_vec()) };
    let prepared = applied(store.prepare_checkpoint(&lease, &a, &pending).await);
    assert_eq!(prepared.pending.as_ref(), Some(&pending));
    assert_eq!((&prepared.checkpoint, prepared.counter), (&Checkpoint::TRIM_HORIZON, lease.counter + 1));
    changed(store.prepare_checkpoint(&lease, &a, &pending).await);
    let taken = applied(store.take(&prepared, &b).await);
    assert_eq!(taken.pending.as_ref(), Some(&pending), "a successor is told");
    let without = PendingCheckpoint { checkpoint: at(9), state: None };
    let prepared = applied(store.prepare_checkpoint(&taken, &b, &without).await);
    assert_eq!(prepared.pending.as_ref(), Some(&without), "the old state is gone");
    let stored = applied(store.checkpoint(&prepared, &b, &to(9)).await);
    assert_eq!((stored.pending, stored.checkpoint), (None, at(9)));
}

pub(super) async fn metadata_leaves_the_counter(store: &dyn LeaseStore) {
    let a = worker("a");
    let lease = held(store, "metadata-1", &a).await;
    let hash_range = HashKeyRange::new(HashKey(5), HashKey(7));
    let children = BTreeSet::from([must("metadata-2".parse())]);
    let metadata = Metadata { children: children.clone(), hash_range };
    let known = applied(store.update_metadata(&lease, &metadata).await);
    assert_eq!((known.counter, known.hash_range, &known.children), (lease.counter, hash_range, &children));
    applied(store.renew(&lease, &a, None).await);
    let nowhere = Lease { key: must("metadata-3".parse()), ..lease };
    gone(store.update_metadata(&nowhere, &metadata).await);
}

pub(super) async fn removal_compares(store: &dyn LeaseStore) {
    let a = worker("a");
    let lease = held(store, "delete-1", &a).await;
    let renewed = applied(store.renew(&lease, &a, None).await);
    assert_eq!(changed(store.delete(&lease).await), renewed);
    assert_eq!(applied(store.delete(&renewed).await), renewed, "what was there");
    gone(store.delete(&renewed).await);
    assert_eq!(must(store.get(&lease.key).await), None);
}
