import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const PICTURE = ".st-key-graph-chart canvas";
const WHOLE = ".st-key-icon-graph-zoom_out button:disabled";
const finger = { touches: [{}] };

test("one finger scrolls past the whole graph, and moves a graph that was enlarged", async () => {
  const page = newPage();
  page.found[WHOLE] = new FakeElement("button");
  await load("graph_touch");
  const picture = new FakeElement("canvas", [PICTURE]);
  for (const each of ["touchstart", "touchmove", "touchend"]) {
    assert.ok((await page.fire(each, picture, finger)).stopped);
    assert.ok(!(await page.fire(each, new FakeElement("p"), finger)).stopped);
  }
  delete page.found[WHOLE]; // the button has zoomed in
  assert.ok(!(await page.fire("touchmove", picture, finger)).stopped);
});

test("after two fingers one finger moves that graph, and scrolls past the next one", async () => {
  const page = newPage();
  page.found[WHOLE] = new FakeElement("button");
  await load("graph_touch");
  const picture = new FakeElement("canvas", [PICTURE]);
  assert.ok(!(await page.fire("touchstart", picture, { touches: [{}, {}] })).stopped);
  assert.ok(!(await page.fire("touchmove", picture, finger)).stopped);
  assert.ok((await page.fire("touchmove", new FakeElement("canvas", [PICTURE]), finger)).stopped);
});
