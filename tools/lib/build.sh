# Configures build folders. Sourced by tools/quickstart and tools/check (bash); needs $root.

# is_configured FOLDER ARGUMENT...: was FOLDER configured by configure() for this tree with these options?
is_configured() {
  local folder=$1
  shift
  [[ -e $folder/build.ninja && "$(cat "$folder/.configured" 2>/dev/null)" == "$root ${CXX:-} $*" ]]
}

# refresh FOLDER: what meson knows of targets and tests is that of the meson.build files of now.
refresh() {
  local folder=$1 log status=0
  log=$(mktemp)
  ninja -C "$folder" build.ninja >"$log" 2>&1 || { status=1 && cat "$log"; }
  rm -f "$log"
  return $status
}

# configure FOLDER ARGUMENT...: makes FOLDER a meson build folder of this tree with these options. Quiet unless it
# fails. A folder that has them already is only brought up to date. Any other build
# folder is made anew: meson 1.0 does not take up every changed option, and one that came along with a copy of the tree
# would build the tree that it was copied from.
configure() {
  local folder=$1 log
  if is_configured "$@"; then
    refresh "$folder"
    return
  fi
  shift
  if [[ -e $folder && ! -e $folder/meson-private ]]; then
    echo "$folder is in the way: it is no build folder of meson. Move it."
    return 1
  fi
  rm -rf "$folder"
  log=$(mktemp)
  if ! meson setup "$@" "$folder" "$root" >"$log" 2>&1; then
    cat "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  echo "$root ${CXX:-} $*" >"$folder/.configured"
}
