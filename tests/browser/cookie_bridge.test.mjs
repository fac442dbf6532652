import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { load, newPage } from "./fake_page.mjs";

const PAGES = ["account", "chat"];

async function answerTo(status, data = {}) {
  const page = newPage({ address: "https://keepsake.example/app/chat" });
  page.status = status;
  const refused = [];
  const { default: run } = await load("cookie_bridge");
  const component = {
    data: { once: "1", path: "session/keep", ticket: "t", pages: PAGES, ...data },
    setStateValue: (...value) => refused.push(value),
  };
  run(component);
  run(component);
  await setImmediate();
  return { page, refused };
}

test("the ticket goes to the app's own folder", async () => {
  const { page } = await answerTo(204);
  assert.equal(page.asked.to, "/app/session/keep");
  assert.equal(page.asked.body, '{"ticket":"t"}');
});

test("a task is sent once, however often the page is drawn", async () => {
  let sent = 0;
  const page = newPage();
  globalThis.fetch = async () => { sent += 1; return { status: 204 }; };
  const { default: run } = await load("cookie_bridge");
  for (const once of ["1", "1", "2"]) run({ data: { once, path: "session/keep", ticket: "t", pages: PAGES } });
  assert.equal(sent, 2);
  assert.equal(page.wentTo, undefined);
});

for (const status of [204, 401, 503]) {
  test(`${status} does not count as a refusal`, async () => {
    assert.deepEqual((await answerTo(status)).refused, []);
  });
}

for (const status of [200, 404, 405, 500]) {
  test(`${status} means that this host cannot keep anybody signed in`, async () => {
    assert.deepEqual((await answerTo(status)).refused, [["refused", status]]);
  });
}

test("signing out takes the drafts along and reports nothing", async () => {
  const page = newPage();
  page.status = 404;
  page.sessionStorage.setItem("keepsake-draft:ann:a", "words");
  page.sessionStorage.setItem("other", "stays");
  const { default: run } = await load("cookie_bridge");
  run({ data: { once: "1", path: "session/drop", ticket: "", pages: PAGES }, setStateValue: assert.fail });
  await setImmediate();
  assert.deepEqual(Object.keys(page.sessionStorage), ["other"]);
});

test("before leaving for another site the verifier is kept in a cookie", async () => {
  const { page } = await answerTo(204, { go: "https://site.example/", kept: { name: "trip", value: "v" } });
  assert.equal(page.wentTo, "https://site.example/");
  assert.equal(page.document.cookie, "trip=v; Path=/; Max-Age=900; SameSite=Lax; Secure");
  assert.equal(page.asked, undefined);
});
