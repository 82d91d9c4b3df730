#!/bin/sh
# Run by conda-build, which sets these variables. Not tried.
set -eu
: "${PREFIX:?}" "${SRC_DIR:?}" "${PKG_VERSION:?}"
npm install --offline --no-audit --no-fund --global --prefix "$PREFIX" "$SRC_DIR/riastore-$PKG_VERSION.tgz"
cp "$PREFIX/lib/node_modules/riastore/LICENSE" "$SRC_DIR/LICENSE"
