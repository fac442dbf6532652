# The hosted app, or with another command its API; what it needs is in requirements.txt. It starts no local server.
# Written with care and never built: no container could be run where this was written (docs/operations.md).
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Without a shell, a home that can be written, or a right on any file below /app.
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin keepsake

WORKDIR /app
COPY requirements.txt ./
# The list has a hash for each file: pip installs nothing else under the same name.
RUN pip install --require-hashes -r requirements.txt

COPY app.py doctor.py headers.py migrations.py services.py settings.py LICENSE NOTICES.md ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY api ./api
COPY assets ./assets
COPY auth ./auth
COPY chat ./chat
COPY limits ./limits
COPY memory ./memory
COPY monitoring ./monitoring
COPY pages ./pages
COPY supabase ./supabase
COPY ui ./ui

USER 10001:10001
ENV HOME=/tmp
EXPOSE 8501
# 200 only if the database and the auth server answer, too; asked at the address that the host check lets pass.
HEALTHCHECK --interval=30s --timeout=15s --start-period=90s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/health', timeout=10)"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.port=8501", "--server.address=0.0.0.0"]
