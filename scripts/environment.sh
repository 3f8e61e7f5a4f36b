# Functions of ./stackfix and ./test: find a Python from 3.10 on, make an environment, install into it.
# POSIX sh; sourced, never run.

say() {
  printf '%s\n' "== $*" >&2
}

# Print the usable Pythons, newest first, one a line: they start, are CPython from 3.10 on, and can make venvs.
pythons() {
  for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3 python; do
    command -v "$name" 2>/dev/null || :
  done >"${TMPDIR:-/tmp}/stackfix-pythons.$$"
  for found in "$HOME"/.pyenv/versions/3.*/bin/python "${PYENV_ROOT:-/nonexistent}"/versions/3.*/bin/python \
    "$HOME"/.local/share/uv/python/cpython-3.*/bin/python; do
    [ -x "$found" ] && printf '%s\n' "$found"
  done >>"${TMPDIR:-/tmp}/stackfix-pythons.$$"
  # A command may be a shim of a version manager: the interpreter itself says where it is and what it is.
  while IFS= read -r candidate; do
    "$candidate" -c '
import os, platform, sys
if sys.version_info >= (3, 10) and platform.python_implementation() == "CPython":
    import ensurepip, venv
    path = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    print("%03d %s" % (sys.version_info[1], path))
' 2>/dev/null </dev/null || :
  done <"${TMPDIR:-/tmp}/stackfix-pythons.$$" | sort -u | sort -s -r -k1,1 | awk '!seen[$1]++ { sub(/^[0-9]+ /, ""); print }'
  rm -f "${TMPDIR:-/tmp}/stackfix-pythons.$$"
}

no_python() {
  cat >&2 <<'MESSAGE'
error: no Python from 3.10 on that can make virtual environments was found
hint: install one, then run this again:
  Debian, Ubuntu:  apt-get install python3 python3-venv
  Fedora:          dnf install python3
  anywhere:        `uv python install 3.12`, or the installer of python.org
MESSAGE
  exit 3
}

# ensure_environment CHECKOUT FOLDER KIND [PYTHON]: an environment with this checkout in it, made once.
# KIND is `uv` (the tool with its fast installer) or `test` (everything the checks need).
ensure_environment() {
  checkout=$1
  folder=$2
  kind=$3
  python=${4:-}
  stamp=$(cat "$checkout/pyproject.toml" "$checkout/scripts/environment.sh" | cksum)
  if [ -f "$folder/stamp" ] && [ "$(cat "$folder/stamp")" = "$stamp $kind" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    return 0
  fi
  [ -n "$python" ] || python=$(pythons | head -n 1)
  [ -n "$python" ] || no_python
  if ! mkdir -p "$(dirname "$folder")" 2>/dev/null || ! [ -w "$(dirname "$folder")" ]; then
    printf 'error: %s cannot be written by this user\nhint: make a checkout of your own\n' "$(dirname "$folder")" >&2
    exit 3
  fi
  hold "$folder.lock"
  if [ -f "$folder/stamp" ] && [ "$(cat "$folder/stamp")" = "$stamp $kind" ]; then
    rm -rf "$folder.lock"
    return 0
  fi
  say "setting up an environment for this checkout with $("$python" -V) (once, about half a minute)"
  rm -rf "$folder"
  "$python" -m venv "$folder"
  log=$folder/setup.log
  if ! install_into "$checkout" "$folder" "$kind" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    printf 'error: the set-up failed; the whole log is in %s\n' "$log" >&2
    exit 3
  fi
  "$folder/bin/python" -m compileall -q "$checkout/src" || :
  printf '%s\n' "$stamp $kind" >"$folder/stamp"
  rm -rf "$folder.lock"
}

# hold FOLDER: wait until no other set-up holds it; one whose process is gone does not count.
hold() {
  until mkdir "$1" 2>/dev/null; do
    holder=$(cat "$1/process" 2>/dev/null || echo)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      rm -rf "$1"
    else
      sleep 1
    fi
  done
  printf '%s\n' "$$" >"$1/process"
}

install_into() {
  # A constraint in the user's pip configuration speaks of their environments, not of this one.
  PIP_CONSTRAINT='' PIP_DISABLE_PIP_VERSION_CHECK=1
  export PIP_CONSTRAINT PIP_DISABLE_PIP_VERSION_CHECK
  case $3 in
    uv) "$2/bin/python" -m pip install -e "$1[uv]" ;;
    test)
      "$2/bin/python" -m pip install -U 'pip>=25.1' &&
        "$2/bin/python" -m pip install -e "$1" --group "$1/pyproject.toml:test"
      ;;
  esac
}
