# shellcheck shell=bash
# What the scripts of this directory share; sourced by each. A script says `stack NAME PROCESS...`
# and defines
#   prepare          once, before the first start (optional)
#   start_PROCESS    runs `launch PROCESS COMMAND...`; all are called at the same time, and one that
#                    needs another says `await ANOTHER`
#   answers_PROCESS  true if it can be used
#   seed             once, when everything answers for the first time (optional)
#   environment      prints NAME=value lines for those who want to use it
# A server's files lie in $state, outside the checkout: accounts such as postgres can't enter every
# home directory, and the path of a socket is at most 107 bytes long. Whoever wants a stack of its
# own, to break it, sets REGISTRY_STACKS_DIR to an empty directory.
set -euo pipefail

stack() {
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  programs=$(cd "$here/../.." && pwd)/var/stacks/$1
  state=${REGISTRY_STACKS_DIR:-/tmp/docker-registry-$(id -u)-$(cksum <<<"${here%/contrib/stacks}" | cut -d' ' -f1)}/$1
  processes=("${@:2}")
  export here programs state
}

# Chooses a port for each NAME at the first start, and sets NAME_PORT to it. They lie below the range
# from which the kernel picks ports for outgoing connections, so that no client can take one while
# its server is down. A book of this user's stacks keeps those that start at the same time apart.
ports() {
  mkdir -p "$state"
  [ -e "$state/ports" ] || python3 - "$state/ports" "$@" <<-'PYTHON'
	import fcntl, os, random, socket, sys
	path, *names = sys.argv[1:]
	with open(f"/tmp/docker-registry-{os.getuid()}.ports", "a+") as book:
	    fcntl.flock(book, fcntl.LOCK_EX)
	    if os.path.exists(path):
	        sys.exit()  # another process of this stack was first
	    book.seek(0)
	    entries = [line.rstrip("\n").split(" ", 1) for line in book]
	    taken = {int(port) for port, owner in entries if os.path.exists(owner)}
	    free = (
	        port
	        for port in random.sample(range(10_000, 32_000), 1000)
	        if port not in taken and socket.socket().connect_ex(("127.0.0.1", port))
	    )
	    chosen = {name: next(free) for name in names}
	    with open(f"{path}.new", "w") as ports:
	        ports.writelines(f"{name}_PORT={port}\n" for name, port in chosen.items())
	    os.rename(f"{path}.new", path)
	    book.writelines(f"{port} {path}\n" for port in chosen.values())
	PYTHON
  set -a
  # shellcheck source=/dev/null
  source "$state/ports"
  set +a
}

# Writes a file with ${NAME} of the template replaced by the environment; fails if one isn't set.
render() {
  python3 -c 'import os, string, sys
sys.stdout.write(string.Template(sys.stdin.read()).substitute(os.environ))' <"$1" >"$2"
}

# When a process was started, in ticks of the kernel; nothing if it has ended.
started_at() { awk '{ sub(/.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null; }

# True if the process runs that was launched under this name, and not another that got its number.
running() {
  local pid started
  read -r pid started 2>/dev/null <"$state/$1.pid" && [ -n "$started" ] && [ "$(started_at "$pid")" = "$started" ]
}

launch() {
  running "$1" && return
  setsid "${@:2}" >>"$state/$1.log" 2>&1 </dev/null &
  echo "$! $(started_at $!)" >"$state/$1.pid"
}

# Waits until a process of this stack answers, unless it has ended.
await() {
  for _ in $(seq 480); do
    "answers_$1" >/dev/null 2>&1 && return
    [ ! -e "$state/$1.pid" ] || running "$1" || break
    sleep 0.25
  done
  echo "$0: $1 does not answer:" >&2
  tail -n 20 "$state/$1.log" >&2
  return 1
}

# halt SIGNAL PROCESS: KILL goes to everything that the process started as well.
halt() {
  running "$2" || return 0
  local pid
  read -r pid _ <"$state/$2.pid"
  [ "$1" = TERM ] || pid=-$pid
  kill "-$1" -- "$pid" 2>/dev/null || $sudo kill "-$1" -- "$pid" || return
  for _ in $(seq 120); do running "$2" || return 0; sleep 0.25; done
  echo "$0: $2 does not end" >&2
  return 1
}

runs() {
  local process
  [ -e "$state/seeded" ] || return
  for process in "${processes[@]}"; do "answers_$process" >/dev/null 2>&1 || return; done
}

once() { # NAME COMMAND
  [ -e "$state/$1" ] || [ "$(type -t "$2")" != function ] || "$2"
  touch "$state/$1"
}

start() {
  local process jobs=() failed=0
  mkdir -p "$state"
  once prepared prepare
  for process in "${processes[@]}"; do running "$process" || rm -f "$state/$process.pid"; done
  for process in "${processes[@]}"; do "start_$process" & jobs+=($!); done
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  [ $failed = 0 ] || return 1
  for process in "${processes[@]}"; do await "$process"; done
  once seeded seed
}

main() {
  local process index
  case "${1:-}" in
    up) runs || start; environment ;;
    env) runs || return 1; environment ;;
    down) for ((index = ${#processes[@]} - 1; index >= 0; index--)); do halt TERM "${processes[index]}"; done ;;
    start) for process in "${@:2}"; do "start_$process"; await "$process"; done ;;
    stop) for process in "${@:2}"; do halt TERM "$process"; done ;;
    kill) for process in "${@:2}"; do halt KILL "$process"; done ;;
    *)
      echo "usage: $0 up | env | down | start PROCESS | stop PROCESS | kill PROCESS (${processes[*]})" >&2
      return 2
      ;;
  esac
}

sudo=
[ "$(id -u)" = 0 ] || sudo="sudo -n"
