//! `make storm SEED=… MINUTES=…`: see [`holdfast_trials::storm`].

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use holdfast_trials::storm::{Weather, blow};

/// Records through five proxies that break at random, and says what is missing
#[derive(Parser)]
#[command(after_help = "Example: storm --seed 7 --minutes 10")]
struct Args {
    /// Chooses the faults; the same seed gives the same ones
    #[arg(long, env = "SEED", default_value_t = 1)]
    seed: u64,
    /// How long it lasts
    #[arg(long, env = "MINUTES", default_value_t = 10.0)]
    minutes: f64,
    /// Recordings at the same time
    #[arg(long, env = "RECORDINGS", default_value_t = 10)]
    recordings: usize,
    /// Segments in the playlist (2 s each)
    #[arg(long, env = "WINDOW", default_value_t = 4)]
    window: usize,
    /// Print the log of every recording that is not whole
    #[arg(long)]
    logs: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let every = Duration::from_secs(5);
    let weather =
        Weather { seed: args.seed, length, recordings: args.recordings, window: args.window, every };
    println!(
        "storm {}: {} recordings, {:.1} minutes, {} segments",
        args.seed, args.recordings, args.minutes, args.window
    );
    let aftermath = blow(weather).await?;
    println!("{} faults:", aftermath.spells.len());
    for spell in &aftermath.spells {
        println!("  {spell}");
    }
    let mut bad = aftermath.unjust.len();
    for line in &aftermath.unjust {
        println!("convicted without a fault: {line}");
    }
    for (finished, whole) in &aftermath.recordings {
        let name = finished.output.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (failovers, lost) = (finished.number("failovers"), finished.number("segments_lost"));
        match whole {
            Ok(()) => {
                println!("{name}: whole; {failovers} failovers, {lost} segments lost by its own account");
            }
            Err(error) => {
                bad += 1;
                let text = format!("{error:#}");
                let shown = if args.logs { text.as_str() } else { text.lines().next().unwrap_or_default() };
                println!(
                    "{name}: NOT WHOLE: {shown}\n  {failovers} failovers, {lost} segments lost by its own account"
                );
            }
        }
    }
    println!(
        "{} passed, {bad} failed",
        aftermath.recordings.iter().filter(|(_, whole)| whole.is_ok()).count()
    );
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
