"""The app as it runs: /metrics with the token, and a log without anything of the person it replies to."""

from __future__ import annotations

import json
import signal
from itertools import dropwhile
from pathlib import Path

import httpx

from tests.model_answers import Slow
from tests.model_server import ModelServer
from tests.monitoring.test_figures import read
from tests.test_ending import HALF, REST, app_with_reply, settings_of_app  # noqa: F401 (a fixture)

ANN, TOKEN = "ann@example.com", "t" * 32


def test_a_running_app_tells_its_figures_and_logs_lines_of_json_without_words_or_ids_of_people(
    settings_of_app: dict[str, str],  # noqa: F811
    model_server: ModelServer,
    tmp_path: Path,
) -> None:
    reply = Slow([HALF, REST])
    reply.gate.let(1)
    model_server.enqueue(reply)
    with (
        app_with_reply(settings_of_app | {"LOG_FORMAT": "json", "METRICS_TOKEN": TOKEN}, tmp_path, ANN) as app,
        httpx.Client(base_url=app.address, timeout=60) as browser,
    ):
        assert browser.get("/metrics").status_code == 401
        unwell = browser.get("/health")  # there is no auth server
        answer = browser.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        app.process.send_signal(signal.SIGTERM)
        app.process.wait(30)
    reply.gate.open()
    samples = read(answer.text)
    labels = (("call", "GET /health"), ("server", "app"), ("status", "503"))
    assert samples["keepsake_request_seconds_count", labels] == 1
    assert samples["keepsake_recall_seconds_count", ()] >= 1
    assert samples["keepsake_database_up", ()] == 1
    # Before the app is ready, Streamlit may write a line of its own about its settings.
    written = dropwhile(lambda line: not line.startswith("{"), app.lines.read_text().splitlines())
    lines = [json.loads(line) for line in written]
    [line] = [each for each in lines if each["message"].startswith("unwell")]
    assert (unwell.status_code, unwell.headers["x-request-id"]) == (503, line["request"])
    for personal in ("bees", "Utrecht", "ann@", "example.com"):
        assert personal not in app.lines.read_text()
        assert personal not in answer.text
