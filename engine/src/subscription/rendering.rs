//! Blocks in the form in which subscribers are sent them, made once for all subscribers of a shard.
//!
//! What the form is, is not known here: whoever serves a subscriber first leaves bytes, and the others send the same.
//! A rendering lives as long as somebody sends it or the newest ones, which are kept within a bound, include it; the
//! shard's tail merely knows where it is.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use millstream_model::Timestamp;
use parking_lot::Mutex;

/// Which of the forms that subscribers may be sent, one for each wire. All who name a form must mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(usize);

impl Form {
    /// As many as there are wires.
    const COUNT: usize = 2;

    pub const FIRST: Self = Self(0);
    pub const SECOND: Self = Self(1);
}

/// The place for one block's renderings, and for what a look at all of its records shows.
#[derive(Debug, Default)]
pub(crate) struct Rendering {
    bytes: [OnceLock<Bytes>; Form::COUNT],
    contents: OnceLock<Contents>,
}

/// What is in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) records: usize,
    /// Data and partition keys of all records.
    pub(crate) bytes: u64,
    pub(crate) last_arrival: Timestamp,
}

/// The newest renderings of all shards.
#[derive(Debug)]
pub(crate) struct Renderings {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    renderings: VecDeque<(Arc<Rendering>, usize)>,
}

impl Rendering {
    /// What is in the block, as `look` finds it unless somebody has looked before.
    pub(crate) fn contents<E>(&self, look: impl FnOnce() -> Result<Contents, E>) -> Result<Contents, E> {
        match self.contents.get() {
            Some(contents) => Ok(*contents),
            None => look().map(|contents| *self.contents.get_or_init(|| contents)),
        }
    }
}

impl Renderings {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// The bytes that were left in the place; if there are none, those that `make` makes, which are left there. Who
    /// comes while they are made waits for them, which takes no longer than making them.
    pub(crate) fn get_or_make(
        &self,
        place: &Arc<Rendering>,
        form: Form,
        make: impl FnOnce() -> Bytes,
    ) -> Bytes {
        let mut is_new = false;
        let bytes = place.bytes[form.0].get_or_init(|| {
            is_new = true;
            make()
        });
        if is_new {
            self.keep(place.clone(), bytes.len());
        }
        bytes.clone()
    }

    fn keep(&self, rendering: Arc<Rendering>, bytes: usize) {
        let mut kept = self.kept.lock();
        kept.bytes += bytes;
        kept.renderings.push_back((rendering, bytes));
        while kept.bytes > self.bytes_max {
            let Some((_, bytes)) = kept.renderings.pop_front() else { return };
            kept.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Weak;

    use super::*;

    #[test]
    fn the_first_makes_it_and_the_newest_are_kept() {
        let (renderings, made) = (Renderings::new(250), Cell::new(0));
        let render = |place: &Arc<Rendering>| {
            renderings.get_or_make(place, Form::FIRST, || {
                made.set(made.get() + 1);
                Bytes::from(vec![7; 100])
            })
        };
        let places: Vec<Weak<Rendering>> = (0..5)
            .map(|number| {
                let place = Arc::default();
                assert_eq!(render(&place), render(&place));
                assert_eq!(made.get(), number + 1);
                Arc::downgrade(&place)
            })
            .collect();
        let kept: Vec<_> = places.iter().map(Weak::strong_count).collect();
        assert_eq!(kept, [0, 0, 0, 1, 1]);
        assert_eq!(renderings.kept.lock().bytes, 200);
    }

    #[test]
    fn a_block_is_looked_at_until_somebody_could_read_it() {
        let place = Rendering::default();
        let contents = Contents { records: 1, bytes: 2, last_arrival: Timestamp::EPOCH };
        assert_eq!(place.contents(|| Err("unreadable")), Err("unreadable"));
        assert_eq!(place.contents(|| Ok::<_, &str>(contents)), Ok(contents));
        assert_eq!(place.contents(|| Err("looked again")), Ok(contents));
    }

    #[test]
    fn each_form_is_made_by_itself() {
        let (renderings, place) = (Renderings::new(250), Arc::default());
        let render = |form, bytes: &'static [u8]| renderings.get_or_make(&place, form, || bytes.into());
        assert_eq!(
            (render(Form::FIRST, b"json"), render(Form::SECOND, b"other")),
            ("json".into(), "other".into())
        );
        assert_eq!((render(Form::FIRST, b""), render(Form::SECOND, b"")), ("json".into(), "other".into()));
        assert_eq!(renderings.kept.lock().bytes, 9);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let (renderings, place) = (Renderings::new(0), Arc::default());
        assert_eq!(renderings.get_or_make(&place, Form::FIRST, || Bytes::from_static(b"x")), "x");
        assert!(renderings.kept.lock().renderings.is_empty());
        assert_eq!(Arc::strong_count(&place), 1);
    }
}
