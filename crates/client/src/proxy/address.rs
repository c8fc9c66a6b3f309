//! The address of a proxy on the command line. With a password it belongs on standard input: what stands in the
//! arguments can be read by everyone on the machine.

use holdfast_model::{ProxyUrl, Secret, parse_list_line};
use tracing::warn;

use crate::text::clean;
use crate::{ClientError, Io};

/// The address that an argument names: itself, or for `-` the first line of standard input.
pub(super) fn read(argument: &str, io: &mut Io<'_>) -> Result<Secret, ClientError> {
    if argument != "-" {
        if has_password(argument) {
            warn!(
                "a password given as an argument can be read by everyone on this machine in the process list: \
                 give - in its place, and the proxy URL on standard input"
            );
        }
        return Ok(Secret::new(argument));
    }
    let line = Secret::new(io.read_line()?.expose().trim());
    if line.expose().is_empty() {
        return Err(ClientError::Usage(
            "standard input names no proxy: write its URL there, in one line".to_owned(),
        ));
    }
    Ok(line)
}

/// The address as it may be shown. One that this program cannot read is only cleaned, which masks what looks like
/// a password.
pub(super) fn shown(address: &Secret) -> String {
    match ProxyUrl::parse(address.expose()) {
        Ok(url) => url.masked().to_string(),
        Err(_) => clean(address.expose()),
    }
}

fn has_password(text: &str) -> bool {
    let entry = parse_list_line(1, text).ok().flatten();
    entry.is_some_and(|e| e.url.credentials().is_some_and(|c| !c.password.expose().is_empty()))
}
