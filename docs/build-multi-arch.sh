#!/bin/sh
# Builds the image for amd64 and arm64 and pushes both under one tag.
#
#   docs/build-multi-arch.sh IMAGE       for example registry.example/source-awin:0.2.0
#
# NOT RUN by this project's checks, which build for one platform only. Needs Docker with buildx and a login to the registry.
# The Dockerfile compiles on the platform that it compiles for, so the foreign one runs under emulation (slow: an hour is
# not unusual) unless the builder has a native node for it.
set -eu
cd "$(dirname "$0")/.."
image=${1:?usage: docs/build-multi-arch.sh IMAGE}

docker buildx inspect source-awin > /dev/null 2>&1 || docker buildx create --name source-awin --driver docker-container
# Once per machine without native nodes: docker run --privileged --rm tonistiigi/binfmt --install arm64,amd64
docker buildx build --builder source-awin --platform linux/amd64,linux/arm64 --provenance=false --tag "$image" --push .
docker buildx imagetools inspect "$image"
