#!/usr/bin/env bash
# Random input for every parser that reads what strangers send: fuzz/run.sh [SECONDS per target, default 600] [TARGET…]
# Ends with a status other than 0 as soon as one finding is made; the input is then in fuzz/artifacts/TARGET.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(proxy_url connect_reply request_head eventsub)

if ! command -v cargo-fuzz >/dev/null; then
  echo "cargo-fuzz is missing. Install it with: cargo install --locked cargo-fuzz" >&2
  exit 2
fi
if ! command -v c++ >/dev/null; then
  echo "a C++ compiler is missing (libFuzzer is C++). Install it with: sudo apt-get install g++" >&2
  exit 2
fi

# Coverage instrumentation is an unstable flag; this allows it on the stable toolchain the project is built with.
export RUSTC_BOOTSTRAP=1
# No address sanitizer: the project has no unsafe code, and without it the targets run several times as fast.
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  echo "== $target: ${seconds} s"
  nice -n 19 cargo fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=5 -print_final_stats=1
done
echo "no finding"
