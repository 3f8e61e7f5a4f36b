#!/bin/sh
# Set stackfix up on a machine that may have nothing yet, and let it make the environment: `./stackfix install dwpose`.
#
# usage: sh bootstrap.sh [--install-packages] [--bundle DIR] [options of stackfix install]
#   --install-packages  install what is missing by the system's package manager, with sudo where it is needed
#   --bundle DIR        install from a folder that `stackfix bundle` made, without a network
#
# It takes a Python from 3.10 on that can make environments; else uv, and a Python that uv brings; else it gets uv by
# the pip of whatever Python is here. Where none of that goes, it says what to install, and installs nothing unasked.
# pip's and uv's own configuration count (index, proxy, certificates); https_proxy does too. Run twice it does no harm.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
HOME=${HOME:-$(awk -F: -v id="$(id -u)" '$3 == id { print $6; exit }' /etc/passwd)}
export HOME

[ ! -f "$here/bundle.json" ] || exec sh "$here/install.sh" ${1+"$@"} # it was put into a bundle
# shellcheck source=data/tool/shared.sh
. "$here/data/tool/shared.sh"

packages=
bundle=
count=$#
while [ "$count" -gt 0 ]; do
  word=$1
  shift
  count=$((count - 1))
  case $word in
    --install-packages) packages=yes ;;
    --bundle)
      [ "$count" -gt 0 ] || fail "--bundle needs a folder" "" 2
      bundle=$1
      shift
      count=$((count - 1))
      ;;
    -h | --help)
      sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) set -- ${1+"$@"} "$word" ;;
  esac
done

if [ -n "$bundle" ]; then
  [ -f "$bundle/install.sh" ] || fail "$bundle is no bundle: it has no install.sh" "make one where there is a network: stackfix bundle" 2
  exec sh "$bundle/install.sh" ${1+"$@"}
fi

# shellcheck source=scripts/environment.sh
. "$here/scripts/environment.sh"
own=$here/.stackfix
if ! mkdir -p "$own" 2>/dev/null || ! [ -w "$own" ]; then
  fail "$own cannot be written by this user" "make a checkout of your own"
fi

# Print what is read of the system's own description of itself.
system() {
  for file in /etc/os-release /usr/lib/os-release; do
    if [ -f "$file" ]; then
      sed -n "s/^$1=//p" "$file" | head -n 1 | sed "s/^[\"']//; s/[\"']\$//"
      return 0
    fi
  done
}

# Print the command that installs what is missing here, "" where the package manager is none that is known.
install_line() {
  release=$(system VERSION_ID)
  if command -v apt-get >/dev/null 2>&1; then
    case $(apt-cache policy python3 2>/dev/null | awk '/Candidate:/ { print $2 }') in
      3.[0-9].* | 3.[0-9]-*) ! find_uv "$here" >/dev/null || return 0 ;; # too old here, and uv is what it was wanted for
    esac
    printf 'apt-get update && apt-get install -y python3 python3-venv\n'
  elif command -v dnf >/dev/null 2>&1; then
    case " $(system ID) $(system ID_LIKE) " in
      *" fedora "* | *" rhel "*)
        case $(system ID)-${release%%.*} in
          fedora-*) printf 'dnf install -y python3\n' ;;
          *-8 | *-9) printf 'dnf install -y python3.12\n' ;;
          *) printf 'dnf install -y python3\n' ;;
        esac
        ;;
      *) printf 'dnf install -y python3\n' ;;
    esac
  elif command -v zypper >/dev/null 2>&1; then
    case $release in
      15*) printf 'zypper --non-interactive install python311\n' ;;
      *) printf 'zypper --non-interactive install python3\n' ;;
    esac
  elif command -v pacman >/dev/null 2>&1; then
    printf 'pacman -Sy --noconfirm --needed python\n'
  elif command -v apk >/dev/null 2>&1; then
    printf 'apk add python3\n'
  fi
}

# Print what is here and why it does not serve.
what_is_here() {
  for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3 python; do
    command -v "$name" >/dev/null 2>&1 || continue
    "$name" -c "
import pkgutil, sys
lacks = [name for name in ('venv', 'ensurepip', 'pip') if not [1 for each in pkgutil.iter_modules() if each[1] == name]]
old = sys.version_info < (3, 10)
print('  $(command -v "$name") is Python %d.%d' % sys.version_info[:2] + (', 3.10 is the oldest that serves' if old else '') + (', without ' + ' and '.join(lacks) if lacks else ''))
" 2>/dev/null </dev/null || printf '  %s does not start\n' "$(command -v "$name")"
  done
}

# get_uv: put uv into this checkout by the pip of a Python that is here, by the hash that the lock names.
get_uv() {
  [ -f "$here/data/tool/requirements.txt" ] || return 1
  pip=
  for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3 python; do
    if "$name" -c 'import sys; raise SystemExit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
      if "$name" -m pip --version >/dev/null 2>&1; then
        pip=$name
        break
      fi
      if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1 && "$name" -m venv "$own/pip" >/dev/null 2>&1; then
        pip=$own/pip/bin/python
        break
      fi
    fi
  done
  [ -n "$pip" ] || return 1
  say "getting uv by $("$pip" -m pip --version | sed 's/ from .*//') (once)"
  awk '/^[a-z]/ { inside = /^uv==/ } inside' "$here/data/tool/requirements.txt" >"$own/uv.txt"
  rm -rf "$own/uv"
  if ! PIP_CONSTRAINT='' PIP_DISABLE_PIP_VERSION_CHECK=1 "$pip" -m pip install --no-deps --only-binary :all: --require-hashes \
    --target "$own/uv" -r "$own/uv.txt" >"$own/uv.log" 2>&1; then
    grep -Ev '^WARNING: Retrying' "$own/uv.log" | tail -n 12 >&2
    why_not "$own/uv.log"
    return 1
  fi
  rm -rf "$own/pip"
  find_uv "$here" >/dev/null
}

# serves: whether an environment can be made here now, by a Python or by uv with one.
serves() {
  [ -z "$(pythons | head -n 1)" ] || return 0
  uv=$(find_uv "$here") || return 1
  [ -z "$(pythons any | head -n 1)" ] || return 0
  say "getting a Python by $("$uv" --version) (once)"
  if ! "$uv" python install 3.12 >"$own/python.log" 2>&1; then
    tail -n 6 "$own/python.log" >&2
    printf 'uv cannot bring a Python here: a proxy is named by https_proxy, a mirror of its Pythons by UV_PYTHON_INSTALL_MIRROR\n' >&2
    return 1
  fi
  [ -n "$(pythons any | head -n 1)" ]
}

if ! serves && ! { ! find_uv "$here" >/dev/null && get_uv && serves; }; then
  line=$(install_line)
  title=$(system PRETTY_NAME)
  if [ -n "$packages" ]; then
    [ -n "$line" ] || fail "no package manager that is known here was found on ${title:-this system}" "install a Python from 3.10 on, or uv"
    become=
    if [ "$(id -u)" != 0 ]; then
      command -v sudo >/dev/null 2>&1 || fail "packages are installed by root, and sudo is not here" "as root: $line"
      become=sudo
    fi
    say "installing, as asked: $line"
    $become sh -c "$line" >&2 || fail "that did not work; what it says stands above" "run it by hand: $line"
    serves || { get_uv && serves; } || fail "there is still nothing that can run stackfix" "$(what_is_here)"
  else
    printf 'error: nothing here can run stackfix: it needs a Python from 3.10 on that can make environments, or uv\n' >&2
    what_is_here >&2
    if [ -n "$line" ]; then
      [ "$(id -u)" = 0 ] || line="sudo sh -c '$line'"
      printf 'hint: on %s:\n  %s\nand then run this again; --install-packages lets this script do it\n' "${title:-this system}" "$line" >&2
    elif find_uv "$here" >/dev/null; then
      printf 'hint: this release has no newer Python: let uv bring one, as said above, or use a newer release\n' >&2
    else
      printf 'hint: install a Python from 3.10 on with its venv module, or uv, and then run this again\n' >&2
    fi
    if ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
      printf 'note: this system has no glibc, and the CUDA wheels are made for glibc: they do not run here\n' >&2
    fi
    exit 3
  fi
fi

exec "$here/stackfix" install dwpose ${1+"$@"}
