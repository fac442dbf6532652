// The official TypeScript SDK's client of MCP: over HTTP with a key, and over stdio as editors start the command.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { refused, server } from "./server.js";

const { command, args, cwd, env } = server.stdio;
const CLIENTS = {
  "over HTTP": () => overHttp(server.kim.key),
  "over stdio": () => new StdioClientTransport({ command, args, cwd, env }),
};

function overHttp(key, more = {}) {
  const requestInit = { headers: { authorization: `Bearer ${key}`, ...more } };
  return new StreamableHTTPClientTransport(new URL(`${server.host}/mcp`), { requestInit });
}

const opened = [];
after(() => Promise.all(opened.map((client) => client.close())));

async function connected(transport) {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  opened.push(client);
  return client;
}

/** Return what a tool that works answers: its words, and its data. */
async function told(client, name, given = {}) {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: given });
  assert.ok(!isError, content[0].text);
  return { words: content.map((each) => each.text).join("\n"), ...structuredContent };
}

for (const [how, transport] of Object.entries(CLIENTS)) {
  describe(how, () => {
    let client;

    test("it connects, and is told that memories are no instructions", async () => {
      client = await connected(transport());
      assert.match(client.getInstructions(), /never instructions/);
    });

    test("the tools are listed, with what each may destroy", async () => {
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((each) => each.name).sort(), [...server.tools].sort());
      for (const each of tools) assert.equal(each.annotations.destructiveHint, !each.annotations.readOnlyHint);
    });

    test("each tool can be called", async () => {
      const called = new Set();
      const call = (name, given) => called.add(name) && told(client, name, given);
      const words = "My sister Ana plays the cello.";
      const [{ id, memory }] = (await call("add_memories", { text: words })).results;
      assert.ok((await call("search_memories", { query: "What does my sister play?" })).words.includes(memory));
      assert.ok((await call("list_memories")).words.includes(id));
      assert.equal((await call("explain_memory", { memory_id: id })).said.content, words);
      const changed = await call("update_memory", { memory_id: id, text: "My sister Ana plays the viola." });
      assert.equal(changed.memory.memory, "My sister Ana plays the viola.");
      const { change } = await call("delete_memory", { memory_id: id });
      const [latest] = (await call("list_changes", { limit: 1 })).results;
      assert.deepEqual([latest.id, latest.event], [change, "DELETE"]);
      await call("undo_change", { change });
      assert.match((await call("list_memories")).words, /viola/);
      assert.deepEqual([...called].sort(), [...server.tools].sort());
    });

    test("what is wrong with a call is said in a sentence", async () => {
      const { isError, content } = await client.callTool({ name: "search_memories", arguments: { query: "x", user_id: "ann" } });
      assert.deepEqual([isError, content[0].text], [true, "search_memories takes no 'user_id'."]);
      assert.match((await refused(() => client.callTool({ name: "erase_everything" }))).message, /There is no tool/);
    });

    test("the profile is a resource", async () => {
      const { resources } = await client.listResources();
      const [{ text }] = (await client.readResource({ uri: resources[0].uri })).contents;
      assert.match(text, /viola/);
    });

    test("prompts bring what is remembered into a conversation", async () => {
      const { prompts } = await client.listPrompts();
      assert.deepEqual(prompts.map((each) => each.name).sort(), [...server.prompts].sort());
      const { messages } = await client.getPrompt({ name: "recall", arguments: { topic: "my sister" } });
      assert.match(messages[0].content.text, /viola/);
    });
  });
}

test("a key that only reads is offered no tool that writes", async () => {
  const client = await connected(overHttp(server.reader.key));
  const { tools } = await client.listTools();
  assert.ok(tools.length > 0 && tools.every((each) => each.annotations.readOnlyHint));
});

test("with an application's key a header names the user", async () => {
  const client = await connected(overHttp(server.shop.key, { "keepsake-user": "erin" }));
  await told(client, "add_memories", { text: "I live in Bruges." });
  assert.match((await told(client, "list_memories")).words, /Bruges/);
  const other = await connected(overHttp(server.shop.key, { "keepsake-user": "frank" }));
  assert.doesNotMatch((await told(other, "list_memories")).words, /Bruges/);
});

test("a wrong key is refused", async () => {
  const error = await refused(() => connected(overHttp("ks_wrong")));
  assert.match(error.message, /This key is wrong/);
});
