use proptest::prelude::*;

use super::*;

const POSITIONS: [InitialPosition; 3] =
    [InitialPosition::TrimHorizon, InitialPosition::Latest, InitialPosition::AtTimestamp(1)];

fn name(number: usize) -> ShardName {
    format!("shardId-{number:012}").parse().unwrap()
}

fn shard(number: usize, parents: &[usize], is_open: bool) -> Shard {
    let parents = parents.iter().map(|parent| name(*parent)).collect();
    Shard { name: name(number), parents, hash_range: None, is_open }
}

fn lease(number: usize, checkpoint: Checkpoint) -> Lease {
    Lease::new(LeaseKey::of_shard(&name(number)), checkpoint)
}

fn made(shards: &[Shard], leases: &[Lease], initial: InitialPosition) -> Vec<(String, Checkpoint)> {
    let creations = plan(shards, leases, initial, None).unwrap();
    creations.into_iter().map(|c| (c.lease.shard().to_string(), c.lease.checkpoint)).collect()
}

fn expected(numbers: &[usize], checkpoint: &Checkpoint) -> Vec<(String, Checkpoint)> {
    numbers.iter().map(|number| (name(*number).to_string(), checkpoint.clone())).collect()
}

/// 0 → (2, 3); 1; 4 = 3 + 1, so 2 and 4 are open.
fn family() -> Vec<Shard> {
    vec![
        shard(0, &[], false),
        shard(1, &[], false),
        shard(2, &[0], true),
        shard(3, &[0], false),
        shard(4, &[3, 1], true),
    ]
}

#[test]
fn a_new_application_begins_with_what_is_listed() {
    for initial in POSITIONS {
        let shards = [shard(2, &[0], true), shard(4, &[3, 1], true)];
        assert_eq!(made(&shards, &[], initial), expected(&[2, 4], &initial.checkpoint()));
    }
}

#[test]
fn a_listing_with_a_hole_makes_no_application() {
    let mut one = shard(0, &[], true);
    one.hash_range = HashKeyRange::uniform(2).next();
    let error = plan(&[one], &[], InitialPosition::Latest, None).unwrap_err();
    assert!(matches!(error, Inconsistent::Hole(_)), "{error}");
}

#[test]
fn unknown_shards_begin_at_their_oldest_or_at_the_tip() {
    let elsewhere = [lease(9, Checkpoint::LATEST)];
    assert_eq!(
        made(&family(), &elsewhere, InitialPosition::TrimHorizon),
        expected(&[0, 1], &Checkpoint::TRIM_HORIZON)
    );
    assert_eq!(
        made(&family(), &elsewhere, InitialPosition::AtTimestamp(5)),
        expected(&[0, 1], &Checkpoint::AT_TIMESTAMP)
    );
    assert_eq!(made(&family(), &elsewhere, InitialPosition::Latest), expected(&[2, 4], &Checkpoint::LATEST));
}

#[test]
fn what_comes_from_a_lease_is_left_to_it() {
    let leases = [lease(0, Checkpoint::LATEST), lease(1, Checkpoint::LATEST)];
    for initial in POSITIONS {
        assert_eq!(made(&family(), &leases, initial), []);
    }
}

#[test]
fn a_merged_shard_does_not_wait_for_a_parent_without_a_lease() {
    // 3's line has a lease and 1 has none: 4 would never begin.
    let leases = [lease(0, Checkpoint::LATEST)];
    for initial in POSITIONS {
        assert_eq!(made(&family(), &leases, initial), expected(&[1], &initial.checkpoint()));
    }
}

#[test]
fn a_child_that_was_forgotten_is_found() {
    let leases = [lease(0, Checkpoint::SHARD_END), lease(1, Checkpoint::LATEST)];
    for initial in POSITIONS {
        assert_eq!(made(&family(), &leases, initial), expected(&[2, 3], &Checkpoint::TRIM_HORIZON));
    }
}

#[test]
fn a_child_of_an_open_parent_is_not_believed() {
    let shards = [shard(0, &[], true), shard(1, &[0], true)];
    let error = plan(&shards, &[lease(0, Checkpoint::LATEST)], InitialPosition::Latest, None).unwrap_err();
    assert_eq!(error, Inconsistent::OpenParent { child: name(1), parent: name(0) });
}

#[test]
fn a_long_ancestry_is_no_problem() {
    let mut shards: Vec<_> =
        (1..50_000).map(|number| shard(number, &[number - 1], number == 49_999)).collect();
    shards.push(shard(0, &[], false));
    let oldest = made(&shards, &[lease(99_999, Checkpoint::LATEST)], InitialPosition::TrimHorizon);
    assert_eq!(oldest, expected(&[0], &Checkpoint::TRIM_HORIZON));
}

#[test]
fn a_merged_child_is_made_when_both_parents_have_leases() {
    let child = shard(4, &[3, 1], true);
    let (three, one) = (lease(3, Checkpoint::LATEST), lease(1, Checkpoint::LATEST));
    let waits = at_shard_end(&three, std::slice::from_ref(&child), std::slice::from_ref(&three));
    assert_eq!(waits, AtShardEnd::WaitFor { child: name(4), parent: name(1) });
    let leases = [three.clone(), one];
    let AtShardEnd::Create(made) = at_shard_end(&three, &[child], &leases) else { panic!("both are there") };
    assert_eq!(made[0].lease.checkpoint, Checkpoint::TRIM_HORIZON);
    assert_eq!(made[0].lease.parents, [name(1), name(3)].into());
}

#[test]
fn a_child_waits_for_parents_that_are_not_done() {
    let mut child = lease(4, Checkpoint::TRIM_HORIZON);
    child.parents = [name(1), name(3)].into();
    let leases = [lease(3, Checkpoint::SHARD_END), lease(1, Checkpoint::LATEST)];
    assert_eq!(waits_for(&child, &leases), [&name(1)]);
    assert!(waits_for(&child, &leases[..1]).is_empty());
    child.checkpoint = Checkpoint::at("5".parse().unwrap(), 0);
    assert!(waits_for(&child, &leases).is_empty());
}

/// A stream's history: each step splits an open shard or merges two.
fn history() -> impl Strategy<Value = Vec<Shard>> {
    (1_usize..5, proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..12)).prop_map(
        |(first, steps)| {
            let mut shards: Vec<_> = (0..first).map(|number| shard(number, &[], true)).collect();
            for (splits, at) in steps {
                let open: Vec<usize> = (0..shards.len()).filter(|index| shards[*index].is_open).collect();
                let one = at.index(open.len());
                let next = shards.len();
                shards[open[one]].is_open = false;
                match open.get(one + 1) {
                    Some(other) if !splits => {
                        shards[*other].is_open = false;
                        shards.push(shard(next, &[open[one], *other], true));
                    }
                    _ => shards.extend([next, next + 1].map(|number| shard(number, &[open[one]], true))),
                }
            }
            shards
        },
    )
}

/// Processes shards to their ends as workers would; gives what was read, in order.
fn process(shards: &[Shard], leases: &mut Vec<Lease>) -> Vec<ShardName> {
    let mut read = Vec::new();
    loop {
        let mut ended = false;
        for index in 0..leases.len() {
            if leases[index].is_finished() || !waits_for(&leases[index], leases).is_empty() {
                continue;
            }
            let name = leases[index].shard();
            if !read.contains(&name) {
                read.push(name.clone());
            }
            let children: Vec<_> =
                shards.iter().filter(|shard| shard.parents.contains(&name)).cloned().collect();
            // A child that waits for its other parent is tried again when that one may have a lease.
            if let AtShardEnd::Create(made) = at_shard_end(&leases[index], &children, leases)
                && !children.is_empty()
            {
                leases.extend(made.into_iter().map(|creation| creation.lease));
                leases[index].checkpoint = Checkpoint::SHARD_END;
                ended = true;
            }
        }
        if !ended {
            return read;
        }
    }
}

proptest! {
    /// Whatever leases an application has: after one sync every open shard is read in the end, no child before its
    /// parents, and a second sync finds nothing to do.
    #[test]
    fn everything_open_is_read_in_the_end(
        shards in history(),
        kept in proptest::collection::vec(any::<bool>(), 32),
        position in 0_usize..3,
    ) {
        let initial = POSITIONS[position];
        // What the application had leases for: shards without kept ancestors, as processing leaves them.
        let mut leases = Vec::new();
        for (shard, keep) in shards.iter().zip(kept.iter().cycle()) {
            let known: BTreeSet<_> = leases.iter().map(Lease::shard).collect();
            let mut above: Vec<_> = shard.parents.clone();
            let mut covered = false;
            while let Some(parent) = above.pop() {
                covered |= known.contains(&parent);
                above.extend(shards.iter().find(|s| s.name == parent).unwrap().parents.clone());
            }
            if *keep && !covered {
                let mut kept = Lease::new(LeaseKey::of_shard(&shard.name), Checkpoint::TRIM_HORIZON);
                kept.parents = shard.parents.iter().cloned().collect();
                leases.push(kept);
            }
        }
        if leases.is_empty() {
            leases.push(lease(1_000, Checkpoint::TRIM_HORIZON));
        }
        // An application that begins in the middle has left what is above behind.
        let begun: Vec<_> = leases.iter().map(Lease::shard).collect();
        let creations = plan(&shards, &leases, initial, None).unwrap();
        let keys: BTreeSet<_> = creations.iter().map(|c| c.lease.key.clone()).collect();
        prop_assert_eq!(keys.len(), creations.len());
        prop_assert!(leases.iter().all(|lease| !keys.contains(&lease.key)));
        leases.extend(creations.into_iter().map(|creation| creation.lease));
        prop_assert_eq!(plan(&shards, &leases, initial, None).unwrap(), []);

        let read = process(&shards, &mut leases);
        for shard in shards.iter().filter(|shard| shard.is_open) {
            prop_assert!(read.contains(&shard.name), "{} is never read", shard.name);
        }
        for (at, name) in read.iter().enumerate().filter(|(_, name)| !begun.contains(*name)) {
            let shard = shards.iter().find(|shard| shard.name == *name);
            let parents = shard.into_iter().flat_map(|shard| &shard.parents);
            for parent in parents {
                prop_assert!(!read[at..].contains(parent), "{name} is read before {parent}");
            }
        }
        prop_assert_eq!(plan(&shards, &leases, initial, None).unwrap(), []);
    }
}
