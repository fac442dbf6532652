// npm's `mem0ai` against the running server, unchanged: only its key and its host are others.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryClient, MemoryNotFoundError } from "mem0ai";

import { refused, server } from "./server.js";

const { key, id: userId } = server.dave;
const client = new MemoryClient({ apiKey: key, host: server.host });
const mine = { filters: { user_id: userId } };
const texts = async () => (await client.getAll(mine)).results.map((each) => each.memory).sort();

test("ping says that a key is right, or that it is wrong", async () => {
  await client.ping();
  assert.deepEqual([client.organizationId, client.projectId], ["keepsake", "keepsake"]);
  const wrong = new MemoryClient({ apiKey: "ks_wrong", host: server.host });
  assert.match((await refused(() => wrong.ping())).message, /This key is wrong/);
});

test("it adds, searches and lists", async () => {
  const added = await client.add([{ role: "user", content: "I live in Ghent." }], { userId });
  assert.deepEqual(added.results.map((each) => each.event), ["ADD"]);
  const more = { userId, agentId: "cook", metadata: { cameFrom: "npm" }, infer: false };
  await client.add([{ role: "user", content: "I play the oboe." }], more);
  const { results } = await client.search("which instrument do I play?", { ...mine, topK: 1 });
  assert.equal(results[0].memory, "I play the oboe.");
  assert.deepEqual([results[0].userId, results[0].agentId], [userId, "cook"]);
  assert.equal(results[0].metadata.cameFrom, "npm");
  assert.ok(results[0].createdAt && results[0].score > 0);
  const page = await client.getAll({ ...mine, page: 1, pageSize: 1 });
  assert.deepEqual([page.count, page.results.length], [2, 1]);
});

test("it reads, changes, confirms and deletes one memory, and reads its history", async () => {
  const [{ id }] = (await client.add([{ role: "user", content: "I own a red kayak." }], { userId, infer: false })).results;
  assert.equal((await client.get(id)).memory, "I own a red kayak.");
  assert.equal((await client.update(id, { text: "I own a blue kayak." })).memory, "I own a blue kayak.");
  const versions = await client.history(id);
  assert.deepEqual(versions.map((each) => each.newMemory), ["I own a red kayak.", "I own a blue kayak."]);
  assert.equal((await client.feedback({ memoryId: id, feedback: "POSITIVE" })).feedback, "POSITIVE");
  assert.equal((await client.delete(id, { deleteLinked: false })).message, "Memory deleted successfully!");
  const gone = await refused(() => client.get(id));
  assert.ok(gone instanceof MemoryNotFoundError);
  assert.match(gone.message, /There is no such memory/);
});

test("it changes and deletes several at once", async () => {
  const ids = [];
  for (const content of ["I own a bike.", "I own a boat."]) {
    ids.push((await client.add([{ role: "user", content }], { userId, infer: false })).results[0].id);
  }
  await client.batchUpdate([{ memoryId: ids[0], text: "I own a tandem." }]);
  assert.ok((await texts()).includes("I own a tandem."));
  await client.batchDelete(ids);
  assert.deepEqual(await texts(), ["I live in Ghent.", "I play the oboe."]);
});

test("it lists users and agents, and deletes the memories of an agent", async () => {
  const { results } = await client.users();
  assert.deepEqual(
    results.map((each) => [each.type, each.name, each.totalMemories]),
    [["user", userId, 2], ["agent", "cook", 1]],
  );
  await client.deleteUsers({ agentId: "cook" });
  assert.deepEqual(await texts(), ["I live in Ghent."]);
});

test("somebody else cannot be named", async () => {
  for (const attempt of [
    () => client.add([{ role: "user", content: "I own a bus." }], { userId: "eve" }),
    () => client.search("bus", { filters: { user_id: "eve" } }),
    () => client.getAll({ filters: { OR: [{ user_id: "eve" }] } }),
    () => client.deleteAll({ userId: "eve" }),
    () => client.deleteUsers({ userId: "eve" }),
  ]) {
    assert.match((await refused(attempt)).message, /This key acts for one person only/);
  }
});

test("what is not here says so", async () => {
  const [{ id }] = (await client.getAll(mine)).results;
  for (const attempt of [
    () => client.createMemoryExport({ filters: {}, schema: {} }),
    () => client.getMemoryExport({ memoryExportId: "1" }),
    () => client.getProject({ fields: ["customCategories"] }),
    () => client.updateProject({ customInstructions: "Only buses" }),
    () => client.getWebhooks(),
    () => client.createWebhook({ name: "x", url: "http://127.0.0.1/", eventTypes: [] }),
    () => client.updateWebhook({ webhookId: "1", name: "x" }),
    () => client.deleteWebhook({ webhookId: "1" }),
    () => client.getProfile({ entityId: userId }),
    () => client.generateProfile({ entityId: userId }),
    () => client.getProfileSettings(),
    () => client.updateProfileSettings({ enabled: true }),
    () => client.sampleProfiles({ limit: 1 }),
    () => client.getProfileJob("1"),
    () => client.feedback({ memoryId: id, feedback: "NEGATIVE" }),
    () => client.add([{ role: "user", content: "I own a bus." }], { userId, customInstructions: "Only buses" }),
    () => client.deleteAll({ userId, metadata: { a: 1 } }),
  ]) {
    assert.match((await refused(attempt)).message, /Keepsake|confirm a memory here/, String(attempt));
  }
});

test("deleting all erases the person, if that is said", async () => {
  assert.match((await refused(() => client.deleteAll())).message, /If that is meant, name them with user_id/);
  assert.deepEqual(await texts(), ["I live in Ghent."]);
  assert.equal((await client.deleteAll({ userId })).proved, true);
  assert.deepEqual(await texts(), []);
});

test("with an application's key each name is a user", async () => {
  const shop = new MemoryClient({ apiKey: server.shop.key, host: server.host });
  await shop.add([{ role: "user", content: "I keep geese." }], { userId: "carol", infer: false });
  await shop.add([{ role: "user", content: "I keep hens." }], { userId: "dan", infer: false });
  const found = await shop.search("what do I keep?", { filters: { user_id: "carol" } });
  assert.deepEqual(found.results.map((each) => [each.memory, each.userId]), [["I keep geese.", "carol"]]);
  await shop.deleteUsers({ userId: "dan" });
  assert.deepEqual((await shop.getAll({ filters: { user_id: "dan" } })).results, []);
  await shop.deleteUser({ entity_id: "carol", entity_type: "user" });
  assert.ok(!(await shop.users()).results.some((each) => ["carol", "dan"].includes(each.name)));
});
