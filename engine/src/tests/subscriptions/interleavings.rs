//! Whatever comes in between, each consumer is brought every record once and in order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// So many records in one call, of so many bytes.
    Put(u8, u16),
    Take(usize),
    /// Leaves and comes back, at or after the continuation.
    Resubscribe(usize, bool),
    /// Comes back on a second connection, and the first one is told.
    TakeOver(usize),
    Advance(u16),
    FullDisk,
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u8..8, prop_oneof![1_u16..50, 50_000_u16..60_000]).prop_map(|(count, size)| Step::Put(count, size)),
        8 => (0_usize..3).prop_map(Step::Take),
        2 => (0_usize..3, any::<bool>()).prop_map(|(reader, at)| Step::Resubscribe(reader, at)),
        1 => (0_usize..3).prop_map(Step::TakeOver),
        2 => (1_u16..6_000).prop_map(Step::Advance),
        1 => Just(Step::FullDisk),
        1 => Just(Step::Restart),
    ]
}

/// One consumer, and what it was brought.
struct Reader {
    consumer: ConsumerArn,
    subscription: Option<Subscription>,
    continuation: Option<String>,
    seen: Vec<String>,
}

impl Reader {
    async fn subscribe(&mut self, engine: &Engine, at: bool) {
        let start = match self.continuation.clone() {
            None => Start::TrimHorizon,
            Some(number) if at => Start::AtSequenceNumber(number),
            Some(number) => Start::AfterSequenceNumber(number),
        };
        self.subscription = Some(subscribe(engine, &self.consumer, start).await.unwrap());
    }

    /// False when nothing comes.
    async fn take(&mut self, engine: &Engine) -> bool {
        if self.subscription.is_none() {
            self.subscribe(engine, true).await;
        }
        let Some(subscription) = &mut self.subscription else { return false };
        match now(subscription).await {
            None => false,
            Some(None) => {
                self.subscription = None;
                true
            }
            Some(Some(event)) => {
                let event = event.unwrap();
                self.seen.extend(event.parts.iter().flat_map(Part::records).map(|record| tag(&record)));
                self.continuation = Some(number(&event));
                true
            }
        }
    }
}

/// The first word of a record's data.
fn tag(record: &Record) -> String {
    let text = std::str::from_utf8(&record.data).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

struct Play {
    world: World,
    engine: Engine,
    arn: StreamArn,
    readers: Vec<Reader>,
    written: Vec<String>,
}

impl Play {
    async fn new(tail_bytes_max: usize) -> Self {
        let mut world = World::new();
        world.settings.tail_bytes_max = tail_bytes_max;
        let (engine, arn) = world.with_stream(1).await;
        let mut readers = Vec::new();
        for number in 0..3 {
            let consumer = consumer(&engine, &arn, &format!("c{number}")).await;
            readers.push(Reader { consumer, subscription: None, continuation: None, seen: Vec::new() });
        }
        Self { world, engine, arn, readers, written: Vec::new() }
    }

    async fn put(&mut self, count: u8, size: u16) {
        let from = self.written.len();
        let tags: Vec<_> = (from..from + usize::from(count)).map(|number| format!("r{number}")).collect();
        let padding = " ".repeat(size.into());
        let entries: Vec<_> = tags.iter().map(|tag| entry("k", format!("{tag}{padding}"))).collect();
        if self.engine.put_records(&self.arn, &entries, false).await.is_ok() {
            self.written.extend(tags);
        }
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Put(count, size) => self.put(count, size).await,
            Step::Take(reader) => {
                self.readers[reader].take(&self.engine).await;
            }
            Step::Resubscribe(reader, at) => {
                self.readers[reader].subscription = None;
                self.readers[reader].subscribe(&self.engine, at).await;
            }
            Step::TakeOver(reader) => self.take_over(reader).await,
            Step::Advance(millis) => self.world.clock.advance(Duration::from_millis(millis.into())),
            Step::FullDisk => {
                self.world.faults().disk_full(true);
                self.put(3, 10).await;
                self.world.faults().disk_full(false);
                while self.engine.check_writable().is_err() {
                    self.world.clock.advance(Duration::from_millis(250));
                    tokio::task::yield_now().await;
                }
            }
            Step::Restart => {
                self.readers.iter_mut().for_each(|reader| reader.subscription = None);
                self.engine.close().await.unwrap();
                self.engine = self.world.open().await;
            }
        }
    }

    async fn take_over(&mut self, reader: usize) {
        let reader = &mut self.readers[reader];
        let older = reader.subscription.take();
        self.world.clock.advance(SECOND * 5);
        reader.subscribe(&self.engine, false).await;
        if let Some(mut older) = older {
            let end = now(&mut older).await.expect("an end by now");
            // It may have come to its five minutes first.
            assert!(end.is_none_or(|end| end.is_err()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn each_consumer_is_brought_every_record_once_and_in_order(
        steps in prop::collection::vec(any_step(), 1..60),
        tail_bytes_max in prop_oneof![Just(0_usize), Just(100_000), Just(1 << 26)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut play = Play::new(tail_bytes_max).await;
            for step in steps {
                play.play(step).await;
            }
            let Play { engine, readers, written, .. } = &mut play;
            for reader in readers {
                while reader.take(engine).await {}
                assert_eq!(reader.seen, *written);
            }
        });
    }
}
