#!/usr/bin/env bash
# The sizes in the READMEs: what each way of installing adds to an empty environment, in MB.
set -euo pipefail
cd "$(dirname "$0")/.."
for extras in "" "[speech,offline,frames]"; do
  folder=$(mktemp -d)
  "${PYTHON:-python3}" -m venv "$folder"
  before=$(du -sm "$folder" | cut -f1)
  "$folder/bin/python" -m pip install --quiet --no-compile --constraint constraints.txt ".$extras"
  echo ".$extras: $(($(du -sm "$folder" | cut -f1) - before)) MB"
  rm -rf "$folder"
done
