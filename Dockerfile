# The image of neodyme: one binary on distroless, as an unprivileged user, with no shell or other program.
#
#   docker build --build-arg SOURCE_REVISION="$(git rev-parse --short=9 HEAD)" --tag neodyme .
#   docker run --read-only --publish 127.0.0.1:8000:8000 --publish 127.0.0.1:9000:9000 neodyme
#
# Not static on musl: its allocator is slow under many threads, and the base is needed for certificates anyway. Both images
# are of the same Debian, so that the C library is the one that was linked. To update: the version in Cargo.toml and the
# digest that `docker buildx imagetools inspect gcr.io/distroless/cc-debian13:nonroot` shows.
FROM rust:1.95.0-trixie AS build
WORKDIR /build
COPY . .
ARG SOURCE_REVISION=
# Dependencies are kept between builds, so that a change of our code compiles only that.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin neodyme \
    && install -D target/release/neodyme /image/usr/local/bin/neodyme \
    && install -d -o 65532 -g 65532 -m 700 /image/var/lib/neodyme/data

FROM gcr.io/distroless/cc-debian13:nonroot@sha256:d97bc0a941b8d4be647dc0ee75b264ddbb772f1ac5ba690a4309c00723b23775
ARG SOURCE_REVISION=
LABEL org.opencontainers.image.title="neodyme" \
      org.opencontainers.image.description="A user-registration service that explains itself to the people who run it" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="$SOURCE_REVISION"
COPY --from=build /image /
# Inside a container nobody can reach loopback. With NEODYME_ENVIRONMENT=production this requires NEODYME_OPS_TOKEN_FILE.
ENV NEODYME_API_LISTEN=0.0.0.0:8000 NEODYME_OPS_LISTEN=0.0.0.0:9000
# The SQLite file and mail, unless settings say otherwise; nothing else is written, so the root file system may be read-only.
WORKDIR /var/lib/neodyme
VOLUME /var/lib/neodyme/data
USER 65532:65532
EXPOSE 8000 9000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 CMD ["/usr/local/bin/neodyme", "health"]
ENTRYPOINT ["/usr/local/bin/neodyme"]
CMD ["serve"]
