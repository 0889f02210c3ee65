#!/bin/sh
# Does every alert reach whom it should? Asks Alertmanager's own router about each line of routes.txt, and holds its alerts
# against those of the rules, so that a new alert cannot be forgotten.
set -eu
cd "$(dirname "$0")/../.."
table='alert-rules/tests/routes.txt'
failed=0

shipped=$(awk '/^ *- alert: / { alert = $3 }
               /severity: / && alert { sub(/.*severity: /, ""); sub(/[,}].*/, ""); print alert, $0; alert = "" }' alert-rules/*.yml | sort -u)
routed=$(awk '/^[A-Z]/ { print $1, $2 }' "$table" | sort -u)
if [ "$shipped" != "$routed" ]; then
    echo "The alerts of alert-rules/*.yml and of $table differ:"
    printf '%s\n%s\n' "$shipped" "$routed" | sort | uniq -u
    failed=1
fi

grep -v '^#' "$table" | {
    while read -r alert severity labels receivers; do
        [ "$labels" = - ] && labels= || labels=$(echo "$labels" | tr , ' ')
        # shellcheck disable=SC2086 # one word for each label
        got=$(amtool config routes test --config.file=alertmanager.yml \
            alertname="$alert" severity="$severity" job=neodyme $labels 2>/dev/null) || got="nobody: amtool failed"
        if [ "$got" != "$receivers" ]; then
            echo "$alert ($severity) reaches $got instead of $receivers"
            failed=1
        fi
    done
    exit "$failed"
} || failed=1
[ "$failed" -eq 0 ] && echo "Every alert reaches whom it should."
exit "$failed"
