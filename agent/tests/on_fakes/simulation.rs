//! Everything at once, by seed: a writer that appends, rotates, copies, truncates and removes; agents that crash, stop and
//! start again; a stream that is slow, loses calls, throttles and is away. Whatever happens, every line is put once or more,
//! whole, and nothing is put that nobody wrote.
//!
//! `MILLSTREAM_SEED=17 cargo test -p millstream-agent --test on_fakes storms -- --nocapture` runs one seed alone, and shows
//! its log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use millstream_client::Error;
use millstream_producer_sdk::Order;
use millstream_runtime::{Entropy, SeededEntropy};

use crate::stream::Weather;
use crate::tree::Node;
use crate::world::World;

const SEEDS: u64 = 100;
const LOG: &str = "/logs/app.log";

/// Writes lines of which no two are alike, and treats its files as programs and their rotation do.
struct Writer<'a> {
    world: &'a World,
    chance: SeededEntropy,
    file: Node,
    /// Lines of the file that is written to.
    lines: Vec<u64>,
    /// A line that is begun in it.
    begun: Option<(u64, String)>,
    /// Files that were rotated, the oldest first, and their lines.
    rotated: VecDeque<(String, Vec<u64>)>,
    /// A copy that is being made: its file, and how many bytes it has.
    copying: Option<(String, Node, usize)>,
    next_line: u64,
    next_file: u64,
    written: BTreeMap<u64, String>,
}

impl<'a> Writer<'a> {
    fn new(world: &'a World, seed: u64) -> Self {
        Self {
            file: world.tree.create(LOG),
            world,
            chance: SeededEntropy::new(seed ^ 0x1095),
            lines: Vec::new(),
            begun: None,
            rotated: VecDeque::new(),
            copying: None,
            next_line: 0,
            next_file: 0,
            written: BTreeMap::new(),
        }
    }

    fn draw(&self, below: u64) -> u64 {
        (&self.chance as &dyn Entropy).next_u64() % below
    }

    /// Something that a program or its rotation does.
    fn act(&mut self) {
        if self.copying.is_some() {
            return self.copy_on();
        }
        match self.draw(100) {
            0..75 => self.write(),
            75..82 => self.rename(),
            82..89 => self.begin_copy(),
            89..93 => self.truncate_if_all_is_put(),
            93..100 => self.remove_if_all_is_put(),
            _ => {}
        }
    }

    fn write(&mut self) {
        for _ in 0..=self.draw(20) {
            let (number, line) = match self.begun.take() {
                Some(begun) => begun,
                None => self.line(),
            };
            if line.len() > 2 && self.draw(40) == 0 {
                let (now, later) = line.split_at(line.len() / 2);
                self.world.tree.append(&self.file, now.as_bytes());
                self.begun = Some((number, later.to_owned()));
                return;
            }
            self.world.tree.append(&self.file, line.as_bytes());
            self.lines.push(number);
        }
    }

    fn line(&mut self) -> (u64, String) {
        self.next_line += 1;
        let number = self.next_line;
        let length = [10, 100, 1_000][usize::try_from(self.draw(3)).unwrap()];
        let filling = "x".repeat(usize::try_from(self.draw(length)).unwrap());
        let line = format!("{number}:{filling}");
        self.written.insert(number, line.clone());
        (number, line + "\n")
    }

    fn end_line(&mut self) {
        if let Some((number, rest)) = self.begun.take() {
            self.world.tree.append(&self.file, rest.as_bytes());
            self.lines.push(number);
        }
    }

    fn rotated_name(&mut self) -> String {
        self.next_file += 1;
        format!("{LOG}.{}", self.next_file)
    }

    fn rename(&mut self) {
        let name = self.rotated_name();
        self.world.tree.rename(LOG, &name);
        // The program has not heard of it yet.
        self.end_line();
        self.rotated.push_back((name, std::mem::take(&mut self.lines)));
        self.file = self.world.tree.create(LOG);
    }

    fn begin_copy(&mut self) {
        self.end_line();
        let name = self.rotated_name();
        let copy = self.world.tree.create(&name);
        self.copying = Some((name, copy, 0));
    }

    fn copy_on(&mut self) {
        let Some((name, copy, done)) = self.copying.take() else { return };
        let bytes = self.world.tree.bytes(&self.file);
        let until = if self.draw(3) == 0 { bytes.len().min(done + 2_000) } else { bytes.len() };
        self.world.tree.append(&copy, &bytes[done..until]);
        if until < bytes.len() {
            self.copying = Some((name, copy, until));
            return;
        }
        self.world.tree.truncate(&self.file);
        self.rotated.push_back((name, std::mem::take(&mut self.lines)));
    }

    fn put(&self) -> BTreeSet<u64> {
        self.world.lines().iter().map(|line| number_of(line)).collect()
    }

    /// Nothing can save lines that are truncated before they were read.
    fn truncate_if_all_is_put(&mut self) {
        let put = self.put();
        if self.begun.is_none() && self.lines.iter().all(|line| put.contains(line)) {
            self.world.tree.truncate(&self.file);
            self.lines.clear();
        }
    }

    fn remove_if_all_is_put(&mut self) {
        let put = self.put();
        let is_put = |(_, lines): &(String, Vec<u64>)| lines.iter().all(|line| put.contains(line));
        if self.rotated.len() > 2 && self.rotated.front().is_some_and(is_put) {
            let (name, _) = self.rotated.pop_front().unwrap();
            self.world.tree.remove(&name);
        }
    }
}

fn number_of(line: &str) -> u64 {
    line.split(':').next().unwrap().parse().unwrap_or_else(|_| panic!("nobody wrote {line:?}"))
}

fn storm(seed: u64) -> (usize, usize) {
    let chance = SeededEntropy::new(seed ^ 0x5eed);
    let draw = |below: u64| (&chance as &dyn Entropy).next_u64() % below;
    let mut world = World::new(seed, draw(3) > 0);
    world.flow().aggregate = draw(2) == 0;
    world.flow().order = [Order::None, Order::Shard][usize::try_from(draw(2)).unwrap()];
    world.flow().outstanding_records_max = usize::try_from(10 + draw(400)).unwrap();
    world.flow().open_files_max = usize::try_from(4 + draw(50)).unwrap();
    world.flow().scan_interval = Duration::from_millis(100 + draw(1_500));
    world.flow().poll_interval = Duration::from_millis(20 + draw(200));
    world.stream.weather(Weather {
        latency_max: Duration::from_millis(draw(200)),
        lost_requests: draw(100),
        lost_replies: draw(100),
        failing_entries: draw(100),
        throttled_entries: draw(100),
    });
    let world = world;
    let mut writer = Writer::new(&world, seed);
    for life in 0..6 {
        let actions = draw(120);
        let is_stopped = draw(4) == 0;
        world.live(async |agent| {
            for _ in 0..actions {
                match draw(60) {
                    0 => world.stream.outage(Some(Error::Unreachable("away".to_owned()))),
                    1 => world.stream.outage(Some(Error::AccessDenied("no".to_owned()))),
                    2..10 => world.stream.outage(None),
                    _ => {}
                }
                writer.act();
                agent.pass(Duration::from_millis(10 * (1 + draw(30)))).await;
            }
            if is_stopped {
                agent.stop().await.unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            }
        });
        for _ in 0..draw(20) {
            writer.act();
        }
    }
    world.stream.outage(None);
    while writer.copying.is_some() {
        writer.copy_on();
    }
    writer.end_line();
    world.live(async |agent| {
        for _ in 0..900 {
            agent.seconds(2).await;
            if writer.put().len() == writer.written.len() {
                break;
            }
        }
        let ended = agent.ended();
        assert!(ended.is_none(), "seed {seed}: {ended:?}");
    });
    let lines = world.lines();
    for line in &lines {
        assert_eq!(writer.written.get(&number_of(line)), Some(line), "seed {seed}");
    }
    let put = writer.put();
    let lost: Vec<_> = writer.written.keys().filter(|line| !put.contains(line)).collect();
    assert!(
        lost.is_empty(),
        "seed {seed}: {} of {} lines were not put: {:?}",
        lost.len(),
        writer.written.len(),
        &lost[..lost.len().min(20)]
    );
    (writer.written.len(), lines.len())
}

#[test]
fn every_line_is_put_through_all_storms() {
    if let Ok(seed) = std::env::var("MILLSTREAM_SEED") {
        tracing_subscriber::fmt().with_ansi(false).init();
        println!("{:?}", storm(seed.parse().unwrap()));
        return;
    }
    let (mut written, mut put) = (0, 0);
    for seed in 0..SEEDS {
        let of_seed = storm(seed);
        written += of_seed.0;
        put += of_seed.1;
    }
    println!("{written} lines, put {put} times");
    // What a crash leaves out of the checkpoint is put again, and not everything.
    assert!(put < 4 * written, "{put} for {written}");
}
