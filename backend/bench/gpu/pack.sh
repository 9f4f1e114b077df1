#!/usr/bin/env bash
# Packs what bench:gpu needs into one archive for a bare Linux x64 machine with a GPU and its driver: a stripped Node, the
# native runtime, the Vulkan loader, our sources. There: `tar xf sluice-gpu.tar.xz && sluice-gpu/run --bandwidth 4800`.
#   backend/bench/gpu/pack.sh [OUT]        after npm ci; the loader is taken from this machine (Debian: libvulkan1)
set -euo pipefail
cd "$(dirname "$0")/../../.."
out=$(realpath -m "${1:-sluice-gpu.tar.xz}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/sluice-gpu
native=bin/napi-v6/linux/x64
mkdir -p "$root"/{lib,backend,node_modules/@sluice,"node_modules/onnxruntime-node/$native"}

cp node_modules/node/bin/node "$root/node"
strip "$root/node"
cp -L "$(ldconfig -p | awk '/libvulkan\.so\.1 .*x86-64/ { print $NF; exit }')" "$root/lib/libvulkan.so.1"
cp -r node_modules/onnxruntime-node/{package.json,dist} "$root/node_modules/onnxruntime-node/"
cp "node_modules/onnxruntime-node/$native"/* "$root/node_modules/onnxruntime-node/$native/"
cp -r node_modules/{onnxruntime-common,zod} "$root/node_modules/"
cp -r backend/{package.json,src,bench} "$root/backend/"
cp -r shared "$root/shared" && rm -rf "$root/shared/node_modules"
ln -s ../../shared "$root/node_modules/@sluice/shared"
find "$root" -name '*.test.ts' -delete
find "$root/node_modules" \( -name '*.map' -o -name '*.cts' -o -name '*.md' \) -delete

cat >"$root/run" <<'RUN'
#!/usr/bin/env bash
# Runs the bench with what lies beside this file. NVIDIA's driver is looked for where containers put it as well.
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
nvidia=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
[ -z "${VK_DRIVER_FILES:-}" ] && [ -e "$nvidia" ] && export VK_DRIVER_FILES=$nvidia
exec "$here/node" "$here/backend/bench/gpu.ts" "$@"
RUN
chmod +x "$root/run"
XZ_OPT=-T0 tar -C "$work" -cJf "$out" sluice-gpu
echo "$out: $(du -h "$out" | cut -f1)"
