"""The network address of a client behind proxies: only what trusted proxies wrote counts."""

from __future__ import annotations

import pytest

from limits import address_of, counted_as, trusted_networks
from memory.errors import SettingsError

PROXIES = trusted_networks("10.0.0.0/8, 192.168.1.7, fd00::/8")


@pytest.mark.parametrize("forwarded", [[], ["1.2.3.4"], ["garbage"]])
def test_without_trusted_proxies_no_address_is_known(forwarded: list[str]) -> None:
    assert address_of(forwarded, "203.0.113.9", ()) is None


@pytest.mark.parametrize(
    ("forwarded", "peer", "asking"),
    [
        ([], "203.0.113.9", "203.0.113.9"),
        (["198.51.100.1"], "203.0.113.9", "203.0.113.9"),
        (["198.51.100.1"], "10.0.0.1", "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1"], "10.0.0.1", "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1"], "10.0.0.1", "198.51.100.1"),
        (["198.51.100.1, 10.9.9.9"], "10.0.0.1", "198.51.100.1"),
        (["10.6.6.6, 198.51.100.1, 192.168.1.7"], "10.0.0.1", "198.51.100.1"),
        (["10.1.1.1"], "10.0.0.1", "10.1.1.1"),
        ([], "10.0.0.1", "10.0.0.1"),
        (["198.51.100.1:4711"], "10.0.0.1", "198.51.100.1"),
        (["[2001:db8::1]:4711"], "10.0.0.1", "2001:db8::1"),
        (["2001:db8::1"], "fd00::1", "2001:db8::1"),
        (["198.51.100.1"], "::ffff:10.0.0.1", "198.51.100.1"),
        (["::ffff:198.51.100.1"], "10.0.0.1", "198.51.100.1"),
        (["fe80::1%eth0"], "10.0.0.1", "fe80::1"),
    ],
)
def test_the_first_address_that_is_not_our_proxy_is_the_client(forwarded: list[str], peer: str, asking: str) -> None:
    assert address_of(forwarded, peer, PROXIES) == asking


@pytest.mark.parametrize("written", ["", "unknown", "198.51.100.1.5", "<script>", "1.2.3.4, ", "-, _hidden"])
def test_a_broken_address_does_not_hide_a_client_behind_an_invented_one(written: str) -> None:
    assert address_of([written], "10.0.0.1", PROXIES) == "10.0.0.1"


def test_a_proxy_on_this_machine_can_be_trusted_although_streamlit_does_not_name_it() -> None:
    assert address_of(["198.51.100.1"], None, trusted_networks("127.0.0.1")) == "198.51.100.1"
    assert address_of(["198.51.100.1"], None, PROXIES) == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["localhost", "10.0.0.0/99", "*", "10.0.0.1; 10.0.0.2"])
def test_a_proxy_that_is_no_address_is_refused_with_a_sentence(wrong: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        trusted_networks(wrong)


def test_one_household_counts_as_one_however_many_addresses_it_has() -> None:
    assert counted_as("2001:db8:1:2::1") == counted_as("2001:db8:1:2:ffff::9") != counted_as("2001:db8:1:3::1")
    assert counted_as("198.51.100.1") == "198.51.100.1"
