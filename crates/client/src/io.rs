//! Where a command reads and writes. Given by the caller, so that tests need no terminal.

use std::io::{BufRead, ErrorKind, Read as _, Write};

use holdfast_model::Secret;
use serde::Serialize;

use crate::ClientError;

/// Longer than any proxy URL, in bytes.
const MAX_LINE: u64 = 8192;

/// Standard input and output, or what stands in for them.
pub struct Io<'a> {
    /// Read where the command line says `-`.
    pub input: &'a mut dyn BufRead,
    /// Gets the result, and nothing else.
    pub out: &'a mut dyn Write,
    /// How many columns `out` has; `None` if it is no terminal.
    pub columns: Option<usize>,
    /// The server that a configuration file names, if no flag and no variable does.
    pub server: Option<&'a str>,
}

impl Io<'_> {
    /// Writes a result.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), ClientError> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            // `| head` closes the pipe: that is the reader's choice, and the exit status still tells.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|e| {
                ClientError::failed(format!("the result cannot be written to standard output: {e}"))
            }),
        }
    }

    /// Writes a result as JSON, or what `text` makes of it for people.
    pub(crate) fn show<T: Serialize>(
        &mut self,
        json: bool,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), ClientError> {
        if !json {
            return self.print(&text(value));
        }
        let json = serde_json::to_string_pretty(value)
            .map_err(|e| ClientError::failed(format!("the result cannot be put into JSON: {e}")))?;
        self.print(&(json + "\n"))
    }

    /// Everything on standard input.
    pub(crate) fn read_all(&mut self) -> Result<String, ClientError> {
        let mut text = String::new();
        self.input
            .read_to_string(&mut text)
            .map_err(|e| ClientError::failed(format!("standard input cannot be read: {e}")))?;
        Ok(text)
    }

    /// The first line of standard input. Not a byte more: who types should not need Ctrl-D.
    pub(crate) fn read_line(&mut self) -> Result<Secret, ClientError> {
        let mut line = Vec::new();
        (&mut *self.input)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|e| ClientError::failed(format!("standard input cannot be read: {e}")))?;
        String::from_utf8(line).map(Secret::new).map_err(|_| {
            ClientError::Usage("the first line of standard input is not text in UTF-8".to_owned())
        })
    }
}
