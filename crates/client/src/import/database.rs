//! Reads a StreamVault database. Its schema, in all versions so far: `global_settings` has one row; `http_proxy` and
//! `https_proxy` came to it later than the table and hold plain URLs, or nothing. Newer versions also keep a table
//! `proxy_settings`, whose addresses are encrypted with a key of their own: those can only be counted.

use std::str::FromStr as _;
use std::time::Duration;

use holdfast_model::Secret;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgTransaction};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use crate::ClientError;
use crate::text::clean;

/// For a database to answer.
const LIMIT: Duration = Duration::from_secs(15);

/// The columns that may hold a proxy.
pub(super) const COLUMNS: [&str; 2] = ["http_proxy", "https_proxy"];

/// What a StreamVault database knows of proxies.
pub(super) struct Found {
    /// Column and address, in the order of [`COLUMNS`]; nothing that is empty.
    pub(super) proxies: Vec<(&'static str, Secret)>,
    /// How many more are there, encrypted.
    pub(super) encrypted: i64,
}

/// Whether this address holds a password.
pub(super) fn has_password(from: &str) -> bool {
    !passwords(from.trim()).is_empty()
}

/// Connects, reads in a transaction that can change nothing, and leaves.
///
/// # Errors
/// [`ClientError::Usage`] if `from` is no PostgreSQL URL, [`ClientError::Failed`] if the database does not answer or
/// is not StreamVault's. No message holds the database's password.
pub(super) async fn read(from: &str) -> Result<Found, ClientError> {
    let url = driverless(from.trim());
    let options = options(&url)?;
    let told = |e: &sqlx::Error| failure(e, &options, &url);
    let late = || {
        ClientError::Failed(format!(
            "the StreamVault database at {} did not answer within {} s: is the address right, and can it be reached from here?",
            place(&options),
            LIMIT.as_secs()
        ))
    };
    match timeout(LIMIT, ask(&options)).await {
        Err(_) => Err(late()),
        Ok(Err(Trouble::Database(error))) => Err(told(&error)),
        Ok(Err(Trouble::NotStreamVault)) => Err(ClientError::Failed(format!(
            "the database at {} has no table global_settings, so it is not StreamVault's: name StreamVault's database \
             at the end of --from",
            place(&options)
        ))),
        Ok(Ok(found)) => Ok(found),
    }
}

enum Trouble {
    Database(sqlx::Error),
    NotStreamVault,
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

async fn ask(options: &PgConnectOptions) -> Result<Found, Trouble> {
    let mut connection = PgConnection::connect_with(options).await?;
    let mut reading = connection.begin_with("BEGIN READ ONLY").await?;
    if !has_table(&mut reading, "global_settings").await? {
        return Err(Trouble::NotStreamVault);
    }
    // By way of JSON, a column that is not there reads as null.
    let rows: Vec<(Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT to_jsonb(g) ->> 'http_proxy', to_jsonb(g) ->> 'https_proxy' FROM global_settings AS g",
    )
    .fetch_all(&mut *reading)
    .await?;
    let encrypted = if has_table(&mut reading, "proxy_settings").await? {
        sqlx::query_scalar("SELECT count(*) FROM proxy_settings").fetch_one(&mut *reading).await?
    } else {
        0
    };
    reading.rollback().await?;
    connection.close().await?;
    let proxies = rows
        .into_iter()
        .flat_map(|(http, https)| COLUMNS.into_iter().zip([http, https]))
        .filter_map(|(column, value)| Some((column, value?)))
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(column, value)| (column, Secret::new(value.trim())))
        .collect();
    Ok(Found { proxies, encrypted })
}

async fn has_table(reading: &mut PgTransaction<'_>, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(name).fetch_one(&mut **reading).await
}

/// SQLAlchemy, which StreamVault uses, writes the driver into the scheme: `postgresql+psycopg://`.
fn driverless(from: &str) -> String {
    match from.split_once("://") {
        Some((scheme, rest)) if scheme.starts_with("postgresql+") => format!("postgresql://{rest}"),
        _ => from.to_owned(),
    }
}

fn options(url: &str) -> Result<PgConnectOptions, ClientError> {
    let wrong = || {
        ClientError::Usage(
            "--from is no address of a PostgreSQL database: write it like postgres://user:password@host:5432/streamvault, \
             with the special characters of the password percent-encoded"
                .to_owned(),
        )
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(wrong());
    }
    // Its own messages may repeat a part of the address.
    let options = PgConnectOptions::from_str(url).map_err(|_| wrong())?;
    Ok(options.application_name("holdfast import").disable_statement_logging())
}

/// Where the database is, for messages.
fn place(options: &PgConnectOptions) -> String {
    let host =
        options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    clean(&format!("{host}:{}/{database}", options.get_port()))
}

fn failure(error: &sqlx::Error, options: &PgConnectOptions, url: &str) -> ClientError {
    let mut reason = error.to_string();
    // A server's message is a stranger's text: should it repeat the password, it is not passed on.
    for password in passwords(url) {
        reason = reason.replace(password.expose(), "***");
    }
    ClientError::failed(format!("the StreamVault database at {} cannot be read: {reason}", place(options)))
}

/// The password of a database URL, as written and decoded.
fn passwords(url: &str) -> Vec<Secret> {
    let Ok(url) = reqwest::Url::parse(url) else { return Vec::new() };
    let query = url.query_pairs().find(|(key, _)| key == "password").map(|(_, value)| value.into_owned());
    let written = url.password().map(str::to_owned);
    let decoded = written.as_deref().and_then(decode);
    [query, written, decoded].into_iter().flatten().filter(|p| !p.is_empty()).map(Secret::new).collect()
}

/// Percent-decoded, by way of a query string; a plus sign is one.
fn decode(text: &str) -> Option<String> {
    let query = format!("http://h/?p={}", text.replace('+', "%2B").replace('&', "%26").replace('#', "%23"));
    let url = reqwest::Url::parse(&query).ok()?;
    url.query_pairs().next().map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_repeats_the_password_is_masked() {
        for (url, said) in [
            ("postgres://u:p%40s%2Bs+x@h/d", "no p@s+s+x, nor p%40s%2Bs+x"),
            ("postgres://u@h/d?password=p%40s", "no p@s"),
            ("postgres://h/d", "nothing to hide"),
        ] {
            let options = options(url).expect("a good URL");
            let told = failure(&sqlx::Error::Protocol(said.to_owned()), &options, url).to_string();
            assert!(told.starts_with("the StreamVault database at h:5432/d cannot be read: "), "{told}");
            assert!(!told.contains("p@s") && !told.contains("p%40s"), "{told}");
            assert_eq!(has_password(url), told.contains("***"), "{told}");
        }
    }
}
