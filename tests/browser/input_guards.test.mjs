import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const BOX = '[data-testid="stChatInputTextArea"]';
const FAILED_FILE = '[data-testid="stChatInput"] [data-testid="stFileChip"][aria-invalid="true"]';
let page, box;

beforeEach(async () => {
  page = newPage({ matchesMedia: ["(hover: hover)"] });
  await load("input_guards");
  box = page.found[BOX] = new FakeElement("textarea", [BOX]);
});

test("a lone surrogate is replaced", async () => {
  box.value = "half \ud83d of a smile";
  await page.fire("input", box);
  assert.equal(box.value, "half \ufffd of a smile");
});

test("whole signs stay as they were typed", async () => {
  box.value = "a smile 😀";
  await page.fire("input", box);
  assert.equal(box.value, "a smile 😀");
});

test("a message is held back while one of its files failed", async () => {
  const chip = (page.found[FAILED_FILE] = new FakeElement());
  const enter = await page.fire("keydown", box, { key: "Enter", shiftKey: false, isComposing: false });
  assert.ok(enter.stopped);
  assert.deepEqual(chip.heard, ["scrollIntoView", "animate"]);
});

test("Enter sends when no file failed, and a new line is never held back", async () => {
  const enter = { key: "Enter", shiftKey: false, isComposing: false };
  assert.ok(!(await page.fire("keydown", box, enter)).stopped);
  page.found[FAILED_FILE] = new FakeElement();
  assert.ok(!(await page.fire("keydown", box, { ...enter, shiftKey: true })).stopped);
});

test("after Stop the box has the focus, unless that would bring up a keyboard on the screen", async () => {
  const stop = new FakeElement("button", [".st-key-stop, .st-key-new-chat"]);
  await page.fire("click", stop);
  page.pass(100);
  assert.deepEqual(box.heard, ["focus"]);
  globalThis.matchMedia = () => ({ matches: false });
  await page.fire("click", stop);
  page.pass(100);
  assert.deepEqual(box.heard, ["focus"]);
});
