# The image holds Node, what Node links to, and the package: all of it laid out by scripts/image-tree.sh.
#   docker build -t portcullis .                      runs as user 65532
#   docker build -t portcullis:root --target root .   for manifests whose keys only root may read (docs/operations.md)
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN sh scripts/image-tree.sh /tree

FROM scratch AS root
COPY --from=build /tree /
WORKDIR /
ENV PATH=/bin
# no entry point: manifests name the program, as ./bin/k8s-keystone-auth
CMD ["/bin/portcullis", "--help"]

FROM root
USER 65532:65532
