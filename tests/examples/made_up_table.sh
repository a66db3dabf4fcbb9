#!/usr/bin/env bash
# The committed table of examples/data is what its script makes.
#   made_up_table.sh SOURCE-FOLDER
set -euo pipefail

data=$(realpath "$1")/examples/data
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
awk -v folder="$scratch" -f "$data/make_table.awk"
for file in prompts.jsonl outcomes.csv; do
  cmp "$scratch/$file" "$data/helpdesk/$file"
done
