#!/bin/bash
# Run by the postgres image when it makes its data folder: the store's database and its role; the audit log's, and a role each that owns it, writes it and
# retires what is old. It may be run again at any time and makes what is missing, as after an upgrade:
#   docker compose exec postgres bash /docker-entrypoint-initdb.d/10-ampora.sh
set -eu

as_superuser() { psql -v ON_ERROR_STOP=1 --quiet --username "${POSTGRES_USER:-postgres}" --dbname "${1:-postgres}"; }

role() { # name, file with its password: never in an argument, where every process could read it
  as_superuser <<SQL
SELECT 'CREATE ROLE $1' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$1') \gexec
ALTER ROLE $1 LOGIN PASSWORD '$(cat "/secrets/database/$2")';
SQL
}

database() { # name, owner
  as_superuser <<SQL
SELECT 'CREATE DATABASE $1 OWNER $2' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$1') \gexec
REVOKE CONNECT ON DATABASE $1 FROM PUBLIC;
SQL
}

role ampora_store store
role ampora_audit audit
role ampora_audit_writer audit-writer
role ampora_audit_retention audit-retention
database ampora_store ampora_store
database ampora_audit ampora_audit
# What else they may do in it, its owner grants when Audit starts.
echo 'GRANT CONNECT ON DATABASE ampora_audit TO ampora_audit_writer, ampora_audit_retention;' | as_superuser
