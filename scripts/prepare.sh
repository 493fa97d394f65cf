# shellcheck shell=bash
# Installs what ./test and ./demo need, if it is missing and may be installed. Sourced by both; every function is
# idempotent, says in one line what it cannot do, and leaves the decision what that means to its caller.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

# Everything said here goes to stderr: stdout belongs to the command (./demo --json).
note() { printf '%s\n' "$*" >&2; }

# Runs a command and shows its output only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

APT_UPDATED=
apt_install() {
    [[ $(id -u) == 0 ]] || { note "$*: missing, and only root may install it"; return 1; }
    command -v apt-get >/dev/null || { note "$*: missing, and there is no apt-get to install it"; return 1; }
    note "Installing $* ..."
    local options=(-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o DPkg::Lock::Timeout=120)
    if [[ -z $APT_UPDATED ]]; then
        # A stale list may still do, so a failure here is not the end.
        DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" update >/dev/null 2>&1 </dev/null || true
        APT_UPDATED=1
    fi
    DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y --no-install-recommends "$@" \
        >/dev/null 2>&1 </dev/null || { note "$*: missing, and apt-get could not install it (no network?)"; return 1; }
}

require_dotnet() {
    command -v dotnet >/dev/null || { note "The .NET SDK 10 is missing: install it and run this again."; return 1; }
}

# The native secp256k1; any soname will do (src/DevP2P/Crypto). Without it everything runs, a good deal slower.
ensure_secp256k1() {
    local ldconfig
    ldconfig=$(command -v ldconfig || printf /sbin/ldconfig)
    if [[ $(uname -s) != Linux ]] || "$ldconfig" -p 2>/dev/null | grep -q 'libsecp256k1\.so'; then
        return 0
    fi
    apt_install libsecp256k1-1 || note "Going on without libsecp256k1: the managed fallback does its work."
}

# As apt_install, for packages with a service: none may start in the system's own network.
apt_install_without_services() {
    local policy=/usr/sbin/policy-rc.d own= status=0
    if [[ $(id -u) == 0 && ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && own=1
    fi
    apt_install "$@" || status=1
    [[ -z $own ]] || rm -f "$policy"
    return "$status"
}

# What the NAT tests run in network namespaces of their own.
ensure_nat_daemons() {
    if command -v miniupnpd turnserver nft ip unshare >/dev/null && [[ $(command -v miniupnpd turnserver nft ip unshare | wc -l) == 5 ]]; then
        return 0
    fi
    [[ $(id -u) == 0 ]] || { note "miniupnpd, coturn, nftables, iproute2: missing, and only root may install them"; return 1; }
    apt_install_without_services miniupnpd-nftables coturn nftables iproute2 util-linux
}

# What scrapes the metrics in the hosting tests.
ensure_prometheus() {
    if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
        return 0
    fi
    apt_install_without_services prometheus
}

# The browser of the dashboard's tests.
ensure_chromium() {
    [[ -x /usr/bin/chromium ]] || apt_install chromium
}

# Whether a network namespace can be made, with all that the tests need in it; says why not.
can_isolate() {
    unshare --net --mount bash -ec 'ip link set lo up; ip link add name probe0 type veth peer name probe1; nft add table inet probe; mount -t tmpfs tmpfs /mnt' 2>/dev/null || { note "No network namespace can be made here (it needs root): the NAT tests are skipped."; return 1; }
}

# Node and the foreign peers of the interop tests; stamped with the lock file that was installed.
ensure_peers() {
    local peers=$1
    local stamp=$peers/node_modules/.installed-from
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        apt_install nodejs npm || return 1
    fi
    cmp -s "$peers/package-lock.json" "$stamp" && return 0
    note "Installing the npm packages of the interop peers ..."
    quietly npm ci --prefix "$peers" --no-progress --loglevel=error \
        || { note "The interop peers' npm packages are missing, and npm could not install them (no network?)."; return 1; }
    cp "$peers/package-lock.json" "$stamp"
}
