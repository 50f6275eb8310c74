//! The secret that tokens are signed with, where the operator gave none.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chat_core::{Clock as _, SystemClock};

use crate::private_file;

/// The secret kept beside a database, made where there is none: tokens outlive a restart.
///
/// # Errors
/// Where the file can be neither read nor made.
pub(crate) fn beside(database: &Path) -> io::Result<String> {
    let mut path = PathBuf::from(database);
    path.as_mut_os_string().push(".secret");
    match fs::read_to_string(&path) {
        Ok(secret) if !secret.trim().is_empty() => return Ok(secret.trim().to_owned()),
        Ok(_) => fs::remove_file(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = random();
    match private_file::new(&path) {
        Ok(mut file) => {
            file.write_all(secret.as_bytes())?;
            file.sync_all()?;
            Ok(secret)
        }
        // Another process was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(&path).map(|secret| secret.trim().to_owned())
        }
        Err(error) => Err(error),
    }
}

/// A secret that goes with the process.
pub(crate) fn random() -> String {
    (0..4).map(|_| format!("{:016x}", SystemClock.random())).collect()
}
