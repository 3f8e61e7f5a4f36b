"""A POSIX sh script that makes the environment by itself: the requirements with their hashes are inside it."""

from __future__ import annotations

import hashlib

from stackfix.plan.unpacked import installed_bytes
from stackfix.render.export.requirements import file_lines, requirement_lines
from stackfix.render.export.shell import block, functions, quoted
from stackfix.render.export.subject import Subject, commented, heading

_BODY = """\
unfinished=.stackfix-bootstrap-unfinished
mark=.stackfix-bootstrap

target=./$name-env
while [ $# -gt 0 ]; do
  case $1 in
    --venv) [ $# -gt 1 ] || fail "--venv needs a folder" "" 2; target=$2; shift 2 ;;
    --venv=*) target=${1#--venv=}; shift ;;
    -h | --help)
      printf 'usage: %s [--venv DIR]\\nMakes the environment %s-env (or DIR). An index or a proxy: PIP_INDEX_URL or UV_DEFAULT_INDEX, https_proxy.\\n' "$0" "$name"
      exit 0 ;;
    *) fail "there is no option $1" "--venv DIR is the only one" 2 ;;
  esac
done
case $target in /*) ;; *) target=$(pwd)/$target ;; esac

# The machine must be the one that the set is for.
fits export "$platform" "$glibc" "$driver"

if [ -f "$target/$mark" ] && [ "$(cat "$target/$mark")" = "$digest" ] && "$target/bin/python" -c '' 2>/dev/null; then
  printf '%s is there already, and is this set\\n' "$target"
  exit 0
fi
if [ -f "$target/$unfinished" ]; then
  printf 'removing what an earlier run left unfinished at %s\\n' "$target" >&2
  rm -rf "$target"
fi
[ ! -e "$target" ] || fail "$target is there, and this script did not make it" "name another folder: --venv DIR" 2

parent=$(dirname -- "$target")
if ! mkdir -p "$parent" 2>/dev/null || ! [ -w "$parent" ]; then
  fail "$parent cannot be written by this user" "name another folder: --venv DIR"
fi
free=$(df -Pk "$parent" | awk 'END { print $4 }')
[ "$free" -ge "$need" ] || fail "not enough room in $parent: $((need / 1000)) MB are needed, $((free / 1000)) MB are free" "name a folder on another disk: --venv DIR"

# What installs: uv makes an environment of any Python; else a Python that brings pip along.
uv=
for found in uv "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"; do
  if command -v "$found" >/dev/null 2>&1; then uv=$found; break; fi
done
alone=venv
[ -z "$uv" ] || alone=
interpreter=$(find_python "$python" "$alone") || interpreter=
if [ -z "$uv" ] && [ -z "$interpreter" ]; then
  if command -v apt-get >/dev/null 2>&1; then what="apt-get install python$python python$python-venv"
  elif command -v dnf >/dev/null 2>&1; then what="dnf install python$python"
  elif command -v zypper >/dev/null 2>&1; then what="zypper install python$(printf %s "$python" | tr -d .)"
  elif command -v pacman >/dev/null 2>&1; then what="pacman -S uv"
  else what="get uv, which brings its own Python"
  fi
  fail "there is no Python $python that can make environments, and no uv" "$what; a release that has no Python $python: get uv, then run this again"
fi

work=$(mktemp -d)
made=
undo() {
  rm -rf "$work"
  [ -z "$made" ] || rm -rf "$target"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"""

_INSTALL = """\
made=yes
mkdir -p "$target"
: >"$target/$unfinished"
printf 'making %s: %s packages, %s MB to download\\n' "$target" "$packages" "$download" >&2
if [ -n "$uv" ]; then
  "$uv" venv --quiet --no-project --allow-existing --python "${interpreter:-$python}" "$target" || fail "uv could not make an environment of Python $python"
  "$uv" pip install --python "$target/bin/python" --no-deps --require-hashes -r "$work/requirements.txt" ||
    fail "uv could not install the set; what it says stands above" "check the network, https_proxy and the index (UV_DEFAULT_INDEX), then run this again"
else
  "$interpreter" -m venv "$target" || fail "$interpreter could not make an environment"
  "$target/bin/python" -m pip install --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$work/requirements.txt" ||
    fail "pip could not install the set; what it says stands above" "check the network, https_proxy and the index (PIP_INDEX_URL), then run this again"
fi
"""

_END = """\
"$target/bin/python" -I - "$work/requirements.txt" <<'CHECK' || fail "the environment is not the set that was asked for"
import importlib.metadata, sys
wanted = [line.split()[0].split("==") for line in open(sys.argv[1]) if "==" in line]
wrong = [name for name, version in wanted if importlib.metadata.version(name) != version]
sys.exit("not as asked for: " + ", ".join(wrong) if wrong else 0)
CHECK
printf '%s\\n' "$digest" >"$target/$mark"
rm -f "$target/$unfinished"
made=
printf '%s is ready; stackfix validate --venv %s proves that it works\\n' "$target" "$target"
"""


def bootstrap_sh(subject: Subject) -> str:
    """Return the whole script: run twice it makes one environment, and what it breaks off it takes away."""
    lock = subject.lock
    listed = "\n".join([*file_lines(subject), *requirement_lines(subject)])
    digest = hashlib.sha256("\n".join([listed, *subject.added.values()]).encode()).hexdigest()
    said = {
        "name": subject.name,
        "platform": lock.platform,
        "python": lock.python,
        "glibc": subject.glibc,
        "driver": subject.driver_floor,
        "packages": str(len(lock.packages)),
        "download": str(round(lock.download_bytes / 1e6)),
        "need": str(installed_bytes(lock) // 1000),
        "digest": digest,
    }
    lines = [
        "#!/bin/sh",
        *commented(heading(subject, "bootstrap-sh")),
        *commented(["usage: sh bootstrap.sh [--venv DIR]"]),
        "set -eu",
        "",
        *(f"{key}={quoted(value)}" for key, value in said.items()),
        "",
        *functions(subject.functions),
        "",
        *_BODY.rstrip("\n").split("\n"),
        "",
        *block(listed, '"$work/requirements.txt"', "REQUIREMENTS"),
        "",
        *_INSTALL.rstrip("\n").split("\n"),
    ]
    for name, text in subject.added.items():
        lines += block(text, f'"$target/lib/python$python/site-packages/{name}"', "ADDED")
    lines += _END.rstrip("\n").split("\n")
    return "\n".join(lines) + "\n"
