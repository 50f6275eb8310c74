//! A file of JSON lines.

use std::path::Path;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::record::{Extent, Record, Source, SourceError};

/// Bytes of a line.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Records, one a line; empty lines are passed over.
pub(crate) struct Lines {
    from: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    line: u64,
}

impl Lines {
    pub(crate) async fn open(path: &Path) -> Result<Self, SourceError> {
        if path.as_os_str() == "-" {
            return Ok(Self::of(Box::new(tokio::io::stdin())));
        }
        Ok(Self::of(Box::new(tokio::fs::File::open(path).await?)))
    }

    pub(super) fn of(from: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self { from: BufReader::new(from), line: 0 }
    }
}

#[async_trait]
impl Source for Lines {
    /// Only its end tells.
    async fn extent(&mut self) -> Result<Extent, SourceError> {
        Ok(Extent::default())
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
            if line.trim_ascii().is_empty() {
                continue;
            }
            return serde_json::from_slice(&line).map(Some).map_err(|error| fault(error.to_string()));
        }
    }
}
