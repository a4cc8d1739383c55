#!/bin/sh
# Runs a command with everything it needs: the packages of package-lock.json and a Node that is new enough.
#
#   sh scripts/run.sh COMMAND [ARGUMENT…]
#
# A clone needs no other set-up. Node comes from the workspace tools/node where that has one for the platform, else from the system.
set -eu
cd "$(dirname "$0")/.."

# npm writes node_modules/.package-lock.json last, so it is older than package-lock.json only when something is not installed yet.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
fi

PATH="$PWD/node_modules/.bin:$PATH"
export PATH

if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1)'; then
  echo "heddle needs Node 22.19 or newer, and this is $(node -v): install a newer one, or run npm ci without --omit=optional" >&2
  exit 1
fi

exec "$@"
