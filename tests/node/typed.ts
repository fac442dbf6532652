// What a program in TypeScript may write, and what it is told not to: TypeScript checks this file, nothing runs it.

import { Keepsake, KeepsakeError } from "../../clients/node/index.js";
import type { KnownMemory, MemoryChange } from "../../clients/node/types.d.ts";

const memory = new Keepsake({ host: "http://localhost:8502", key: "ks_1" });

const found = await memory.search("where do I live?", { top_k: 3, as_of: "2026-03-01", filters: { kind: "fact" } });
const first: KnownMemory | undefined = found.results[0];
const words: string = first.memory;
const change: MemoryChange = (await memory.changes({ limit: 1 })).results[0];
await memory.undo(change.id);
await memory.deleteEntity("agent", words);
const seconds: number | undefined = new KeepsakeError("no", { status: 429, retryAfter: 3 }).retryAfter;
await memory.add([{ role: "user", content: `${seconds}` }], { agent_id: "cook", infer: false });

// @ts-expect-error: a key is needed
new Keepsake({ host: "http://localhost:8502" });
// @ts-expect-error: a number
await memory.search("where do I live?", { top_k: "3" });
// @ts-expect-error: no such field
await memory.list({ colour: "red" });
// @ts-expect-error: mem0 has this, and Keepsake does not
await memory.add("I live in Ghent.", { custom_categories: [] });
// @ts-expect-error: not one of the answers
await memory.answer("1", "perhaps");
// @ts-expect-error: not a kind
await memory.deleteEntity("planet", "Mars");
