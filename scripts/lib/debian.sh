# Programs from Debian that are not installed: a package of a server starts that server, and nobody
# who runs the tests wants a web server on port 80. Sourced after environment.sh.

# What the tests put in front of the server and of its database, what knows whether rules of alerts
# are right, what makes a Debian to install into, and other languages' gRPC; with the libraries
# that nothing else brings.
DEBIAN_PROGRAMS=(
  nginx
  haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
  pgbouncer libc-ares2 libevent-2.1-7
  prometheus
  ruby3.1 libruby3.1 ruby-grpc ruby-google-protobuf ruby-googleapis-common-protos-types
  libgrpc29 libabsl20220623 libre2-9 libyaml-0-2
  libgrpc++-dev libgrpc++1.51 libgrpc-dev libabsl-dev libprotoc32 protobuf-compiler-grpc
  debootstrap
)

# Unpacks them, if that has not been done. Sets PROGRESSOR_DEBIAN, under which usr/sbin is.
debian_programs() {
  local key folder
  key=$(printf '%s\n' "${DEBIAN_PROGRAMS[@]}" | sha256sum | cut -c 1-12)
  folder=$CACHE/debian-$key
  if [ ! -e "$folder/complete" ]; then
    mkdir -p "$CACHE"
    exec 9>"$CACHE/debian.lock"
    flock 9
    if [ ! -e "$folder/complete" ]; then
      rm -rf "$folder"
      mkdir -p "$folder/packages"
      say "Fetching from Debian, without installing: ${DEBIAN_PROGRAMS[*]}"
      fetch_packages "$folder/packages" "${DEBIAN_PROGRAMS[@]}"
      for package in "$folder"/packages/*.deb; do dpkg-deb --extract "$package" "$folder"; done
      touch "$folder/complete"
    fi
    exec 9>&-
  fi
  export PROGRESSOR_DEBIAN=$folder
}

# fetch_packages FOLDER PACKAGE…: with the lists at hand, or with new ones.
fetch_packages() {
  local folder=$1 log=$CACHE/log/debian.log
  shift
  mkdir -p "$(dirname "$log")"
  (cd "$folder" && apt-get download "$@") >"$log" 2>&1 && return
  as_root apt-get -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 || true
  (cd "$folder" && apt-get download "$@") >>"$log" 2>&1 ||
    fail "Debian's packages cannot be fetched: $* (the log is $log)"
}
