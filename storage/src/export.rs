//! Everything that a slot held at one moment, page by page, while commits go on.

use std::fmt;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::slot::{Entry, Marks};

/// Bytes of keys and values after which a page is full.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;

/// The entries of one moment in the order of their keys. Dropping it ends the export.
pub struct Export {
    /// Marks that were durable at that moment. What they speak of is among the entries.
    pub marks: Marks,
    source: Source,
}

enum Source {
    Held(Box<dyn Iterator<Item = Entry> + Send>),
    Made(mpsc::Receiver<Made>),
}

/// What whoever makes the pages sends.
#[cfg_attr(not(feature = "rocksdb"), allow(dead_code))] // in memory they are not made elsewhere
#[derive(Debug)]
pub(crate) enum Made {
    Page(Vec<Entry>),
    End,
    Failed(Error),
}

impl Export {
    pub(crate) fn held(marks: Marks, entries: impl Iterator<Item = Entry> + Send + 'static) -> Self {
        Self { marks, source: Source::Held(Box::new(entries)) }
    }

    #[cfg_attr(not(feature = "rocksdb"), allow(dead_code))]
    pub(crate) fn made(marks: Marks, pages: mpsc::Receiver<Made>) -> Self {
        Self { marks, source: Source::Made(pages) }
    }

    /// The next entries; `None` behind the last ones. After an error the rest is not known.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Entry>>> {
        match &mut self.source {
            Source::Held(entries) => Ok(take_page(entries)),
            Source::Made(pages) => match pages.recv().await {
                Some(Made::Page(page)) => Ok(Some(page)),
                Some(Made::End) => {
                    // Whoever asks again is told the same.
                    self.source = Source::Held(Box::new(std::iter::empty()));
                    Ok(None)
                }
                Some(Made::Failed(error)) => Err(error),
                None => Err(Error::Closed),
            },
        }
    }
}

fn take_page(entries: &mut dyn Iterator<Item = Entry>) -> Option<Vec<Entry>> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE_BYTES {
        let Some(entry) = entries.next() else { break };
        bytes += size(&entry.key, &entry.value);
        page.push(entry);
    }
    Some(page).filter(|page| !page.is_empty())
}

pub(crate) fn size(key: &Bytes, value: &Bytes) -> usize {
    key.len() + value.len()
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("marks", &self.marks.len()).finish_non_exhaustive()
    }
}
