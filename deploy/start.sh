#!/bin/sh
# Start a container: serve, and beside load the files in data/ (or a synthetic shop) and train, if they are newer than the
# current release. Later trainings are started by the scheduler.
set -eu
var=${AISLE_VAR:-var}
current=$var/releases/CURRENT.json

if [ ! -e "$current" ] || [ -n "$(find data -name '*.csv*' -newer "$current" 2>/dev/null)" ]; then
  exec python deploy/start.py
fi
python run.py --make-keys
AISLE_WRITE_KEYS=${AISLE_WRITE_KEYS:-$(cat "$var/keys/write.key")}
AISLE_ADMIN_KEYS=${AISLE_ADMIN_KEYS:-$(cat "$var/keys/admin.key")}
export AISLE_WRITE_KEYS AISLE_ADMIN_KEYS
exec gunicorn -c gunicorn.conf.py run:app
