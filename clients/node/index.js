// Reads and writes the memories of a Keepsake server. Which fields a call takes and answers is in types.d.ts.
// It decides nothing: whose memories a call is about, and what the key may do, is decided by the server.

/** @import { AnswerBody, AddBody, Calls, CompletionBody, ListBody, SearchBody, TextOf } from "./types.d.ts" */
/** @import { KeepsakeOptions, Message, Sent } from "./options.d.ts" */

const PATIENCE = 300_000; // milliseconds: adding answers when the model has read the messages

/** What went wrong, in the server's own sentence. */
export class KeepsakeError extends Error {
  /**
   * @param {string} sentence
   * @param {{ status?: number, retryAfter?: number, cause?: unknown }} [more]
   */
  constructor(sentence, { status, retryAfter, cause } = {}) {
    super(sentence, { cause });
    this.name = "KeepsakeError";
    /** @type {number | undefined} The status of the answer, if one came */
    this.status = status;
    /** @type {number | undefined} For how many seconds to wait before another try, if the server says so */
    this.retryAfter = retryAfter;
  }
}

/** A server, and a key that says whose memories are meant. */
export class Keepsake {
  /** @type {string} */ #host;
  /** @type {string} */ #key;
  /** @type {number} */ #timeout;
  /** @type {typeof fetch} */ #fetch;

  /** @param {KeepsakeOptions} options */
  constructor({ host = "http://localhost:8502", key, timeout = PATIENCE, fetch = globalThis.fetch }) {
    if (!key) throw new TypeError("A key is missing: make one on the account page, and give it as { key }.");
    if (!/^https?:$/.test(new URL(host).protocol)) throw new TypeError("host begins with http:// or https://.");
    this.#host = host.replace(/\/+$/, "");
    this.#key = key;
    this.#timeout = timeout;
    this.#fetch = fetch;
  }

  /** Say whose the key is, and whether it may write. */
  ping() {
    return this.#call("GET /v1/ping/", {});
  }

  /**
   * Learn from a text, or from the messages of a conversation; with `infer: false` keep each as it was said.
   * @param {string | Message | Message[]} messages
   * @param {Omit<AddBody, "messages">} [options]
   */
  add(messages, options) {
    return this.#call("POST /v3/memories/add/", { body: { ...options, messages } });
  }

  /**
   * Find memories, best first; with `as_of` as they were on a day, with `episodes: true` also what was said.
   * @param {string} query
   * @param {Omit<SearchBody, "query">} [options]
   */
  search(query, options) {
    return this.#call("POST /v3/memories/search/", { body: { ...options, query } });
  }

  /**
   * Return one page of the memories, the newest first; with `as_of` as they were on a day.
   * @param {ListBody} [options]
   */
  list(options = {}) {
    return this.#call("POST /v3/memories/", { body: options });
  }

  /**
   * Return one memory.
   * @param {string} id
   */
  get(id) {
    return this.#call("GET /v1/memories/{memory_id}/", { path: { memory_id: id } });
  }

  /**
   * Change what a memory says.
   * @param {string} id
   * @param {string} text
   */
  update(id, text) {
    return this.#call("PUT /v1/memories/{memory_id}/", { path: { memory_id: id }, body: { text } });
  }

  /**
   * Delete one memory; undo brings it back.
   * @param {string} id
   */
  delete(id) {
    return this.#call("DELETE /v1/memories/{memory_id}/", { path: { memory_id: id } });
  }

  /**
   * Return every version of a memory, the oldest first.
   * @param {string} id
   */
  history(id) {
    return this.#call("GET /v1/memories/{memory_id}/history/", { path: { memory_id: id } });
  }

  /**
   * With an agent, app, run or filters: delete those, which undo brings back. With a `user_id` alone: erase everything.
   * @param {Omit<NonNullable<Calls["DELETE /v1/memories/"]["query"]>, "filters"> & { filters?: object }} [scope]
   */
  deleteAll({ filters, ...scope } = {}) {
    const query = filters ? { ...scope, filters: JSON.stringify(filters) } : scope;
    return this.#call("DELETE /v1/memories/", { query });
  }

  /**
   * Change what several memories say, or none if one does not exist.
   * @param {TextOf[]} memories
   */
  updateBatch(memories) {
    return this.#call("PUT /v1/batch/", { body: { memories } });
  }

  /**
   * Delete several memories; undo with the `run` of the answer brings them back.
   * @param {string[]} ids
   */
  deleteBatch(ids) {
    return this.#call("DELETE /v1/batch/", { body: { memories: ids.map((id) => ({ memory_id: id })) } });
  }

  /**
   * Return the users, agents, apps and runs that there are memories of.
   * @param {Calls["GET /v1/entities/"]["query"]} [options]
   */
  entities(options) {
    return this.#call("GET /v1/entities/", { query: options });
  }

  /**
   * Delete the memories of an agent, app or run, which undo brings back; of a user: erase everything.
   * @param {"user" | "agent" | "app" | "run"} kind
   * @param {string} name
   */
  deleteEntity(kind, name) {
    return this.#call("DELETE /v2/entities/{kind}/{name}/", { path: { kind, name } });
  }

  /**
   * Say that a memory is right.
   * @param {string} id
   */
  confirm(id) {
    return this.#call("POST /v1/feedback/", { body: { memory_id: id, feedback: "POSITIVE" } });
  }

  /**
   * Return the latest changes, the newest first, with who made them.
   * @param {Calls["GET /v1/changes/"]["query"]} [options]
   */
  changes(options) {
    return this.#call("GET /v1/changes/", { query: options });
  }

  /**
   * Undo one change by its number, or several by their run; an undo can be undone.
   * @param {number | string} change
   */
  undo(change) {
    return this.#call("POST /v1/undo/", { body: { change } });
  }

  /**
   * Return the contradictions that wait for an answer.
   * @param {Calls["GET /v1/questions/"]["query"]} [options]
   */
  questions(options) {
    return this.#call("GET /v1/questions/", { query: options });
  }

  /**
   * Say which of two statements is right.
   * @param {string} id
   * @param {AnswerBody["answer"]} answer
   */
  answer(id, answer) {
    return this.#call("POST /v1/questions/{question_id}/", { path: { question_id: id }, body: { answer } });
  }

  /**
   * Return what the latest replies of the app were given, and what they cost.
   * @param {Calls["GET /v1/receipts/"]["query"]} [options]
   */
  receipts(options) {
    return this.#call("GET /v1/receipts/", { query: options });
  }

  /**
   * Return the page about the person.
   * @param {Calls["GET /v1/profile/"]["query"]} [options]
   */
  profile(options) {
    return this.#call("GET /v1/profile/", { query: options });
  }

  /**
   * Answer a conversation with what is remembered, as a whole. To have it streamed, use the package `openai`.
   * @param {Message[]} messages
   * @param {Omit<CompletionBody, "messages" | "stream" | "stream_options">} [options]
   */
  complete(messages, options) {
    return this.#call("POST /v1/chat/completions", { body: { ...options, messages } });
  }

  /** Return the models that may be asked for. */
  models() {
    return this.#call("GET /v1/models", {});
  }

  /**
   * Make one call, and return what it answers.
   * @template {keyof Calls} C
   * @param {C} call
   * @param {Sent<C>} sent
   * @returns {Promise<Calls[C]["answer"]>}
   */
  async #call(call, sent) {
    /** @type {{ path?: Record<string, string>, query?: object, body?: object }} */
    const { path = {}, query = {}, body } = sent;
    const [method, form] = call.split(" ");
    const address = form.replace(/{(\w+)}/g, (_, name) => inPath(path[name])) + inQuery(query);
    const answer = await this.#send(this.#host + address, {
      method,
      headers: { authorization: `Token ${this.#key}`, ...(body && { "content-type": "application/json" }) },
      body: body && JSON.stringify(body),
      redirect: "error", // a redirect would lose the body
      signal: AbortSignal.timeout(this.#timeout),
    });
    if (answer.status === 200 && answer.content !== undefined) return answer.content;
    throw refusal(answer);
  }

  /**
   * Send a request; return the status, the header `retry-after`, and the content, undefined if it is not JSON.
   * @param {string} address
   * @param {RequestInit} request
   * @returns {Promise<Received>}
   */
  async #send(address, request) {
    const fetch = this.#fetch;
    let written;
    let response;
    try {
      response = await fetch(address, request);
      written = await response.text();
    } catch (error) {
      const late = error instanceof Error && error.name === "TimeoutError";
      const why = late ? `did not answer within ${this.#timeout / 1000} seconds` : "could not be reached";
      throw new KeepsakeError(`${this.#host} ${why}.`, { cause: error });
    }
    return { status: response.status, wait: response.headers.get("retry-after"), content: parsed(written) };
  }
}

/** @typedef {{ status: number, wait: string | null, content: any }} Received */

/**
 * Return a name as it stands in a path. A name of dots would be taken for another path.
 * @param {string} name
 */
function inPath(name) {
  if (typeof name !== "string" || ["", ".", ".."].includes(name)) {
    throw new TypeError("An id or a name is a text, and neither empty nor '.' nor '..'.");
  }
  return encodeURIComponent(name);
}

/**
 * Return the query of an address; what is undefined or null is left out.
 * @param {object} query
 */
function inQuery(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/** @param {string} written */
function parsed(written) {
  try {
    return JSON.parse(written);
  } catch {
    return undefined;
  }
}

/**
 * Return the error of an answer, with the server's sentence. OpenAI's calls have a form of errors of their own.
 * @param {Received} answer
 */
function refusal({ status, wait, content }) {
  const sentence = content?.detail ?? content?.error?.message;
  const unknown = `The server answered ${status}, and not in the form of Keepsake: is the host right?`;
  const seconds = Number(wait ?? NaN);
  return new KeepsakeError(typeof sentence === "string" ? sentence : unknown, {
    status,
    retryAfter: Number.isFinite(seconds) ? seconds : undefined,
  });
}
