#!/bin/sh
# Sets up the PyPy of Debian's newest suite beside the system, for bench/run.py.
#
#     bench/newest_pypy.sh          into ~/.cache/hotloop-bench/pypy; again: the newest of today
#
# Nothing is installed and root is not needed: the packages are downloaded by an apt with a state of its
# own, unpacked into that folder and run with the libc that came with them. run.py takes that PyPy from
# then on, unless told another; removing the folder takes it back. SUITE and MIRROR choose others.
set -eu
suite=${SUITE:-sid}
# The mirror that this system uses.
mirror=${MIRROR:-$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian //p' | head -n 1)}
target=${XDG_CACHE_HOME:-$HOME/.cache}/hotloop-bench/pypy
[ "$mirror" ] || { echo "newest_pypy.sh: apt knows no mirror of Debian: MIRROR=URL" >&2; exit 1; }
case $(dpkg --print-architecture) in
    amd64) loader=usr/lib64/ld-linux-x86-64.so.2 libraries=usr/lib/x86_64-linux-gnu ;;
    *) echo "newest_pypy.sh: only for amd64" >&2; exit 1 ;;
esac

mkdir -p "$(dirname "$target")"
fresh=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
chmod 755 "$fresh"
mkdir -p "$fresh/apt/lists/partial" "$fresh/apt/archives/partial"
: >"$fresh/apt/status" # of a system without packages: all of libc is downloaded too
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$fresh/apt/sources.list"
cat >"$fresh/apt/apt.conf" <<END
Dir::State "$fresh/apt";
Dir::State::status "$fresh/apt/status";
Dir::Cache "$fresh/apt";
Dir::Etc::sourcelist "$fresh/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Debug::NoLocking "true";
END
export APT_CONFIG="$fresh/apt/apt.conf"
apt-get -q update
apt-get -q -y --download-only install pypy3
for package in "$fresh"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$fresh/root"
done
rm -rf "$fresh/apt"

cat >"$fresh/pypy3" <<END
#!/bin/sh
root=$target/root
exec "\$root/$loader" --argv0 "\$root/usr/bin/pypy3" --library-path "\$root/$libraries" \\
    "\$root/usr/bin/pypy3" "\$@"
END
chmod +x "$fresh/pypy3"
rm -rf "$target"
mv "$fresh" "$target"
trap - EXIT
"$target/pypy3" --version
