# Builds the image for .ci/runners, which reads this file. Uses its WORK, LAB, have and line.
# shellcheck shell=bash

# A stand-in for the base busybox: the static program and a link for each of its commands but itself.
make_busybox() {
  local root=$WORK/busybox name
  mkdir -p "$root"/{bin,etc,root,tmp} && chmod 1777 "$root/tmp" && cp /bin/busybox "$root/bin" || return
  for name in $(/bin/busybox --list); do
    [[ $name = busybox ]] || ln -s busybox "$root/bin/$name"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
  echo 'root:x:0:' > "$root/etc/group"
  tar -C "$root" --owner 0 --group 0 --sort name --mtime @0 -c . \
    | podman import -q --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - docker.io/library/busybox:stable
}

# Sets ENGINE and IMAGE, or `left_out` to the reason why there is no image.
left_out=
build_image() {
  export IMAGE=source-awin-runners:dev ENGINE
  if docker info > /dev/null 2>&1; then
    ENGINE=docker
    docker build -q -t "$IMAGE" . > "$WORK/build.log" 2>&1 || left_out=failed
  elif [[ ! -x $LAB/make_bases.sh ]]; then
    left_out="no Docker, and no folder $LAB with stand-in base images"
  elif [[ $(id -u) != 0 ]]; then
    left_out="no Docker, and stand-in base images can only be made by root"
  elif ! have buildah podman runc mmdebstrap busybox openssl \
    && ! { apt-get update -q && apt-get install -qy --no-install-recommends buildah podman runc mmdebstrap busybox-static openssl; } > "$WORK/apt.log" 2>&1; then
    tail -n 5 "$WORK/apt.log"
    left_out="no Docker, and not all of buildah, podman, runc, mmdebstrap, busybox-static and openssl can be installed"
  else
    LAB=$(realpath "$LAB")
    export CONTAINERS_CONF=$LAB/containers.conf IMAGE=localhost/$IMAGE PATH=$LAB/bin:$PATH
    ENGINE=podman
    { "$LAB/make_bases.sh" rust && make_busybox; } > "$WORK/build.log" 2>&1 || left_out="the stand-in base images could not be made"
    [[ -n $left_out ]] || "$LAB/build_image.sh" . "$IMAGE" >> "$WORK/build.log" 2>&1 || left_out=failed
  fi
  if [[ $left_out = failed ]]; then
    tail -n 40 "$WORK/build.log"
    line image "$ENGINE" 'builds from the Dockerfile' 'FAILED'
  elif [[ -n $left_out ]]; then
    line image '' 'the image' "left out: $left_out"
  else
    line image "$ENGINE" 'builds from the Dockerfile' 'ok'
  fi
}
