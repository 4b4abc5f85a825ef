FROM python:3.12-slim

# LightGBM, which orders the heads of lists, needs libgomp; slim images lack it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
RUN useradd --create-home aisle && mkdir -p /app/var && chown -R aisle /app/var
USER aisle

ENV HOST=0.0.0.0 PORT=8000 AISLE_VAR=/app/var PYTHONUNBUFFERED=1
VOLUME /app/var
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
  CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$PORT/healthz', timeout=4)"
CMD ["python", "deploy/start.py"]
