#!/usr/bin/env bash
# The sizes in the READMEs: what pip fetches for each way of installing, and what that takes on disk, in MB.
set -euo pipefail
cd "$(dirname "$0")/.."
for extras in "" "[speech,offline,frames]"; do
  folder=$(mktemp -d)
  "${PYTHON:-python3}" -m venv "$folder/env"
  pip() { "$folder/env/bin/python" -m pip "$@" --quiet --disable-pip-version-check --constraint constraints.txt; }
  before=$(du -sm "$folder/env" | cut -f1)
  pip wheel --wheel-dir "$folder/wheels" ".$extras"
  pip install --no-index --find-links "$folder/wheels" "demeanor$extras"
  echo "pip install .$extras: $(du -sm "$folder/wheels" | cut -f1) MB fetched," \
    "$(($(du -sm "$folder/env" | cut -f1) - before)) MB on disk"
  rm -rf "$folder"
done
