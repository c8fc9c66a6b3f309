#!/usr/bin/env bash
# Sets up what a make target needs and changes nothing that is there already.
#   scripts/setup.sh          to build and record: Rust, a C compiler, Python, ffmpeg, Streamlink in .venv
#   scripts/setup.sh test     also what the tests run: curl, Chromium
#   scripts/setup.sh bench    also what the comparisons run: HAProxy, Squid
# Packages come from the system's package manager when this runs as root on Debian or Ubuntu. Anywhere else the
# missing ones are named together with the command that installs them, and nothing is touched.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$HOME/.cargo/bin"
purpose="${1:-run}"

# One at a time: make -j, or two checkouts on one machine, must not run two package managers.
if [ -z "${HOLDFAST_SETUP_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
  lock="${TMPDIR:-/tmp}/holdfast-setup-$(id -u).lock"
  HOLDFAST_SETUP_LOCKED=1 exec flock "$lock" "$0" "$purpose"
fi

say() { printf 'setup: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

missing=()
need() { # need PACKAGE COMMAND…: any one of the commands will do
  local package="$1" command
  shift
  for command in "$@"; do if has "$command"; then return; fi; done
  missing+=("$package")
}

need gcc cc gcc clang
need ffmpeg ffprobe
if ! has python3; then
  missing+=(python3 python3-venv)
elif ! .venv/bin/python -c '' 2>/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  missing+=(python3-venv)
fi
case "$purpose" in
  run) ;;
  test)
    need curl curl
    need chromium chromium
    ;;
  bench)
    need curl curl
    need haproxy haproxy
    need squid squid
    ;;
  *)
    say "unknown purpose '$purpose': use run, test or bench"
    exit 2
    ;;
esac

if [ ${#missing[@]} -gt 0 ]; then
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then sudo="sudo "; fi
  if has apt-get; then
    if [ -z "$sudo" ]; then
      say "installing ${missing[*]}"
      export DEBIAN_FRONTEND=noninteractive
      apt-get -qq -o DPkg::Lock::Timeout=600 update >&2
      apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}" >&2
      missing=()
    else
      how="${sudo}apt-get update && ${sudo}apt-get install -y ${missing[*]}"
    fi
  elif has dnf; then how="${sudo}dnf install ${missing[*]/python3-venv/}"
  elif has pacman; then how="${sudo}pacman -S ${missing[*]/python3-venv/}"
  elif has apk; then how="${sudo}apk add ${missing[*]/python3-venv/}"
  elif has brew; then how="brew install ${missing[*]/python3-venv/}"
  else how="install with your system's package manager: ${missing[*]}"
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    say "missing: ${missing[*]}"
    say "this installs what is missing:"
    printf '\n    %s\n\n' "$how" >&2
    exit 1
  fi
fi

if ! has cargo; then
  say "missing: Rust (cargo). How to install it: https://www.rust-lang.org/tools/install"
  exit 1
fi

# Streamlink, pinned, in the project's own Python environment. The stamp holds the requirements that were installed.
stamp=.venv/.requirements
if ! cmp -s scripts/requirements.txt "$stamp" || ! .venv/bin/python -c 'import streamlink' 2>/dev/null; then
  say "installing Streamlink into .venv"
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    python3 -m venv .venv
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement scripts/requirements.txt >&2
  .venv/bin/streamlink --version >&2
  cp scripts/requirements.txt "$stamp"
fi
