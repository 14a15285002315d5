FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY relay relay
COPY carriers carriers
RUN python -m venv /opt/relay && /opt/relay/bin/pip install --no-cache-dir '.[postgres]'

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
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["relay", "serve"]
