# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by scripts that start servers of their own: Redis and PostgreSQL on free ports of this
# machine, in folders that go again. Needs environment.sh.

scratch=
postgres_folder=
servers=()

# Ends the servers that the script started, by their ids, and takes the scratch folder away.
end_servers() {
  local pid
  for pid in ${servers[@]+"${servers[@]}"}; do
    kill -TERM "$pid" 2>/dev/null || true
  done
  for pid in ${servers[@]+"${servers[@]}"}; do
    wait "$pid" 2>/dev/null || true
  done
  servers=()
  [[ -z $scratch ]] || rm -rf "$scratch"
  [[ -z $postgres_folder ]] || rm -rf "$postgres_folder"
}

# On the checkout's disk, not in /tmp, which may be memory: a commit should meet a real disk.
make_scratch() {
  mkdir -p "$root/build"
  scratch=$(mktemp -d "$root/build/run-XXXXXX")
  trap end_servers EXIT
  trap 'exit 130' INT TERM HUP
}

# wait_for FILE REGEX: prints the first group of the first line that matches, for 20 s at most.
wait_for() {
  local line tries
  for ((tries = 0; tries < 200; ++tries)); do
    [[ -e $1 ]] || { sleep 0.1; continue; }
    while IFS= read -r line; do
      if [[ $line =~ $2 ]]; then
        echo "${BASH_REMATCH[1]}"
        return
      fi
    done <"$1"
    sleep 0.1
  done
  cat "$1" >&2
  fail "a server did not start"
}

# free_port: one of 127.0.0.1 that was free a moment ago.
free_port() {
  local candidate tries
  for ((tries = 0; tries < 100; ++tries)); do
    candidate=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "no free port"
}

# serve_redis: appendonly yes, appendfsync always, in the scratch folder. Sets redis_url.
serve_redis() {
  local redis_port
  redis_port=$(free_port)
  mkdir -p "$scratch/redis"
  redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$scratch/redis" --appendonly yes \
    --appendfsync always --save '' --daemonize no >"$scratch/redis.log" 2>&1 &
  servers+=($!)
  wait_for "$scratch/redis.log" '(Ready to accept connections)' >/dev/null
  redis_url=redis://127.0.0.1:$redis_port
}

# serve_postgres: a cluster of its own with PostgreSQL's own settings for durability. It refuses to
# run as root, so there it runs as postgres, in a folder that postgres can reach. Sets postgres_url,
# to which a database's name is added, and psql.
serve_postgres() {
  local programs postgres_port as_postgres=()
  programs=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -1)
  [[ -n $programs ]] || programs=$(dirname "$(command -v postgres)")
  postgres_folder=$(mktemp -d /var/tmp/pointsman-XXXXXX)
  if (($(id -u) == 0)); then
    chown postgres "$postgres_folder"
    as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  fi
  (cd "$postgres_folder" && "${as_postgres[@]}" "$programs/initdb" -D "$postgres_folder/data" \
    -U pointsman -A trust --no-locale -E UTF8) >"$scratch/initdb.log" 2>&1 ||
    { cat "$scratch/initdb.log" >&2; fail "initdb failed"; }
  postgres_port=$(free_port)
  (cd "$postgres_folder" && exec "${as_postgres[@]}" "$programs/postgres" \
    -D "$postgres_folder/data" -p "$postgres_port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c shared_buffers=256MB) >"$scratch/postgres.log" 2>&1 &
  servers+=($!)
  wait_for "$scratch/postgres.log" '(database system is ready to accept connections)' >/dev/null
  postgres_url=postgresql://pointsman@127.0.0.1:$postgres_port
  psql=("$programs/psql" -qX -d "$postgres_url/postgres" -c)
}
