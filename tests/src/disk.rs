//! A disk that loses its cache when the power is cut, and that fails when told to.
//!
//! The model is explained in `shim/disk.c`, which is compiled here and preloaded into the server. This module
//! plays the moment of the cut: it makes the directory anew out of what was synced and a choice of what was
//! not.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::random::Random;
use crate::server::ServerOptions;

/// The units in which devices write: of old ones and of new ones.
const SECTORS: [usize; 2] = [512, 4096];

/// A server's data directory under the shim.
#[derive(Debug)]
pub struct Disk {
    shim: PathBuf,
    root: PathBuf,
    image: PathBuf,
}

/// What a power cut did.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// Changes of names that did not survive.
    pub names_lost: usize,
    /// Files whose content is not what the server last wrote.
    pub files_torn: Vec<String>,
    pub bytes_lost: u64,
}

impl Disk {
    /// For the server whose [`ServerOptions`] have the same directory.
    ///
    /// # Panics
    /// Without a C compiler.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let shim = crate::shim::compile("disk", directory);
        let disk = Self { shim, root: directory.join("data"), image: directory.join("image") };
        fs::create_dir_all(&disk.root).expect("a directory for data");
        fs::create_dir_all(disk.image.join("data")).expect("a directory for the image");
        disk
    }

    /// The same server on this disk, with one of the faults that `shim/disk.c` lists, or none.
    #[must_use]
    pub fn under(&self, options: ServerOptions, fault: Option<&str>) -> ServerOptions {
        options
            .environment("LD_PRELOAD", &self.shim)
            .environment("DISK_SHIM_ROOT", &self.root)
            .environment("DISK_SHIM_IMAGE", &self.image)
            .environment("DISK_SHIM_FAULT", fault.unwrap_or("none"))
    }

    /// Faults that fired since the disk was made, each with a path: `failed …` or `again …`.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let faults = fs::read_to_string(self.image.join("faults")).unwrap_or_default();
        faults.lines().map(str::to_owned).collect()
    }

    /// Cuts the power under a server that has been killed.
    ///
    /// # Panics
    /// When a file cannot be read or written.
    pub fn cut_power(&self, random: &mut Random) -> Cut {
        let changes = self.changes();
        let unsynced = changes.iter().filter(|change| !change.durable).count();
        let kept = random.below(unsynced as u64 + 1);
        let mut cut = Cut { names_lost: unsynced - usize::try_from(kept).unwrap_or(0), ..Cut::default() };
        let (mut now, mut after) = (Names::default(), Names::default());
        let mut unsynced_seen = 0;
        for change in &changes {
            now.apply(&change.what);
            if change.durable || unsynced_seen < kept {
                after.apply(&change.what);
            }
            unsynced_seen += u64::from(!change.durable);
        }
        let cached: BTreeMap<u64, &str> = now.files().map(|(path, file)| (file.id, path)).collect();
        let survivors: Vec<_> = after
            .files()
            .filter(|(path, _)| after.reaches(path, &self.root))
            .map(|(path, file)| {
                let image = self.image.join("data").join(file.id.to_string());
                let synced = fs::read(image).unwrap_or_default();
                let cached = cached.get(&file.id).and_then(|path| file.cached(path));
                let cached = cached.unwrap_or_else(|| synced.clone());
                let found = left_of(path, synced, &cached, random);
                if found != cached {
                    cut.files_torn.push(path.to_owned());
                    cut.bytes_lost += cached.len().saturating_sub(found.len()) as u64;
                }
                let mode = fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode());
                Survivor { path: path.to_owned(), content: found, mode }
            })
            .collect();
        let directories: Vec<_> =
            after.directories().filter(|path| after.reaches(path, &self.root)).map(str::to_owned).collect();
        self.become_after(&directories, survivors);
        cut
    }

    fn become_after(&self, directories: &[String], files: Vec<Survivor>) {
        for directory in [&self.root, &self.image.join("data")] {
            fs::remove_dir_all(directory).expect("the directory goes");
            fs::create_dir(directory).expect("the directory comes back");
        }
        let mut journal = String::new();
        for path in directories {
            fs::create_dir_all(path).expect("a directory");
            journal += &format!("mkdir {path}\n");
        }
        for (Survivor { path, content, mode }, id) in files.into_iter().zip(1..) {
            fs::write(&path, &content).expect("a file");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            fs::write(self.image.join("data").join(format!("{id}")), content).expect("an image");
            let inode = fs::metadata(&path).expect("a file").ino();
            journal += &format!("create {id} {inode} {path}\n");
        }
        for path in directories.iter().map(String::as_str).chain(self.root.to_str()) {
            journal += &format!("sync {path}\n");
        }
        fs::write(self.image.join("journal"), journal).expect("a journal");
    }

    /// All changes of names, and which of them were synced.
    fn changes(&self) -> Vec<Change> {
        let journal = fs::read_to_string(self.image.join("journal")).unwrap_or_default();
        let mut changes: Vec<Change> = Vec::new();
        for line in journal.lines() {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let what = match words.as_slice() {
                [verb, directory] if verb == "sync" => {
                    let inside = changes.iter_mut().filter(|change| change.directory == *directory);
                    inside.for_each(|change| change.durable = true);
                    continue;
                }
                [verb, id, inode, path] if verb == "create" => {
                    let number = |text: &str| text.parse().expect("a number");
                    What::Create(File { id: number(id), inode: number(inode) }, path.clone())
                }
                [verb, path] if verb == "mkdir" => What::MakeDirectory(path.clone()),
                [verb, from, to] if verb == "rename" => What::Rename(from.clone(), to.clone()),
                [_, path] => What::Remove(path.clone()),
                _ => panic!("not a line of the journal: {line}"),
            };
            let path = Path::new(words.last().expect("a path"));
            let directory = path.parent().and_then(Path::to_str).expect("a path below the root").to_owned();
            changes.push(Change { what, directory, durable: false });
        }
        changes
    }
}

/// A file after the cut.
#[derive(Debug)]
struct Survivor {
    path: String,
    content: Vec<u8>,
    mode: u32,
}

#[derive(Debug)]
struct Change {
    what: What,
    directory: String,
    durable: bool,
}

#[derive(Debug)]
enum What {
    Create(File, String),
    MakeDirectory(String),
    Rename(String, String),
    Remove(String),
}

/// A file under whatever name.
#[derive(Clone, Copy, Debug)]
struct File {
    id: u64,
    inode: u64,
}

impl File {
    /// What the process wrote, unless the name stands for another file: the process may have been killed
    /// between a change of names and its line in the journal.
    fn cached(self, path: &str) -> Option<Vec<u8>> {
        let is_it = fs::metadata(path).is_ok_and(|found| found.ino() == self.inode);
        is_it.then(|| fs::read(path).expect("a file"))
    }
}

/// The names of files and of directories, the latter without a file.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, Option<File>>);

impl Names {
    fn apply(&mut self, what: &What) {
        match what {
            What::Create(file, path) => {
                self.0.insert(path.clone(), Some(*file));
            }
            What::MakeDirectory(path) => {
                self.0.insert(path.clone(), None);
            }
            What::Remove(path) => {
                self.0.remove(path);
            }
            What::Rename(from, to) => {
                let inside = format!("{from}/");
                let moved: Vec<_> = self
                    .0
                    .keys()
                    .filter(|path| *path == from || path.starts_with(&inside))
                    .cloned()
                    .collect();
                for path in moved {
                    let node = self.0.remove(&path).flatten();
                    self.0.insert(path.replacen(from.as_str(), to, 1), node);
                }
            }
        }
    }

    fn files(&self) -> impl Iterator<Item = (&str, File)> {
        self.0.iter().filter_map(|(path, file)| Some((path.as_str(), (*file)?)))
    }

    fn directories(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, file)| file.is_none()).map(|(path, _)| path.as_str())
    }

    /// Whether every directory above the path survived.
    fn reaches(&self, path: &str, root: &Path) -> bool {
        let mut above = Path::new(path).ancestors().skip(1).take_while(|above| *above != root);
        above.all(|above| above.to_str().is_some_and(|above| self.0.contains_key(above)))
    }
}

/// What the disk holds of a file after the cut.
fn left_of(path: &str, synced: Vec<u8>, cached: &[u8], random: &mut Random) -> Vec<u8> {
    if synced.starts_with(cached) {
        // It was cut shorter, which changes its size and nothing else: that happened, or did not.
        return if random.once_in(2) { synced } else { cached.to_vec() };
    }
    // The anchor is written in place, and a log over the zeros at its end; other files are appended to, or begun anew,
    // and a file that is begun anew does not mix with what it was.
    if path.contains("/ANCHOR-") || path.ends_with(".log") || cached.starts_with(&synced) {
        return tear(&synced, cached, random);
    }
    if random.once_in(3) { synced } else { tear(&[], cached, random) }
}

/// A file of which `synced` was made durable and `cached` was written: what the disk holds after the cut.
fn tear(synced: &[u8], cached: &[u8], random: &mut Random) -> Vec<u8> {
    if synced == cached {
        return cached.to_vec();
    }
    let (shorter, longer) = (synced.len().min(cached.len()), synced.len().max(cached.len()));
    let size = usize::try_from(random.within(shorter as u64..longer as u64 + 1)).unwrap_or(shorter);
    match random.below(6) {
        0 => synced.to_vec(),
        1 => cached.to_vec(),
        // What was written reached the disk up to some byte.
        2 => written_up_to_a_byte(synced, cached, random).0,
        // The file grew, but its new blocks were never written.
        3 if cached.starts_with(synced) => {
            let mut found = synced.to_vec();
            found.resize(size, 0);
            found
        }
        // It was being written when the power went: the last sector is anything.
        4 => {
            let (mut found, written) = written_up_to_a_byte(synced, cached, random);
            let torn = written.end.saturating_sub(SECTORS[1]).max(written.start);
            let sector = written.end.next_multiple_of(SECTORS[1]).min(found.len());
            random.fill(&mut found[torn..sector]);
            found
        }
        _ => sectors(synced, cached, size, random),
    }
}

/// What was appended, or written over what was there, reached the disk up to some byte. Gives also what was.
fn written_up_to_a_byte(synced: &[u8], cached: &[u8], random: &mut Random) -> (Vec<u8>, Range<usize>) {
    let same = synced.iter().zip(cached).take_while(|(synced, cached)| synced == cached).count();
    let end = usize::try_from(random.within(same as u64..cached.len() as u64 + 1)).unwrap_or(same);
    let rest = synced.get(end..).unwrap_or_default();
    ([&cached[..end], rest].concat(), same..end)
}

/// Sectors reached the disk in any order.
fn sectors(synced: &[u8], cached: &[u8], size: usize, random: &mut Random) -> Vec<u8> {
    let sector = *random.pick(&SECTORS);
    let mut found = synced.to_vec();
    found.resize(size, 0);
    for (place, sector) in found.chunks_mut(sector).zip((0..).step_by(sector)) {
        let Some(written) = cached.get(sector..) else { break };
        if random.once_in(2) {
            let bytes = place.len().min(written.len());
            place[..bytes].copy_from_slice(&written[..bytes]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_every_cut() {
        let mut random = Random::new(1);
        let (synced, cached) = (vec![7; 10_000], vec![7; 50_000]);
        let cuts: Vec<_> = (0..200).map(|_| tear(&synced, &cached, &mut random)).collect();
        assert!(cuts.iter().all(|found| found[..synced.len()] == synced));
        assert!(cuts.iter().any(|found| found.len() == synced.len()));
        assert!(cuts.contains(&cached));
        assert!(cuts.iter().any(|found| found.contains(&0)), "holes");
    }

    #[test]
    fn what_was_not_overwritten_survives_every_cut() {
        let mut random = Random::new(1);
        let synced = [vec![7; 10_000], vec![0; 30_000]].concat();
        let cached = [vec![7; 10_000], vec![8; 5_000], vec![0; 25_000]].concat();
        let mut left = || left_of("/data/000004.log", synced.clone(), &cached, &mut random);
        let cuts: Vec<_> = (0..200).map(|_| left()).collect();
        assert!(cuts.iter().all(|found| found.len() == 40_000 && found[..10_000] == synced[..10_000]));
        assert!(cuts.contains(&synced) && cuts.contains(&cached));
        assert!(cuts.iter().any(|found| found[10_000..15_000].iter().any(|byte| ![0, 8].contains(byte))));
    }

    #[test]
    fn a_file_that_was_cut_shorter_keeps_what_it_began_with() {
        let mut random = Random::new(1);
        let (synced, cached) = (vec![7; 50_000], vec![7; 10_000]);
        let mut left = || left_of("/data/000004.log", synced.clone(), &cached, &mut random);
        let cuts: Vec<_> = (0..200).map(|_| left()).collect();
        assert!(cuts.iter().all(|found| *found == synced || *found == cached));
        assert!(cuts.contains(&synced) && cuts.contains(&cached));
    }
}
