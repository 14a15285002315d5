FROM python:3.11-slim AS build
WORKDIR /src
# Dependencies first, by version and hash: they change less often than the code.
COPY .image-requirements.txt ./
RUN python -m venv /opt/relay && \
    /opt/relay/bin/pip install --no-cache-dir --require-hashes -r .image-requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY relay relay
COPY carriers carriers
RUN /opt/relay/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/relay --create-home relay
COPY --from=build /opt/relay /opt/relay
ENV PATH=/opt/relay/bin:$PATH \
    RELAY_DATABASE=sqlite:////var/lib/relay/relay.db \
    RELAY_LISTEN=0.0.0.0:8080
USER relay
WORKDIR /var/lib/relay
VOLUME /var/lib/relay
EXPOSE 8080
# Readiness, not only that a port answers: a loop that fails shows here too. Five minutes
# of it, because a short outage of the database heals without a restart.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=10 CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=9)"]
STOPSIGNAL SIGTERM
CMD ["relay", "serve"]
