#!/usr/bin/env bash
# Installs the engine into a scratch folder, builds examples/library against it, and runs it.
#
#   installed_package.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1
source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cmake --install "$build" --component engine --prefix "$scratch/prefix" >/dev/null
cmake -S "$source/examples/library" -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_CXX_COMPILER="${CXX:-g++}" >/dev/null
cmake --build "$scratch/build"
said=$("$scratch/build/learn_in_process")
echo "$said"
count=$(sed -n 's/^large answers \([0-9]*\) of the last 100 in code$/\1/p' <<<"$said")
if ((${count:-0} < 90)); then
  echo "It did not learn that the large model is right in code." >&2
  exit 1
fi
if grep -rq "$source" "$scratch/prefix/lib" --include='*.cmake'; then
  echo "The package names the folder that it was built in." >&2
  exit 1
fi
lines=$(wc -l <"$source/examples/library/learn_in_process.cc")
((lines <= 25)) || { echo "The example has $lines lines." >&2; exit 1; }
