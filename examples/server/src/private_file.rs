//! Files that nobody but their owner may read.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Makes a file that is not there yet, private from its first moment on.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where there is one; otherwise as the file system has it.
pub(crate) fn new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the place of a database that `SQLite` is about to make, which would let everyone read it; to `SQLite` an empty
/// file is a new database, and what it puts beside it gets the same mode. One that is there stays as it is.
pub(crate) fn for_database(path: &Path) {
    // What is wrong with the place SQLite finds out, too, and says.
    let _ = new(path);
}
