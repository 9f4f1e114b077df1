# Engine and ingress: one image, two commands (see docker-compose.yml). Build from the repository's root:
#   docker build -f deploy/docker/backend.Dockerfile -t sluice-backend .
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY shared/package.json shared/
COPY edge/package.json edge/
COPY backend/package.json backend/
COPY deploy/package.json deploy/
COPY tests/package.json tests/
# onnxruntime-node's install script fetches CUDA libraries that Sluice does not use.
RUN npm ci --omit=dev --ignore-scripts --workspace=backend --workspace=shared

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY shared shared
COPY backend backend
COPY models/pocket models/pocket
RUN mkdir /cache && chown node:node /cache
USER node
# Without it V8's young generation grows for hours, to three times 32 MiB a thread (docs/operations.md, "Memory").
ENV NODE_OPTIONS=--max-semi-space-size=8
# Large pages for all that an engine allocates (docs/operations.md, "Memory").
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864
ENV SLUICE_MODEL_DIR=/app/models/pocket SLUICE_CACHE_DIR=/cache
# Node reads its sources directly; signals reach it because nothing stands between (exec form, compose sets init).
CMD ["node", "backend/src/ingress/main.ts"]
