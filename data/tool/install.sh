#!/bin/sh
# Install from this folder, which `stackfix bundle` made, without a network: every file is checked by its sha256
# first; then stackfix gets an environment of its own, and makes and proves the one that is asked for.
#
# usage: sh install.sh [--venv DIR] [--tool DIR] [--python EXE] [--expect SHA256] [options of stackfix install]
#   --venv DIR       where the environment goes (default: NAME-env in your home folder)
#   --tool DIR       where stackfix itself goes (default: ~/.local/share/stackfix/tool)
#   --python EXE     the Python to use (default: found)
#   --expect SHA256  what `stackfix bundle` said of its bundle.json, from another source than this folder
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# shellcheck source=data/tool/shared.sh
. "$here/shared.sh"

# said KEY: a word of bundle.json, which stands on a line of its own.
said() {
  sed -n "s/^  \"$1\": \"\\(.*\\)\",\$/\\1/p" "$here/bundle.json" | head -n 1
}

[ -f "$here/bundle.json" ] || fail "$here is not a whole bundle: it has no bundle.json" "run stackfix bundle again, it goes on where it stopped" 2
name=$(said name)
python=$(said python)
platform=$(said platform)

venv=
tool=${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/stackfix/tool
interpreter=
expect=
count=$#
while [ "$count" -gt 0 ]; do
  word=$1
  shift
  count=$((count - 1))
  case $word in
    --venv | --tool | --python | --expect)
      [ "$count" -gt 0 ] || fail "$word needs a value" "" 2
      case $word in
        --venv) venv=$1 ;;
        --tool) tool=$1 ;;
        --python) interpreter=$1 ;;
        --expect) expect=$1 ;;
      esac
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
[ -n "$venv" ] || venv=${HOME:?}/$name-env
case $tool in /*) ;; *) tool=$(pwd)/$tool ;; esac

fits bundle "$platform" "$(said glibc)" "$(said driver)"

[ -n "$interpreter" ] || interpreter=$(find_python "$python") || interpreter=
minor=$("${interpreter:-python3}" -c 'import sys; print("%d.%d" % sys.version_info[:2])' </dev/null 2>/dev/null) || minor=3.N
bundled="stackfix bundle $name --python $minor -o FOLDER"
[ -z "$interpreter" ] || is_python "$interpreter" "$python" || fail "$interpreter is no Python $python, for which this bundle is made" "name another one: --python EXE; or make a bundle for this one where there is a network: $bundled" 1
[ -n "$interpreter" ] || fail "there is no Python $python here, for which this bundle is made" "name one that was not found: --python EXE; or install it (Debian, Ubuntu, Fedora: python$python); or make a bundle for the Python that is here where there is a network: $bundled"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

"$interpreter" -I -S - "$here" "$expect" "$work" <<'VERIFY' || exit $?
import hashlib, json, os, sys, zipfile

here, expect, work = sys.argv[1:]


def fail(message, hint=""):
    sys.stderr.write("error: " + message + "\n" + (hint and "hint: " + hint + "\n"))
    sys.exit(3)


with open(os.path.join(here, "bundle.json"), "rb") as stream:
    raw = stream.read()
if expect and hashlib.sha256(raw).hexdigest() != expect.lower():
    fail("bundle.json is not the one that was expected: its sha256 is " + hashlib.sha256(raw).hexdigest())
bundle = json.loads(raw)
again = "copy the bundle here again; where it was made, stackfix bundle into the same folder fetches a damaged file anew"
total, done, uv = bundle["bytes"], 0, None
sys.stderr.write("checking %d files, %.1f MB\n" % (len(bundle["files"]), total / 1e6))
shown = sys.stderr.isatty()
for each in bundle["files"]:
    path = each["path"]
    parts = path.split("/")
    if "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts):
        fail("bundle.json names a file outside of this folder: " + repr(path))
    digest, size = hashlib.sha256(), 0
    try:
        with open(os.path.join(here, *parts), "rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
                size += len(block)
    except OSError as error:
        fail("%s: %s" % (path, error.strerror), again)
    if size != each["size"] or digest.hexdigest() != each["sha256"]:
        fail("%s is not the file of this bundle: %d bytes, sha256 %s" % (path, size, digest.hexdigest()), again)
    done += size
    if shown:
        sys.stderr.write("\r%d of %d MB " % (done / 1e6, total / 1e6))
    if parts[0] == "tool" and parts[-1].startswith("uv-"):
        uv = path
if shown:
    sys.stderr.write("\r")
if uv is None:
    fail("the bundle holds no uv")
with zipfile.ZipFile(os.path.join(here, *uv.split("/"))) as archive:
    inside = [name for name in archive.namelist() if name.endswith(".data/scripts/uv")]
    with open(os.path.join(work, "uv"), "wb") as target:
        target.write(archive.read(inside[0]))
os.chmod(os.path.join(work, "uv"), 0o755)
with open(os.path.join(work, "digest"), "w") as target:
    target.write(hashlib.sha256(raw).hexdigest())
VERIFY

digest=$(cat "$work/digest")
if ! { [ -f "$tool/bundle" ] && [ "$(cat "$tool/bundle")" = "$digest" ] && "$tool/bin/python" -I -c 'import stackfix' 2>/dev/null; }; then
  if [ -e "$tool" ] && ! [ -f "$tool/bundle" ]; then
    fail "$tool is there, and no bundle made it" "name another folder: --tool DIR" 2
  fi
  printf 'installing stackfix into %s\n' "$tool" >&2
  rm -rf "$tool"
  mkdir -p "$tool" || fail "$tool cannot be made" "name another folder: --tool DIR"
  printf 'unfinished\n' >"$tool/bundle"
  UV_OFFLINE=1 UV_NO_CONFIG=1 UV_CACHE_DIR=$work/cache UV_LINK_MODE=copy
  export UV_OFFLINE UV_NO_CONFIG UV_CACHE_DIR UV_LINK_MODE
  "$work/uv" venv --quiet --no-project --allow-existing --python "$interpreter" "$tool" || fail "uv could not make an environment with $interpreter"
  "$work/uv" pip install --quiet --python "$tool/bin/python" --no-index --find-links "$here/tool" --no-deps --only-binary :all: \
    --require-hashes -r "$here/tool/requirements.txt" || fail "stackfix could not be installed; what uv says stands above"
  unset UV_NO_CONFIG UV_CACHE_DIR UV_LINK_MODE
  printf '%s\n' "$digest" >"$tool/bundle"
fi
rm -rf "$work"

if [ "$(said models)" = own ]; then
  STACKFIX_MODELS=$here/models
  export STACKFIX_MODELS
  set -- --weights "$here/models/$(said recipe)" ${1+"$@"}
fi
UV_OFFLINE=1
export UV_OFFLINE
printf 'stackfix is %s\n' "$tool/bin/stackfix" >&2
exec "$tool/bin/python" -I -m stackfix install --offline --lock "$here/pylock.toml" --python "$interpreter" --venv "$venv" ${1+"$@"}
