# What every script shares: where things are, how to speak, which environment the tools get.
# Sourced, never run. Bash.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Virtual environments, generated stubs: made anew whenever missing, safe to delete.
CACHE=${PROGRESSOR_CACHE:-$ROOT/.cache}

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

as_root() {
  if is_root; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root: become root or install sudo, then run scripts/setup again"
  fi
}

# SwiftPM clones packages with git, and git refuses a repository that belongs to somebody else: a
# mirror of packages on this machine may. The variable reaches git's children too (GIT_CONFIG_COUNT
# does not: git clears it for the other end of a local clone), and the user's own files stay as
# they are.
trust_package_mirrors() {
  local config=$CACHE/gitconfig user=${XDG_CONFIG_HOME:-${HOME:-/nonexistent}/.config}/git/config
  [ "${GIT_CONFIG_GLOBAL:-}" != "$config" ] || return 0
  mkdir -p "$CACHE"
  {
    printf '[include]\n\tpath = "%s"\n' "$user"
    printf '[include]\n\tpath = "%s"\n' "${GIT_CONFIG_GLOBAL:-${HOME:-/nonexistent}/.gitconfig}"
    printf '[safe]\n\tdirectory = *\n'
  } >"$config.$$"
  mv "$config.$$" "$config"
  export GIT_CONFIG_GLOBAL=$config
}

# Prints "… still at it" with the last line of the log while a long command runs, so that neither a
# person nor a supervisor takes it for dead. with_progress WHAT LOG COMMAND…
with_progress() {
  local what=$1 log=$2 started=$SECONDS job status=0
  shift 2
  mkdir -p "$(dirname "$log")"
  say "$what"
  "$@" >"$log" 2>&1 </dev/null &
  job=$!
  trap 'kill "$job" 2>/dev/null || true' INT TERM
  while kill -0 "$job" 2>/dev/null; do
    sleep 1
    if [ $(((SECONDS - started) % 20)) -eq 0 ] && kill -0 "$job" 2>/dev/null; then
      printf '    %4d s  %s\n' $((SECONDS - started)) "$(tail -n 1 "$log" | cut -c 1-90)" >&2
    fi
  done
  wait "$job" || status=$?
  trap - INT TERM
  if [ "$status" -ne 0 ]; then
    cat "$log" >&2
    fail "$what: failed with status $status (the log is $log)"
  fi
  printf '    done in %d s\n' $((SECONDS - started)) >&2
}
