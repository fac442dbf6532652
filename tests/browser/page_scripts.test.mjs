import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

test("the app's folder is found from any of its pages", async () => {
  newPage();
  const { appFolder } = await load("app_folder");
  const pages = ["chat", "health-report"];
  assert.equal(appFolder("/chat", pages), "/");
  assert.equal(appFolder("/some/where/chat", pages), "/some/where/");
  assert.equal(appFolder("/some/where", pages), "/some/where/");
  assert.equal(appFolder("/", pages), "/");
  assert.equal(appFolder("/snapchat", pages), "/snapchat/");
});

test("an address without a chat gets the open one, and a named chat is left alone", async () => {
  const page = newPage({ address: "https://keepsake.example/chat" });
  const { default: run } = await load("address");
  run({ data: { name: "chat", chat: "c1" } });
  assert.deepEqual(page.replaced, ["state", "https://keepsake.example/chat?chat=c1"]);
  const other = newPage({ address: "https://keepsake.example/chat?chat=c2" });
  run({ data: { name: "chat", chat: "c1" } });
  assert.equal(other.replaced, undefined);
});

const COLLAPSE = '[data-testid="stSidebarCollapseButton"] button';
const CHOICE = '[data-testid="stSidebar"] .st-key-new-chat button, [data-testid="stSidebar"] '
  + '[data-testid="stSidebarNavLink"], [data-testid="stSidebar"] [class*="st-key-open-"] button';
const BESIDE = '[data-testid="stMain"], [data-testid="stHeader"]';

test("the sidebar closes after a choice in it, on a narrow screen only", async () => {
  for (const [screen, clicks] of [[[], []], [["(max-width: 768px)"], ["click"]]]) {
    const page = newPage({ matchesMedia: screen });
    const button = (page.found[COLLAPSE] = new FakeElement("button"));
    await load("sidebar");
    const choice = await page.fire("click", new FakeElement("button", [CHOICE]));
    assert.deepEqual([button.heard, choice.stopped], [[], false]); // the press does first what it is for
    page.pass(1);
    assert.deepEqual(button.heard, clicks);
    await page.fire("click", new FakeElement("button")); // a menu of the sidebar
    page.pass(1);
    assert.deepEqual(button.heard, clicks);
  }
});

test("the next page that a phone loads begins with the sidebar closed", async () => {
  for (const [screen, collapsed] of [[[], "false"], [["(max-width: 768px)"], "true"]]) {
    const page = newPage({ matchesMedia: screen });
    page.localStorage.setItem("stSidebarCollapsed-", "false");
    page.localStorage.setItem("other", "false");
    await load("sidebar");
    await page.fire("pagehide", null);
    assert.equal(page.localStorage.getItem("stSidebarCollapsed-"), collapsed);
    assert.equal(page.localStorage.getItem("other"), "false");
  }
});

test("a press on the page beside the open sidebar closes it and does nothing else", async () => {
  const page = newPage({ matchesMedia: ["(max-width: 768px)"] });
  await load("sidebar");
  const beside = new FakeElement("button", [BESIDE]);
  assert.ok(!(await page.fire("click", beside)).stopped); // the sidebar is closed
  const button = (page.found[COLLAPSE] = new FakeElement("button"));
  assert.ok((await page.fire("click", beside)).stopped);
  assert.deepEqual(button.heard, ["click"]);
});

test("a field that is drawn late still gets the focus", async () => {
  const page = newPage();
  const { default: run } = await load("focus");
  run({ data: { key: "name" } });
  page.pass(3000); // as on a busy machine
  const field = (page.found[".st-key-name :is(input, textarea)"] = new FakeElement("input"));
  field.tagName = "INPUT";
  page.pass(100);
  assert.deepEqual(field.heard, ["focus", "select"]);
});

test("a field that nobody asked for has no focus on a touch screen, where a keyboard would come up", async () => {
  for (const [screen, heard] of [[[], []], [["(hover: hover)"], ["focus"]]]) {
    const page = newPage({ matchesMedia: screen });
    const { default: run } = await load("focus");
    const field = (page.found[".st-key-written :is(input, textarea)"] = new FakeElement("textarea"));
    run({ data: { key: "written", onTouch: false } });
    assert.deepEqual(field.heard, heard);
  }
});

test("a field that is drawn late does not take the focus from somebody who went on meanwhile", async () => {
  const page = newPage();
  const { default: run } = await load("focus");
  run({ data: { key: "name" } });
  await page.fire("pointerdown", page.found.elsewhere);
  page.pass(500);
  const field = (page.found[".st-key-name :is(input, textarea)"] = new FakeElement("input"));
  page.pass(3000);
  assert.deepEqual(field.heard, []);
});

test("a message is scrolled to its place, marked once, and no further than the page goes", async () => {
  const page = newPage();
  const { moveIntoView, wantedTop } = await load("scroll");
  const parent = { scrollHeight: 2000, clientHeight: 500, scrollTop: 300 };
  const message = (page.found[".st-key-message-m1"] = Object.assign(new FakeElement(), { parentElement: parent }));
  const wanted = { message: "m1", once: 1, mark: true };
  assert.equal(wantedTop(wanted), 200);
  assert.equal(moveIntoView(wanted), true);
  assert.equal(parent.scrollTop, 200);
  assert.equal(moveIntoView({ ...wanted, message: "not drawn yet" }), true);
  Object.defineProperty(parent, "scrollTop", { get: () => 0, set: () => {} });
  assert.equal(moveIntoView(wanted), false);
  assert.deepEqual(message.heard, ["animate"]);
});
