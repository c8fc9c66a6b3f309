#!/usr/bin/env bash
# Everything, side by side with HAProxy and Squid in one run, about seven minutes: bench/run.sh [OPTIONS of `holdfast-bench peers`]
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked -p holdfast -p holdfast-bench --bins
exec target/release/holdfast-bench peers "$@"
