# One static binary on a base with a shell: the Airbyte platform starts connectors through `sh`, `sleep` and `mv`.
# Multi-platform builds run each stage on its own platform, so the compiler's host is always the target (amd64, arm64).

FROM rust:1-bookworm AS build
WORKDIR /build
# libc is linked in, so that the binary runs on any base. Cargo applies this flag to our target only (not to build scripts
# and procedural macros, which cannot be static) because `--target` is given, even though it names the host.
ENV RUSTFLAGS="-C target-feature=+crt-static"

# Dependencies in a layer of their own: manifests with empty sources, built once per Cargo.lock. The tests, benches and
# examples that Cargo.toml names (`[[...]]`) are not in the build context, so those sections are left out.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY sandbox/Cargo.toml sandbox/Cargo.toml
RUN mkdir -p src sandbox/src \
    && awk 'BEGIN { keep = 1 } /^\[/ { keep = !/^\[\[/ } keep' Cargo.toml > Cargo.toml.kept \
    && mv Cargo.toml.kept Cargo.toml \
    && echo 'fn main() {}' | tee src/main.rs > sandbox/src/main.rs \
    && touch src/lib.rs sandbox/src/lib.rs \
    && cargo build --release --locked --bin source-awin --target "$(rustc --print host-tuple)"

# The touch makes the sources newer than what was built from the empty ones.
COPY src src
COPY catalog catalog
COPY spec.json ./
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin source-awin --target "$(rustc --print host-tuple)" \
    && cp "target/$(rustc --print host-tuple)/release/source-awin" /source-awin

FROM busybox:stable
# The user of uid 1000 that the platform expects, its writable directory, and names looked up in /etc/hosts before DNS.
RUN echo 'airbyte:x:1000:1000:airbyte:/airbyte:/bin/sh' >> /etc/passwd \
    && echo 'airbyte:x:1000:' >> /etc/group \
    && echo 'hosts: files dns' > /etc/nsswitch.conf \
    && mkdir -p /airbyte \
    && chown 1000:1000 /airbyte
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /source-awin /airbyte/source-awin
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

WORKDIR /airbyte
# By number: Kubernetes' runAsNonRoot cannot check a name.
USER 1000:1000
ENV AIRBYTE_ENTRYPOINT="/airbyte/source-awin"
ENTRYPOINT ["/airbyte/source-awin"]

# Name and version are those of metadata.yaml.
LABEL io.airbyte.name="source-awin/source-awin" \
      io.airbyte.version="0.2.0" \
      org.opencontainers.image.title="source-awin" \
      org.opencontainers.image.description="Airbyte-protocol source connector for the Awin affiliate network" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/source-awin/source-awin" \
      org.opencontainers.image.documentation="https://github.com/source-awin/source-awin#readme"
