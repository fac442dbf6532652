import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const THEMES = [["System", "System"], ["Light", "Light"], ["Dark", "Dark"]];
const DATA = { legend: "Light or dark", later: "Next time", themes: THEMES, pages: ["chat", "settings"], kept: true };
let page, parent, fieldset;

beforeEach(() => {
  page = newPage({ address: "https://keepsake.example/app/settings" });
  fieldset = new FakeElement("fieldset");
  fieldset.append(new FakeElement("legend"));
  parent = new FakeElement();
  parent.append(fieldset, new FakeElement("p"));
});

async function radios(data = DATA) {
  const { default: draw } = await load("theme");
  draw({ data, parentElement: parent });
  return fieldset.children.slice(1).map((label) => label.children[0]);
}
const choose = (radio) => radio.listeners.change.forEach((each) => each());

test("the stored theme is the one that is checked", async () => {
  page.localStorage.setItem("stActiveTheme-/app/settings-v2", '"Dark"');
  assert.deepEqual((await radios()).map((each) => [each.value, each.checked]), [
    ["System", false],
    ["Light", false],
    ["Dark", true],
  ]);
});

test("without a stored theme, or with a broken one, it is the system's", async () => {
  page.localStorage.setItem("stActiveTheme-/app/settings-v2", "{broken");
  assert.equal((await radios()).find((each) => each.checked).value, "System");
});

test("a choice is stored for every page, under the names that Streamlit reads", async () => {
  const [, light] = await radios();
  choose(light);
  assert.deepEqual(Object.entries(page.localStorage).sort(), [
    ["stActiveTheme-/app/-v2", '"Light"'],
    ["stActiveTheme-/app/chat-v2", '"Light"'],
    ["stActiveTheme-/app/settings-v2", '"Light"'],
  ]);
});

test("the page is loaded again once, after the last of several choices", async () => {
  const [system, light, dark] = await radios();
  [system, light, dark].forEach(choose);
  page.pass(1000);
  assert.equal(page.reloads, 1);
});

test("where a reload would sign the person out, they are told that the choice counts later", async () => {
  const [, light] = await radios({ ...DATA, kept: false });
  choose(light);
  page.pass(1000);
  assert.equal(page.reloads, undefined);
  assert.equal(parent.querySelector("p").textContent, "Next time");
});
