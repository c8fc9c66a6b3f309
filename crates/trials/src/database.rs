//! The database of a server under trial, and a way into it behind the server's back.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use holdfast_testkit::Postgres;
use tokio::process::Command;

/// Where a server keeps what it knows.
#[derive(Clone, Debug)]
pub enum Database {
    /// In its data directory, as it comes.
    Sqlite,
    /// In this PostgreSQL, by URL.
    Postgres(String),
}

impl Database {
    /// A new database in the PostgreSQL that the tests share.
    ///
    /// # Errors
    /// If there is no PostgreSQL.
    pub async fn postgres() -> Result<Self> {
        Ok(Self::Postgres(Postgres::shared().await?.database().await?))
    }

    /// Runs SQL behind the server's back, as a person would; the rows, `|` between columns.
    pub(crate) async fn sql(&self, data: &Path, sql: &str) -> Result<String> {
        match self {
            Self::Postgres(url) => Postgres::shared().await?.sql_in(url, sql).await,
            Self::Sqlite => sqlite(data, sql).await,
        }
    }
}

/// Python has SQLite built in; the program `sqlite3` is on few machines.
const SQLITE: &str = "
import pathlib, sqlite3, sys
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.is_file() and path.open('rb').read(16) == b'SQLite format 3\\0':
        database = sqlite3.connect(path, timeout=20)
        with database:
            for row in database.execute(sys.argv[2]):
                print(*row, sep='|')
        break
else:
    sys.exit('no SQLite database in ' + sys.argv[1])
";

async fn sqlite(data: &Path, sql: &str) -> Result<String> {
    let output = Command::new("python3")
        .args(["-c", SQLITE])
        .arg(data)
        .arg(sql)
        .kill_on_drop(true)
        .output()
        .await
        .context("python3 is needed on PATH")?;
    ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
