// Our own client against the running server: every call, and every kind of error.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { Keepsake, KeepsakeError } from "../../clients/node/index.js";
import { refused, server } from "./server.js";

const made = new Set(); // the calls that the tests of this file made
const kim = new Keepsake({ host: server.host, key: server.kim.key, fetch: noting });
const asked = new Keepsake({ host: `${server.host}/`, key: server.asked.key, fetch: noting });
const reader = new Keepsake({ host: server.host, key: server.reader.key });
const shop = new Keepsake({ host: server.host, key: server.shop.key });

/** Send a request, and note which call of the description it is. */
function noting(address, request) {
  const { pathname } = new URL(address);
  const fits = ([path]) => new RegExp(`^${path.replace(/{\w+}/g, "[^/]+")}$`).test(pathname);
  const [path] = Object.entries(server.description.paths).find(fits);
  made.add(`${request.method} ${path}`);
  return fetch(address, request);
}

test("a key says whose it is", async () => {
  assert.deepEqual(await kim.ping(), {
    status: "ok",
    org_id: "keepsake",
    project_id: "keepsake",
    user_id: server.kim.id,
    can_write: true,
  });
});

test("what is said is learned, found and listed", async () => {
  const { results } = await kim.add("I live in Ghent.");
  assert.deepEqual(results.map((each) => each.event), ["ADD"]);
  await kim.add([{ role: "user", content: "I keep bees on the roof." }], { agent_id: "cook", infer: false });
  const found = await kim.search("what is on the roof?", { top_k: 1 });
  assert.deepEqual(found.results.map((each) => [each.memory, each.agent_id]), [["I keep bees on the roof.", "cook"]]);
  assert.ok(found.results[0].score > 0);
  const page = await kim.list({ page: 1, page_size: 1 });
  assert.deepEqual([page.count, page.results.length, typeof page.next], [2, 1, "string"]);
  const { results: kinds } = await kim.entities();
  assert.deepEqual(kinds.map((each) => [each.type, each.total_memories]), [["user", 2], ["agent", 1]]);
});

test("what was known on an earlier day is asked for", async () => {
  assert.deepEqual((await kim.search("where do I live?", { as_of: "2020-01-01" })).results, []);
  assert.deepEqual((await kim.list({ as_of: "2020-01-01" })).results, []);
});

test("a memory is read, changed, confirmed, deleted, and brought back", async () => {
  const [{ id }] = (await kim.add("I own a red kayak.", { infer: false })).results;
  assert.equal((await kim.update(id, "I own a blue kayak.")).memory, "I own a blue kayak.");
  assert.equal((await kim.get(id)).memory, "I own a blue kayak.");
  assert.equal((await kim.confirm(id)).feedback, "POSITIVE");
  await kim.delete(id);
  const versions = await kim.history(id);
  assert.deepEqual([versions[0].new_memory, versions.at(-1).event], ["I own a red kayak.", "DELETE"]);
  assert.equal((await refused(() => kim.get(id))).status, 404);
  const [latest] = (await kim.changes({ limit: 1 })).results;
  assert.deepEqual([latest.memory_id, latest.event, latest.actor], [id, "DELETE", "key laptop"]);
  await kim.undo(latest.id);
  assert.equal((await kim.get(id)).memory, "I own a blue kayak.");
});

test("several memories are changed and deleted at once, and brought back at once", async () => {
  const said = ["I own a bike.", "I own a boat."];
  const ids = [];
  for (const each of said) ids.push((await kim.add(each, { infer: false })).results[0].id);
  await kim.updateBatch([{ memory_id: ids[0], text: "I own a tandem." }]);
  const { run } = await kim.deleteBatch(ids);
  assert.equal((await refused(() => kim.get(ids[1]))).status, 404);
  await kim.undo(run);
  assert.equal((await kim.get(ids[0])).memory, "I own a tandem.");
});

test("the memories of an agent are deleted apart, by their name or by a filter", async () => {
  for (const agent_id of ["cook", "a/b ü"]) await kim.add(`I tell ${agent_id} everything.`, { agent_id, infer: false });
  const count = async () => (await kim.list()).count;
  const all = await count();
  await kim.deleteEntity("agent", "a/b ü");
  assert.equal(await count(), all - 1);
  const { deleted } = await kim.deleteAll({ filters: { agent_id: "cook" } });
  assert.equal(await count(), all - 1 - deleted);
});

test("a question is read and answered, and receipts and the page about the person are read", async () => {
  const [question] = (await asked.questions()).results;
  assert.deepEqual([question.old, question.new], ["I live in Porto.", "I live in Rome."]);
  await asked.answer(question.id, "new");
  assert.deepEqual((await asked.questions()).results, []);
  assert.deepEqual((await asked.list()).results.map((each) => each.memory), ["I live in Rome."]);
  const [receipt] = (await asked.receipts({ limit: 1 })).results;
  assert.deepEqual(receipt.receipt.memories, [{ id: "1", text: "I live in Porto" }]);
  const page = await kim.profile();
  assert.deepEqual(page.lines.map((each) => [each.text, each.own]), [["Lives in Ghent.", false]]);
});

test("a model answers with what is remembered", async () => {
  assert.equal((await kim.models()).data[0].id, "keepsake");
  const reply = await kim.complete([{ role: "user", content: "Where do I live?" }]);
  assert.match(reply.choices[0].message.content, /Ghent/);
  assert.ok(reply.keepsake.memories.some((each) => each.text.includes("Ghent")));
});

test("with an application's key each name is a user", async () => {
  await shop.add("I keep geese.", { user_id: "alice" });
  await shop.add("I keep hens.", { user_id: "b/o b" });
  const found = await shop.search("what do I keep?", { user_id: "alice" });
  assert.deepEqual(found.results.map((each) => each.memory), ["I keep geese."]);
  assert.match((await shop.profile({ user_id: "alice" })).text, /Keeps geese/);
  await shop.deleteEntity("user", "b/o b");
  assert.deepEqual((await shop.entities()).results.map((each) => each.name), ["alice"]);
  assert.match((await refused(() => shop.list())).message, /Say whom this is about/);
});

test("an error is the server's own sentence, with its status", async () => {
  const attempts = [
    [() => new Keepsake({ host: server.host, key: "ks_wrong" }).ping(), 401, /^This key is wrong/],
    [() => reader.add("I own a bus."), 403, /^This key can only read/],
    [() => kim.list({ user_id: "dave" }), 403, /^This key acts for one person only/],
    [() => kim.deleteAll(), 400, /^This erases every memory of the person/],
    [() => kim.search("x", { colour: "red" }), 400, /colour/],
    [() => kim.add("x", { custom_categories: [] }), 501, /^Keepsake has no custom_categories here/],
    [() => kim.undo(2 ** 40), 404, /no such/],
    [() => kim.complete([{ role: "user", content: "x" }], { model: "none" }), 404, /^There is no model of this name/],
  ];
  for (const [attempt, status, sentence] of attempts) {
    const error = await refused(attempt);
    assert.ok(error instanceof KeepsakeError && error instanceof Error);
    assert.equal(error.status, status);
    assert.match(error.message, sentence);
    assert.equal(error.retryAfter, undefined);
  }
});

test("at a limit the error says for how long to wait", async () => {
  const error = await refused(() => new Keepsake({ host: server.host, key: server.spent.key }).add("I own a bus."));
  assert.equal(error.status, 429);
  assert.ok(error.retryAfter > 0);
});

test("a server that is away, is late, or is another one, is told from a refusal", async () => {
  const answers = { "/late": () => {}, "/other": (answer) => answer.end("<html>"), "/moved": moved };
  const other = createServer((request, answer) => answers[`/${request.url.split("/")[1]}`](answer));
  after(() => other.close().closeAllConnections());
  await new Promise((done) => other.listen(0, "127.0.0.1", done));
  const host = `http://127.0.0.1:${other.address().port}`;
  const at = (path, more) => refused(() => new Keepsake({ host: host + path, key: "ks_secret", ...more }).ping());
  for (const [error, sentence, status] of [
    [await at("/late", { timeout: 50 }), /did not answer within 0.05 seconds/, undefined],
    [await at("/other"), /not in the form of Keepsake: is the host right/, 200],
    [await at("/moved"), /could not be reached/, undefined],
    [await refused(() => new Keepsake({ host: "http://127.0.0.1:1", key: "ks_secret" }).ping()), /reached/, undefined],
  ]) {
    assert.ok(error instanceof KeepsakeError);
    assert.match(error.message, sentence);
    assert.equal(error.status, status);
    assert.ok(!error.message.includes("ks_secret"));
  }
});

function moved(answer) {
  answer.writeHead(301, { location: `${server.host}/v1/ping/` }).end();
}

test("a wrong address, a missing key, and an id that would be another path are refused before anything is sent", async () => {
  assert.throws(() => new Keepsake({ host: server.host }), /A key is missing/);
  assert.throws(() => new Keepsake({ host: "localhost:8502", key: "ks_1" }), /begins with http/);
  for (const id of ["", ".", ".."]) assert.match((await refused(() => kim.delete(id))).message, /neither empty/);
});

test("erasing everything says how much, and that nothing was found again", async () => {
  const { erased, proved } = await kim.deleteAll({ user_id: server.kim.id });
  assert.ok(erased.memories > 0);
  assert.equal(proved, true);
  assert.equal((await kim.list()).count, 0);
});

test("every call of the description has a method, which a test of this file has used", () => {
  const described = Object.entries(server.description.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const older = "DELETE /v1/entities/{kind}/{name}/"; // another address of the same call, for mem0's older clients
  assert.deepEqual(described.filter((call) => !made.has(call)), [older]);
});
