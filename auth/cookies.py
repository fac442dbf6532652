"""What a browser tells: its name for a list of devices, the app's address as it sees it, the cookie's name.

Pure: takes plain values. It reads no request by itself.
"""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["cookie_name", "device_name", "home_of", "trip_cookie_name"]

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
    """What a person would call the thing in front of them: "Firefox on Linux"."""
    told = user_agent or ""
    browser = next((name for sign, name in BROWSERS if sign in told), "A browser")
    system = next((name for sign, name in SYSTEMS if sign in told), "")
    return f"{browser} on {system}" if system else browser


def cookie_name(address: str) -> str:
    """The cookie for the app at this address. Browsers share cookies among the ports of a host, so the port is in it.

    Over https the name is one that no other host of the domain can set.
    """
    parts = urlsplit(address)
    name = f"keepsake-{parts.port}" if parts.port else "keepsake"
    return f"__Host-{name}" if parts.scheme == "https" else name


def trip_cookie_name(address: str) -> str:
    """The short-lived cookie by which a browser is known again that went to another site to sign in."""
    return cookie_name(address).replace("keepsake", "keepsake-trip")


def home_of(address: str, pages: tuple[str, ...]) -> str:
    """The app's own address, with a slash at its end, from the address of one of its pages."""
    parts = urlsplit(address)
    folder, _, last = parts.path.rpartition("/")
    inside = folder if last in pages or not last else parts.path
    return f"{parts.scheme}://{parts.netloc}{inside.rstrip('/')}/"
