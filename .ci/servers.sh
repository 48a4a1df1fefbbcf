# What suites need beside node_modules: real servers, a browser. Sourced by .ci/run. Each is started or
# installed by the first suite that needs it; one that cannot be had lets that suite fail, with the suite's own words.
STACK=$ROOT/../shared/stack/stack.sh
export STACK_HOME=$WORK/stack
ON=()
SUPABASE=
MONGODB=
REDIS=
PLAIN=
PUSH=

has_servers() { [ -f "$STACK" ]; }

# start_server KIND NAME PORT: prints the URL once the server answers
start_server() { timeout --signal=TERM -k 20 "$(left)" bash "$STACK" "$@" </dev/null | tail -1; }

start_mongodb() { MONGODB=${MONGODB:-$(start_server mongo mongodb 24111)}; }

start_redis() {
  install_package redis-server redis-server
  REDIS=${REDIS:-$(timeout --signal=TERM -k 20 "$(left)" bash .ci/redis.sh start redis 24141 </dev/null | tail -1)}
}

# on_supabase DATABASE: ON runs a command on the servers, with that database in MongoDB
on_supabase() {
  start_mongodb
  start_redis
  SUPABASE=${SUPABASE:-$(start_server supabase supabase 24101)}
  ON=(env SUPABASE_DB_URL="$SUPABASE" SUPABASE_ADMIN_DB_URL="${SUPABASE/postgres@/supabase_admin@}" MONGODB_URI="$MONGODB/$1" REDIS_URL="$REDIS")
}

# a Postgres that has nothing of Supabase's
on_plain() {
  start_mongodb
  PLAIN=${PLAIN:-$(start_server postgres plain 24121)}
  ON=(env SUPABASE_DB_URL="$PLAIN" MONGODB_URI="$MONGODB/switchyard_plain")
}

# one that no migration has been applied to
on_push() {
  start_mongodb
  PUSH=${PUSH:-$(start_server supabase push 24131)}
  ON=(env SUPABASE_DB_URL="$PUSH" MONGODB_URI="$MONGODB/switchyard_deploy")
}

# a suite that was cut off may have left them dead or paused
revive_servers() {
  local name
  for name in supabase mongodb; do
    bash "$STACK" resume "$name" </dev/null >/dev/null 2>&1 || true
    bash "$STACK" status "$name" </dev/null 2>/dev/null | grep -q '^running' && continue
    # what is left of it goes first: a part that lives on keeps it from starting
    STACK="$STACK" bash .ci/server-control kill "$name" </dev/null >/dev/null 2>&1 || true
    bash "$STACK" start "$name" </dev/null >/dev/null 2>&1 || true
  done
  bash .ci/redis.sh resume redis </dev/null >/dev/null 2>&1 || true
  bash .ci/redis.sh start redis </dev/null >/dev/null 2>&1 || true
}

stop_servers() {
  local name
  [ -d "$STACK_HOME" ] || return 0
  bash .ci/redis.sh destroy redis </dev/null >/dev/null 2>&1 || true
  for name in supabase push plain mongodb; do bash "$STACK" destroy "$name" </dev/null >/dev/null 2>&1 || true; done
}

# install_package COMMAND PACKAGE: Debian's, as people have it; what is there already is used
install_package() {
  command -v "$1" >/dev/null && return
  timeout --signal=TERM -k 20 "$(left)" sh -c "apt-get update && apt-get install -y --no-install-recommends $2" \
    </dev/null >"$WORK/$2.log" 2>&1 || tail -20 "$WORK/$2.log"
}
