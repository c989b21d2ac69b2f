#!/bin/sh
# Installs what the tests against real servers and in a real browser need: redis-server, redis-sentinel and
# chromium-headless-shell.
#
# Quiet and repeatable. The services that the packages start are stopped and disabled: the tests
# start their own processes on free ports.
set -eu

missing=''
for program in redis-server redis-sentinel chromium-headless-shell; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

fail() {
    echo "scripts/test-deps.sh: $1; please install$missing by hand" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || fail 'there is no apt-get here'
if [ "$(id -u)" -eq 0 ]; then
    root=''
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    root='sudo -n'
else
    fail 'installing needs root or a sudo that asks no password'
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
    $root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "\`$*\` failed"; }
}
quietly apt-get -qq update
# shellcheck disable=SC2086 # one word per package
quietly apt-get -qq install -y --no-install-recommends $missing

for service in redis-server redis-sentinel; do
    if [ -d /run/systemd/system ]; then
        $root systemctl disable --now "$service" >/dev/null 2>&1 || true
    else
        $root service "$service" stop >/dev/null 2>&1 || true
    fi
done
