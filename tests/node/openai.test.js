// npm's `openai` against the running server: the replies of the model behind it are scripted, in the order of these
// tests. What that model was asked is looked at by tests/api/test_node_clients.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { refused, server, until } from "./server.js";

const client = new OpenAI({ baseURL: `${server.host}/v1`, apiKey: server.kim.key, maxRetries: 0 });
const ASKED = [{ role: "user", content: "Which instrument do I play?" }];
const ask = (messages = ASKED, more = {}) => client.chat.completions.create({ model: "keepsake", messages, ...more });

test("a reply is given what is remembered, and says so in a header and in a field", async () => {
  const { data, response } = await ask().withResponse();
  assert.equal(data.choices[0].message.content, "The oboe.");
  assert.deepEqual(data.keepsake.memories.map((each) => each.id), [server.oboe]);
  assert.equal(response.headers.get("x-keepsake-memories"), server.oboe);
});

test("a reply is streamed, with its receipt first", async () => {
  const chunks = [];
  for await (const each of await ask(ASKED, { stream: true, stream_options: { include_usage: true } })) chunks.push(each);
  assert.equal(chunks.map((each) => each.choices[0]?.delta.content ?? "").join(""), "It is the oboe.");
  assert.equal(chunks[0].keepsake.memories[0].id, server.oboe);
  assert.ok(chunks.at(-1).usage.total_tokens > 0);
});

test("the client's own runner of streams puts the reply together", async () => {
  const stream = client.chat.completions.stream({ model: "keepsake", messages: ASKED });
  assert.equal((await stream.finalMessage()).content, "Once more the oboe.");
});

test("tools are passed through both ways", async () => {
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }];
  const question = { role: "user", content: "What is the weather like?" };
  const { choices } = await ask([question], { tools });
  const [call] = choices[0].message.tool_calls;
  assert.deepEqual([call.id, call.function.name, call.function.arguments], ["call_1", "weather", '{"city": "Ghent"}']);
  const told = { role: "tool", tool_call_id: call.id, content: "Rain." };
  const answer = await ask([question, choices[0].message, told], { tools });
  assert.equal(answer.choices[0].message.content, "It rains.");
});

test("a picture is passed on", async () => {
  const parts = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: server.picture } }];
  assert.equal((await ask([{ role: "user", content: parts }])).choices[0].message.content, "A red square.");
});

test("metadata switches reading and writing", async () => {
  const said = [{ role: "user", content: "I play the cello now." }];
  const { keepsake } = await ask(said, { metadata: { memory_read: "false", memory_write: "false" } });
  assert.equal(keepsake.memory_off, true);
});

test("what is said is learned, and what was said with writing off is not", async () => {
  await ask([{ role: "user", content: "I moved to Ghent." }]);
  const known = async () => {
    const headers = { authorization: `Token ${server.kim.key}`, "content-type": "application/json" };
    const listed = await fetch(`${server.host}/v3/memories/`, { method: "POST", headers, body: "{}" });
    return JSON.stringify(await listed.json());
  };
  await until(async () => /Ghent/.test(await known()));
  assert.doesNotMatch(await known(), /cello/);
});

test("the models are listed, and a name that is none of them is refused", async () => {
  const names = [];
  for await (const each of client.models.list()) names.push(each.id);
  assert.deepEqual(names.slice(0, 2), ["keepsake", "scripted"]);
  const unknown = await refused(() => client.chat.completions.create({ model: "gpt-nothing", messages: ASKED }));
  assert.ok(unknown instanceof OpenAI.NotFoundError);
  assert.equal(unknown.code, "model_not_found");
});

test("a wrong key is told in OpenAI's way", async () => {
  const wrong = new OpenAI({ baseURL: `${server.host}/v1`, apiKey: "ks_wrong", maxRetries: 0 });
  const error = await refused(() => wrong.models.list());
  assert.ok(error instanceof OpenAI.AuthenticationError);
  assert.match(error.message, /This key is wrong/);
});
