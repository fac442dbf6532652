"""Derives the device's name, the app's address and the names of its cookies from what a browser sends.

Every function takes plain values; none reads a request or sets a cookie.
"""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["base_address", "cookie_name", "device_name", "oauth_cookie_name"]

# In this order: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str | None) -> str:
    """Return a name for a browser and its system that a person recognises: "Firefox on Linux"."""
    agent = user_agent or ""
    browser = next((name for sign, name in BROWSERS if sign in agent), "A browser")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return f"{browser} on {system}" if system else browser


def cookie_name(address: str) -> str:
    """Return the name of the session cookie. It holds the port, because browsers share cookies among a host's ports.

    Over https it begins with `__Host-`, so that no other host of the domain can set it.
    """
    parts = urlsplit(address)
    name = f"keepsake-{parts.port}" if parts.port else "keepsake"
    return f"__Host-{name}" if parts.scheme == "https" else name


def oauth_cookie_name(address: str) -> str:
    """Return the name of the short-lived cookie for a browser that signs in at another site and comes back."""
    return cookie_name(address).replace("keepsake", "keepsake-trip")


def base_address(address: str, pages: tuple[str, ...]) -> str:
    """Return the app's own address, ending in a slash, from the address of one of its pages."""
    parts = urlsplit(address)
    folder, _, last = parts.path.rpartition("/")
    path = folder if last in pages or not last else parts.path
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}/"
