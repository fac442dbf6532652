"""Lends browser windows to walks, and takes them back: a window that showed the app before opens it in half the time.

Its renderer has read and compiled the app's scripts. Whoever borrows one gets the browser of somebody new: no cookies,
nothing stored, no permission, no page to go back to.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.keepsake import NOTE_NOTICES, OPEN_AT_ONCE, PATIENCE_MS, Visitor

__all__ = ["Windows"]

HEIGHT = 860
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
FORGET = "() => { localStorage.clear(); sessionStorage.clear(); }"


class Windows:
    """The windows of a browser, each with cookies of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._phones: list[Page] = []
        self._desktops: list[Page] = []

    def borrow(self, address: str, width: int = 1280) -> Page:
        """Return a window of this width that has nothing of the app at this address."""
        page = self._desktops.pop() if self._desktops else self._open()
        page.set_viewport_size({"width": width, "height": HEIGHT})
        return _forget(page, address)

    def borrow_phone(self, address: str) -> Page:
        """Return the window of a phone, whose screen is touched, likewise."""
        return _forget(self._phones.pop() if self._phones else self._open(**PHONE), address)

    def give_back(self, visitor: Visitor) -> None:
        """Take a window back and leave nothing in it that would reach the next walk; end one that was closed."""
        page = visitor.page
        if page.is_closed():
            page.context.close()
            return
        for each in page.context.pages:
            if each != page:
                each.close()
        visitor.hears_nothing()
        page.unroute_all(behavior="ignoreErrors")
        page.emulate_media(media="null", color_scheme="null")
        page.goto("about:blank")
        page.context.clear_cookies()
        page.context.clear_permissions()
        resting = self._phones if page.evaluate("navigator.maxTouchPoints") else self._desktops
        resting.append(page)

    def _open(self, **options: Any) -> Page:
        """Open a window that waits long, opens at once what is folded, and notes what is told for a moment only."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(NOTE_NOTICES)
        context.add_init_script(OPEN_AT_ONCE)
        return context.new_page()


def _forget(page: Page, address: str) -> Page:
    """Forget what the app stored in a window, and the pages before."""
    page.goto(f"{address}/_stcore/health")
    page.evaluate(FORGET)
    browser = page.context.new_cdp_session(page)
    browser.send("Page.resetNavigationHistory")
    browser.detach()
    return page
