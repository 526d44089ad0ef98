#!/usr/bin/env bash
# Run a command where QGIS is newer: scripts/newer_qgis.sh [COMMAND…], as root.
#
# QGIS comes from a tree of a newer Debian in the user's cache, made here at the first use. The checkout,
# its environment and the Python that this is made of are seen there under their own paths. All mounts
# are this process's own: the system forgets them when it ends, however it ends.
set -euo pipefail

SUITE=trixie # QGIS 3.40, Qt 5.15, Python 3.13, GDAL 3.10
PACKAGES=(qgis python3-qgis qgis-server xvfb xauth python3-pytest python3-pytest-timeout)

ROOT=$(cd "$(dirname "$0")/.." && pwd -P)
TREE=${XDG_CACHE_HOME:-$HOME/.cache}/avalanche-iseg/$SUITE
WHOLE=$TREE/made-of # written last: a tree without it, or of other packages, is made anew
MADE_OF="$SUITE ${PACKAGES[*]}"

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

show() { # a file or folder, under its own path
  if [ -d "$1" ]; then
    mkdir -p "$TREE$1"
  else
    mkdir -p "$(dirname "$TREE$1")"
    touch "$TREE$1"
  fi
  mount --rbind "$1" "$TREE$1"
}

show_system() {
  mount -t proc proc "$TREE/proc"
  for path in /dev /sys /tmp /etc/ssl/certs /etc/resolv.conf /etc/hosts; do
    [ ! -e "$path" ] || show "$path"
  done
}

show_project() {
  [ -x "$ROOT/.venv/bin/python" ] || fail "The environment is missing: make setup"
  show "$ROOT"
  show "$(readlink -f "$ROOT/.venv")"
  # Of a Python in /usr only its own files: the rest of /usr is the tree's.
  "$ROOT/.venv/bin/python" -c '
import os, sys, sysconfig
own = [os.path.realpath(sys.executable), sysconfig.get_path("stdlib")]
print(*([sys.base_prefix] if sys.base_prefix != "/usr" else own), sep="\n")' |
    while read -r path; do show "$path"; done
  [ ! -d "$ROOT/../shared" ] || show "$(dirname "$ROOT")/shared" # data of tests
}

inside() {
  HOME=/root LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$TREE" "$@"
}

# Packages come from where this system's come from, in the same way. debootstrap knows Debian's own place.
make_tree() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' | sed -n 1p)
  eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  [ -z "${http_proxy:-}" ] || export http_proxy
  command -v debootstrap || { apt-get update -q && apt-get install -qy --no-install-recommends debootstrap; }
  rm -rf "$TREE"
  mkdir -p "$TREE"
  debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$TREE" ${mirror:+"$mirror"}
  show_system
  apt-config dump Acquire | grep -Ev '^Acquire::(IndexTargets|Changelogs|cdrom)' >"$TREE/etc/apt/apt.conf.d/90access"
  echo force-unsafe-io >"$TREE/etc/dpkg/dpkg.cfg.d/unsafe" # half a tree is thrown away anyway
  printf 'path-exclude=/usr/share/%s/*\n' doc man info locale >"$TREE/etc/dpkg/dpkg.cfg.d/lean"
  printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d" # starts no services
  chmod +x "$TREE/usr/sbin/policy-rc.d"
  inside apt-get update -q
  DEBIAN_FRONTEND=noninteractive inside apt-get install -qy --no-install-recommends "${PACKAGES[@]}"
  inside apt-get clean
  rm -rf "$TREE"/var/lib/apt/lists/*
}

[ "$(id -u)" = 0 ] || fail "A newer QGIS runs in a Debian tree of its own, which only root can make and enter: sudo $0 $*"
command -v apt-get >/dev/null || fail "A newer QGIS comes from Debian's packages: this needs Debian, or a system like it."
[ -n "${ISEG_OWN_MOUNTS:-}" ] || ISEG_OWN_MOUNTS=1 exec unshare --mount "$0" "$@"

mkdir -p "$(dirname "$TREE")"
exec 9>"$TREE.lock"
flock 9 # another one may be making it
if [ "$(cat "$WHOLE" 2>/dev/null)" != "$MADE_OF" ]; then
  echo "Making a tree of Debian $SUITE with QGIS in $TREE (log: $TREE.log)"
  make_tree >"$TREE.log" 2>&1 &
  wait $! || fail "$(tail -20 "$TREE.log")" "No tree with a newer QGIS: see $TREE.log"
  echo "$MADE_OF" >"$WHOLE"
fi
exec 9>&-
[ $# -gt 0 ] || exit 0

mountpoint -q "$TREE/proc" || show_system
show_project
unset ISEG_OWN_MOUNTS
inside sh -c 'cd "$0" && exec "$@"' "$ROOT" "$@"
