# Starts and stops a PostgreSQL of its own for .ci/runners, which reads this file. Uses its WORK, have and line.
# shellcheck shell=bash

# As the user that PostgreSQL runs as: it refuses root.
as_its_user() {
  if [[ $(id -u) = 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# The folder of its programs: Debian keeps them off the PATH.
find_postgresql() {
  local folder found=
  for folder in /usr/lib/postgresql/*/bin; do
    [[ ! -x $folder/pg_ctl ]] || found=$folder
  done
  if [[ -n $found ]]; then echo "$found"; elif have pg_ctl initdb; then dirname "$(command -v pg_ctl)"; fi
}

# Sets POSTGRESQL_PORT, or says in the report why there is none.
start_postgresql() {
  [[ -z ${POSTGRESQL_PORT:-} ]] || return 0
  local programs folder=$WORK/postgresql
  programs=$(find_postgresql)
  if [[ -z $programs && $(id -u) = 0 ]] && have apt-get; then
    { apt-get update -q && apt-get install -qy --no-install-recommends postgresql; } > "$WORK/apt.log" 2>&1 || tail -n 5 "$WORK/apt.log"
    programs=$(find_postgresql)
  fi
  if [[ -z $programs ]]; then
    line PostgreSQL '' 'the SQL of the pages' 'left out: it is not there, and can only be installed by root on Debian'
    return 0
  fi
  POSTGRESQL_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkdir "$folder"
  [[ $(id -u) != 0 ]] || chown postgres "$folder"
  # What is in it lives for minutes: no waiting for the disk.
  local options="-p $POSTGRESQL_PORT -h 127.0.0.1 -k $folder -c fsync=off -c full_page_writes=off"
  if ! (cd / && as_its_user "$programs/initdb" -D "$folder/data" -U awin -A trust -E UTF8 --locale=C \
    && as_its_user "$programs/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "$options" start) > "$WORK/postgresql.log" 2>&1; then
    tail -n 20 "$WORK/postgresql.log"
    line PostgreSQL '' 'starts' 'FAILED'
    unset POSTGRESQL_PORT
    return 0
  fi
  pg_ctl=$programs/pg_ctl
  export POSTGRESQL_PORT
}

pg_ctl=
stop_postgresql() {
  [[ -z $pg_ctl ]] || (cd / && as_its_user "$pg_ctl" -D "$WORK/postgresql/data" -m immediate stop) > /dev/null 2>&1
  pg_ctl=
}
