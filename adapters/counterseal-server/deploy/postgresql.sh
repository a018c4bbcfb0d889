#!/bin/sh
# Creates the service's role and its database; PostgreSQL's image runs this once, on an empty volume.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set password="$(cat "${PASSWORD_FILE:-/run/secrets/postgresql_password}")" <<'END'
CREATE ROLE counterseal LOGIN PASSWORD :'password';
CREATE DATABASE counterseal OWNER counterseal;
END
