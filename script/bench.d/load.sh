# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by the parts that measure over HTTP: servers on free ports of 127.0.0.1 that end with the
# part, wrk with bench/load/requests.lua, medians. Needs environment.sh.
# shellcheck source=script/servers.sh
source "$root/script/servers.sh"

declare -A pid_of=()  # By port.

# serve_pointsman NAME STORE_URL: one I/O thread, four arms, a router of fields and one of text.
# Sets port.
serve_pointsman() {
  local arm router
  {
    printf '[server]\nlisten = "127.0.0.1:0"\nthreads = 1\n[store]\nurl = "%s"\n' "$2"
    # A disk that stands still for longer than the server's 250 ms shows in p99 and ends no bench.
    printf 'route_commit_ms = 10000\n'
    for router in fields text; do
      printf '[[routers]]\nname = "%s"\n[routers.features]\n' "$router"
      [[ $router == text ]] || printf 'text = false\n'
      printf '[[routers.features.fields]]\nname = "task"\n'
      printf 'values = ["math", "code", "support", "writing"]\n'
      printf '[[routers.features.fields]]\nname = "tokens"\n'
      printf '[[routers.features.fields]]\nname = "urgent"\n'
      for arm in small medium large expert; do
        printf '[[routers.arms]]\nid = "%s"\nexpected_cost_usd = 0.001\n' "$arm"
      done
    done
  } >"$scratch/$1.toml"
  "$root/build/release/pointsman" serve --config "$scratch/$1.toml" >"$scratch/$1.log" 2>&1 &
  servers+=($!)
  port=$(wait_for "$scratch/$1.log" 'listening on http://127.0.0.1:([0-9]+)')
  pid_of[$port]=${servers[-1]}
}

# cpu_ticks PID: what the process and its children have used, in hundredths of a second.
cpu_ticks() {
  local pid total=0 line
  for pid in "$1" $(cat "/proc/$1/task/"*"/children"); do
    line=$(<"/proc/$pid/stat")
    line=${line##*) }
    # shellcheck disable=SC2086  # The fields behind the name; 12 and 13 are user and system time.
    set -- $line
    total=$((total + ${12} + ${13}))
  done
  echo "$total"
}

# load PORT SECONDS KIND [COUNT [ROUND]]: 64 connections. Sets per_second, p99_us, answered, and
# cpu_us, the server's CPU time a request, which depends less on the neighbours; fails where an
# answer was no 2xx.
load() {
  local out not_2xx before
  before=$(cpu_ticks "${pid_of[$1]}")
  out=$(wrk -t1 -c64 -d"$2s" -s "$root/bench/load/requests.lua" "http://127.0.0.1:$1" \
    -- "$3" "${4:-1}" "${5:-1}")
  read -r per_second p99_us answered not_2xx < <(sed -n 's/^figures //p' <<<"$out") || true
  [[ -n ${not_2xx:-} ]] || fail "wrk gave no figures: $out"
  [[ $not_2xx == 0 ]] || fail "$not_2xx of $answered answers to '$3' were no success"
  cpu_us=$((10000 * ($(cpu_ticks "${pid_of[$1]}") - before) * 1000 / answered))
  cpu_us=$((cpu_us / 1000)).$(printf %03d $((cpu_us % 1000)))
}

# median NUMBER...: of an even count the lower middle.
median() {
  printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"
}

# print_figures FORM KEY VALUE...: one JSON object, or a table.
print_figures() {
  local form=$1 first=1
  shift
  while (($# > 0)); do
    if [[ $form == json ]]; then
      ((first)) && printf '{' || printf ',\n '
      printf '"%s": %.6g' "$1" "$2"
    else
      printf '%-28s %14.6g\n' "$1" "$2"
    fi
    first=0
    shift 2
  done
  [[ $form != json ]] || printf '}\n'
}

# parse_load_options USAGE ARGUMENT...: sets form, seconds, rounds.
parse_load_options() {
  local usage=$1
  shift
  form=table
  seconds=3
  rounds=5
  while (($# > 0)); do
    case $1 in
      --json) form=json ;;
      --seconds | --rounds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "$1 needs a count; $usage" 2
        [[ $1 == --seconds ]] && seconds=$2 || rounds=$2
        shift ;;
      *) fail "unknown argument '$1'; $usage" 2 ;;
    esac
    shift
  done
}
