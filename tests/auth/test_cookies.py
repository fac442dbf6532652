"""What a browser tells of itself and of where it is."""

from __future__ import annotations

import pytest

from auth.cookies import base_address, cookie_name, device_name, oauth_cookie_name

MOZILLA = "Mozilla/5.0"
PAGES = ("welcome", "chat", "memories", "account")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36", "Chrome on Windows"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1", "Safari on Mac"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140.0 Safari/604.1", "Chrome on iPhone"),
        (f"{MOZILLA} (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) Chrome/140.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8", "A browser"),
        ("", "A browser"),
        (None, "A browser"),
        ("<script>alert(1)</script>", "A browser"),
    ],
)
def test_a_device_has_a_name_that_a_person_recognises(told: str | None, name: str) -> None:
    assert device_name(told) == name


def test_two_apps_on_one_machine_do_not_share_a_cookie() -> None:
    assert cookie_name("http://localhost:8501") != cookie_name("http://localhost:8601/chat")
    assert cookie_name("https://keepsake.example/chat") == "__Host-keepsake"
    assert oauth_cookie_name("https://keepsake.example/") == "__Host-keepsake-trip"


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("http://localhost:8501", "http://localhost:8501/"),
        ("http://localhost:8501/", "http://localhost:8501/"),
        ("http://localhost:8501/chat", "http://localhost:8501/"),
        ("https://keepsake.example/apps/memory/account", "https://keepsake.example/apps/memory/"),
        ("https://keepsake.example/apps/memory/", "https://keepsake.example/apps/memory/"),
        ("https://keepsake.example/apps/memory", "https://keepsake.example/apps/memory/"),
        ("https://keepsake.example/~/+/memories", "https://keepsake.example/~/+/"),
    ],
)
def test_the_apps_own_address_follows_from_the_address_of_each_page(address: str, home: str) -> None:
    assert base_address(address, PAGES) == home
