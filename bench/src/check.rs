//! `holdfast check` of 1,000 proxies, of which 200 accept and never answer: how long it takes, and what it costs.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use holdfast_testkit::{Ca, CheckTarget};

use crate::Bench;
use crate::process::Process;
use crate::table::Table;
use crate::upstream::{Upstream, loopback};

const GOOD: usize = 800;
const SILENT: usize = 200;

/// The default of `holdfast check`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs it and returns a table.
///
/// # Errors
/// If the binary fails or miscounts.
pub async fn check(bench: &Bench) -> Result<String> {
    let limit = if bench.quick { Duration::from_secs(2) } else { TIMEOUT };
    let mut good = Vec::new();
    for number in 0..GOOD {
        good.push(Upstream::start(loopback(1, number)).await?);
    }
    let silent: Vec<TcpListener> =
        (0..SILENT).map(|number| TcpListener::bind(loopback(9, number))).collect::<Result<_, _>>()?;

    // Mixed, as lists are: every fifth is silent.
    let mut list = String::new();
    for (number, upstream) in good.iter().enumerate() {
        list.push_str(&format!("http://{}\n", upstream.addr()));
        if number % 4 == 3 {
            list.push_str(&format!("http://{}\n", silent[number / 4].local_addr()?));
        }
    }
    let dir = tempfile::Builder::new().prefix("holdfast-bench").tempdir()?;
    let file = dir.path().join("proxies.txt");
    fs::write(&file, list)?;

    let title = format!("check of {} proxies, {SILENT} silent", GOOD + SILENT);
    let timeout = format!("{} s", limit.as_secs());
    let mut table = Table::new([title.as_str(), "timeout", "wall", "CPU s", "goal"]);
    for (tls, name) in [(false, "target over http"), (true, "target over https")] {
        let target = CheckTarget::start(200, tls).await?;
        let mut command = Command::new(&bench.holdfast);
        command.arg("check").arg(&file).args(["--format", "json", "--check-url", &target.url()]);
        command.args(["--timeout", &format!("{}s", limit.as_secs())]);
        command.env("SSL_CERT_FILE", Ca::shared()?.pem_path()).stdin(Stdio::null()).stderr(Stdio::null());
        let output = dir.path().join("result.json");
        command.stdout(fs::File::create(&output)?);
        let begun = Instant::now();
        let process = Process::start(&mut command)?;
        let (cpu, well) = tokio::task::spawn_blocking(move || process.wait()).await??;
        let took = begun.elapsed();
        ensure!(well, "holdfast check did not end well");
        let healthy = healthy(&fs::read_to_string(&output)?)?;
        ensure!(healthy == GOOD, "{healthy} of {GOOD} good proxies were found healthy");
        let goal = took <= limit + Duration::from_secs(2) && cpu <= 2.0;
        table.row([
            name.to_owned(),
            timeout.clone(),
            format!("{:.2} s", took.as_secs_f64()),
            format!("{cpu:.2}"),
            if goal { "met" } else { "missed" }.to_owned(),
        ]);
    }
    Ok(table.to_string())
}

fn healthy(json: &str) -> Result<usize> {
    let rows: serde_json::Value = serde_json::from_str(json).context("reading the result")?;
    let rows = rows.as_array().context("the result is a list")?;
    ensure!(rows.len() == GOOD + SILENT, "{} results", rows.len());
    Ok(rows.iter().filter(|row| row["status"] == "healthy").count())
}
