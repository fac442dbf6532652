import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const WORDS = { copied: "Copied", failed: "Not copied" };
let page, clipboard, button, notice;

beforeEach(async () => {
  page = newPage();
  clipboard = await load("clipboard");
  [notice] = page.document.body.children;
  page.found['[data-testid="stApp"]'] = new FakeElement();
  button = new FakeElement("div", ['[class*="st-key-icon-copy-"]']);
  button.classList = ["stElement", "st-key-icon-copy-m1"];
  clipboard.default({ data: { texts: { m1: "**Hello**" }, words: WORDS } });
});

test("a press copies the message as it was written, and says so for a moment", async () => {
  const press = await page.fire("click", button);
  await setImmediate();
  assert.equal(page.copied, "**Hello**");
  assert.ok(press.stopped);
  assert.equal(notice.textContent, "Copied");
  page.pass(2000);
  assert.equal(notice.textContent, "");
});

test("a press on anything else goes on to the page", async () => {
  assert.ok(!(await page.fire("click", new FakeElement())).stopped);
  button.classList = ["st-key-icon-copy-unknown"];
  assert.ok(!(await page.fire("click", button)).stopped);
});

test("without a clipboard the text is selected and copied the older way", async () => {
  globalThis.navigator.clipboard = undefined;
  page.document.execCommand = (command) => { page.copied = [command, page.made.value]; return true; };
  page.document.activeElement = new FakeElement();
  assert.equal(await clipboard.copy("words"), true);
  assert.deepEqual(page.copied, ["copy", "words"]);
  assert.deepEqual(page.made.heard, ["select", "remove"]);
  assert.deepEqual(page.document.activeElement.heard, ["focus"]);
});

test("a browser that copies in neither way is reported", async () => {
  globalThis.navigator.clipboard = undefined;
  await page.fire("click", button);
  await setImmediate();
  assert.equal(notice.textContent, "Not copied");
});
