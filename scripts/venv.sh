#!/bin/sh
# Makes .venv in the current folder, unless a whole one is there: sh scripts/venv.sh [PYTHON]
#
# PYTHON is a command or a path; left out, the first of python3, python3.14 ... python3.11 that is new enough.
# .venv/.made is written last and holds the folder's path: a half-made, moved or broken .venv is made again,
# and so is one made with another interpreter than the PYTHON asked for.
# Exit 2 and one sentence when no Python will do; .venv is then as it was.

identity='import sys; print(sys.version, getattr(sys, "base_prefix", sys.prefix))'
enough='import sys; sys.exit(sys.version_info < (3, 11))'

refuse() {
    printf '%s\n' "$1" >&2
    exit 2
}

works() {
    "$1" -c "$enough" >/dev/null 2>&1
}

here=$(pwd -P)
if [ -f .venv/.made ] && [ "$(cat .venv/.made)" = "$here" ] && works .venv/bin/python; then
    [ -z "$1" ] && exit 0
    [ "$("$1" -c "$identity" 2>&1)" = "$(.venv/bin/python -c "$identity" 2>&1)" ] && exit 0
fi

python=$1
if [ -z "$python" ]; then
    for python in python3 python3.14 python3.13 python3.12 python3.11 ''; do
        [ -z "$python" ] || works "$python" && break
    done
fi
python=${python:-python3}

install='install Python 3.11 or newer (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python)'
if ! works "$python"; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        refuse "Tenfold found no working Python under the name '$python': $install, or name yours with PYTHON=."
    refuse "Tenfold needs Python 3.11 or newer and '$python' is $version: $install, or name a newer one with PYTHON=."
fi
if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    refuse "Tenfold needs the venv module, which '$python' lacks: install it (Debian and Ubuntu: apt install python$version-venv)."
fi

trap 'rm -rf .venv; exit 130' INT TERM HUP
rm -rf .venv
if ! "$python" -m venv .venv; then
    rm -rf .venv
    refuse "Tenfold could not make .venv in $here with '$python': make sure that the folder can be written and the disk has room."
fi
printf '%s\n' "$here" >.venv/.made
