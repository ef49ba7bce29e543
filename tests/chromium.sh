#!/bin/sh
# Browser tests need Chromium. On Debian it is one package; elsewhere, or without the rights, they are skipped.
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests ..."
    (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core) >/dev/null 2>&1
fi
command -v chromium >/dev/null 2>&1 || echo "Chromium is not here and cannot be installed: browser tests are skipped."
exit 0
