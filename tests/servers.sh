# Sourced by tests/run: starts one PostgreSQL and one RabbitMQ for the whole run and says where they are, by the environment
# variables AMPORA_TEST_POSTGRES, AMPORA_TEST_BROKER and AMPORA_TEST_BROKER_MANAGEMENT. Tests make a database or a virtual host of
# their own on them. Both are named in `stops`, which the caller works through at its end.
# shellcheck shell=bash disable=SC2154

# Newer versions lie in folders with higher numbers.
postgres_programs() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }
rabbit_programs=/usr/lib/rabbitmq/bin

# Outside the range that the system gives to outgoing connections, so that nothing takes it between the look and the use.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

wait_until() { # seconds, command...
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

install_servers() {
  local packages=()
  [ -n "${AMPORA_TEST_POSTGRES:-}" ] || [ -n "$(postgres_programs)" ] || packages+=(postgresql)
  [ -n "${AMPORA_TEST_BROKER:-}" ] || [ -x $rabbit_programs/rabbitmq-server ] || packages+=(rabbitmq-server)
  need git || packages+=(git)
  need gitolite || packages+=(gitolite3)
  [ -x /usr/sbin/sshd ] || packages+=(openssh-server)
  need ssh || packages+=(openssh-client)
  need prlimit || packages+=(util-linux)
  [ ${#packages[@]} -gt 0 ] && need apt-get && [ "$(id -u)" = 0 ] || return 0
  say "Installing ${packages[*]}"
  # At run level 1 the packages' own services are not started; the tests use private ones.
  { apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$logs/apt.log" 2>&1 || {
    tail -20 "$logs/apt.log" >&2
    say 'The packages could not be installed.'
  }
}

start_servers() {
  install_servers
  need git || fail 'git is missing: install it.'
  if [ -z "${AMPORA_TEST_POSTGRES:-}" ]; then
    if [ -n "$(postgres_programs)" ]; then start_postgres; elif need docker; then docker_postgres; else no_server PostgreSQL; fi
  fi
  if [ -z "${AMPORA_TEST_BROKER:-}" ]; then
    if [ -x $rabbit_programs/rabbitmq-server ]; then start_rabbit; elif need docker; then docker_rabbit; else no_server RabbitMQ; fi
  fi
}

# RabbitMQ takes some seconds to start, in which the build can run.
await_rabbit() { :; }

no_server() { fail "There is no $1 here: install it (as root, tests/run does on Debian and Ubuntu), install Docker, name a running one (tests/run --help), or run tests/run --without-servers."; }

# What survives when a database is killed is shown on servers of the tests' own, which wait for the disk. This one need not: its hundreds of databases come and go.
postgres_options='-c max_connections=500 -c fsync=off'

start_postgres() {
  local port; port=$(free_port)
  postgres_bin=$(postgres_programs) postgres_data=$work/postgres as=()
  mkdir "$postgres_data"
  # PostgreSQL refuses to run as root.
  if [ "$(id -u)" = 0 ]; then
    chmod 711 "$work"; chown postgres "$postgres_data"
    as=(runuser -u postgres --)
  fi
  "${as[@]}" "$postgres_bin/initdb" -D "$postgres_data" -U postgres -A trust -E UTF8 --no-sync >"$logs/postgres.log" 2>&1 &&
    "${as[@]}" "$postgres_bin/pg_ctl" -D "$postgres_data" -w -t 60 -l "$postgres_data/log" \
      -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' $postgres_options" start >>"$logs/postgres.log" 2>&1 || {
    cat "$logs/postgres.log" "$postgres_data/log" >&2
    fail 'PostgreSQL did not start.'
  }
  stop_postgres() { "${as[@]}" "$postgres_bin/pg_ctl" -D "$postgres_data" -m immediate -w stop; }
  stops+=(stop_postgres)
  export AMPORA_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=postgres;Password=postgres;Database=postgres"
}

start_rabbit() {
  local amqp management name value
  amqp=$(free_port) management=$(free_port)
  rabbit=$work/rabbitmq rabbit_management=$management
  mkdir -p "$rabbit/home"
  echo '[rabbitmq_management].' >"$rabbit/plugins"
  cat >"$rabbit/rabbitmq.conf" <<CONF
listeners.tcp.default = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $management
vm_memory_high_watermark.relative = 0.6
disk_free_limit.absolute = 50MB
CONF
  # A home, a cookie and a name server of its own: it meets no other RabbitMQ on this machine.
  rabbit_env=(env "HOME=$rabbit/home" "ERL_EPMD_PORT=$(free_port)" ERL_EPMD_ADDRESS=127.0.0.1 "RABBITMQ_NODENAME=ampora-tests@localhost"
    "RABBITMQ_DIST_PORT=$(free_port)" "RABBITMQ_MNESIA_BASE=$rabbit/data" RABBITMQ_LOG_BASE="$rabbit/log" "RABBITMQ_LOGS=$rabbit/log/rabbit.log"
    "RABBITMQ_CONFIG_FILE=$rabbit/rabbitmq.conf" "RABBITMQ_ENABLED_PLUGINS_FILE=$rabbit/plugins" "RABBITMQ_PID_FILE=$rabbit/pid" RABBITMQ_CONF_ENV_FILE=/dev/null)
  mkdir -p "$rabbit/data" "$rabbit/log"
  setsid "${rabbit_env[@]}" $rabbit_programs/rabbitmq-server >"$logs/rabbitmq.log" 2>&1 &
  rabbit_job=$!
  disown
  stop_rabbit() {
    local pid; pid=$(cat "$rabbit/pid" 2>/dev/null || echo "$rabbit_job")
    kill -KILL "$pid" "$rabbit_job" 2>/dev/null || true
    # The name server refuses to go before it has seen its node go.
    wait_until 5 "${rabbit_env[@]}" epmd -kill
  }
  stops+=(stop_rabbit)
  await_rabbit() {
    wait_until 90 rabbit_ready "$rabbit_management" && return
    tail -50 "$logs/rabbitmq.log" "$rabbit/log/rabbit.log" >&2
    fail 'RabbitMQ did not start.'
  }
  name=guest value=guest
  export AMPORA_TEST_BROKER="amqp://$name:$value@127.0.0.1:$amqp/" AMPORA_TEST_BROKER_MANAGEMENT="http://$name:$value@127.0.0.1:$management"
}

# Its management API answers only when the broker has started.
rabbit_ready() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET /api/aliveness-test/%%2F HTTP/1.0\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n' >&3
  IFS= read -r -t 5 line <&3 && [[ $line == *' 200 '* ]]
}

container() { # environment and image...
  docker run --detach --rm --publish-all=false "$@"
}

docker_postgres() {
  local port; port=$(free_port)
  postgres_container=$(container -p "127.0.0.1:$port:5432" -e POSTGRES_PASSWORD=postgres postgres:17 postgres $postgres_options)
  stop_postgres() { docker stop -t 1 "$postgres_container"; }
  stops+=(stop_postgres)
  wait_until 90 docker exec -e PGPASSWORD=postgres "$postgres_container" psql -h 127.0.0.1 -U postgres -c 'select 1' || fail 'PostgreSQL did not start.'
  export AMPORA_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=postgres;Password=postgres;Database=postgres"
}

docker_rabbit() {
  local amqp management
  amqp=$(free_port) management=$(free_port)
  rabbit_management=$management
  rabbit_container=$(container -p "127.0.0.1:$amqp:5672" -p "127.0.0.1:$management:15672" -e RABBITMQ_DEFAULT_USER=guest -e RABBITMQ_DEFAULT_PASS=guest rabbitmq:4-management)
  stop_rabbit() { docker stop -t 1 "$rabbit_container"; }
  stops+=(stop_rabbit)
  await_rabbit() { wait_until 120 rabbit_ready "$rabbit_management" || fail 'RabbitMQ did not start.'; }
  export AMPORA_TEST_BROKER="amqp://guest:guest@127.0.0.1:$amqp/" AMPORA_TEST_BROKER_MANAGEMENT="http://guest:guest@127.0.0.1:$management"
}
