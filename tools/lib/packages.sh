# Installs Debian packages that are missing, and only those. Sourced by tools/quickstart and tools/check (bash).
#
#   need_command NAME PACKAGE...   the command NAME must be in PATH; otherwise the packages bring it
#   need_package PACKAGE...        the packages must be installed (libraries and headers)
#   want_package PACKAGE...        the same, but only if this Debian has them; otherwise they are left out
#   install_missing                installs what the calls above found missing, in one go
#
# No package list is fetched and no apt-get runs when nothing is missing.

missing_packages=()
wanted_packages=()

package_installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

need_command() {
  local command_name=$1
  shift
  command -v "$command_name" >/dev/null || missing_packages+=("$@")
}

need_package() {
  local package
  for package in "$@"; do
    package_installed "$package" || missing_packages+=("$package")
  done
}

want_package() {
  local package
  for package in "$@"; do
    package_installed "$package" || wanted_packages+=("$package")
  done
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

have_package_lists() {
  compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null
}

# Quiet when it works; prints everything apt-get said when it does not. A subshell, for its trap.
install_packages() (
  # Packages of servers start their servers; nobody asked for that.
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  log=$(mktemp)
  if have_package_lists && apt_get install --no-install-recommends "$@" >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  # Missing or outdated lists: fetch them once and try again.
  if apt_get update >>"$log" 2>&1 && apt_get install --no-install-recommends "$@" >>"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  cat "$log"
  rm -f "$log"
  return 1
)

install_missing() {
  local package
  if ((${#wanted_packages[@]} > 0)); then
    have_package_lists || ((EUID != 0)) || apt_get update >/dev/null 2>&1 || true
    for package in "${wanted_packages[@]}"; do
      [[ -n "$(apt-cache show "$package" 2>/dev/null)" ]] && missing_packages+=("$package")
    done
    wanted_packages=()
  fi
  ((${#missing_packages[@]} > 0)) || return 0
  if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing_packages[*]} (Debian 12 names). There is no apt-get here; install them and run this again."
    return 1
  fi
  if ((EUID != 0)); then
    echo "Missing packages: ${missing_packages[*]}"
    echo "Only root can install them. As root: apt-get install --no-install-recommends ${missing_packages[*]}"
    return 1
  fi
  echo "Installing with apt-get: ${missing_packages[*]}"
  if ! install_packages "${missing_packages[@]}"; then
    echo "apt-get could not install: ${missing_packages[*]} (its output is above)."
    return 1
  fi
  missing_packages=()
}

# What the programs need to build, and nothing for tests.
need_build_packages() {
  need_command g++ g++
  need_command meson meson
  need_command ninja ninja-build
  need_command pkg-config pkg-config
  need_command python3 python3
  need_package liburing-dev libconcurrentqueue-dev libmimalloc-dev nlohmann-json3-dev libcli11-dev libspdlog-dev \
    libargon2-dev libssl-dev libcairo2-dev libpaho-mqtt-dev libsimdjson-dev libexpat1-dev
}
