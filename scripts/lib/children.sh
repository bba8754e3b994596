# Programs that run beside a script until Ctrl-C, or until one of them ends. Sourced after
# environment.sh.

children=()

# start_child COMMAND…: in a session of its own. Ctrl-C goes to everything in the terminal's
# foreground: the server would hear it and then our SIGTERM, and a second signal ends it at once.
start_child() {
  [ ${#children[@]} -gt 0 ] || {
    trap stop_children EXIT
    trap 'exit 0' INT TERM HUP
  }
  setsid "$@" &
  children+=($!)
}

# The last one first: what it works with is there until it has stopped. Another Ctrl-C meanwhile is
# passed on, to end it at once.
stop_children() {
  trap - EXIT
  local index child
  for ((index = ${#children[@]} - 1; index >= 0; index--)); do
    child=${children[index]}
    trap 'kill -TERM "$child" 2>/dev/null || true' INT TERM HUP
    kill -TERM "$child" 2>/dev/null || true
    # A signal ends the waiting, not the child.
    while kill -0 "$child" 2>/dev/null; do wait "$child" 2>/dev/null || true; done
  done
}

# Returns never: whichever ends first ends the others.
wait_for_children() {
  wait -n "${children[@]}" || true
  warn "a part has ended; stopping the rest"
  exit 1
}
