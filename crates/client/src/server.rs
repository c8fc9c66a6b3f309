//! Which server is spoken to, and how results are written: the flags that every command here has.

use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Serialize;

use crate::{Api, ClientError};

/// Where `holdfast serve` listens when nothing else is said.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8000";

/// Which server.
#[derive(Args, Serialize)]
pub struct ServerArgs {
    /// The running server [default: http://127.0.0.1:8000]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "HOLDFAST_SERVER",
        hide_env_values = true,
        help_heading = "Server and output"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

impl ServerArgs {
    /// A client of it, or of the one that the file names. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Usage`] if the address is no URL.
    pub fn connect(&self, file: Option<&str>) -> Result<Api, ClientError> {
        Api::new(self.server.as_deref().or(file).unwrap_or(DEFAULT_SERVER))
    }
}

/// How results are written.
#[derive(Args, Serialize)]
pub struct JsonArgs {
    /// Print the result as JSON
    #[arg(
        long, global = true, value_name = "BOOL", env = "HOLDFAST_JSON", hide_env_values = true,
        help_heading = "Server and output",
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(), hide_possible_values = true,
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<bool>,
}

impl JsonArgs {
    /// Whether JSON is wanted.
    pub(crate) fn wanted(&self) -> bool {
        self.json.unwrap_or(false)
    }
}
