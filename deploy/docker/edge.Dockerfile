# The Worker under workerd, for a machine without a Cloudflare account. In production: `npx wrangler deploy`.
#   docker build -f deploy/docker/edge.Dockerfile -t sluice-edge .
FROM node:24.21.0-bookworm-slim
WORKDIR /app
# workerd verifies TLS with the system's certificates, which the slim image leaves out.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
COPY shared/package.json shared/
COPY edge/package.json edge/
COPY backend/package.json backend/
COPY deploy/package.json deploy/
COPY tests/package.json tests/
# `wrangler` and `workerd` come with the deploy workspace; their binaries are ordinary packages.
RUN npm ci --omit=dev --ignore-scripts --workspace=edge --workspace=deploy --workspace=shared
COPY wrangler.toml tsconfig.base.json ./
COPY shared shared
COPY edge edge
COPY deploy/docker/edge-entrypoint.sh /usr/local/bin/edge-entrypoint
RUN mkdir /state && chown node:node /state /app
USER node
# As deploy/local/edge.ts has it: without wrangler's explorer, which would hand out all that the edge keeps.
ENV WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false WRANGLER_HIDE_BANNER=true WRANGLER_NO_SKILLS_UPDATE_PROMPTS=true
ENV CLOUDFLARE_CF_FETCH_ENABLED=false X_LOCAL_EXPLORER=false X_LOCAL_OBSERVABILITY=false WRANGLER_WRITE_LOGS=false CI=true
EXPOSE 8787
ENTRYPOINT ["edge-entrypoint"]
