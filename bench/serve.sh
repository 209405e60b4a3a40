#!/bin/sh
# bench/serve.sh PORT: the bench site (bench/site.py) in the foreground on 127.0.0.1:PORT; prints "ready pid N" when it takes calls.
cd "$(dirname "$0")/.." || exit 1
make --no-print-directory .venv/ready >&2 || exit 1
export OPENBLAS_NUM_THREADS=1  # a nursery is forked off: no threads before
exec .venv/bin/python bench/site.py "$@"
