//! A file of JSON lines.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::{
    last_ids,
    record::{Extent, Record, Source, SourceError},
};

/// Bytes of a line.
pub(super) const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Records, one a line; empty lines are passed over.
pub(crate) struct Lines {
    /// Where they can be read once more.
    file: Option<PathBuf>,
    from: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    line: u64,
}

impl Lines {
    pub(crate) async fn open(path: &Path) -> Result<Self, SourceError> {
        if path.as_os_str() == "-" {
            return Ok(Self::of(Box::new(tokio::io::stdin())));
        }
        let file = tokio::fs::File::open(path).await?;
        // A pipe may have a name too, and what was read of it is gone.
        let is_file = file.metadata().await?.is_file();
        let lines = Self::of(Box::new(file));
        Ok(Self { file: is_file.then(|| path.to_owned()), ..lines })
    }

    /// Lines that can be read once.
    pub(super) fn of(from: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self { file: None, from: BufReader::new(from), line: 0 }
    }
}

#[async_trait]
impl Source for Lines {
    async fn extent(&mut self) -> Result<Option<Extent>, SourceError> {
        let Some(file) = self.file.clone() else { return Ok(None) };
        let read = move || last_ids::of_lines(std::io::BufReader::new(std::fs::File::open(file)?));
        tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?.map(Some)
    }

    async fn next(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            self.line += 1;
            let mut line = Vec::new();
            let read = (&mut self.from).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line).await?;
            if read == 0 {
                return Ok(None);
            }
            let fault = |why: String| SourceError::Line { line: self.line, why };
            if read as u64 > LINE_BYTES_MAX {
                return Err(fault(format!("longer than {LINE_BYTES_MAX} bytes")));
            }
            let line = if self.line == 1 { without_mark(&line) } else { &line };
            if line.trim_ascii().is_empty() {
                continue;
            }
            return serde_json::from_slice(line).map(Some).map_err(|error| fault(error.to_string()));
        }
    }
}

/// The first line without the byte order mark that some editors put there.
pub(super) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
}
