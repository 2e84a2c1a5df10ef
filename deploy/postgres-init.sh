#!/bin/bash
# Run by the postgres image when it makes its data folder: one database and one role for the store, one of each for the audit log.
set -e
for name in store audit; do
  psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
CREATE ROLE ampora_$name LOGIN PASSWORD '$(cat "/secrets/database/$name")';
CREATE DATABASE ampora_$name OWNER ampora_$name;
REVOKE CONNECT ON DATABASE ampora_$name FROM PUBLIC;
SQL
done
