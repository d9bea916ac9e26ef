//! The master key of encryption at rest: given by the operator, or made and kept beside the data.
//!
//! It comes from a file that nobody else can read or from one variable, never from a setting or an argument: those
//! are printed. With storage in memory a key that was made is forgotten at the end, as all else is.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use base64_simd::STANDARD as BASE64;
use millstream_engine::{KeySource, MasterKey};
use millstream_runtime::{SharedEntropy, SystemEntropy, TaskSet};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::kept_file::{self, SecretFileError};
use crate::settings::{EncryptionSetting, Settings, StorageKind};

const KEY_BYTES: usize = 32;
/// In the data directory.
const KEPT_FILE: &str = "master.key";

/// What the server must know and must not show. Not a part of the settings, which can be printed.
pub struct Secrets {
    master_key: Option<Zeroizing<Vec<u8>>>,
}

impl Secrets {
    /// The variable that holds the master key itself.
    pub const MASTER_KEY_VARIABLE: &str = "MILLSTREAM_MASTER_KEY";

    #[must_use]
    pub fn none() -> Self {
        Self { master_key: None }
    }

    /// Those that variables hold.
    #[must_use]
    pub fn from_environment() -> Self {
        let master_key = env::var_os(Self::MASTER_KEY_VARIABLE);
        Self { master_key: master_key.map(|key| Zeroizing::new(key.into_encoded_bytes())) }
    }

    /// Finds a master key that a server with these settings would not begin with.
    pub fn check(&self, settings: &Settings) -> Result<(), MasterKeyError> {
        MasterKeys::read(settings, self, SystemEntropy::shared()).map(drop)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// Why there is no master key to use.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("the master key: {0}")]
    File(#[from] SecretFileError),
    #[error("{place}: a master key is 64 hexadecimal digits, or 32 bytes in base64")]
    Malformed { place: String },
    #[error(
        "encryption.master_key_file and {} are two master keys; one is to be given",
        Secrets::MASTER_KEY_VARIABLE
    )]
    Two,
    #[error(
        "encryption.previous_master_key_file is for a change to a new master key, and none is given: neither \
         encryption.master_key_file nor {}",
        Secrets::MASTER_KEY_VARIABLE
    )]
    PreviousAlone,
}

/// The engine's source of the master key.
pub(crate) struct MasterKeys {
    /// With one that was made since: whoever opens another engine on the store asks again.
    present: Mutex<Option<MasterKey>>,
    previous: Option<MasterKey>,
    /// Where one that is made is kept, if anywhere.
    kept: Option<PathBuf>,
    entropy: SharedEntropy,
}

impl MasterKeys {
    /// Reads the keys that are configured; else the one that was made earlier, if there is one.
    pub(crate) fn read(
        settings: &Settings,
        secrets: &Secrets,
        entropy: SharedEntropy,
    ) -> Result<Self, MasterKeyError> {
        let EncryptionSetting { master_key_file, previous_master_key_file } = &settings.encryption;
        let is_kept = settings.storage == StorageKind::Rocksdb;
        let kept = is_kept.then(|| settings.data_dir.join(KEPT_FILE));
        let given = match (master_key_file, &secrets.master_key) {
            (Some(_), Some(_)) => return Err(MasterKeyError::Two),
            (Some(file), None) => Some(read(file)?),
            (None, Some(text)) => Some(parse(text, || Secrets::MASTER_KEY_VARIABLE.to_owned())?),
            (None, None) => None,
        };
        if given.is_none() && previous_master_key_file.is_some() {
            return Err(MasterKeyError::PreviousAlone);
        }
        let previous = previous_master_key_file.as_deref().map(read).transpose()?;
        let made_earlier = kept.as_deref().filter(|path| given.is_none() && path.exists());
        let present = given.map_or_else(|| made_earlier.map(read).transpose(), |given| Ok(Some(given)))?;
        Ok(Self { present: Mutex::new(present), previous, kept, entropy })
    }
}

#[async_trait]
impl KeySource for MasterKeys {
    fn present(&self) -> Option<MasterKey> {
        self.present.lock().clone()
    }

    fn previous(&self) -> Option<MasterKey> {
        self.previous.clone()
    }

    async fn make(&self) -> io::Result<MasterKey> {
        let key = Zeroizing::new(self.entropy.bytes::<KEY_BYTES>());
        let made = match self.kept.clone() {
            None => MasterKey::new(&key),
            Some(path) => TaskSet::blocking(move || keep(&path, &key))
                .await
                .unwrap_or_else(|| Err(io::Error::other("the server is shutting down")))?,
        };
        Ok(self.present.lock().insert(made).clone())
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKeys").field("kept", &self.kept).finish_non_exhaustive()
    }
}

fn keep(path: &Path, key: &[u8; KEY_BYTES]) -> io::Result<MasterKey> {
    // One that somebody has put there meanwhile is theirs to use, and not ours to overwrite.
    if path.exists() {
        return read(path).map_err(io::Error::other);
    }
    let mut text = Zeroizing::new([0; 2 * KEY_BYTES + 1]);
    for (digits, byte) in text.chunks_exact_mut(2).zip(key) {
        digits.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
    }
    text[2 * KEY_BYTES] = b'\n';
    kept_file::write(path, &*text, 0o600)?;
    tracing::warn!(path = %path.display(), "a master key was made; without this file encrypted records are lost");
    Ok(MasterKey::new(key))
}

fn read(path: &Path) -> Result<MasterKey, MasterKeyError> {
    parse(&kept_file::read_secret(path)?, || path.display().to_string())
}

/// Reads a key as people write it. White space around it, such as the end of a line, does not matter.
fn parse(text: &[u8], place: impl FnOnce() -> String) -> Result<MasterKey, MasterKeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let text = text.trim_ascii();
    match from_hex(text, &mut key).or_else(|| from_base64(text, &mut key)) {
        Some(()) => Ok(MasterKey::new(&key)),
        None => Err(MasterKeyError::Malformed { place: place() }),
    }
}

fn from_hex(text: &[u8], key: &mut [u8; KEY_BYTES]) -> Option<()> {
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for (byte, digits) in key.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Some(())
}

fn from_base64(text: &[u8], key: &mut [u8; KEY_BYTES]) -> Option<()> {
    let bytes = Zeroizing::new(BASE64.decode_to_vec(text).ok()?);
    key.copy_from_slice(bytes.get(..KEY_BYTES).filter(|_| bytes.len() == KEY_BYTES)?);
    Some(())
}

fn hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use millstream_runtime::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    /// Keys show no more than their fingerprints, which is enough to compare them.
    #[allow(clippy::needless_pass_by_value)] // what is shown is not needed any more
    fn shown(key: Option<MasterKey>) -> String {
        format!("{key:?}")
    }

    fn secret(text: &str) -> Secrets {
        Secrets { master_key: Some(Zeroizing::new(text.as_bytes().to_vec())) }
    }

    fn settings(directory: &Path) -> Settings {
        Settings { data_dir: directory.to_owned(), ..Settings::default() }
    }

    fn keys(settings: &Settings, secrets: &Secrets) -> Result<MasterKeys, MasterKeyError> {
        MasterKeys::read(settings, secrets, SeededEntropy::shared(1))
    }

    fn file(directory: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_key_that_was_made_is_kept_and_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(directory.path());
        let first = keys(&settings, &Secrets::none()).unwrap();
        assert!(first.present().is_none());
        let made = shown(Some(first.make().await.unwrap()));
        assert_eq!(shown(first.present()), made);
        let path = directory.path().join(KEPT_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(shown(keys(&settings, &Secrets::none()).unwrap().present()), made);
        // Nothing is made over one that is there.
        assert_eq!(shown(Some(first.make().await.unwrap())), made);
        // One that is given comes before it.
        let given = keys(&settings, &secret(&"ab".repeat(32))).unwrap().present();
        assert_eq!(shown(given), shown(Some(MasterKey::new(&[0xab; 32]))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = keys(&settings, &Secrets::none()).unwrap_err();
        assert!(exposed.to_string().contains("chmod 600"), "{exposed}");
    }

    #[tokio::test]
    async fn in_memory_nothing_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings { storage: StorageKind::Memory, ..settings(directory.path()) };
        let keys = keys(&settings, &Secrets::none()).unwrap();
        let made = shown(Some(keys.make().await.unwrap()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        // Not on disk, but as long as there is whoever asks: the next engine on the store does.
        assert_eq!(shown(keys.present()), made);
    }

    #[test]
    fn keys_are_read_from_files_and_variables() {
        let directory = tempfile::tempdir().unwrap();
        let expected = shown(Some(MasterKey::new(&[0xab; 32])));
        for text in ["ab".repeat(32), format!("{}\n", "AB".repeat(32)), BASE64.encode_to_string([0xab; 32])] {
            let file = file(directory.path(), "key", &text, 0o600);
            let mut settings = settings(directory.path());
            assert_eq!(shown(keys(&settings, &secret(&text)).unwrap().present()), expected);
            settings.encryption.master_key_file = Some(file);
            assert_eq!(shown(keys(&settings, &Secrets::none()).unwrap().present()), expected);
            assert!(matches!(keys(&settings, &secret(&text)), Err(MasterKeyError::Two)));
        }
    }

    #[test]
    fn a_previous_key_needs_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(directory.path());
        let previous = file(directory.path(), "previous", &"cd".repeat(32), 0o600);
        settings.encryption.previous_master_key_file = Some(previous);
        assert!(matches!(keys(&settings, &Secrets::none()), Err(MasterKeyError::PreviousAlone)));
        let both = keys(&settings, &secret(&"ab".repeat(32))).unwrap();
        assert_eq!(shown(both.previous()), shown(Some(MasterKey::new(&[0xcd; 32]))));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(directory.path());
        let almost = format!("{}x", "a".repeat(63));
        for text in ["", "secret", &almost, &"a".repeat(65), &BASE64.encode_to_string([1; 31])] {
            let refused = keys(&settings, &secret(text)).unwrap_err().to_string();
            assert!(refused.starts_with("MILLSTREAM_MASTER_KEY: "), "{refused}");
            assert!(text.is_empty() || !refused.contains(text), "{refused}");
        }
        let file = file(directory.path(), "key", "secret", 0o600);
        settings.encryption.master_key_file = Some(file);
        let refused = keys(&settings, &Secrets::none()).unwrap_err().to_string();
        assert!(refused.contains("key: a master key is 64"), "{refused}");
        settings.encryption.master_key_file = Some(directory.path().join("missing"));
        assert!(keys(&settings, &Secrets::none()).unwrap_err().to_string().contains("missing"));
    }

    proptest! {
        #[test]
        fn both_forms_of_a_key_are_the_same_key(key: [u8; 32]) {
            let place = || String::new();
            let mut hex = Vec::new();
            key.iter().for_each(|byte| hex.extend([hex_digit(byte >> 4), hex_digit(byte & 0xf)]));
            let expected = shown(Some(MasterKey::new(&key)));
            prop_assert_eq!(shown(parse(&hex, place).ok()), expected.clone());
            prop_assert_eq!(shown(parse(BASE64.encode_to_string(key).as_bytes(), place).ok()), expected);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            let _ = parse(&bytes, String::new);
        }
    }
}
