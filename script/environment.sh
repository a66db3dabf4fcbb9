# shellcheck shell=bash
# Sourced by the scripts: what they need to know of the machine, and nothing that changes it.
# Sets root (the checkout), and defines fail, as_checkout_owner, job_count, configure, build.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export LC_ALL=C.UTF-8

# A service, a container or cron may start us without HOME; ccache and git want one they can use.
if [[ -z ${HOME:-} ]]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6 || true)
  export HOME="${HOME:-/}"
fi
if [[ ! -d $HOME || ! -w $HOME ]]; then
  export CCACHE_DIR="${CCACHE_DIR:-$root/build/ccache}"
fi

# A clone elsewhere finds in the compiler cache what this one left there: paths under the checkout
# count from the build folder, and the folder itself does not count.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-1}"

# Git refuses a checkout that another user owns (a mounted folder, a clone made by root). Command
# scope leaves the machine's own configuration alone.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$root"

fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit "${2:-1}"
}

# Never builds as root under sudo: files of root in a user's checkout would break the next build.
# `sudo ./script/X` goes on as the checkout's owner, and asks for sudo again for apt alone.
as_checkout_owner() {
  local owner owner_home
  if (($(id -u) != 0)) || [[ -z ${SUDO_UID:-} || $SUDO_UID == 0 ]]; then
    return
  fi
  owner=$(stat -c %u "$root")
  if [[ $owner == 0 ]]; then
    return  # The checkout is root's: a root shell that happens to come from sudo.
  fi
  [[ $owner == "$SUDO_UID" ]] ||
    fail "run it without sudo, as the owner of $root; it asks for sudo itself, for apt only"
  owner_home=$(getent passwd "$owner" | cut -d: -f6)
  exec setpriv --reuid "$owner" --regid "${SUDO_GID:-$owner}" --init-groups \
    env -u SUDO_UID -u SUDO_GID -u SUDO_USER -u SUDO_COMMAND HOME="${owner_home:-/}" \
    "$0" "$@"
}

# One job a core, as long as each has the 2 GB that the largest translation units want.
job_count() {
  local cores memory_kb jobs
  cores=$(nproc)
  memory_kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo 2>/dev/null || true)
  jobs=$((${memory_kb:-2097152} / 2097152))
  ((jobs > cores)) && jobs=$cores
  ((jobs < 1)) && jobs=1
  echo "${POINTSMAN_JOBS:-$jobs}"
}

# configure PRESET [cmake arguments...]: quiet unless it fails.
configure() {
  local preset=$1 folder="$root/build/$1" cached log
  shift
  if [[ -f $folder/CMakeCache.txt ]]; then
    cached=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt")
    # The checkout was moved or copied: CMake refuses the other path's cache.
    [[ $cached == "$root" ]] || rm -rf "$folder"
  fi
  mkdir -p "$folder" 2>/dev/null || true
  [[ -w $folder ]] || fail "cannot write $folder: another user made it or its parent"
  log="$folder/configure.log"
  if ! (cd "$root" && cmake --preset "$preset" "$@") >"$log" 2>&1; then
    cat "$log" >&2
    fail "cmake --preset $preset failed"
  fi
}

# build PRESET [ninja targets...]. The lock is for two scripts at once: ninja has none of its own.
build() {
  local preset=$1
  shift
  flock "$root/build/$preset/build.lock" ninja -C "$root/build/$preset" -j "$(job_count)" "$@"
}
