//! The token that programs show over HTTP: one for the station, in a file that
//! only its own user may read.

use std::fmt;
use std::hint::black_box;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::disk::durable::{WriteFault, unused_path, write_synced};
use crate::disk::{Access, Disk};

/// In the state folder.
const FILE: &str = "http-token";

/// As many bits as nobody guesses, in hex.
const DRAWN_BYTES: usize = 32;
const DIGITS: usize = 2 * DRAWN_BYTES;

/// Every group's and every other user's rights.
const OF_OTHERS: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
pub enum TokenFault {
    #[error("the token for HTTP cannot be read in {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("a token for HTTP cannot be made in {}", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error(
        "the token for HTTP in {} may be used by others (mode {mode:03o}); remove the file and \
         the next start makes a new token", path.display()
    )]
    Shared { path: PathBuf, mode: u32 },
    #[error(
        "the token for HTTP in {} is not {DIGITS} hex digits; remove the file and the next start \
         makes a new one", path.display()
    )]
    NotAToken { path: PathBuf },
}

/// Lower-case hex.
pub struct Token([u8; DIGITS]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl Token {
    /// The one in the state folder, which is made where there is none. Blocks.
    pub fn open(disk: &Disk, state: &Path) -> Result<Self, TokenFault> {
        let path = state.join(FILE);
        let found = disk.kind_of(&path);
        if found.map_err(|source| TokenFault::Read { path: path.clone(), source })?.is_none() {
            make(disk, state, &path)
                .map_err(|source| TokenFault::Make { path: path.clone(), source })?;
        }
        read(disk, &path)
    }

    /// Takes as long wherever the first difference is.
    pub fn is(&self, shown: &[u8]) -> bool {
        let differences = self
            .0
            .iter()
            .zip(shown)
            .fold(0, |found, (own, other)| black_box(found | (own ^ other)));
        shown.len() == DIGITS && differences == 0
    }
}

fn make(disk: &Disk, state: &Path, path: &Path) -> io::Result<()> {
    let mut drawn = [0; DRAWN_BYTES];
    rustix::rand::getrandom(&mut drawn, rustix::rand::GetRandomFlags::empty())?;
    let token: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
    let temp = unused_path(disk, state, 0, |no| format!(".{FILE}.{no}.tmp"))?;
    write_synced(disk, &temp, Access::OwnerOnly, &mut token.as_bytes())
        .map_err(WriteFault::into_cause)?;
    disk.rename_over(&temp, path)?;
    disk.sync_folder(state)
}

fn read(disk: &Disk, path: &Path) -> Result<Token, TokenFault> {
    let fault = |source| TokenFault::Read { path: path.to_owned(), source };
    let file = disk.open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.permissions().mode() & 0o777;
    if mode & OF_OTHERS != 0 {
        return Err(TokenFault::Shared { path: path.to_owned(), mode });
    }
    let mut text = Vec::new();
    // One more than fits: what follows is no token.
    file.take(DIGITS as u64 + 2).read_to_end(&mut text).map_err(fault)?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match <[u8; DIGITS]>::try_from(text.trim_ascii_end()) {
        Ok(digits) if digits.iter().all(is_hex) => Ok(Token(digits)),
        Ok(_) | Err(_) => Err(TokenFault::NotAToken { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let token = Token::open(&Disk::Real, folder.path()).unwrap();
        let text = std::fs::read(folder.path().join(FILE)).unwrap();
        assert!(token.is(&text));
        assert!(Token::open(&Disk::Real, folder.path()).unwrap().is(&text), "it is kept");
        let other = tempfile::tempdir().unwrap();
        assert!(!Token::open(&Disk::Real, other.path()).unwrap().is(&text), "it is drawn");
        let mut last_differs = text.clone();
        last_differs[DIGITS - 1] ^= 1;
        let longer = [&text[..], b"0"].concat();
        for wrong in [&text[..DIGITS - 1], &longer, &last_differs, b""] {
            assert!(!token.is(wrong));
        }
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn a_file_that_is_no_secret_or_no_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let open = || Token::open(&Disk::Real, folder.path());
        let may_read = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        std::fs::write(&path, "a".repeat(DIGITS) + "\n").unwrap();
        may_read(0o600);
        open().unwrap();
        for mode in [0o640, 0o604, 0o660] {
            may_read(mode);
            assert!(matches!(open(), Err(TokenFault::Shared { mode: told, .. }) if told == mode));
        }
        may_read(0o600);
        for text in ["", "secret", &"z".repeat(DIGITS), &"a".repeat(DIGITS + 1)] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(open(), Err(TokenFault::NotAToken { .. })), "{text}");
        }
    }
}
