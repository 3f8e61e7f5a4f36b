# shellcheck shell=sh
# Functions of ./stackfix and ./test: find a Python from 3.10 on, make an environment, install into it.
# POSIX sh; sourced, never run.

say() {
  printf '%s\n' "== $*" >&2
}

# Print the usable Pythons, newest first, one a line: they start, are CPython from 3.10 on, and can make venvs.
# With `any` also those that cannot (Debian keeps ensurepip in python3-venv): uv makes an environment of them.
pythons() {
  needs='import ensurepip, venv'
  [ "${1:-}" != any ] || needs=pass
  list=$(mktemp)
  for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3 python; do
    command -v "$name" 2>/dev/null || :
  done >"$list"
  for found in "${HOME:-/nonexistent}"/.pyenv/versions/3.*/bin/python "${PYENV_ROOT:-/nonexistent}"/versions/3.*/bin/python \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/uv/python}"/cpython-3.*/bin/python; do
    [ -x "$found" ] && printf '%s\n' "$found"
  done >>"$list"
  # A command may be a shim of a version manager: the interpreter itself says where it is and what it is.
  while IFS= read -r candidate; do
    "$candidate" -c "
import os, platform, sys
if sys.version_info >= (3, 10) and platform.python_implementation() == 'CPython':
    $needs
    path = os.path.realpath(getattr(sys, '_base_executable', sys.executable))
    print('%03d %s' % (sys.version_info[1], path))
" 2>/dev/null </dev/null || :
  done <"$list" | sort -u | sort -s -r -k1,1 | awk '!seen[$1]++ { sub(/^[0-9]+ /, ""); print }'
  rm -f "$list"
}

# Print where uv is: on PATH, where its installers put it, or in this checkout (bootstrap.sh gets it there).
find_uv() {
  for found in uv "${HOME:-/nonexistent}/.local/bin/uv" "${HOME:-/nonexistent}/.cargo/bin/uv" "$1/.stackfix/uv/bin/uv"; do
    if command -v "$found" >/dev/null 2>&1 && "$found" --version >/dev/null 2>&1; then
      command -v "$found"
      return 0
    fi
  done
  return 1
}

no_python() {
  cat >&2 <<'MESSAGE'
error: no Python from 3.10 on that can make virtual environments was found
hint: install one, then run this again:
  Debian, Ubuntu:  apt-get install python3 python3-venv
  Fedora:          dnf install python3
  anywhere:        `uv python install 3.12`
  or let `sh bootstrap.sh` say what this machine needs
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
  stamp=$(cat "$checkout/pyproject.toml" "$checkout/scripts/environment.sh" "$checkout"/data/tool/*.txt | cksum)
  made=
  [ ! -r "$folder/stamp" ] || made=$(cat "$folder/stamp")
  if [ "$made" = "$stamp $kind" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    return 0
  fi
  refuse_unwritable "$folder" "$made" "$stamp $kind"
  uv=
  [ -n "$python" ] || python=$(pythons | head -n 1)
  if [ -z "$python" ] && [ "$kind" = uv ] && uv=$(find_uv "$checkout"); then
    python=$(pythons any | head -n 1)
  fi
  [ -n "$python" ] || no_python
  hold "$folder.lock"
  if [ -f "$folder/stamp" ] && [ "$(cat "$folder/stamp")" = "$stamp $kind" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    rm -rf "$folder.lock"
    return 0
  fi
  say "setting up an environment for this checkout with $("$python" -V) (once, about half a minute)"
  rm -rf "$folder"
  log=$folder.log
  if ! make_environment "$python" "$folder" "$uv" >"$log" 2>&1 || ! install_into "$checkout" "$folder" "$kind" "$uv" >>"$log" 2>&1; then
    rm -rf "$folder.lock"
    grep -Ev '^(Ignoring|WARNING: Retrying)' "$log" | tail -n 12 >&2
    why_not "$log"
    exit 3
  fi
  "$folder/bin/python" -m compileall -q "$checkout/src" || :
  printf '%s\n' "$stamp $kind" >"$folder/stamp"
  rm -rf "$folder.lock"
}

# refuse_unwritable FOLDER MADE WANTED: end where an environment must be made and this user cannot; say what is amiss
# with the one that is there, of which MADE is the stamp. Whose set-up is there and current needs no such right.
refuse_unwritable() {
  above=$(dirname "$1")
  if mkdir -p "$above" 2>/dev/null && [ -w "$above" ]; then
    return 0
  fi
  if [ -n "$2" ] && [ "$2" = "$3" ]; then
    home=$(sed -n 's/^home = //p' "$1/pyvenv.cfg" 2>/dev/null || :)
    printf 'error: %s was set up with the Python in %s, which this user cannot run\n' "$above" "$home" >&2
    printf 'hint: make a checkout of your own, or let its owner set it up anew with a Python that all users can run\n' >&2
  elif [ -n "$2" ]; then
    printf 'error: %s is older than this checkout, and this user cannot write there to renew it\n' "$above" >&2
    printf 'hint: let its owner run `stackfix --version` once, or make a checkout of your own\n' >&2
  else
    printf 'error: %s cannot be written by this user\nhint: make a checkout of your own\n' "$above" >&2
  fi
  exit 3
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

make_environment() {
  if [ -n "$3" ]; then "$3" venv --quiet --no-project --python "$1" "$2"; else "$1" -m venv "$2"; fi
}

# install_into CHECKOUT FOLDER KIND UV: by the environment's own pip, or by UV where that isn't "".
# The tool is installed by its lock, each file by its hash; STACKFIX_UNLOCKED=1 takes what the index has instead.
install_into() {
  # A constraint in the user's pip configuration speaks of their environments, not of this one.
  PIP_CONSTRAINT='' PIP_DISABLE_PIP_VERSION_CHECK=1
  export PIP_CONSTRAINT PIP_DISABLE_PIP_VERSION_CHECK
  unset UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE_NEWER || :
  case $3 in
    uv)
      if [ -n "${STACKFIX_UNLOCKED:-}" ]; then
        by_installer "$2" "$4" -e "$1[uv]"
      else
        by_installer "$2" "$4" --only-binary :all: --require-hashes -r "$1/data/tool/requirements.txt" -r "$1/data/tool/build.txt" &&
          by_installer "$2" "$4" --no-deps --no-build-isolation -e "$1"
      fi
      ;;
    test)
      "$2/bin/python" -m pip install -U 'pip>=25.1' &&
        "$2/bin/python" -m pip install -e "$1" --group "$1/pyproject.toml:test"
      ;;
  esac
}

by_installer() {
  into=$1
  with=$2
  shift 2
  if [ -n "$with" ]; then
    "$with" pip install --python "$into/bin/python" "$@"
  else
    "$into/bin/python" -m pip install "$@"
  fi
}

# why_not LOG: say in two lines why a set-up failed, as far as its log tells.
why_not() {
  proxy=${https_proxy:-${HTTPS_PROXY:-${all_proxy:-${ALL_PROXY:-}}}}
  proxy=$(printf '%s' "$proxy" | sed 's#//[^/@]*@#//#')
  if [ -n "$proxy" ] && grep -Eqi 'proxy|tunnel|client error \(connect\)' "$1"; then
    printf 'error: the proxy %s does not answer as it must\nhint: https_proxy names it: set it to one that answers, or unset it\n' "$proxy" >&2
  elif grep -Eqi 'certificate_verify_failed|certificate verify failed|unknownissuer|invalid peer certificate' "$1"; then
    printf 'error: the certificate of the package index is not trusted here\nhint: name the file that holds your own authority: PIP_CERT for pip, SSL_CERT_FILE for uv\n' >&2
  elif grep -Eqi 'do not match the hashes|hash mismatch' "$1"; then
    printf 'error: the index has another file than data/tool/requirements.txt names: nothing of it was run\nhint: use another index, or STACKFIX_UNLOCKED=1 to take what this one has\n' >&2
  elif grep -Eqi 'name resolution|resolving dns|dns error|unreachable|timed? ?out|newconnectionerror|connection refused|connect(ion)? error' "$1"; then
    printf 'error: the package index cannot be reached\nhint: a proxy is named by https_proxy, another index by PIP_INDEX_URL; without a network use a folder that stackfix bundle made\n' >&2
  elif grep -Eqi 'no space left|disk quota' "$1"; then
    printf 'error: the disk is full\nhint: about 100 MB are needed in %s\n' "$(dirname "$1")" >&2
  elif grep -Eqi 'no matching distribution|from versions:|no solution found' "$1"; then
    printf 'error: the index does not have what data/tool/requirements.txt names\nhint: use another index, or STACKFIX_UNLOCKED=1 to take what this one has\n' >&2
  fi
  printf 'error: the set-up failed; the whole log is in %s\n' "$1" >&2
}
