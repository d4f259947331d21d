# The base by its exact tag; --build-arg NODE_IMAGE=node@sha256:… pins it by the digest that your registry tells.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

# What is compiled and installed is the same on all platforms, so it is made on the builder's own.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS dependencies
WORKDIR /flagpost
COPY .npmrc package.json package-lock.json ./
# No package that is used here needs its install script; it is the development dependency `node` that has one.
# And without what only a compiler or a debugger reads.
RUN npm ci --ignore-scripts --omit=dev \
  && find node_modules \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' \) -delete

FROM dependencies AS build
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p src

# Node and the libraries that it is linked with. Not distroless, which has no tag for an exact version of Node.
FROM ${NODE_IMAGE} AS runtime
RUN for file in /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o '/[^ ]*'); do \
    mkdir -p "/runtime$(dirname "$file")" && cp -L "$file" "/runtime$file"; \
  done \
  && mkdir /runtime/etc \
  && echo 'flagpost:x:65532:65532::/flagpost:/' > /runtime/etc/passwd \
  && echo 'flagpost:x:65532:' > /runtime/etc/group \
  && echo 'hosts: files dns' > /runtime/etc/nsswitch.conf

# Whoever gets into the container finds no shell and no package manager.
FROM scratch
COPY --from=runtime /runtime /
WORKDIR /flagpost
# The version is read from package.json, beside dist.
COPY package.json ./
COPY --from=dependencies /flagpost/node_modules node_modules
COPY --from=build /flagpost/dist dist
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Flagpost" \
  org.opencontainers.image.description="A Kubernetes operator that sends feature-flag changes as signed web hooks" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="${REVISION}"
# getaddrinfo may take half of libuv's threads, and names that never answer hold one each.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=64
USER 65532:65532
EXPOSE 8080 8081
# Health is told on 8081 (/healthz, /readyz), for the probes of a Pod; there is nothing here that a HEALTHCHECK could run.
# node itself is PID 1: main.js handles SIGTERM and SIGINT, and starts no processes that would have to be reaped.
ENTRYPOINT ["/usr/local/bin/node", "dist/main.js"]
