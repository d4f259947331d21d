# node:*-slim and not distroless: that has no tag for an exact version of Node.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /flagpost
COPY .npmrc package.json package-lock.json ./
# No package that is used here needs its install script; it is the development dependency `node` that has one.
RUN npm ci --ignore-scripts --omit=dev

FROM dependencies AS build
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p src

FROM node:24.21.0-bookworm-slim
# Whoever gets into the container finds no package manager.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
  /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
WORKDIR /flagpost
# The version is read from package.json, beside dist.
COPY package.json ./
COPY --from=dependencies /flagpost/node_modules node_modules
COPY --from=build /flagpost/dist dist
# getaddrinfo may take half of libuv's threads, and names that never answer hold one each.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=64
USER 65532:65532
EXPOSE 8080 8081
# node itself is PID 1: main.js handles SIGTERM and SIGINT, and starts no processes that would have to be reaped.
ENTRYPOINT ["node", "dist/main.js"]
