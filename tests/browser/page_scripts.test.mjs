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

test("the sidebar closes once for each request, on a narrow screen only", async () => {
  const button = new FakeElement("button");
  for (const [screen, clicks] of [[[], []], [["(max-width: 768px)"], ["click"]]]) {
    const page = newPage({ matchesMedia: screen });
    page.found['[data-testid="stSidebarCollapseButton"] button'] = button;
    const { default: run } = await load("sidebar");
    run({ data: { once: "1" } });
    run({ data: { once: "1" } });
    run({ data: {} });
    assert.deepEqual(button.heard, clicks);
  }
});

test("a field that is drawn late still gets the focus", async () => {
  const page = newPage();
  const { default: run } = await load("focus");
  run({ data: { key: "name" } });
  page.pass(120);
  const field = (page.found[".st-key-name input"] = new FakeElement("input"));
  page.pass(100);
  assert.deepEqual(field.heard, ["focus", "select"]);
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
