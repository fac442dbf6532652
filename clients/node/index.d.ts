/** What went wrong, in the server's own sentence. */
export class KeepsakeError extends Error {
    /**
     * @param {string} sentence
     * @param {{ status?: number, retryAfter?: number, cause?: unknown }} [more]
     */
    constructor(sentence: string, { status, retryAfter, cause }?: {
        status?: number;
        retryAfter?: number;
        cause?: unknown;
    });
    /** @type {number | undefined} The status of the answer, if one came */
    status: number | undefined;
    /** @type {number | undefined} For how many seconds to wait before another try, if the server says so */
    retryAfter: number | undefined;
}
/** A server, and a key that says whose memories are meant. */
export class Keepsake {
    /** @param {KeepsakeOptions} options */
    constructor({ host, key, timeout, fetch }: KeepsakeOptions);
    /** Say whose the key is, and whether it may write. */
    ping(): Promise<import("./types.d.ts").KeyInfo>;
    /**
     * Learn from a text, or from the messages of a conversation; with `infer: false` keep each as it was said.
     * @param {string | Message | Message[]} messages
     * @param {Omit<AddBody, "messages">} [options]
     */
    add(messages: string | Message | Message[], options?: Omit<AddBody, "messages">): Promise<import("./types.d.ts").AddedMemories>;
    /**
     * Find memories, best first; with `as_of` as they were on a day, with `episodes: true` also what was said.
     * @param {string} query
     * @param {Omit<SearchBody, "query">} [options]
     */
    search(query: string, options?: Omit<SearchBody, "query">): Promise<import("./types.d.ts").FoundMemories>;
    /**
     * Return one page of the memories, the newest first; with `as_of` as they were on a day.
     * @param {ListBody} [options]
     */
    list(options?: ListBody): Promise<import("./types.d.ts").ListedMemories>;
    /**
     * Return one memory.
     * @param {string} id
     */
    get(id: string): Promise<import("./types.d.ts").KnownMemory>;
    /**
     * Change what a memory says.
     * @param {string} id
     * @param {string} text
     */
    update(id: string, text: string): Promise<import("./types.d.ts").KnownMemory>;
    /**
     * Delete one memory; undo brings it back.
     * @param {string} id
     */
    delete(id: string): Promise<import("./types.d.ts").DoneMessage>;
    /**
     * Return every version of a memory, the oldest first.
     * @param {string} id
     */
    history(id: string): Promise<import("./types.d.ts").MemoryVersions>;
    /**
     * With an agent, app, run or filters: delete those, which undo brings back. With a `user_id` alone: erase everything.
     * @param {Omit<NonNullable<Calls["DELETE /v1/memories/"]["query"]>, "filters"> & { filters?: object }} [scope]
     */
    deleteAll({ filters, ...scope }?: Omit<NonNullable<Calls["DELETE /v1/memories/"]["query"]>, "filters"> & {
        filters?: object;
    }): Promise<import("./types.d.ts").DeletedMemories>;
    /**
     * Change what several memories say, or none if one does not exist.
     * @param {TextOf[]} memories
     */
    updateBatch(memories: TextOf[]): Promise<import("./types.d.ts").DoneMessage>;
    /**
     * Delete several memories; undo with the `run` of the answer brings them back.
     * @param {string[]} ids
     */
    deleteBatch(ids: string[]): Promise<import("./types.d.ts").ChangedTogether>;
    /**
     * Return the users, agents, apps and runs that there are memories of.
     * @param {Calls["GET /v1/entities/"]["query"]} [options]
     */
    entities(options?: Calls["GET /v1/entities/"]["query"]): Promise<import("./types.d.ts").EntityList>;
    /**
     * Delete the memories of an agent, app or run, which undo brings back; of a user: erase everything.
     * @param {"user" | "agent" | "app" | "run"} kind
     * @param {string} name
     */
    deleteEntity(kind: "user" | "agent" | "app" | "run", name: string): Promise<import("./types.d.ts").DeletedMemories>;
    /**
     * Say that a memory is right.
     * @param {string} id
     */
    confirm(id: string): Promise<import("./types.d.ts").ConfirmedMemory>;
    /**
     * Return the latest changes, the newest first, with who made them.
     * @param {Calls["GET /v1/changes/"]["query"]} [options]
     */
    changes(options?: Calls["GET /v1/changes/"]["query"]): Promise<import("./types.d.ts").ChangeList>;
    /**
     * Undo one change by its number, or several by their run; an undo can be undone.
     * @param {number | string} change
     */
    undo(change: number | string): Promise<import("./types.d.ts").ChangeList>;
    /**
     * Return the contradictions that wait for an answer.
     * @param {Calls["GET /v1/questions/"]["query"]} [options]
     */
    questions(options?: Calls["GET /v1/questions/"]["query"]): Promise<import("./types.d.ts").OpenQuestions>;
    /**
     * Say which of two statements is right.
     * @param {string} id
     * @param {AnswerBody["answer"]} answer
     */
    answer(id: string, answer: AnswerBody["answer"]): Promise<import("./types.d.ts").DoneMessage>;
    /**
     * Return what the latest replies of the app were given, and what they cost.
     * @param {Calls["GET /v1/receipts/"]["query"]} [options]
     */
    receipts(options?: Calls["GET /v1/receipts/"]["query"]): Promise<import("./types.d.ts").ReplyReceipts>;
    /**
     * Return the page about the person.
     * @param {Calls["GET /v1/profile/"]["query"]} [options]
     */
    profile(options?: Calls["GET /v1/profile/"]["query"]): Promise<import("./types.d.ts").ProfilePage>;
    /**
     * Answer a conversation with what is remembered, as a whole. To have it streamed, use the package `openai`.
     * @param {Message[]} messages
     * @param {Omit<CompletionBody, "messages" | "stream" | "stream_options">} [options]
     */
    complete(messages: Message[], options?: Omit<CompletionBody, "messages" | "stream" | "stream_options">): Promise<import("./types.d.ts").WrittenReply>;
    /** Return the models that may be asked for. */
    models(): Promise<import("./types.d.ts").ModelList>;
    #private;
}
export type Received = {
    status: number;
    wait: string | null;
    content: any;
};
import type { Message } from "./options.d.ts";
import type { AddBody } from "./types.d.ts";
import type { SearchBody } from "./types.d.ts";
import type { ListBody } from "./types.d.ts";
import type { Calls } from "./types.d.ts";
import type { TextOf } from "./types.d.ts";
import type { AnswerBody } from "./types.d.ts";
import type { CompletionBody } from "./types.d.ts";
import type { KeepsakeOptions } from "./options.d.ts";
