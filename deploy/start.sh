#!/bin/sh
# What a container does: load what lies in data/ (or make up a shop) and train, if that is newer than the release that is
# served; then serve. From then on the nightly training takes care.
set -eu
var=${AISLE_VAR:-var}
current=$var/releases/CURRENT.json

if [ ! -e "$current" ] || [ -n "$(find data -name '*.csv*' -newer "$current" 2>/dev/null)" ]; then
  python data_processing.py
  python train_model.py
fi
python run.py --make-keys
AISLE_WRITE_KEYS=${AISLE_WRITE_KEYS:-$(cat "$var/keys/write.key")}
AISLE_ADMIN_KEYS=${AISLE_ADMIN_KEYS:-$(cat "$var/keys/admin.key")}
export AISLE_WRITE_KEYS AISLE_ADMIN_KEYS
exec gunicorn -c gunicorn.conf.py run:app
