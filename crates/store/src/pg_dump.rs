//! Running `pg_dump`. The password goes by its environment, which only we can read, and never by its arguments.

use std::path::Path;
use std::process::Stdio;

use holdfast_model::{Secret, mask_passwords};
use tokio::process::Command;
use url::Url;

use crate::StoreError;

/// Parameters of a database URL that `pg_dump` understands too; the others are our driver's own.
const KNOWN: [&str; 9] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "user", "dbname", "options"];

/// Writes a dump of the database into the (empty) file.
pub(crate) async fn run(url: &Secret, file: &Path) -> Result<(), StoreError> {
    let (bare, password) = part(url)?;
    let mut command = Command::new("pg_dump");
    command
        .arg("--format=custom")
        .arg("--no-password")
        .arg("--file")
        .arg(file)
        .arg("--dbname")
        .arg(bare)
        .env("PGCONNECT_TIMEOUT", "10")
        .env_remove("HOLDFAST_SECRET_KEY")
        .env_remove("HOLDFAST_DATABASE_URL")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(password) = password {
        command.env("PGPASSWORD", password.expose());
    }
    let done = command.output().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => StoreError::Backup(
            "pg_dump was not found: install PostgreSQL's client programs (Debian: postgresql-client)"
                .to_owned(),
        ),
        _ => StoreError::Backup(format!("pg_dump did not start: {error}")),
    })?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(StoreError::Backup(format!("pg_dump failed ({}): {}", done.status, mask_passwords(said.trim()))))
}

/// The URL without its password, and the password, decoded.
fn part(url: &Secret) -> Result<(String, Option<Secret>), StoreError> {
    let unusable = || StoreError::Backup("pg_dump does not understand the database URL".to_owned());
    let mut bare = Url::parse(url.expose()).map_err(|_| unusable())?;
    let password = bare
        .password()
        .map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned());
    bare.set_password(None).map_err(|()| unusable())?;
    let kept: Vec<(String, String)> = bare
        .query_pairs()
        .filter(|(name, _)| KNOWN.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    // Not form encoding: pg_dump would take a '+' for itself.
    let query: Vec<String> = kept
        .iter()
        .map(|(name, value)| {
            format!(
                "{name}={}",
                percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
            )
        })
        .collect();
    bare.set_query(if query.is_empty() { None } else { Some(query.join("&")) }.as_deref());
    Ok((bare.into(), password.map(Secret::new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_parted_from_the_url() {
        let url = "postgres://me:p%40ss@db.test:5433/holdfast?sslmode=verify-full&sslrootcert=/etc/a+b.pem&statement-cache-capacity=5";
        let (bare, password) = part(&Secret::new(url)).expect("a URL");
        assert_eq!(password.expect("one").expose(), "p@ss");
        // form decoding reads '+' as a space, as the driver does.
        assert_eq!(
            bare,
            "postgres://me@db.test:5433/holdfast?sslmode=verify%2Dfull&sslrootcert=%2Fetc%2Fa%20b%2Epem"
        );
        assert_eq!(
            part(&Secret::new("postgres://db.test/x")).expect("a URL"),
            ("postgres://db.test/x".to_owned(), None)
        );
    }
}
