#!/usr/bin/env bash
# Sets up what a make target needs and changes nothing that is there already.
#   scripts/setup.sh          to build and record: Rust, a C compiler, Python, ffmpeg, Streamlink in .venv
#   scripts/setup.sh test     also what the tests run: curl, Chromium, PostgreSQL, schemathesis in .venv-test
#   scripts/setup.sh bench    also what the comparisons run: HAProxy, Squid
#   scripts/setup.sh web      only what builds the web page: Node.js
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

# Nobody's package manager is asked for Node.js: what Debian 12 has is too old, and a newer one is a choice of its owner.
node_is_new_enough() {
  has node && has npm && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}
case "$purpose" in
  web | test)
    if ! node_is_new_enough; then
      found=""
      if has node; then found=" (this one is $(node --version))"; fi
      say "missing: Node.js 20.19 or later with npm, for the web page$found. How to install it: https://nodejs.org/en/download"
      say "(Debian 12 and Ubuntu 24.04 have an older one in their packages. Without the page: cargo run -- serve)"
      exit 1
    fi
    ;;
esac
if [ "$purpose" = web ]; then exit 0; fi

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
    if ! has initdb && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then missing+=(postgresql); fi
    ;;
  bench)
    need curl curl
    need haproxy haproxy
    need squid squid
    ;;
  *)
    say "unknown purpose '$purpose': use run, test, bench or web"
    exit 2
    ;;
esac

# Debian's PostgreSQL starts a server of its own as soon as it is installed. Nobody here wants that one: the tests start
# theirs. So the setting is changed for the time of the installation, and put back.
cluster_settings=/etc/postgresql-common/createcluster.conf
restore_cluster_settings() {
  if [ -e "$cluster_settings.before-holdfast" ]; then mv "$cluster_settings.before-holdfast" "$cluster_settings"; fi
}
install_postgresql() {
  apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends postgresql-common >&2
  cp -p "$cluster_settings" "$cluster_settings.before-holdfast"
  trap restore_cluster_settings EXIT
  printf '\ncreate_main_cluster = false\n' >>"$cluster_settings"
  apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends postgresql >&2
  restore_cluster_settings
}

if [ ${#missing[@]} -gt 0 ]; then
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then sudo="sudo "; fi
  if has apt-get; then
    if [ -z "$sudo" ]; then
      say "installing ${missing[*]}"
      export DEBIAN_FRONTEND=noninteractive
      apt-get -qq -o DPkg::Lock::Timeout=600 update >&2
      if [[ " ${missing[*]} " == *" postgresql "* ]]; then install_postgresql; fi
      apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}" >&2
      missing=()
    else
      how="${sudo}apt-get update && ${sudo}apt-get install -y ${missing[*]}"
    fi
  elif has dnf; then
    how="${missing[*]/python3-venv/}"
    how="${sudo}dnf install ${how/postgresql/postgresql-server}"
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

# Python programs, pinned, in environments of the project's own. The stamp holds the requirements that were installed.
python_environment() { # python_environment FOLDER REQUIREMENTS PROGRAM
  local folder="$1" requirements="$2" program="$3"
  local stamp="$folder/.requirements"
  if cmp -s "$requirements" "$stamp" && "$folder/bin/python" -c "import $program" 2>/dev/null; then return; fi
  say "installing $program into $folder"
  if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$folder"
    python3 -m venv "$folder"
  fi
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  "$folder/bin/$program" --version >&2
  cp "$requirements" "$stamp"
}

python_environment .venv scripts/requirements.txt streamlink
if [ "$purpose" = test ]; then python_environment .venv-test scripts/requirements-test.txt schemathesis; fi
