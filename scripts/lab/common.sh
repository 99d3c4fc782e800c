# shellcheck shell=bash
# Sourced by the scripts: what more than one of them does.

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Debian keeps dockerd, iptables and useradd where an ordinary user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
readonly node_floor=20.19.0

# Is this Node at or above the floor?
node_suits() { # NODE
  local have
  have=$("$1" -p process.versions.node 2>/dev/null) || return 1
  [ "$(printf '%s\n%s\n' "$node_floor" "$have" | sort -V | head -n 1)" = "$node_floor" ]
}

# Puts the project's own Node first in PATH where it has one (scripts/setup decides that).
use_project_node() { # PROJECT
  if [ -x "$1/.tools/node_modules/node/bin/node" ]; then
    PATH=$1/.tools/node_modules/node/bin:$1/.tools/node_modules/.bin:$PATH
  fi
  export PATH
}

# Runs a command so that this script stays able to act: it hands signals on and its traps run at once. (A shell that
# waits for a foreground command runs them only after it, and starts background ones with SIGINT ignored.)
# After a signal the status is 128 + its number whatever the command made of it: npm and others answer one with 1.
run_child() { # COMMAND [ARG ...]
  local child='' signal outer status=0 stopped=''
  outer=$(trap -p TERM INT HUP)
  # Before the command starts: no signal may find this script with a child and without a trap.
  # shellcheck disable=SC2064
  for signal in TERM INT HUP; do
    trap "stopped=$signal; [ -z \"\$child\" ] || kill -$signal \"\$child\" 2>/dev/null || :" "$signal"
  done
  env --default-signal=INT,QUIT "$@" <&0 &
  child=$!
  [ -z "$stopped" ] || kill "-$stopped" "$child" 2>/dev/null || :
  while :; do
    status=0
    wait "$child" || status=$?
    kill -0 "$child" 2>/dev/null || break
  done
  trap - TERM INT HUP
  eval "$outer"
  [ -z "$stopped" ] || status=$((128 + $(kill -l "$stopped")))
  return "$status"
}

# Every living descendant of a process, the deepest last.
descendants() { # PID
  local child
  # shellcheck disable=SC2013 # words of a line
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do echo "$child"; descendants "$child"; done
}

# Ends processes that this script started: asks, waits for their own orderly end, then insists.
end_pids() { # SECONDS PID ...
  local tenths=$(($1 * 10))
  shift
  kill -TERM "$@" 2>/dev/null || :
  while [ "$tenths" -gt 0 ] && kill -0 "$@" 2>/dev/null; do sleep 0.1; tenths=$((tenths - 1)); done
  [ "$tenths" -gt 0 ] || kill -KILL "$@" 2>/dev/null || :
  wait "$@" 2>/dev/null || :
}

# Removes a folder in which an engine left files of subordinate ids, which their owner can remove only as root of a
# user namespace that maps them.
remove_tree() { # FOLDER
  rm -rf "$1" 2>/dev/null || :
  if [ -e "$1" ] && command -v podman >/dev/null; then env -u CONTAINERS_STORAGE_CONF podman unshare rm -rf "$1" || :; fi
  if [ -e "$1" ] && command -v rootlesskit >/dev/null; then rootlesskit rm -rf "$1" || :; fi
  [ ! -e "$1" ] || { printf 'error: cannot remove %s\n' "$1" >&2; return 1; }
}

# A private folder for sockets: their paths may have 107 bytes, so it is short.
short_folder() { # PREFIX
  local parent=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  if [ ! -d "$parent" ] || [ ! -w "$parent" ]; then parent=/tmp; fi
  mktemp -d "$parent/$1XXXXXX"
}

# The Debian archive that apt on this machine uses; nothing where it knows none.
debian_mirror() {
  # shellcheck disable=SC2016 # apt's own field
  apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | sort -u | head -n 1
}

# Prints the path of a program for tests: from PATH, else from .tools, else out of its package of Debian or Ubuntu, which is fetched into .tools, with
# the programs beside it, and not installed.
program_of_package() { # PROJECT PROGRAM PACKAGE
  local folder status=0
  if command -v "$2"; then return; fi
  if [ -x "$1/.tools/$2" ]; then echo "$1/.tools/$2"; return; fi
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || die "install $2 (for Debian in the package $3) and start again"
  say "getting $2 into .tools"
  folder=$(mktemp -d)
  (
    set -e
    cd "$folder"
    apt-get download -qq "$3" >&2
    dpkg-deb -x "$3"_*.deb there
    mkdir -p "$1/.tools"
    install -m 755 there/usr/bin/* "$1/.tools/"
  ) || status=$?
  rm -rf "$folder"
  [ "$status" = 0 ] || die "the package $3 could not be had: sudo apt-get update, and start again"
  echo "$1/.tools/$2"
}
