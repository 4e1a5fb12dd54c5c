# Proves the checks of .ci/runners, which reads this file. Uses its WORK, RESULTS, environment and check.
# shellcheck shell=bash disable=SC2154

# Each fault and the checks that must find it. What a fault does is in damage.py, image faults are Dockerfile lines.
faults=(
  'fractional emitted_at:models' 'no recordCount:models' 'recordCount too high:models older_suite' 'no COMPLETE:models older_suite'
  'nulls in the envelope:models serverless' 'unknown property:models' 'token in a log:models' 'wrong type:models cdk older_suite'
  'check says yes:cdk older_suite' 'secret not marked:cdk older_suite'
  'state ignored:older_suite recorded estuary serverless pyairbyte'
  'legacy state unknown:estuary' 'varying state keys:estuary' 'reads stdin:estuary' 'global state unknown:recorded'
  'cursor_field wanted:recorded' 'noise on stderr:recorded' 'vague key:recorded meltano' 'errors first:recorded'
  'no message:recorded' 'sync_id obeyed:recorded' 'silent about files:recorded' 'a stale value:pyairbyte databases'
  'a lost row:older_suite pyairbyte'
)
# Edits of the files of SQL, and of the example for Meltano.
sql_faults=(
  'views/*.sql:s/+ coalesce(.*, 0)//' "owed.sql:/status = 'approved'/d" 'changed-since-close.sql:s/FULL JOIN/JOIN/'
  'changed-since-close.sql:s/IS DISTINCT FROM/<>/' 'report-differs.sql:s/FULL JOIN/JOIN/'
  'rate-of-sale.sql:s/r.ratesStart <= s.sold_at AND//' 'rate-of-sale.sql:s/AND (r.ratesEnd.*//' 'paid.sql:s/ AND s.advertiser_id.*id AND/ AND/'
  'unpaid.sql:/coalesce(paid/d'
)
meltano_faults=('s/airbyte_config.timezone/airbyte_config.time_zone/' 's/image: .*/image: source-awin/' '/sensitive: true/d' 's/stats_by_publisher/stats/')
image_faults=(
  'no sh:RUN rm /bin/sh' 'no mv:RUN rm /bin/mv' 'too large:RUN head -c 26000000 /dev/urandom > /ballast' 'root:USER 0'
  'other entrypoint:ENV AIRBYTE_ENTRYPOINT=source-awin' 'other version:LABEL io.airbyte.version=9.9.9'
  'program not for all:RUN chmod 700 /airbyte/source-awin' 'no authorities:RUN echo > /etc/ssl/certs/ca-certificates.crt'
  'deaf to SIGTERM:RUN mv /airbyte/source-awin /airbyte/real && printf "#!/bin/sh\n/airbyte/real \"\$@\"\n" > /airbyte/source-awin && chmod 755 /airbyte/source-awin'
)

know() { # CHECK: notes what fails without any fault
  local all=$RESULTS
  RESULTS=$WORK/sound.tsv
  : > "$RESULTS"
  check "$1"
  grep $'\tFAILED' "$RESULTS" | cut -f 3 >> "$WORK/known"
  RESULTS=$all
}

prove_one() { # FAULT CHECK
  local all=$RESULTS
  RESULTS=$WORK/one.tsv
  : > "$RESULTS"
  check "$2"
  local found
  # What fails on the sound connector, too, proves nothing.
  found=$(grep $'\tFAILED' "$RESULTS" | grep -vF -f "$WORK/known" -m 1 | cut -f 3-4 | tr '\t' ' ' | cut -c 1-300)
  RESULTS=$all
  if [[ -n $found ]]; then line "$2" "$1" "$found" 'found'; else line "$2" "$1" '' 'FAILED: not found'; fi
  tail -n 1 "$RESULTS" | tr '\t' '|'
}

prove() { # CHECK...
  local asked=" $* "
  # A copy that every user can start: one check does so as another user.
  export PROVING=1 DAMAGED=$WORK/source-awin DAMAGE
  local entry name
  cp "$CONNECTOR" "$DAMAGED"
  for name in "$@"; do [[ -z ${environment[$name]} ]] || install "${environment[$name]}" || exit 1; done
  [[ $asked != *' meltano '* ]] || start_postgresql
  echo '(nothing)' > "$WORK/known"
  for name in "$@"; do [[ $name = image ]] || know "$name"; done
  CONNECTOR=$here/integration_tests/runners/damage.py
  for entry in "${faults[@]}"; do
    DAMAGE=${entry%%:*}
    for name in ${entry#*:}; do [[ $asked != *" $name "* ]] || prove_one "$DAMAGE" "$name"; done
  done
  CONNECTOR=$DAMAGED
  [[ $asked != *' models '* ]] || for entry in 's/releaseDate: .*/releaseDate: soon/' 's/^  license: .*/  license: 7/' 's/^  definitionId: .*/  definitionId: one/'; do
    sed "$entry" metadata.yaml > "$WORK/metadata.yaml"
    METADATA=$WORK/metadata.yaml prove_one "metadata.yaml: $entry" models
  done
  [[ $asked != *' databases '* ]] || for entry in "${sql_faults[@]}"; do
    rm -rf "$WORK/sql" && cp -r docs/sql "$WORK/sql"
    # shellcheck disable=SC2086 # a pattern of files
    (cd "$WORK/sql" && sed -i "${entry#*:}" ${entry%%:*})
    SQL_FOLDER=$WORK/sql prove_one "$entry" databases
  done
  [[ $asked != *' meltano '* ]] || for entry in "${meltano_faults[@]}"; do
    sed "$entry" examples/meltano.yml > "$WORK/meltano.yml"
    MELTANO_YML=$WORK/meltano.yml prove_one "meltano.yml: $entry" meltano
  done
  [[ $asked = *' image '* ]] || return
  build_image
  [[ -z $left_out ]] || return
  local sound=$IMAGE
  know image
  for entry in "${image_faults[@]}"; do
    mkdir -p "$WORK/context"
    printf 'FROM %s\nUSER 0\n%s\n' "$sound" "${entry#*:}" > "$WORK/context/Dockerfile"
    [[ $entry = root:* ]] || echo 'USER 1000:1000' >> "$WORK/context/Dockerfile"
    IMAGE=$sound-damaged
    if [[ $ENGINE = docker ]]; then
      docker build -q -t "$IMAGE" "$WORK/context" > "$WORK/build.log" 2>&1
    else
      "$LAB/build_image.sh" "$WORK/context" "$IMAGE" > "$WORK/build.log" 2>&1
    fi || { tail -n 5 "$WORK/build.log"; line image "${entry%%:*}" 'the damaged image' 'FAILED: does not build'; continue; }
    prove_one "${entry%%:*}" image
  done
}
