#!/usr/bin/env bash
# The main job, step by step, with curl: ask for a model, tell what the call cost and how good its
# answer was, and see what the router remembers and has learnt.
#
#   script/server &                 # or: pointsman serve
#   examples/walkthrough.sh
#
# POINTSMAN_URL is the server (http://127.0.0.1:8080), POINTSMAN_KEY a key where it asks for one.
# Fails at the first answer that is not what the step says.
set -euo pipefail

url=${POINTSMAN_URL:-http://127.0.0.1:8080}
key=()
[[ -z ${POINTSMAN_KEY:-} ]] || key=(-H "Authorization: Bearer $POINTSMAN_KEY")
status=
answer=

# call METHOD PATH [BODY]: prints both sides; leaves the answer in $status and $answer.
call() {
  local method=$1 path=$2 body=${3:-} data=() reply
  [[ -z $body ]] || data=(-H 'Content-Type: application/json' --data-binary "$body")
  printf '\n> %s %s\n' "$method" "$path"
  [[ -z $body ]] || printf '> %s\n' "$body"
  reply=$(curl -sS --max-time 10 -X "$method" "${key[@]}" "${data[@]}" -w '\n%{http_code}' \
    "$url$path")
  status=${reply##*$'\n'}
  answer=${reply%$'\n'*}
  printf '< %s %s\n' "$status" "$answer"
}

# expect STATUS TEXT...: the answer has this status and holds each text.
expect() {
  local wanted=$1 text
  shift
  [[ $status == "$wanted" ]] || { echo "expected status $wanted, got $status" >&2; exit 1; }
  for text in "$@"; do
    [[ $answer == *"$text"* ]] || { echo "the answer does not hold $text" >&2; exit 1; }
  done
}

# first_of PATTERN: what the pattern's group matches first in the answer.
first_of() {
  [[ $answer =~ $1 ]] || { echo "the answer has no $1" >&2; exit 1; }
  printf '%s' "${BASH_REMATCH[1]}"
}

echo "1. Is it there?"
call GET /readyz
expect 200 '"status":"ready"'

echo; echo "2. Which model shall answer this prompt?"
call POST /route '{"text":"Write a SQL query that finds duplicate rows.","metadata":{"shown_to":"walkthrough"}}'
expect 200 '"arm":' '"model":' '"propensity":' '"stored":true'
query_id=$(first_of '"query_id":"([^"]+)"')
arm=$(first_of '"arm":"([^"]+)"')

echo; echo "3. $arm was called: this is what the call cost and how long it took."
call POST /outcome "{\"query_id\":\"$query_id\",\"cost_usd\":0.0021,\"latency_ms\":840}"
expect 200 '"status":"recorded"'

echo; echo "4. The user liked the answer. Saying so twice changes nothing."
thumbs_up="{\"query_id\":\"$query_id\",\"payload\":{\"value\":\"up\"}}"
call POST /feedback "$thumbs_up"
expect 200 '"status":"recorded"' '"reward":1,' '"confidence":1,'
call POST /feedback "$thumbs_up"
expect 200 '"status":"duplicate"' '"observation":{"reward":1,"weight":1}'

echo; echo "5. Later the user thought better of it: the router unlearns exactly what it had learnt."
call POST /feedback "{\"query_id\":\"$query_id\",\"payload\":{\"value\":\"down\"}}"
expect 200 '"status":"revised"' '"observation":{"reward":0,"weight":1}'

echo; echo "6. A payload that makes no sense is refused by name, and the decision stays open."
call POST /feedback "{\"query_id\":\"$query_id\",\"payload\":{\"value\":\"sideways\"}}"
expect 422 '"pointer":"/payload/value"'

echo; echo "7. Everything about this decision."
call GET "/queries/$query_id"
expect 200 "\"query_id\":\"$query_id\"" '"observation":{"reward":0.0,"weight":1.0}' \
  '"cost_usd":0.0021' '"shown_to":"walkthrough"'
position=$(first_of '"position":([0-9]+)')

echo; echo "8. The router at large: how often each arm was chosen, and how well it did."
call GET /stats
expect 200 '"decisions":' '"checksum":' "\"$arm\":" '"pulls":' '"thumbs":'

echo; echo "9. The log, which everything else can be computed from: a record a line."
call GET "/log?after=$((position - 1))&limit=1"
expect 200 "\"position\":$position," '"kind":"decision"' "\"query_id\":\"$query_id\""

echo; echo "All answers were as they should be."
