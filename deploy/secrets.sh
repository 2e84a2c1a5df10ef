#!/bin/bash
# The first step of `docker compose up`: makes every secret that is missing, each in the volume of those who need it. What is there is kept.
set -euo pipefail
umask 022
cd /secrets

keep() { # file, content
  [ -s "$1" ] || { printf '%s' "$2" >"$1.new" && mv "$1.new" "$1"; }
}
password() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

keep database/superuser "$(password)"
keep database/store "$(password)"
keep database/audit "$(password)"
keep database/audit-writer "$(password)"
keep database/audit-retention "$(password)"
keep broker/password "$(password)"

# As the services take them, by ConnectionStrings__…_FILE.
keep store/connection "Host=postgres;Database=ampora_store;Username=ampora_store;Password=$(cat database/store)"
# The first owned the audit database before it had other roles, and owns it now.
keep audit/owner "Host=postgres;Database=ampora_audit;Username=ampora_audit;Password=$(cat database/audit)"
keep audit/writer "Host=postgres;Database=ampora_audit;Username=ampora_audit_writer;Password=$(cat database/audit-writer)"
keep audit/retention "Host=postgres;Database=ampora_audit;Username=ampora_audit_retention;Password=$(cat database/audit-retention)"
keep broker/url "amqp://ampora:$(cat broker/password)@rabbitmq:5672/"

keep keys/master "$(head -c 32 /dev/urandom | base64)"
# The form of every token of Ampora: amp_, 256 random bits, and six digits of their checksum.
bits=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
keep admin/token "amp_$bits$(printf '%s' "$bits" | sha256sum | cut -c 1-6)"

echo 'Secrets are in place. The admin token is shown by:'
echo '  docker compose exec console cat /secrets/admin/token'
