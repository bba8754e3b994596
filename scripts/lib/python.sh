# The Python environment of the tests, of buf and of the example. Sourced after environment.sh.

REQUIREMENTS=$ROOT/scripts/requirements.txt

# Debian's own Python where there is one: another in PATH may be out of reach for other users.
if [ -x /usr/bin/python3 ]; then SYSTEM_PYTHON=/usr/bin/python3; else SYSTEM_PYTHON=python3; fi

# Makes the environment if it is missing or made for other requirements. Sets PYTHON_ENVIRONMENT
# and puts its programs first in PATH.
python_environment() {
  local key lock=$CACHE/python.lock
  key=$({ "$SYSTEM_PYTHON" --version && cat "$REQUIREMENTS"; } | sha256sum | cut -c 1-12)
  PYTHON_ENVIRONMENT=$CACHE/python-$key
  if [ ! -e "$PYTHON_ENVIRONMENT/complete" ]; then
    mkdir -p "$CACHE"
    exec 9>"$lock"
    flock 9
    if [ ! -e "$PYTHON_ENVIRONMENT/complete" ]; then
      rm -rf "$PYTHON_ENVIRONMENT"
      "$SYSTEM_PYTHON" -m venv "$PYTHON_ENVIRONMENT" ||
        fail "could not make a Python environment in $PYTHON_ENVIRONMENT (Debian: python3-venv)"
      with_progress "Installing the Python packages of scripts/requirements.txt" \
        "$CACHE/log/pip.log" "$PYTHON_ENVIRONMENT/bin/pip" install \
        --disable-pip-version-check --progress-bar off -r "$REQUIREMENTS"
      touch "$PYTHON_ENVIRONMENT/complete"
    fi
    exec 9>&-
  fi
  export PYTHON_ENVIRONMENT PATH=$PYTHON_ENVIRONMENT/bin:$PATH
}
