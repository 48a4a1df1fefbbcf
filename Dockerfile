# `npm start` in an image: the API, and the development Supabase beside it (README: Containers). The version of Node is that of
# package.json's own, which the test of this file compares; glibc, because Deno's package is made for it.

FROM node:24.21.0-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/link-node.mjs scripts/link-node.mjs
# not --omit=dev: what serves the API and Supabase on this machine is a development dependency, because a deployed function
# has no use for it
RUN npm ci
COPY . .
# the image has this Node already: what came as packages is for machines that have none
RUN npm run build && rm -rf node_modules/.bin/node node_modules/node-*

FROM node:24.21.0-trixie-slim
WORKDIR /app
COPY --from=build --chown=node:node /app ./
RUN mkdir /data && chown node:node /data
# inside a container, whoever comes from outside comes by its network
ENV SWITCHYARD_HOST=0.0.0.0 SWITCHYARD_DATA=/data
USER node
VOLUME ["/data"]
EXPOSE 3000 54321
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3000/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# what `npm start` runs, without npm between it and its signals
CMD ["node", "--import", "./scripts/node-version.mjs", "scripts/start.ts"]
