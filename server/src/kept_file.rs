//! Files that the server makes once and keeps, and files that hold a secret.
//!
//! One is written as a whole or not at all, even if the power goes meanwhile: half a key would keep the server from
//! starting. A secret is read only from a file that nobody but its owner can read.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// No secret is longer than this, bytes.
const SECRET_BYTES_MAX: u64 = 1024 * 1024;

/// Why a secret was not read.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} can be read by others; `chmod 600` it", path.display())]
    Exposed { path: PathBuf },
}

/// Reads a file that only its owner may read. What was read is wiped from memory when it is dropped.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let in_file = |error| SecretFileError::Io { path: path.to_owned(), error };
    // The file is asked, not its name: the two could be told different things.
    let file = fs::File::open(path).map_err(in_file)?;
    let metadata = file.metadata().map_err(in_file)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(SecretFileError::Exposed { path: path.to_owned() });
    }
    // Room for all of it at once, so that no copy is left behind by growing.
    let length = usize::try_from(metadata.len().min(SECRET_BYTES_MAX)).unwrap_or_default();
    let mut secret = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(SECRET_BYTES_MAX).read_to_end(&mut secret).map_err(in_file)?;
    Ok(secret)
}

/// Writes a file with this mode, and makes it durable.
pub(crate) fn write(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    // A file that is there keeps its mode, whatever is asked for. Most often there is none.
    let _ = fs::remove_file(&unfinished);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_that_nobody_else_can_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        write(&path, b"secret", 0o600).unwrap();
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"secret");
        for mode in [0o640, 0o604, 0o644, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read_secret(&path), Err(SecretFileError::Exposed { .. })), "{mode:o}");
        }
        let missing = read_secret(&directory.path().join("missing")).unwrap_err();
        assert!(missing.to_string().contains("missing: "), "{missing}");
    }

    #[test]
    fn what_a_crash_left_unfinished_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        fs::write(path.with_extension("new"), "half a sec").unwrap();
        write(&path, b"secret", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!path.with_extension("new").exists());
    }
}
