"""The figures of a process, read with Prometheus's own parser."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from prometheus_client.parser import text_string_to_metric_families

from memory.errors import LeaseLost, LimitReached
from memory.telemetry.figures import MOST_SERIES, TURNS, Counter, Durations, Gauge, counted_turn, written
from memory.telemetry.tracing import current


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a text, by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_everything_that_is_written_is_read_by_prometheus() -> None:
    label = 'a "b" \\ c\nd'
    samples = read(written([Gauge("keepsake_test", "A test.", {(label,): 2.5}, ("kind",))]))
    assert samples["keepsake_test", (("kind", label),)] == 2.5
    assert ("keepsake_recall_seconds_count", ()) in samples
    families = {each.name: each.type for each in text_string_to_metric_families(written())}
    assert families["keepsake_recall_seconds"] == "histogram"
    assert families["keepsake_tokens"] == "counter"


def test_durations_are_counted_in_every_span_that_they_fit_into() -> None:
    durations = Durations("test_seconds", "A test.", "kind")
    for seconds in (0.005, 0.006, 1.0, 500.0):
        durations.add(seconds, kind="x")
    samples = read("\n".join(durations.lines()) + "\n")
    below = {dict(labels)["le"]: value for (name, labels), value in samples.items() if name == "test_seconds_bucket"}
    assert (below["0.005"], below["0.01"], below["1.0"], below["180.0"], below["+Inf"]) == (1, 2, 3, 3, 4)
    assert samples["test_seconds_count", (("kind", "x"),)] == 4
    assert samples["test_seconds_sum", (("kind", "x"),)] == pytest.approx(501.011)


def test_threads_lose_no_count() -> None:
    counter = Counter("test_total", "A test.")

    def add() -> None:
        for _ in range(1_000):
            counter.add()

    threads = [threading.Thread(target=add) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert counter.of() == 8_000


def test_a_label_with_endless_values_does_not_fill_the_memory() -> None:
    counter = Counter("test_total", "A test.", "kind")
    for number in range(3 * MOST_SERIES):
        counter.add(kind=str(number))
    assert counter.of(kind="0") == 1
    assert counter.of(kind="other") == 2 * MOST_SERIES
    assert len(list(counter.lines())) == MOST_SERIES + 3


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "remembered"), (LimitReached("x"), "postponed"), (LeaseLost("x"), "taken away"), (KeyError("x"), "failed")],
)
def test_a_turn_is_counted_by_how_it_ends_and_has_an_id(error: Exception | None, outcome: str) -> None:
    before, id_before = TURNS.times(outcome=outcome), current()
    with suppress(LimitReached, LeaseLost, KeyError), counted_turn():
        assert current() not in ("", id_before)
        if error:
            raise error
    assert TURNS.times(outcome=outcome) == before + 1
