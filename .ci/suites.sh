# Running, counting and leaving out: what .ci/run does with each of its suites. Sourced by it.

# seconds that are left of the gate's time
left() { echo $((DEADLINE > SECONDS ? DEADLINE - SECONDS : 1)); }

# bounded COMMAND...: the command, its output kept in $OUTPUT, ended when the gate's time is over; 124 then
bounded() { node .ci/bounded.mjs "$(left)" "$OUTPUT" "$@"; }

# was_left_out NAME: by the run before this one
was_left_out() { grep -qx "$1" "$BEFORE"; }

# leave_out NAME WHY: a suite that is left out twice in a row is a fault of the suite, or nobody would ever notice
leave_out() {
  echo "$1" >>"$LEFT_OUT"
  if was_left_out "$1"; then
    failed=$((failed + 1))
    echo "$1: $2, and was left out by the run before this one, too" >>"$FAILURES"
    echo "::: $1: FAILED: $2, for the second time in a row"
  else
    skipped=$((skipped + 1))
    echo "$1: $2; the next run begins with it" >>"$REMARKS"
    echo "::: $1: left out: $2"
  fi
}

# cut_off NAME: a suite that did not end. What it had passed until then is not counted: nothing says which tests those
# were. What it had failed until then is a failure, and its output is the only place that tells.
cut_off() {
  local broken
  broken=$(grep -aE '^ *(×|FAIL) |^ *(❯|×).* [0-9]+ failed' "$OUTPUT" | head -20)
  if [ -z "$broken" ]; then
    leave_out "$1" "cut off in the middle, when the time was over"
    return
  fi
  echo "$1" >>"$LEFT_OUT"
  failed=$((failed + 1))
  printf '%s: cut off in the middle, and by then these had failed:\n%s\n' "$1" "$broken" >>"$FAILURES"
  echo "::: $1: FAILED, and cut off in the middle"
}

# step NAME COMMAND...: one check that counts as one
step() {
  local name=$1 start=$SECONDS code=0
  shift
  echo "::: $name"
  bounded "$@" || code=$?
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
    echo "::: $name: passed in $((SECONDS - start)) s"
  elif [ "$code" -eq 124 ]; then
    cut_off "$name"
  else
    failed=$((failed + 1))
    echo "::: $name: FAILED after $((SECONDS - start)) s"
    echo "$name" >>"$FAILURES"
  fi
}

# suite NAME COMMAND...: the command leaves vitest's JSON report in SWITCHYARD_REPORT, whose tests are counted
suite() {
  local name=$1 start=$SECONDS code=0 counts ok bad pending
  shift
  echo "::: $name"
  export SWITCHYARD_REPORT=$REPORTS/$name.json
  bounded "$@" || code=$?
  # vitest writes its report when it ends
  if [ "$code" -eq 124 ] && [ ! -s "$SWITCHYARD_REPORT" ]; then
    cut_off "$name"
    return
  fi
  counts=$(node .ci/count.mjs "$SWITCHYARD_REPORT" "$FAILURES")
  read -r ok bad pending <<<"$counts"
  # a suite that fails without a failed test (a leak, a crash, a skipped test) has failed all the same
  if [ "$code" -ne 0 ] && [ "$((bad + pending))" -eq 0 ]; then
    bad=1
    echo "$name ended with $code though no test failed: see its output" >>"$FAILURES"
  fi
  bad=$((bad + pending))
  passed=$((passed + ok))
  failed=$((failed + bad))
  echo "::: $name: $ok passed, $bad failed in $((SECONDS - start)) s"
  unset SWITCHYARD_REPORT
}

# in_order NAME...: the suites, those that the run before left out first
in_order() {
  local name
  for name; do if was_left_out "$name"; then echo "$name"; fi; done
  for name; do if ! was_left_out "$name"; then echo "$name"; fi; done
}

# close: the last words, and what the next run has to know. The exit code says whether anything failed.
close() {
  mkdir -p "$(dirname "$STATE")" && cp "$LEFT_OUT" "$STATE"
  if [ "$failed" -ne 0 ]; then
    echo "::: what failed"
    cat "$FAILURES"
  fi
  if [ -s "$REMARKS" ]; then
    echo "::: what was left out or shortened"
    cat "$REMARKS"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}
