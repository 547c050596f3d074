#!/bin/sh
# Makes the secrets that compose.yml mounts, once: random, and readable by the user of the containers.
set -eu
umask 077
folder="$(dirname "$0")/secrets"
mkdir "$folder" || { echo "There are secrets in $folder already; nothing was changed." >&2; exit 1; }
random() { od -An -tx1 -N24 /dev/urandom | tr -d ' \n'; }
for name in postgres owner runtime; do random > "$folder/${name}_password"; done
for name in owner runtime; do
    printf 'postgresql://mla_%s:%s@db:5432/mla' "$name" "$(cat "$folder/${name}_password")" > "$folder/${name}_database_url"
done
random > "$folder/metrics_token"
# The containers run as 10001, PostgreSQL's as 999, and files are mounted as they are. Without root they must be
# readable to all; the folder keeps others of this machine out, and mla-tracker doctor says it all the same.
if [ "$(id -u)" = 0 ]; then
    chown 10001 "$folder"/*_url "$folder/metrics_token"
    chown 999 "$folder"/*_password
    chmod 0400 "$folder"/*
else
    chmod 0444 "$folder"/*
fi
