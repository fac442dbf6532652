import assert from "node:assert/strict";
import { test } from "node:test";
import { load, newPage } from "./fake_page.mjs";

newPage();
globalThis.MutationObserver ??= class { observe() {} };
const { languageOf } = await load("reply_text");

test("code is named by its language, and text has no name", () => {
  assert.equal(languageOf(["token", "language-python"]), "python");
  for (const none of [[], ["language-text"], ["language-undefined"], ["language-"]]) assert.equal(languageOf(none), "");
});
