import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FakeElement, load, newPage } from "./fake_page.mjs";

const BOX = '[data-testid="stChatInputTextArea"]';
const ANN = { owner: "ann", most: 1000, begun: false, prefilled: false };
const name = (chat) => `keepsake-draft:ann:${chat}`;
let page, box, drafts;

beforeEach(async () => {
  page = newPage();
  drafts = await load("drafts");
  box = page.found[BOX] = new FakeElement("textarea", [BOX]);
});

const open = (chat, more = {}) => drafts.default({ data: { ...ANN, chat, ...more } });
const pressElsewhere = () => page.fire("pointerdown", new FakeElement());
async function type(words) {
  box.value = words;
  await page.fire("input", box);
}

test("what is typed in a chat is stored under that chat", async () => {
  open("a");
  await type("Dear Ana");
  assert.equal(page.sessionStorage.getItem(name("a")), "Dear Ana");
});

test("a draft is put back into the box of a new page", () => {
  page.sessionStorage.setItem(name("a"), "Dear Ana");
  open("a");
  assert.equal(box.value, "Dear Ana");
  assert.deepEqual(box.heard, ["input"]);
});

test("a box that the server has filled is left alone", () => {
  page.sessionStorage.setItem(name("a"), "Dear Ana");
  open("a", { prefilled: true });
  assert.equal(box.value, "");
});

test("each chat shows its own draft", async () => {
  open("a");
  await type("for a");
  await pressElsewhere();
  open("b");
  assert.equal(box.value, "");
  await pressElsewhere();
  open("a");
  assert.equal(box.value, "for a");
});

test("what is typed while another chat opens belongs to that chat", async () => {
  open("a");
  await type("for a");
  await pressElsewhere();
  await type("for a and for b");
  open("b");
  assert.equal(box.value, " and for b");
  assert.equal(page.sessionStorage.getItem(name("a")), "for a");
  assert.equal(page.sessionStorage.getItem(name("b")), " and for b");
});

test("the draft of a new chat moves into the chat that begins", async () => {
  open("new");
  await type("and one more thing");
  open("a", { begun: true });
  assert.equal(page.sessionStorage.getItem(name("new")), null);
  assert.equal(page.sessionStorage.getItem(name("a")), "and one more thing");
});

test("a draft is deleted once it was sent", async () => {
  open("a");
  await type("Hello");
  await page.fire("keydown", box, { key: "Enter", isComposing: false });
  box.value = "";
  page.pass(100);
  assert.equal(page.sessionStorage.getItem(name("a")), null);
});

test("a draft stays when the box did not take the Enter", async () => {
  open("a");
  await type("Hello");
  await page.fire("keydown", box, { key: "Enter", isComposing: false });
  page.pass(100);
  assert.equal(page.sessionStorage.getItem(name("a")), "Hello");
});

test("the drafts of somebody else are deleted", () => {
  page.sessionStorage.setItem("keepsake-draft:bob:a", "secret");
  open("a");
  assert.deepEqual(Object.keys(page.sessionStorage), []);
});

test("the twenty latest drafts are kept, each as long as a message may be", async () => {
  for (let chat = 0; chat < 25; chat += 1) {
    open(String(chat), { most: 3 });
    drafts.store(name(chat), "words");
  }
  const kept = Object.keys(page.sessionStorage);
  assert.equal(kept.length, 20);
  assert.equal(page.sessionStorage.getItem(name(24)), "wor");
  assert.equal(page.sessionStorage.getItem(name(4)), null);
});

test("blank words and a full storage leave no draft and raise no error", () => {
  open("a");
  drafts.store(name("a"), "  \n");
  page.sessionStorage.setItem = () => { throw new Error("QuotaExceededError"); };
  drafts.store(name("a"), "words");
  assert.equal(page.sessionStorage.getItem(name("a")), null);
});

test("the script waits for a box that is not drawn yet", () => {
  page.sessionStorage.setItem(name("a"), "Dear Ana");
  delete page.found[BOX];
  open("a");
  page.pass(250);
  page.found[BOX] = box;
  page.pass(100);
  assert.equal(box.value, "Dear Ana");
});
