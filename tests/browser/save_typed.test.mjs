import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const TYPED = '[class*="st-key-typed-"] textarea';
let page, field;

beforeEach(async () => {
  page = newPage();
  await load("save_typed");
  field = new FakeElement("textarea", [TYPED]);
});

test("what is typed is handed over once somebody pauses", async () => {
  await page.fire("input", field);
  page.pass(600);
  await page.fire("input", field);
  page.pass(600);
  assert.deepEqual(field.heard, []);
  page.pass(200);
  assert.deepEqual(field.heard, ["keydown"]);
  page.pass(10_000);
  assert.deepEqual(field.heard, ["keydown"]);
});

test("what was typed before the script was there is handed over, too", async () => {
  page = newPage();
  page.document.activeElement = field;
  await load("save_typed");
  page.pass(600);
  assert.deepEqual(field.heard, []);
  page.pass(200);
  assert.deepEqual(field.heard, ["keydown"]);
});

test("a press elsewhere hands it over at once, a press in the field does not", async () => {
  await page.fire("input", field);
  await page.fire("pointerdown", field);
  assert.deepEqual(field.heard, []);
  await page.fire("pointerdown", new FakeElement("a"));
  assert.deepEqual(field.heard, ["keydown"]);
});

test("a link that is pressed at once waits until the words are on their way", async () => {
  const link = new FakeElement("a", ["a"]);
  await page.fire("input", field);
  await page.fire("pointerdown", link);
  const press = await page.fire("click", link);
  assert.equal(press.stopped, true);
  assert.deepEqual(link.heard, []);
  page.pass(100);
  assert.deepEqual(link.heard, ["click"]);
  const again = await page.fire("click", link);
  assert.equal(again.stopped, false);
});

test("leaving the page hands it over", async () => {
  await page.fire("input", field);
  await page.fire("pagehide", page.document);
  assert.deepEqual(field.heard, ["keydown"]);
});

test("words that are being composed wait until they are complete", async () => {
  await page.fire("compositionstart", field);
  await page.fire("input", field);
  page.pass(5000);
  assert.deepEqual(field.heard, []);
  await page.fire("compositionend", field);
  page.pass(800);
  assert.deepEqual(field.heard, ["keydown"]);
});

test("other fields are left alone", async () => {
  const other = new FakeElement("textarea");
  await page.fire("input", other);
  page.pass(5000);
  assert.deepEqual(other.heard, []);
});
