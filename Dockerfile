# Writes nothing: the root file system may be read-only, and no folder needs a volume.
# jobs.yaml is expected at /etc/qupersync/jobs.yaml; secrets come from files: NAME_FILE=/run/secrets/...
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements.lock .
# Nothing but what is in the lock, each file with a hash that stands there.
RUN pip download --require-hashes --no-deps --only-binary=:all: \
        --requirement=requirements.lock --dest=/wheels
COPY . .
# From here on only those files: neither the build nor the installation asks an index.
# hadolint ignore=DL3013
RUN pip wheel --no-index --find-links=/wheels --no-deps --wheel-dir=/wheels . \
    && python -m venv --without-pip /opt/qupersync \
    && pip --python=/opt/qupersync install --no-index --find-links=/wheels "qupersync[alerts]"

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="qupersync" \
      org.opencontainers.image.description="Copies the rows of SQL queries from Amazon Redshift into PostgreSQL tables" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/opt/qupersync/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/qupersync /opt/qupersync
WORKDIR /etc/qupersync
USER 10001:10001
# A run ends by itself; whether it is healthy says its exit code.
HEALTHCHECK NONE
ENTRYPOINT ["qupersync"]
CMD ["--help"]
