"""The price of a reply: by the configured prices, for the configured model only."""

from __future__ import annotations

import pytest

from memory.model import Usage
from memory.model.catalog import Prices, prices_of

PRICES = Prices("gpt-5.4", 2.0, 10.0)


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-5.4-2026-03-17", "gpt-5.4-0317"])
def test_a_reply_of_the_model_is_counted_by_its_prices(model: str) -> None:
    assert PRICES.cost(Usage(model, 500_000, 100_000)) == pytest.approx(2.0)


@pytest.mark.parametrize("model", ["gpt-5.4-mini", "gpt-5", "", "llama3", "gpt-5x4", "gpt-5.4-mini-2026-03-17"])
def test_another_model_has_no_price(model: str) -> None:
    assert PRICES.cost(Usage(model, 500, 100)) is None


def test_a_call_without_counts_has_no_price() -> None:
    assert PRICES.cost(Usage("gpt-5.4")) is None


def test_prices_need_both_settings() -> None:
    assert prices_of("gpt-5.4", None, 10.0) is None
    known = prices_of("gpt-5.4", 2.0, 10.0)
    assert known == PRICES
