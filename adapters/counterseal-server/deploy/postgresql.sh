#!/bin/sh
# Creates the service's role and its database; PostgreSQL's image runs this once, on an empty volume.
set -eu
export PASSWORD_FILE="${PASSWORD_FILE:-/run/secrets/postgresql_password}"
# psql reads the password itself: others could see it among the arguments of a process.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'END'
\set password `cat "$PASSWORD_FILE"`
CREATE ROLE counterseal LOGIN PASSWORD :'password';
CREATE DATABASE counterseal OWNER counterseal;
END
