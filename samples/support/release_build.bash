# For samples/run, bench/run and bench/instructions, which source this: installing what is missing, and the release build. They have set
#   me        the script's name, for messages
#   packages  the Debian packages needed
#   tools     the commands among what those install
#   results   the directory for logs

readonly build=build/release
readonly setup_options=(-Dbuildtype=release -Db_lto=true -Dsamples=true -Dtests=false)

say() { printf '%s\n' "$*" >&2; }
fail() { say "$me: $*"; exit 1; }

# Runs a command as root so that a server that comes in a package is not started, for it would take a port and stay. What
# forbids it (policy-rc.d) is put back as it was.
quietly() (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@"
)

# What the build and the load need, installed if it can be. Prints nothing and asks for nothing when all is there.
install_missing() {
    local package missing=() as_root=()
    if ! command -v dpkg-query apt-get >/dev/null; then
        local tool
        for tool in "${tools[@]}"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
        ((${#missing[@]} == 0)) || say "not found: ${missing[*]}. On Debian 12 these packages are used: ${packages[*]}"
        return 0
    fi
    for package in "${packages[@]}"; do
        # shellcheck disable=SC2016
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]} > 0)) || return 0

    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
            say "missing Debian packages; install them with:  apt-get install ${missing[*]}"
            say "going on with what is there"
            return 0
        fi
        as_root=(sudo)
    fi
    say "installing ${missing[*]} ..."
    mkdir -p "$results"
    if ! { "${as_root[@]}" apt-get update &&
        quietly apt-get install -y --no-install-recommends "${missing[@]}"; } \
        >"$results/install.log" 2>&1 </dev/null; then
        tail -n 5 "$results/install.log" >&2
        say "could not install them all (whole log: $results/install.log); going on with what is there"
    fi
}

configure() {
    [[ ! -f $build/build.ninja ]] || return 0
    if ! command -v meson >/dev/null || ! command -v ninja >/dev/null; then fail "meson and ninja are needed to build"; fi
    say "configuring $build ..."
    mkdir -p "$results"
    if ! meson setup "$build" "${setup_options[@]}" >"$results/setup.log" 2>&1; then
        tail -n 15 "$results/setup.log" >&2
        fail "meson setup failed; the whole log is $results/setup.log"
    fi
}

# ramie-bench, also in a build directory made for something else.
build_bench() {
    meson configure "$build" "${setup_options[@]}" -Dbench=true >/dev/null || fail "meson could not configure $build"
    ninja -C "$build" bench/ramie-bench >"$results/ninja.log" 2>&1 || {
        tail -n 15 "$results/ninja.log" >&2
        fail "ramie-bench could not be built; the whole log is $results/ninja.log"
    }
}

# Thousands of connections need as many descriptors, and the usual soft limit is 1024.
raise_limits() { ulimit -S -n "$(ulimit -H -n)" 2>/dev/null || true; }
