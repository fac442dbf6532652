import type { Calls } from "./types.d.ts";

/** Where the server is, and the key. */
export interface KeepsakeOptions {
  /** The address of the API; http://localhost:8502 if left out */
  host?: string;
  /** A key from the account page (ks_…), or that of an application (ksa_…) */
  key: string;
  /** After how many milliseconds a call is given up; five minutes if left out */
  timeout?: number;
  /** Sends the requests instead of Node's own fetch, for a proxy or a test */
  fetch?: typeof globalThis.fetch;
}

/** A message of a conversation. */
export interface Message {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  content: string | null | Array<Record<string, unknown>>;
  [more: string]: unknown;
}

/** What is sent with a call. */
export type Sent<C extends keyof Calls> = Omit<Calls[C], "answer">;
