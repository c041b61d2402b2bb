#!/usr/bin/env bash
# See that these Debian packages are installed: install them when we may, else say exactly what to type.
#   services.sh PACKAGE ...
set -euo pipefail
missing=()
for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

printf '%s  installing from Debian: %s\n' "$(date +%H:%M:%S)" "${missing[*]}"
as_root=()
if ((EUID != 0)); then
    if sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        printf 'These Debian packages are missing and this user may not install them. Please type:\n    sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
        exit 1
    fi
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    printf 'The installation failed; please type:\n    apt-get update && apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
    exit 1
fi
