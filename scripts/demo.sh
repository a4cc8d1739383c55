#!/bin/sh
# The demo on what is built in dist/, with a redis-server when it is to use one.
set -eu
cd "$(dirname "$0")/.."

for argument in "$@"; do
  if [ "$argument" = --redis ]; then sh scripts/redis.sh; fi
done

exec sh scripts/run.sh node examples/demo/main.ts "$@"
