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
