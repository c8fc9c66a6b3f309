//! The stand-in of the measure `channels`, as a program of its own: see `holdfast_bench::light_streamlink`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    holdfast_bench::light_streamlink(std::env::args().skip(1).collect()).await
}
