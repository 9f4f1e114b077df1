#!/bin/sh
# What the npm scripts for people run: a program of the repository, by the Node that `npm ci` brings and in npm's own process, so
# that it gets npm's signals.
if [ ! -x node_modules/.bin/node ]; then
  echo 'Run `npm ci` first: it brings the right Node, and all that is needed.' >&2
  exit 1
fi
exec node_modules/.bin/node "$@"
