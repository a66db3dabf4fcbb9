#!/usr/bin/env bash
# Runs the shell examples of a document against a server of its own, in the order of the text.
#   run_doc.sh POINTSMAN-BINARY POINTSMAN_STREAM-BINARY DOCUMENT.md
#
# The first ```toml block, where there is one, is the server's configuration. Every ```sh block is run
# as it stands, in a folder where build/release/ and examples/ are those of the checkout, but for
#   - lines that begin with ./script/, which install, build, serve and test;
#   - lines that call cmake or what it built, which tests/examples/installed_package.sh runs.
# The document's port 8080 is this server's and its port 8081 a free one. A line "# -> TEXT" fails
# unless the last output of curl or of a program of ours contains TEXT. A block that runs something and
# expects nothing fails, and so does a document without a block.
set -euo pipefail

binary=$(realpath "$1")
stream=$(realpath "$2")
document=$(realpath "$3")
source_folder=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
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
awk '/^```sh$/ { on = 1; block = ""; expects = 0; runs = 0; next }
     /^```$/ {
       if (on && runs && !expects) { print "a block expects nothing:\n" block > "/dev/stderr"; exit 1 }
       if (on) printf "%s", block
       on = 0
       next
     }
     on && /^\.\/script\// { next }
     on && /^cmake |^\.\/build\/library\// { next }
     on {
       block = block $0 "\n"
       if ($0 ~ /^# -> /) expects = 1
       else if ($0 !~ /^#/ && $0 != "") runs = 1
     }' "$document" > blocks.sh
[ -s blocks.sh ] || { echo "no examples found in $document" >&2; exit 1; }

# The programs as the document calls them; what they print is what the next expectation looks at.
mkdir -p build/release
ln -s "$source_folder/examples" examples
for program in "$binary" "$stream"; do
  cat > "build/release/$(basename "$program")" <<PROGRAM
#!/usr/bin/env bash
set -o pipefail
[ "\$1" = serve ] && exec "$program" "\$@"
"$program" "\$@" | tee "$scratch/last.txt"
PROGRAM
  chmod +x "build/release/$(basename "$program")"
done

touch server.log
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

# A port above the one that the system gave this server, which nobody is likely to hold.
second_port=$((20000 + (RANDOM % 12000)))
while (: > "/dev/tcp/127.0.0.1/$second_port") 2>/dev/null; do
  second_port=$((second_port + 1))
done

{
  cat <<'PRELUDE'
set -euo pipefail
checks=0
# The documents show what is answered in time. A 503 says that the disk stood still for a moment,
# which is not what is tested here: curl asks again, as the answer's Retry-After says.
curl() {
  local tries
  for ((tries = 0; tries < 20; ++tries)); do
    command curl --max-time 20 "$@" > last.txt
    grep -q '"status":503' last.txt || break
    sleep 1
  done
  cut -c1-200 last.txt
}
expect() {
  checks=$((checks + 1))
  tr '\n' ' ' < last.txt | tr -s ' ' > flat.txt
  grep -qF -- "$1" last.txt || grep -qF -- "$1" flat.txt ||
    { printf 'expected: %s\noutput:   %s\n' "$1" "$(cat last.txt)" >&2; exit 1; }
}
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
PRELUDE
  # The addresses of the document's reader become free ones; expectations become checks.
  sed -e "s|^pm=http://127.0.0.1:8080|pm=\$POINTSMAN_URL|" \
      -e "s|127\.0\.0\.1:8081|127.0.0.1:$second_port|g" \
      -e "s|^# -> \(.*\)\$|expect '\1'|" blocks.sh
  echo 'echo "$checks expectations met"'
} > run.sh
bash run.sh
