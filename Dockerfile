# Build the packages from their locked hashes, and copy them into an image without compilers.
FROM python:3.13-slim AS packages
WORKDIR /app
COPY requirements.lock requirements-scale.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock -r requirements-scale.lock

FROM python:3.13-slim
# LightGBM, which orders the heads of lists, needs libgomp; slim images lack it. Its version is that of the image's Debian.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --home-dir /app/var --shell /usr/sbin/nologin aisle \
 && mkdir -p /app/var /app/data && chown 10001:10001 /app/var
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
# Nothing is written but AISLE_VAR and /tmp: the root file system may be mounted read-only.
ENV PATH=/opt/venv/bin:$PATH HOST=0.0.0.0 PORT=8000 AISLE_VAR=/app/var \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/app/var/numba
USER 10001
VOLUME ["/app/var", "/tmp"]
EXPOSE 8000
# It listens within seconds; /healthz answers while the first training runs, /readyz when a release serves.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["python", "deploy/start.py"]
