#!/bin/sh
# Real peers for the tests: Prosody, Chromium, Chinese fonts, GNOME Keyring. Installed when apt is
# there and we may; tests that need one that is missing are skipped by name.
set -u
packages=""
command -v prosody >/dev/null 2>&1 || packages="$packages prosody"
command -v chromium >/dev/null 2>&1 || packages="$packages chromium fonts-noto-cjk"
command -v gnome-keyring-daemon >/dev/null 2>&1 || packages="$packages gnome-keyring"
command -v dbus-run-session >/dev/null 2>&1 || packages="$packages dbus"
[ -z "$packages" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    # a policy of 101 keeps the packages from starting daemons of their own while they install
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    echo "installing for the tests:$packages"
    patience="-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1"
    apt-get $patience update -qq \
        && DEBIAN_FRONTEND=noninteractive apt-get $patience install -y -qq --no-install-recommends $packages >/dev/null \
        || echo "could not install:$packages; the tests that need them are skipped" >&2
else
    echo "for all tests, install:$packages (tests that need them are skipped)" >&2
fi
exit 0
