#!/usr/bin/env bash
# Build the image without a container engine, start it as a container would, and take the first list from it.
#
#   deploy/try_image.sh [FOLDER]
#
# FOLDER has 4 GB free and keeps the image; without one it is temporary. As root, with buildah, debootstrap and curl of
# Debian. The base is made of Debian's packages and gets the name that the Dockerfile asks for; its Python must be of the
# same version. The container has a read-only root, its own user, no capability, and the network of this host. The exit code
# is 0 if a list came, and 3 where a tool is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() {
  echo "error: $2" >&2
  exit "$1"
}
for tool in buildah debootstrap curl unshare setpriv; do
  command -v "$tool" > /dev/null || fail 3 "$tool is missing; expected: apt-get install buildah debootstrap curl"
done
[ "$(id -u)" -eq 0 ] || fail 3 "only root may mount and change users; run it as root"

suite=trixie
base=$(sed -n 's/^FROM \(.*\) AS packages$/\1/p' Dockerfile)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
[ -n "${1:-}" ] || trap 'rm -rf "$folder"' EXIT
bh() { buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs "$@"; }

make_base() {
  local version mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)}
  [ -n "$mirror" ] || fail 3 "apt names no mirror of Debian; expected: DEBIAN_MIRROR=URL"
  debootstrap --variant=minbase --include=python3,python3-venv,python-is-python3,ca-certificates "$suite" "$folder/base" \
    "$mirror" > "$folder/debootstrap.log"
  version=$(chroot "$folder/base" python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  [ "$base" = "python:$version-slim" ] || fail 1 "Debian $suite has Python $version; the Dockerfile wants $base"
  bh from --name base scratch > /dev/null
  bh add -q base "$folder/base" / > /dev/null
  bh commit -q --rm base "$base" > /dev/null
  rm -rf "$folder/base"
}

if ! bh inspect --type image "$base" > /dev/null 2>&1; then make_base; fi
# The certificates of this host: a mirror of packages may have one of its own.
bh build --isolation chroot --network host --pull-never --layers=false --volume /etc/ssl/certs:/etc/ssl/certs:ro \
  --tag localhost/aisle . > "$folder/build.log" 2>&1 || { tail -20 "$folder/build.log" >&2; exit 1; }
bh images

container=$(bh from --pull-never localhost/aisle)
root=$(bh mount "$container")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# What an engine does with the image: its user, variables, folder and command.
bh inspect --type image --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' localhost/aisle | sed '/^$/d' > "$folder/env"
user=$(bh inspect --type image --format '{{.OCIv1.Config.User}}' localhost/aisle)
mapfile -t command < <(bh inspect --type image --format '{{range .OCIv1.Config.Cmd}}{{println .}}{{end}}' localhost/aisle | sed '/^$/d')
mapfile -t variables < "$folder/env"
cat > "$folder/start.sh" << 'START'
set -eu
root=$1 user=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o "uid=$user,mode=700" tmpfs "$root/app/var"
exec chroot "$root" setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
  env --ignore-environment --chdir=/app "$@"
START
unshare --mount --pid --fork --kill-child bash "$folder/start.sh" "$root" "$user" "${variables[@]}" PORT="$port" \
  sh -c '! touch /x /app/x 2> /dev/null && exec "$@"' sh "${command[@]}" > "$folder/service.log" 2>&1 &
service=$!
stop() {
  kill -TERM "$(pgrep -P "$service")" 2> /dev/null || true
  wait "$service" || true
  [ -n "${1:-}" ] || rm -rf "$folder"
}
trap 'stop "${1:-}"' EXIT

begin=$(date +%s)
ask() { curl --silent --fail --max-time 5 "$@" "http://127.0.0.1:$port$path"; }
wait_for() {
  until ask "${@:2}"; do
    kill -0 "$service" 2> /dev/null || fail 1 "it ended: $(tail -20 "$folder/service.log")"
    [ $(($(date +%s) - begin)) -lt "$1" ] || fail 1 "$path does not answer: $(tail -20 "$folder/service.log")"
    sleep 0.5
  done
  echo "  ($path after $(($(date +%s) - begin)) s)"
}
path=/healthz wait_for 60
path=/recommend wait_for 600 --header 'Content-Type: application/json' --data '{"user_id": "nobody", "n": 3}'
grep -E '^(Uid|CapEff|NoNewPrivs)' "/proc/$(pgrep -P "$service")/status"
