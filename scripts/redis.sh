#!/bin/sh
# Makes sure that tests and demo can start Redis servers of their own, which they stop, freeze and kill: installs redis-server where it may,
# and openssl, with which the tests make certificates for them. Tests of TLS are skipped without openssl.
# With --or-url a Redis that REDIS_URL names will do: the tests that break one are then skipped.
set -eu

if command -v redis-server >/dev/null 2>&1 && command -v openssl >/dev/null 2>&1; then exit 0; fi

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  # The package starts a server of its own on port 6379 unless a policy forbids it.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  if apt-get -qq update >&2 && apt-get -qq install -y --no-install-recommends redis-server openssl >&2; then
    if command -v redis-server >/dev/null 2>&1; then exit 0; fi
  fi
fi

if command -v redis-server >/dev/null 2>&1; then exit 0; fi

if [ "${1:-}" = --or-url ] && [ -n "${REDIS_URL:-}" ]; then
  echo "there is no redis-server: the tests use the Redis of REDIS_URL, and those that break one are skipped" >&2
  exit 0
fi

echo "redis-server is needed: install it (Debian: apt-get install redis-server, macOS: brew install redis)${1:+ or set REDIS_URL}" >&2
exit 1
