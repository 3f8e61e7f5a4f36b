# shellcheck shell=sh
# Functions of bootstrap.sh, of a bundle's install.sh and of the script that `stackfix export` writes: the first reads
# this file, the others carry its text. POSIX sh; sourced, never run.

# fail MESSAGE [HINT] [CODE]
fail() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit "${3:-3}"
}

# older A B: whether version A is older than version B; both are numbers with dots.
older() {
  awk -v a="$1" -v b="$2" 'BEGIN {
    n = split(a, x, "."); m = split(b, y, ".")
    for (i = 1; i <= n || i <= m; i++) { if (x[i] + 0 != y[i] + 0) exit !(x[i] + 0 < y[i] + 0) }
    exit 1 }'
}

# is_python EXE MINOR: whether this is a Python of that minor version.
is_python() {
  "$1" -c "import sys; raise SystemExit('%d.%d' % sys.version_info[:2] != '$2')" </dev/null >/dev/null 2>&1
}

# find_python MINOR [venv]: print a Python of that minor version, looked for where `stackfix machine` looks; with `venv`
# one that makes environments by itself. Fails where there is none. Builds without the lock of threads are left out.
find_python() {
  own=${HOME:-/nonexistent}
  data=${XDG_DATA_HOME:-$own/.local/share}
  for found in "python$1" python3 python \
    "${PYENV_ROOT:-$own/.pyenv}"/versions/"$1".*/bin/python3 \
    "${UV_PYTHON_INSTALL_DIR:-$data/uv/python}"/cpython-"$1".*/bin/python3 \
    "$data"/mise/installs/python/"$1"*/bin/python3 "$own"/.asdf/installs/python/"$1".*/bin/python3 \
    "${CONDA_PREFIX:-/nonexistent}"/bin/python3 "$own"/*conda3/bin/python3 "$own"/*forge*/bin/python3 \
    /opt/*conda*/bin/python3 /opt/*forge*/bin/python3 /opt/*/bin/"python$1" /usr/bin/"python$1" /usr/local/bin/"python$1"; do
    case $found in */"$1".*t/bin/* | *freethreaded*) continue ;; esac
    is_python "$found" "$1" || continue
    [ -z "${2:-}" ] || "$found" -c 'import ensurepip, venv' </dev/null >/dev/null 2>&1 || continue
    command -v "$found"
    return 0
  done
  return 1
}

# fits VERB PLATFORM GLIBC DRIVER: end here where this machine is not one that the set is for. GLIBC and DRIVER may be
# empty; a driver that is not there is only said, for it may come later. `stackfix VERB` makes a set for another one.
fits() {
  machine=$(uname -s | tr '[:upper:]' '[:lower:]')_$(uname -m)
  [ "$machine" = "$2" ] || fail "this set is for $2, this machine is $machine" "" 1
  if [ -n "$3" ]; then
    found=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{ print $2 }') || found=
    [ -n "$found" ] || fail "this system has no glibc, and the files of this set need $3" "" 1
    ! older "$found" "$3" || fail "glibc is $found here, and the files of this set need $3" "use a newer system, or a set for this one: stackfix $1 --glibc $found" 1
  fi
  if [ -n "$4" ]; then
    found=$(sed -n 's/^NVRM version:.* \([0-9][0-9]*\.[0-9.]*\) .*/\1/p' /proc/driver/nvidia/version 2>/dev/null) || found=
    if [ -z "$found" ] && command -v nvidia-smi >/dev/null 2>&1; then
      found=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1) || found=
    fi
    case $found in
      [0-9]*) ! older "$found" "$4" || fail "the NVIDIA driver is $found here, and this set needs $4" "install a newer driver, or a set for this one: stackfix $1 --driver $found" 1 ;;
      *) printf 'no NVIDIA driver was found here; the set needs %s or newer to run on a GPU\n' "$4" >&2 ;;
    esac
  fi
}
