# Configures build folders. Sourced by tools/quickstart and tools/check (bash); needs $root.

# configure FOLDER ARGUMENT...: a meson build folder of this tree with these options. Quiet unless it fails.
configure() {
  local folder=$1 log status=0
  shift
  # A build folder that came along with a copy of the tree would build the tree that it was copied from.
  if [[ -e $folder ]] && ! grep -qsF "\"source\": \"$root\"" "$folder/meson-info/meson-info.json"; then
    rm -rf "$folder"
  fi
  log=$(mktemp)
  if [[ -e $folder/build.ninja ]]; then
    meson setup --reconfigure "$@" "$folder" "$root" >"$log" 2>&1 && rm -f "$log" && return 0
    rm -rf "$folder"
  fi
  meson setup "$@" "$folder" "$root" >"$log" 2>&1 || { status=1 && cat "$log"; }
  rm -f "$log"
  return $status
}
