"""Goes to each view of views.py from any other view, on a wide screen and on a phone.

Each function waits until its view is complete. None changes what another function finds.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.keepsake import Visitor
from tests.e2e.sample_chats import LAST, NOW, STORY

__all__ = [
    "account",
    "account_open",
    "archived",
    "attachment",
    "chat",
    "chat_menu",
    "chat_menu_again",
    "code",
    "consent",
    "details",
    "graph",
    "health",
    "health_tab",
    "learned",
    "mail",
    "memories",
    "memories_tab",
    "models",
    "new_chat",
    "nothing_yet",
    "receipt",
    "reworded",
    "says_the_same",
    "search",
    "settings",
    "several",
    "shortcuts",
    "sidebar_again",
    "sign_in",
    "sign_up",
    "still_so",
    "temporary",
    "timeline",
    "which_is_right",
    "writing",
]

Way = Callable[[Visitor], None]
AT_LENGTH = "Tell me at length"  # the end of such a reply is not seen by anybody


def to_page(person: Visitor, name: str) -> None:
    """Another page, by the sidebar, which is out of the way again afterwards on a phone."""
    _close(person)
    _beside(person, lambda: person.goes_to(name))


def _close(person: Visitor) -> None:
    """Leave what lies on top of the page, which the keyboard and the mouse cannot get past."""
    on_top = person.page.get_by_role("dialog").or_(person.page.get_by_role("menu")).first
    if on_top.count():
        person.page.keyboard.press("Escape")
        on_top.wait_for(state="hidden")


def _beside(person: Visitor, do: Callable[[], None]) -> None:
    if not _on_phone(person):
        do()
        return
    if _hidden(person):
        person.opens_the_sidebar()
    do()
    try:  # on the way to another page it goes by itself
        expect(person.page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true", timeout=1500)
    except AssertionError:
        person.closes_the_sidebar()


def _on_phone(person: Visitor) -> bool:
    size = person.page.viewport_size
    return size is not None and size["width"] < 800


def _hidden(person: Visitor) -> bool:
    return person.page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "true"


def _with_chats(person: Visitor) -> None:
    """At the list of chats, which stays open on a phone."""
    to_page(person, "Chat")
    if _hidden(person):
        person.opens_the_sidebar()
    person.page.get_by_role("button", name="New chat").wait_for()


# -- who is not in yet -------------------------------------------------------------------------------


def sign_in(person: Visitor) -> None:
    person.page.reload()
    person.page.get_by_label("Password", exact=True).first.wait_for()


def sign_up(person: Visitor) -> None:
    sign_in(person)
    person.page.get_by_role("tab", name="Create account").click()
    person.page.get_by_role("button", name="Create account").wait_for()


def mail(person: Visitor) -> None:
    sign_in(person)
    person.presses("Forgot your password?")
    person.sees("Choose a new password")


def code(person: Visitor) -> None:
    mail(person)
    expect(person.page.get_by_label("Email")).to_have_count(1)  # the others are on their way out
    person.page.get_by_label("Email").fill("nobody@example.com")
    person.presses("Send email")
    person.sees("Check your email")


def consent(person: Visitor) -> None:
    person.sees("Before you start")


# -- chats -------------------------------------------------------------------------------------------


def new_chat(person: Visitor) -> None:
    to_page(person, "Chat")
    _beside(person, person.starts_a_new_chat)


def _opened(person: Visitor, name: str, sees: str) -> None:
    to_page(person, "Chat")
    _beside(person, lambda: person.page.get_by_role("button", name=name, exact=True).click())
    expect(person.replies().last).to_contain_text(sees)


def chat(person: Visitor) -> None:
    _opened(person, NOW, LAST.reply[:20])
    person.page.get_by_role("button", name="Learned:").first.wait_for()


def receipt(person: Visitor) -> None:
    chat(person)
    person.page.get_by_role("button", name="Used").first.click()
    person.sees("Answer without unticked memories")


def models(person: Visitor) -> None:
    chat(person)
    person.rests()
    person.page.locator(".st-key-chat-model button").click()
    person.sees("For all your chats")
    person.rests()


def learned(person: Visitor) -> None:
    chat(person)
    person.replies().last.get_by_role("button", name="Learned:").first.click()
    person.page.get_by_role("button", name="Edit", exact=True).wait_for()


def reworded(person: Visitor) -> None:
    _opened(person, "Jokes in Portuguese", "Then let us begin")
    if not person.page.get_by_label("Your words").count():
        person.page.get_by_role("button", name="Edit message").click()
    person.page.get_by_label("Your words").wait_for()


def attachment(person: Visitor) -> None:
    _opened(person, "Ana's birthday cake", "A lovely shape")
    person.page.locator("[class*=st-key-attached-] img").wait_for()


def temporary(person: Visitor) -> None:
    new_chat(person)
    band = person.page.locator(".st-key-temporary-band")
    if not band.count():
        person.page.get_by_text("Temporary", exact=True).click()
        band.wait_for()
        person.page.evaluate("document.activeElement.blur()")


def writing(person: Visitor) -> None:
    new_chat(person)
    person.says(f"{AT_LENGTH} how sourdough came to be.")
    person.sees(STORY[-2][-20:])


def chat_menu(person: Visitor) -> None:
    chat(person)
    _with_chats(person)
    _open_menu(person)


def _open_menu(person: Visitor) -> None:
    person.page.get_by_role("button", name="Chat menu").nth(1).click()
    person.sees("Archive")


def sidebar_again(person: Visitor) -> None:
    """The sidebar, which closed when the screen became narrow, as it was."""
    _close(person)
    person.opens_the_sidebar()


def chat_menu_again(person: Visitor) -> None:
    sidebar_again(person)
    _open_menu(person)


def search(person: Visitor) -> None:
    chat(person)
    _with_chats(person)
    box = person.page.get_by_label("Search chats")
    box.fill("walnut")
    box.press("Enter")
    person.page.get_by_role("button", name="Clear search").wait_for()


def shortcuts(person: Visitor) -> None:
    chat(person)
    person.page.keyboard.press("Control+/")
    person.page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()


def archived(person: Visitor) -> None:
    _with_chats(person)
    if (end := person.page.get_by_role("button", name="Clear search")).count():
        end.click()
        end.wait_for(state="hidden")
    away = person.page.get_by_role("button", name="Archived and deleted")
    back = person.page.get_by_role("button", name="Back to chats")
    if not back.count():
        away.click()
    back.wait_for()
    person.page.get_by_role("button", name="The broken oven").wait_for()


def which_is_right(person: Visitor) -> None:
    _opened(person, "Sundays", "Seven it is")
    person.sees("Which is right?")


def still_so(person: Visitor) -> None:
    _opened(person, "Coffee", "Without sugar, then")
    person.sees("Is this still true?")


# -- what is remembered ------------------------------------------------------------------------------


def memories(person: Visitor) -> None:
    memories_tab("Memories", "Tiago is allergic to walnuts")(person)
    toggle = person.page.get_by_role("switch", name="Select several").or_(person.page.get_by_label("Select several"))
    if toggle.first.is_checked():
        person.page.get_by_text("Select several").click()
        person.page.get_by_role("button", name="Details").first.wait_for()


def several(person: Visitor) -> None:
    memories(person)
    person.page.get_by_text("Select several").click()
    person.page.get_by_role("checkbox", name="walnuts").locator("xpath=ancestor::label").click()
    person.page.get_by_role("button", name="Forget 1 memory").wait_for()


def details(person: Visitor) -> None:
    memories(person)
    if not person.page.get_by_text("History").count():
        person.page.get_by_role("button", name="Details").first.click()
    person.sees("History")


def memories_tab(name: str, sees: str) -> Way:
    def go(person: Visitor) -> None:
        to_page(person, "Memories")
        person.sees("What I remember about you")
        _to_tab(person, name, sees)

    return go


def _to_tab(person: Visitor, name: str, sees: str) -> None:
    """A tab; pressed once more where the page was drawn anew just then."""
    tab, there = person.page.get_by_role("tab", name=name), person.page.get_by_text(sees).first
    tab.click()
    try:
        expect(there).to_be_visible(timeout=6_000)
    except AssertionError:
        tab.click()
        person.sees(sees)


def graph(person: Visitor) -> None:
    memories_tab("Graph", "As a list")(person)
    person.page.locator("canvas").first.wait_for()


def timeline(person: Visitor) -> None:
    memories_tab("Time line", "My old oven broke down")(person)


def nothing_yet(page: str) -> Way:
    def go(person: Visitor) -> None:
        to_page(person, page)
        person.page.get_by_role("button", name="Go to chat").wait_for()

    return go


# -- how it is doing, and what was set ---------------------------------------------------------------


def health(person: Visitor) -> None:
    health_tab("Overview", "Kinds")(person)


def health_tab(name: str, sees: str) -> Way:
    def go(person: Visitor) -> None:
        to_page(person, "Health")
        person.sees("Memory health")
        _to_tab(person, name, sees)

    return go


def says_the_same(person: Visitor) -> None:
    health_tab("Needs attention", "Tidy up everything")(person)
    merge = person.page.get_by_role("button", name="Merge 1 group")
    if not merge.is_visible():
        person.page.get_by_text("Duplicates (1)").click()
    merge.wait_for()


def settings(person: Visitor) -> None:
    to_page(person, "Settings")
    person.sees("Appearance")


def language_model(person: Visitor) -> None:
    person.page.goto(f"{person.page.url.split('?')[0].rpartition('/')[0]}/connect")
    person.sees("Language model")


def account(person: Visitor) -> None:
    to_page(person, "Account")
    person.sees("Signed in as")


def account_open(person: Visitor) -> None:
    account(person)
    for each in person.page.get_by_test_id("stExpander").locator("summary").all():
        each.click()
    person.sees("Change your password")
