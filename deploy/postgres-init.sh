#!/bin/bash
# Run once by the image of PostgreSQL on an empty data folder: a login that owns the database, and one that owns nothing.
set -euo pipefail
owner=$(cat /run/secrets/owner_password)
runtime=$(cat /run/secrets/runtime_password)
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" -v owner="$owner" -v runtime="$runtime" <<'SQL'
create role mla_owner login password :'owner';
create role mla_runtime login password :'runtime' nobypassrls;
create role mla_api nologin;
create role mla_jobs nologin;
grant mla_api, mla_jobs to mla_owner;
grant mla_api, mla_jobs to mla_runtime;
create database mla owner mla_owner encoding 'UTF8' template template0;
SQL
