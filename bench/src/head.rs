//! Heads of requests and replies, read as plainly as possible: both ends of every load are our own.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt};

const MAX: usize = 16 * 1024;

/// One head and what came with it.
#[derive(Debug)]
pub(crate) struct Head {
    /// The first line.
    pub(crate) first: String,
    lines: Vec<(String, String)>,
    /// Bytes that came behind it.
    pub(crate) rest: Vec<u8>,
}

impl Head {
    /// Reads up to the empty line.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            if stream.read_buf(&mut bytes).await.context("reading a head")? == 0 {
                bail!("closed before the end of the head, after {} bytes", bytes.len());
            }
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                return Self::parse(&bytes[..end], bytes[end + 4..].to_vec());
            }
            if bytes.len() > MAX {
                bail!("a head of more than {MAX} bytes");
            }
        }
    }

    fn parse(head: &[u8], rest: Vec<u8>) -> Result<Self> {
        let mut lines = std::str::from_utf8(head).context("a head that is not text")?.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let pair =
            |line: &str| line.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()));
        Ok(Self { first, lines: lines.filter_map(pair).collect(), rest })
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The status of a reply.
    pub(crate) fn status(&self) -> Result<u16> {
        let word = self.first.split_whitespace().nth(1).context("no status")?;
        word.parse().with_context(|| format!("{word:?} is no status"))
    }

    /// The second word of a request's first line.
    pub(crate) fn target(&self) -> &str {
        self.first.split_whitespace().nth(1).unwrap_or_default()
    }
}
