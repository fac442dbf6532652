import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const FIELD = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]";
const BOX = '[data-testid="stChatInputTextArea"]';
let page, newChat, stop;

beforeEach(async () => {
  page = newPage();
  await load("shortcuts");
  newChat = page.found[".st-key-new-chat button"] = new FakeElement("button");
  stop = page.found[".st-key-stop button"] = new FakeElement("button");
});

const newChatKeys = { key: "O", code: "KeyO", ctrlKey: true, shiftKey: true };

test("Ctrl or Cmd with Shift and O begins a new chat, also while somebody types, whatever letters the keyboard has", async () => {
  const field = new FakeElement("textarea", [FIELD]);
  for (const keys of [newChatKeys, { ...newChatKeys, ctrlKey: false, metaKey: true }, { ...newChatKeys, key: "Щ", code: "KeyO" }]) {
    assert.ok((await page.fire("keydown", field, keys)).stopped);
  }
  assert.deepEqual(newChat.heard, ["click", "click", "click"]);
});

test("Escape stops a reply from the page and from the empty box, and is left alone while somebody types", async () => {
  const box = new FakeElement("textarea", [FIELD, BOX]);
  for (const [target, stops] of [[page.document.body, true], [box, true], [new FakeElement("input", [FIELD]), false]]) {
    assert.equal((await page.fire("keydown", target, { key: "Escape" })).stopped, stops);
  }
  box.value = "half a sent";
  assert.ok(!(await page.fire("keydown", box, { key: "Escape" })).stopped);
  assert.deepEqual(stop.heard, ["click", "click"]);
});

test("nothing is pressed while a dialog is open, keys are composed or held, or there is nothing to press", async () => {
  assert.ok(!(await page.fire("keydown", page.document.body, { ...newChatKeys, isComposing: true })).stopped);
  assert.ok(!(await page.fire("keydown", page.document.body, { ...newChatKeys, repeat: true })).stopped);
  page.found['[role="dialog"], [role="menu"], [data-testid="stPopoverBody"], dialog[open]'] = new FakeElement();
  assert.ok(!(await page.fire("keydown", page.document.body, newChatKeys)).stopped);
  page = newPage();
  await load("shortcuts");
  assert.ok(!(await page.fire("keydown", page.document.body, newChatKeys)).stopped);
  assert.ok(!(await page.fire("keydown", page.document.body, { key: "Escape" })).stopped);
  assert.deepEqual([newChat.heard, stop.heard], [[], []]);
});

test("? opens the list except where somebody types or has switched that off; Ctrl+/ always does", async () => {
  const { shortcutOf } = await load("shortcuts");
  assert.equal(shortcutOf({ key: "?", shiftKey: true }), "list");
  assert.equal(shortcutOf({ key: "?", shiftKey: true }, { typing: true }), null);
  assert.equal(shortcutOf({ key: "?", shiftKey: true }, { alone: false }), null);
  assert.equal(shortcutOf({ key: "/", ctrlKey: true, shiftKey: true }, { typing: true, alone: false }), "list");
  assert.equal(shortcutOf({ key: "k", ctrlKey: true }, { typing: true }), "search");
  assert.equal(shortcutOf({ key: "k" }), null);
  assert.equal(shortcutOf({ key: "Escape", shiftKey: true }), "write");
  assert.equal(shortcutOf({ key: "Escape", shiftKey: true }, { typing: true }), null);
});

test("a press on the list's button that came before the script reaches the server, which asks for the list once", async () => {
  const button = new FakeElement("button", [".st-key-quiet-shortcuts button"]);
  const { default: draw } = await load("shortcuts");
  assert.ok(!(await page.fire("click", button)).stopped);
  const opened = () => (page.document.body.children ?? []).length;
  const words = { title: "Keyboard shortcuts", close: "Close", alone: "Also", rows: [] };
  draw({ data: { ...words, asked: 0 } });
  assert.equal(opened(), 0);
  draw({ data: { ...words, asked: 1 } });
  draw({ data: { ...words, asked: 1 } });
  assert.equal(opened(), 1);
  assert.ok((await page.fire("click", button)).stopped);
  assert.equal(opened(), 2);
});
