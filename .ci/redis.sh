#!/usr/bin/env bash
# redis.sh start|kill|pause|resume|status|destroy NAME [PORT]: a redis-server of this machine, kept nowhere but in memory, as the
# servers of $STACK are run. `start` prints its URL once it answers; a paused or killed one is resumed or started on its port.
set -euo pipefail
action=${1:-}
name=${2:-}
FOLDER=${STACK_HOME:?}/redis-$name
[[ $name =~ ^[a-z]+$ ]] || { echo "usage: redis.sh start|kill|pause|resume|status|destroy NAME [PORT]" >&2; exit 2; }

pid() { cat "$FOLDER/pid" 2>/dev/null || true; }
is_running() { [ -n "$(pid)" ] && kill -0 "$(pid)" 2>/dev/null; }
wait_for_answer() {
  local tries
  for tries in $(seq 1 200); do
    redis-cli -p "$(cat "$FOLDER/port")" ping 2>/dev/null | grep -q PONG && return
    sleep 0.05
  done
  echo "redis-server $name does not answer" >&2
  exit 1
}

case $action in
  start)
    mkdir -p "$FOLDER"
    [ -z "${3:-}" ] || echo "$3" >"$FOLDER/port"
    if ! is_running; then
      redis-server --port "$(cat "$FOLDER/port")" --bind 127.0.0.1 --save "" --appendonly no --dir "$FOLDER" \
        </dev/null >"$FOLDER/log" 2>&1 &
      echo $! >"$FOLDER/pid"
      disown
    fi
    wait_for_answer
    echo "redis://127.0.0.1:$(cat "$FOLDER/port")"
    ;;
  kill)
    kill -KILL "$(pid)" 2>/dev/null || true
    while is_running; do sleep 0.02; done
    ;;
  pause) kill -STOP "$(pid)" ;;
  resume)
    kill -CONT "$(pid)"
    wait_for_answer
    ;;
  status) if is_running; then echo running; else echo stopped; fi ;;
  destroy)
    kill -KILL "$(pid)" 2>/dev/null || true
    rm -rf "$FOLDER"
    ;;
  *)
    echo "redis.sh does not know $action" >&2
    exit 2
    ;;
esac
