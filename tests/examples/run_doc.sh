#!/usr/bin/env bash
# Runs the shell examples of a document against a server of its own, in the order of the text.
#   run_doc.sh POINTSMAN-BINARY DOCUMENT.md
# The first ```toml block, where there is one, is the server's configuration. Every ```sh block that
# calls curl is run as it stands; a line "# -> TEXT" fails unless the last answer contains TEXT,
# and a document without one fails.
set -euo pipefail

binary=$(realpath "$1")
document=$(realpath "$2")
scratch=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT
cd "$scratch"

awk '/^```toml$/ { on = 1; next } /^```$/ { if (on) exit } on' "$document" > config.toml
# A block counts when it talks to the server; the others (installing, building) have tests of their own.
awk '/^```sh$/ { on = 1; block = ""; next }
     /^```$/ { if (on && block ~ /curl /) printf "%s", block; on = 0; next }
     on { block = block $0 "\n" }' "$document" > blocks.sh
touch server.log
[ -s blocks.sh ] || { echo "no examples found in $document" >&2; exit 1; }

if [ -s config.toml ]; then
  "$binary" serve --config config.toml --listen 127.0.0.1:0 > server.log 2>&1 &
else
  "$binary" serve --listen 127.0.0.1:0 > server.log 2>&1 &
fi
server=$!
for _ in $(seq 100); do
  POINTSMAN_URL=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' server.log)
  [ -n "$POINTSMAN_URL" ] && break
  sleep 0.1
done
[ -n "$POINTSMAN_URL" ] || { cat server.log >&2; exit 1; }
export POINTSMAN_URL

{
  cat <<'PRELUDE'
set -euo pipefail
last=
checks=0
# The documents show what is answered in time. A 503 says that the disk stood still for a moment,
# which is not what is tested here: asked again, as its Retry-After says.
curl() {
  local tries
  for ((tries = 0; tries < 20; ++tries)); do
    last=$(command curl --max-time 20 "$@")
    [[ $last == *'"status":503'* ]] || break
    sleep 1
  done
  printf '%s\n' "$last" | cut -c1-200
}
expect() {
  checks=$((checks + 1))
  case $last in
    *"$1"*) ;;
    *) printf 'expected: %s\nanswer:   %s\n' "$1" "$last" >&2; exit 1 ;;
  esac
}
PRELUDE
  # The address of the document's reader becomes this server's; expectations become checks.
  sed -e "s|^pm=http://127.0.0.1:8080|pm=\$POINTSMAN_URL|" \
      -e "s|^# -> \(.*\)\$|expect '\1'|" blocks.sh
  echo 'echo "$checks expectations met"; ((checks > 0))'
} > run.sh
bash run.sh
