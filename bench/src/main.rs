//! The command line of the benchmarks.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use holdfast_bench::{
    Bench, Kind, channels, check, find_holdfast, idle, latency, load, raise_file_limit, server, tunnel,
};

/// Loads for Holdfast, and the same loads for HAProxy and Squid, side by side
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// All of them, one after the other
    #[command(alias = "all")]
    Peers(Options),
    /// Throughput of tunnels and what their bytes cost
    Tunnel(Options),
    /// Time that a gateway adds to a CONNECT
    Latency(Options),
    /// Memory of tunnels that carry nothing
    Idle(Options),
    /// `holdfast check` of 1,000 proxies of which 200 are silent
    Check(Options),
    /// `holdfast serve` with 1,000 proxies: list, choice, change, start, and the idle server
    Server(Options),
    /// `holdfast serve` that records 50 live channels of 6 Mbit/s for five minutes; needs 16 GB of disk for a while
    Channels(Options),
    /// Requests and streams while the upstream in use is killed, frozen, or slips
    Load(Options),
    /// An upstream proxy in a process of its own, for the others
    #[command(hide = true)]
    Upstream {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        source: IpAddr,
    },
}

#[derive(Args)]
struct Options {
    /// The holdfast binary [default: the one beside this]
    #[arg(long)]
    holdfast: Option<PathBuf>,
    /// What to measure [default: everything that is installed]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// A fraction of the usual length, for a first look; the figures are rough
    #[arg(long)]
    quick: bool,
}

impl Options {
    fn bench(self) -> Result<Bench> {
        let holdfast = self.holdfast.or_else(find_holdfast).unwrap_or_default();
        let wanted = if self.only.is_empty() { Kind::value_variants().to_vec() } else { self.only };
        let (kinds, missing): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|kind| kind.program(&holdfast).is_some());
        for kind in missing {
            println!("{}: not installed, left out", kind.name());
        }
        raise_file_limit()?;
        Ok(Bench { kinds, holdfast, bench: std::env::current_exe()?, quick: self.quick })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let what = Cli::parse().what;
    // Dropping the run kills what it has started.
    let result = tokio::select! {
        result = run(what) => result,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(what: What) -> Result<()> {
    let text = match what {
        What::Peers(options) => return peers(&options.bench()?).await,
        What::Tunnel(options) => tunnel(&options.bench()?).await?,
        What::Latency(options) => latency(&options.bench()?).await?,
        What::Idle(options) => idle(&options.bench()?).await?,
        What::Check(options) => check(&options.bench()?).await?,
        What::Server(options) => server(&options.bench()?).await?,
        What::Channels(options) => channels(&options.bench()?).await?,
        What::Load(options) => load::load(&options.bench()?).await?,
        What::Upstream { listen, source } => return holdfast_bench::serve_as_process(listen, source).await,
    };
    print!("{text}");
    Ok(())
}

async fn peers(bench: &Bench) -> Result<()> {
    let mut versions: Vec<String> =
        bench.kinds.iter().filter_map(|kind| kind.version(&bench.holdfast)).collect();
    versions.dedup();
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores; {}\n", versions.join("; "));
    let mut failed = 0;
    let mut show = |name: &str, result: Result<String>| match result {
        Ok(text) => println!("{text}"),
        // The others are measured all the same.
        Err(error) => {
            failed += 1;
            println!("{name} could not be measured: {error:#}\n");
        }
    };
    show("throughput", tunnel(bench).await);
    show("latency", latency(bench).await);
    show("memory of idle tunnels", idle(bench).await);
    if bench.kinds.contains(&Kind::Holdfast) {
        show("checks", check(bench).await);
        show("the server", server(bench).await);
    }
    show("the load", load::load(bench).await);
    ensure!(failed == 0, "{failed} measures failed");
    Ok(())
}
