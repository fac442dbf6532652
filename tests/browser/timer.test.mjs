import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const OPEN = '[role="dialog"], [data-testid="stPopoverBody"]';
const WRITING = "input:not([type=radio]):not([type=checkbox]), textarea";
const BOX = '[data-testid="stChatInputTextArea"]';
let page, timer, due, place;

beforeEach(async () => {
  page = newPage();
  timer = await load("timer");
  due = [];
  place = new FakeElement();
});

const start = (data, parentElement = place) =>
  timer.default({ data, parentElement, setTriggerValue: (name, value) => due.push([name, value, parentElement]) });
const reports = () => due.map(([name, value]) => [name, value]);

test("a timer is due after its time", () => {
  start({ after: 3000, calm: false });
  page.pass(2900);
  assert.deepEqual(due, []);
  page.pass(200);
  assert.deepEqual(reports(), [["due", "time"]]);
});

test("a timer waits while the page is being drawn", () => {
  page.found['[data-testid="stApp"]'] = Object.assign(new FakeElement(), { dataset: { testScriptState: "running" } });
  start({ after: 50, calm: false });
  page.pass(1000);
  assert.deepEqual(due, []);
  page.found['[data-testid="stApp"]'].dataset.testScriptState = "notRunning";
  page.pass(300);
  assert.equal(due.length, 1);
});

test("a timer waits for a moment after a press", async () => {
  start({ after: 50, calm: false });
  await page.fire("pointerdown", new FakeElement());
  page.pass(1100);
  assert.deepEqual(due, []);
  page.pass(500);
  assert.equal(due.length, 1);
});

test("a calm timer waits until the dialog is closed", () => {
  page.found[OPEN] = new FakeElement();
  start({ after: 50, calm: true });
  page.pass(5000);
  assert.deepEqual(due, []);
  delete page.found[OPEN];
  page.pass(300);
  assert.deepEqual(reports(), [["due", "calm"]]);
});

test("writing in a field is not calm, writing in the chat box is", () => {
  page.document.activeElement = new FakeElement("input", [WRITING]);
  assert.equal(timer.isCalm(), false);
  page.document.activeElement = new FakeElement("textarea", [WRITING, BOX]);
  assert.equal(timer.isCalm(), true);
  page.document.activeElement = null;
  assert.equal(timer.isCalm(), true);
});

test("a hidden tab asks for nothing, and asks soon after it is shown again", async () => {
  start({ after: 100, calm: false });
  page.document.hidden = true;
  await page.fire("visibilitychange", page.document);
  page.pass(60_000);
  assert.deepEqual(due, []);
  page.document.hidden = false;
  await page.fire("visibilitychange", page.document);
  page.pass(60);
  assert.equal(due.length, 1);
});

test("a timer that is taken off the page is never due", () => {
  const stop = start({ after: 100, calm: false });
  stop();
  page.pass(1000);
  assert.deepEqual(due, []);
});

test("a place that is drawn anew has one timer: the one before it is never due", () => {
  start({ after: 1000, calm: false, once: 1 });
  page.pass(500);
  start({ after: 3000, calm: false, once: 2 });
  page.pass(2900);
  assert.deepEqual(due, []);
  page.pass(60_000);
  assert.equal(due.length, 1);
});

test("a timer that was already replaced takes nothing from the new one when it ends", () => {
  const endOfFirst = start({ after: 1000, calm: false, once: 1 });
  start({ after: 1000, calm: false, once: 2 });
  endOfFirst();
  page.pass(1000);
  assert.equal(due.length, 1);
});

test("two timers that are due together do not report together", () => {
  const other = new FakeElement();
  start({ after: 1000, calm: false });
  start({ after: 1000, calm: false }, other);
  page.pass(1000);
  assert.deepEqual(due.map(([, , where]) => where), [place]);
  page.pass(300);
  assert.deepEqual(due.map(([, , where]) => where), [place, other]);
});
