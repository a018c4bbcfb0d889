#!/bin/sh
# Installs the service with all of its extras into the new environment FOLDER: wheels of this clone,
# and of everything else the versions that uv.lock names. Run it in the folder of the clone:
# sh adapters/counterseal-server/deploy/build.sh FOLDER
set -eu
export UV_PROJECT_ENVIRONMENT="${1:?FOLDER is missing}"
# The image is read-only, so that Python cannot store what it compiles.
export UV_COMPILE_BYTECODE="${UV_COMPILE_BYTECODE:-1}"
export UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never
exec uv sync --frozen --no-editable --no-default-groups --package counterseal-server --all-extras
