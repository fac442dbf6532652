"""Every place of the app that is looked at, and the way there: pictures are taken of them, and axe reads them.

A new page of the app has at least one place here, which test_accessibility.py asks for. It looks at nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Browser, expect

from tests.e2e.keepsake import Keepsake, Visitor
from tests.model_answers import Item, Reply, Request, sensible

__all__ = [
    "LIGHTS",
    "MEMBER",
    "PLACES",
    "SIZES",
    "Place",
    "arrive",
    "come",
    "scripted",
    "stand_still",
    "tell",
    "to_page",
]

LIGHTS = ("light", "dark")
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
MEMBER = "dave@example.com"
TELLING = (
    "My name is Dave. I run a small bakery in Porto. I use Redis and Supabase for its web shop.",
    "I prefer short answers. My sister Ana is vegetarian, and I am planning her birthday in May.",
)
QUESTION = "What do you know about my stack?"
REPLIES = {
    TELLING[0]: "Nice to meet you, Dave. A bakery in Porto with its own web shop sounds like a full day.",
    TELLING[1]: "Short it is. Shall we start with a cake that Ana would like?",
    QUESTION: "Your bakery's web shop runs on **Redis** and **Supabase**. Shall I keep that in mind for the new page?",
}


class Place(NamedTuple):
    """Somewhere in the app: the page it belongs to, who may be there, and how they go there from anywhere."""

    name: str
    page: str
    who: str  # a stranger, a newcomer who did not agree yet, or a member
    go: Callable[[Visitor], None]


def scripted(request: Request) -> Item:
    """What the model says: to a message of the telling its reply, to everything else something sensible."""
    if request.schema:
        return sensible(request)
    said = next((reply for words, reply in reversed(REPLIES.items()) if words in request.said("user")), None)
    return Reply(said or "I do not know that yet.")


def come(browser: Browser, keepsake: Keepsake, light: str = "light", size: str = "wide") -> Visitor:
    """Somebody at the welcome page."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=light)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(keepsake.address)
    page.get_by_label("Password", exact=True).first.wait_for()
    return Visitor(page)


def tell(person: Visitor) -> None:
    """Make the member's account, and fill it with what the places show."""
    person.sign_up(MEMBER)
    for words in TELLING:
        person.says(words)
        person.sees(REPLIES[words][:30])
    person.remembers("My sister Ana is vegetarian")
    person.goes_to("Chat")
    person.starts_a_new_chat()
    person.says(QUESTION)
    person.sees("Shall I keep that in mind")


def arrive(person: Visitor, who: str, once: str) -> None:
    """Become this kind of person; `once` makes a newcomer's address new."""
    if who == "member":
        person.sign_in(MEMBER)
        person.arrives()
    elif who == "newcomer":
        person.begins_account(f"{once}@example.com")


def stand_still(person: Visitor) -> None:
    """Wait until nothing is drawn and nothing moves any more: half-way, colours are none that stay."""
    page = person.page
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("() => document.getAnimations().every((each) => each.playState !== 'running')")


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
    size = person.page.viewport_size
    narrow = size is not None and size["width"] < 800
    if narrow and _hidden(person):
        person.opens_the_sidebar()
    do()
    if narrow:
        try:  # on the way to another page it goes by itself
            expect(person.page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true", timeout=1500)
        except AssertionError:
            person.closes_the_sidebar()


def _hidden(person: Visitor) -> bool:
    return person.page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "true"


def _sign_in(person: Visitor) -> None:
    person.page.reload()
    person.page.get_by_label("Password", exact=True).first.wait_for()


def _sign_up(person: Visitor) -> None:
    _sign_in(person)
    person.page.get_by_role("tab", name="Create account").click()
    person.page.get_by_role("button", name="Create account").wait_for()


def _mail(person: Visitor) -> None:
    _sign_in(person)
    person.presses("Forgot your password?")
    person.sees("Choose a new password")


def _code(person: Visitor) -> None:
    _mail(person)
    person.page.get_by_label("E-mail").fill("nobody@example.com")
    person.presses("Mail it to me")
    person.sees("Look at your mail")


def _consent(person: Visitor) -> None:
    person.sees("Before you begin")


def _new_chat(person: Visitor) -> None:
    to_page(person, "Chat")
    _beside(person, person.starts_a_new_chat)


def _chat(person: Visitor) -> None:
    to_page(person, "Chat")
    _beside(person, lambda: person.page.get_by_role("button", name=QUESTION).click())
    person.sees("Shall I keep that in mind")


def _receipt(person: Visitor) -> None:
    _chat(person)
    person.page.get_by_role("button", name="tokens").last.click()
    person.sees("Answer without what is off")


def _chat_menu(person: Visitor) -> None:
    _chat(person)
    if _hidden(person):
        person.opens_the_sidebar()
    person.presses("Chat menu")
    person.sees("Archive")


def _memories(person: Visitor) -> None:
    to_page(person, "Memories")
    person.sees("What I remember about you")
    person.page.get_by_role("tab", name="Memories").click()
    person.sees("My sister Ana is vegetarian")


def _details(person: Visitor) -> None:
    _memories(person)
    person.page.get_by_role("button", name="Details").first.click()
    person.sees("History")


def _tab(name: str, sees: str) -> Callable[[Visitor], None]:
    def go(person: Visitor) -> None:
        to_page(person, "Memories")
        person.page.get_by_role("tab", name=name).click()
        person.sees(sees)

    return go


def _graph(person: Visitor) -> None:
    _tab("Graph", "As a list")(person)
    person.page.locator("canvas, svg[role=img], .stEChartsChart").first.wait_for()


def _search(person: Visitor) -> None:
    _chat(person)
    if _hidden(person):
        person.opens_the_sidebar()
    person.page.get_by_label("Search chats").fill("vegetarian")
    person.page.get_by_label("Search chats").press("Enter")
    person.page.get_by_test_id("stSidebar").get_by_text("vegetarian").first.wait_for()


def _learned(person: Visitor) -> None:
    to_page(person, "Chat")
    _beside(person, lambda: person.page.get_by_role("button", name=TELLING[0][:17]).first.click())
    person.page.get_by_role("button", name="Learned:").first.click()
    person.sees("Undo")


def _temporary(person: Visitor) -> None:
    _new_chat(person)
    person.presses("Uses and keeps memory")
    person.page.get_by_text("Temporary chat", exact=False).first.click()
    person.page.keyboard.press("Escape")
    person.sees("Temporary chat:")


def _health(person: Visitor) -> None:
    to_page(person, "Health")
    person.sees("What it is about")


def _health_look(person: Visitor) -> None:
    _health(person)
    person.page.get_by_role("tab", name="Worth a look").click()
    person.sees("Tidy up everything")


def _settings(person: Visitor) -> None:
    to_page(person, "Settings")
    person.sees("How it looks")


def _account(person: Visitor) -> None:
    to_page(person, "Account")
    person.sees("Signed in as")


def _account_open(person: Visitor) -> None:
    _account(person)
    for each in person.page.get_by_test_id("stExpander").locator("summary").all():
        each.click()
    person.sees("Change password")


PLACES = (
    Place("welcome", "welcome", "stranger", _sign_in),
    Place("welcome-sign-up", "welcome", "stranger", _sign_up),
    Place("welcome-mail", "welcome", "stranger", _mail),
    Place("welcome-code", "welcome", "stranger", _code),
    Place("consent", "chat", "newcomer", _consent),
    Place("new-chat", "chat", "member", _new_chat),
    Place("chat", "chat", "member", _chat),
    Place("chat-receipt", "chat", "member", _receipt),
    Place("chat-menu", "chat", "member", _chat_menu),
    Place("memories", "memories", "member", _memories),
    Place("memories-details", "memories", "member", _details),
    Place("memories-profile", "memories", "member", _tab("Profile", "One more line")),
    Place("memories-files", "memories", "member", _tab("Files", "Everything remembered")),
    Place("health", "health", "member", _health),
    Place("health-look", "health", "member", _health_look),
    Place("settings", "settings", "member", _settings),
    Place("account", "account", "member", _account),
    Place("account-open", "account", "member", _account_open),
)
