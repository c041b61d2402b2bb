#!/usr/bin/env bash
# Make .venv hold exactly what a lock file names, and this project. Does nothing when it already does.
#   environment.sh requirements.lock | requirements-dev.lock
set -euo pipefail
cd "$(dirname "$0")/../.."
lock=$1
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

find_python() {
    local name
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Pilotage needs Python 3.11 or newer and found none. On Debian: apt-get install python3" >&2
    return 1
}

# Debian keeps ensurepip, without which there is no venv, in a package of its own.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    deploy/setup/services.sh "$package"
}

wanted=$(cat requirements-build.lock "$lock" pyproject.toml | sha256sum | cut -d' ' -f1)
# The development lock holds everything of the runtime lock, so it also serves `make demo`.
complete=$(cat requirements-build.lock requirements-dev.lock pyproject.toml | sha256sum | cut -d' ' -f1)
have=$(cat .venv/installed 2>/dev/null || true)
if [[ $have == "$wanted" || $have == "$complete" ]]; then exit 0; fi

python=$(find_python)
need_venv "$python"
say "[1/4] virtual environment ($("$python" --version))"
"$python" -m venv --clear .venv
pip=(.venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off)
say "[2/4] build tools"
"${pip[@]}" -q --require-hashes -r requirements-build.lock
say "[3/4] $(grep -c '^[a-z]' "$lock") packages of $lock, a minute or so"
# --use-pep517: Debian's pip would otherwise run the XStatic packages' setup.py outside our setuptools.
"${pip[@]}" --no-build-isolation --use-pep517 --require-hashes -r "$lock" |
    sed -un 's/^Collecting \([^ ]*\).*/          \1/p'
say "[4/4] Pilotage itself"
"${pip[@]}" -q --no-build-isolation --no-deps -e .
echo "$wanted" > .venv/installed
