// Made from the API's description: make client. Do not edit.

/** Whose the key is, and whether it may write. */
export interface KeyInfo {
  status: "ok";
  /** For mem0's clients, which need one */
  org_id: string;
  /** For mem0's clients, which need one */
  project_id: string;
  /** The person of the key; missing with an application's */
  user_id?: string;
  /** The name of the application */
  application?: string;
  can_write: boolean;
}

/** What one statement changed; ASK means that a question to the person is open. */
export interface AddedMemory {
  id: string;
  memory: string;
  event: "ADD" | "UPDATE" | "DELETE" | "ASK";
  previous_memory?: string;
}

/** What was learned. */
export interface AddedMemories {
  results: Array<AddedMemory>;
}

/** What to remember. */
export interface AddBody {
  /** The key's own person, or left out */
  user_id?: string | null;
  agent_id?: string | null;
  app_id?: string | null;
  run_id?: string | null;
  messages: string | Record<string, unknown> | Array<Record<string, unknown>>;
  /** The same ids, as newer clients send them */
  filters?: Record<string, unknown> | null;
  metadata?: Record<string, unknown> | null;
  /** False keeps each message as it was said */
  infer?: boolean | null;
  /** When it was said, in seconds since 1970 */
  timestamp?: number | null;
  /** A day such as 2027-01-31 */
  expiration_date?: string | null;
}

/** One memory. A search that names `fields` answers only these and the id. */
export interface KnownMemory {
  id: string;
  /** What is remembered */
  memory: string;
  hash: string;
  /** null if an agent, app or run has it without a user */
  user_id: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** How well it fits; only in a search */
  score?: number;
  metadata: Record<string, unknown>;
  /** The person wants every reply to be given it */
  always_included?: boolean;
  /** What the score is made of; with explain only */
  parts?: Record<string, number>;
  agent_id?: string;
  app_id?: string;
  run_id?: string;
  /** Who said it, where several speak */
  actor_id?: string;
  /** Of what was kept as it was said */
  role?: string;
  expiration_date?: string;
}

/** Memories, best first. */
export interface FoundMemories {
  results: Array<KnownMemory>;
}

/** What to search for. */
export interface SearchBody {
  /** The key's own person, or left out */
  user_id?: string | null;
  agent_id?: string | null;
  app_id?: string | null;
  run_id?: string | null;
  /** Conditions, such as {'kind': 'goal'} */
  filters?: Record<string, unknown> | null;
  /** Only false */
  show_expired?: boolean | null;
  /** Always so here */
  latest_only?: boolean | null;
  /** Keepsake's own: what was known on this day, such as 2026-03-01 */
  as_of?: string | null;
  query: string;
  top_k?: number | null;
  limit?: number | null;
  /** Leaves out what has a lower score */
  threshold?: number | null;
  /** The fields of a result to return */
  fields?: Array<string> | null;
  /** Keepsake's own: the parts of each score */
  explain?: boolean;
  /** Keepsake's own: search what was said, too */
  episodes?: boolean;
  /** Whoever runs the server decides that */
  rerank?: boolean | null;
  /** Always so here */
  keyword_search?: boolean | null;
}

/** One page of memories, the newest first. */
export interface ListedMemories {
  /** On all pages together */
  count: number;
  next: string | null;
  previous: string | null;
  results: Array<KnownMemory>;
}

/** Which memories to list. */
export interface ListBody {
  /** The key's own person, or left out */
  user_id?: string | null;
  agent_id?: string | null;
  app_id?: string | null;
  run_id?: string | null;
  /** Conditions, such as {'kind': 'goal'} */
  filters?: Record<string, unknown> | null;
  /** Only false */
  show_expired?: boolean | null;
  /** Always so here */
  latest_only?: boolean | null;
  /** Keepsake's own: what was known on this day, such as 2026-03-01 */
  as_of?: string | null;
  page?: number | null;
  page_size?: number | null;
  start_date?: string | null;
  end_date?: string | null;
}

/** What a memory says from now on. */
export interface UpdateBody {
  text?: string | null;
}

/** That it is done. */
export interface DoneMessage {
  message: string;
}

/** A message that a memory was learned from. */
export interface InputMessage {
  role: string;
  content: string;
}

/** One version of a memory, in mem0's form. */
export interface MemoryVersion {
  /** The number of the change, for undo */
  id: number;
  memory_id: string;
  /** ADD, UPDATE, DELETE and others */
  event: string;
  old_memory: string | null;
  new_memory: string | null;
  created_at: string;
  is_deleted: boolean;
  /** person, model, rules, key NAME and others */
  actor: string;
  reason: string | null;
  message_id: string | null;
  run_id: string | null;
  /** The person's own words that it was learned from */
  quote: string | null;
  /** The name of several changes that were made together, for undo */
  run: string | null;
  /** The number of the change that this one undid */
  undoes: number | null;
  /** Whether it was marked to be given to every reply; null if that stayed */
  marked: boolean | null;
  user_id: string | null;
  updated_at: string;
  input: Array<InputMessage>;
}

/** Every version of a memory, the oldest first. */
export type MemoryVersions = Array<MemoryVersion>;

/** What was deleted, which undo brings back by its run; or what was permanently erased. */
export interface DeletedMemories {
  message: string;
  deleted?: number;
  run?: string;
  /** How many of each kind were permanently erased */
  erased?: Record<string, number>;
  /** Whether a search afterwards found none of it */
  proved?: boolean;
  /** How many memories a separate search index still has to remove, by itself */
  index_waits?: number;
}

/** A memory and its new text. */
export interface TextOf {
  memory_id: string;
  text?: string | null;
}

/** Several memories and their new texts. */
export interface BatchTextsBody {
  memories: Array<TextOf>;
}

/** That several memories were changed; with their run, undo reverses it. */
export interface ChangedTogether {
  message: string;
  run: string;
}

/** A memory. */
export interface IdOf {
  memory_id: string;
}

/** Several memories. */
export interface BatchBody {
  memories: Array<IdOf>;
}

/** A user, agent, app or run, and how much is remembered of it. */
export interface EntityTotal {
  id: string;
  type: "user" | "agent" | "app" | "run";
  name: string;
  total_memories: number;
}

/** Whom there are memories of. */
export interface EntityList {
  count: number;
  next: string | null;
  previous: string | null;
  results: Array<EntityTotal>;
}

/** The memory that was confirmed. */
export interface ConfirmedMemory {
  id: string;
  feedback: "POSITIVE";
  run: string;
}

/** Whether a memory is right. */
export interface FeedbackBody {
  memory_id: string;
  feedback?: "POSITIVE" | "NEGATIVE" | "VERY_NEGATIVE" | null;
  feedback_reason?: string | null;
}

/** One change of one memory, with who made it and why. */
export interface MemoryChange {
  /** The number of the change, for undo */
  id: number;
  memory_id: string;
  /** ADD, UPDATE, DELETE and others */
  event: string;
  old_memory: string | null;
  new_memory: string | null;
  created_at: string;
  is_deleted: boolean;
  /** person, model, rules, key NAME and others */
  actor: string;
  reason: string | null;
  message_id: string | null;
  run_id: string | null;
  /** The person's own words that it was learned from */
  quote: string | null;
  /** The name of several changes that were made together, for undo */
  run: string | null;
  /** The number of the change that this one undid */
  undoes: number | null;
  /** Whether it was marked to be given to every reply; null if that stayed */
  marked: boolean | null;
}

/** Changes of memories. */
export interface ChangeList {
  results: Array<MemoryChange>;
}

/** Which change to undo: its number, or the run of several. */
export interface UndoBody {
  change: number | string;
}

/** Two statements of which the person has to say which is right. */
export interface OpenQuestion {
  id: string;
  memory_id: string;
  /** What is remembered; null if it was deleted since */
  old: string | null;
  new: string;
  asked_at: string;
}

/** The questions that wait for an answer, the oldest first. */
export interface OpenQuestions {
  results: Array<OpenQuestion>;
}

/** Which statement is right. */
export interface AnswerBody {
  answer: "new" | "old" | "both" | "neither";
}

/** What one reply of the app was given, and what it cost. */
export interface ReplyReceipt {
  message_id: string;
  chat_id: string;
  created_at: string;
  status: string;
  receipt: Record<string, unknown> | null;
}

/** Receipts, the newest first. */
export interface ReplyReceipts {
  results: Array<ReplyReceipt>;
}

/** One line of the page about a person; `own` lines are the person's words. */
export interface ProfileLine {
  id: string;
  text: string;
  kind: string;
  memory_ids: Array<string>;
  own: boolean;
  removed: boolean;
}

/** The page about a person. */
export interface ProfilePage {
  lines: Array<ProfileLine>;
  text: string;
  updated_at: string | null;
}

/** A memory that a reply was given. */
export interface GivenMemory {
  id: string;
  text: string;
  [more: string]: unknown;
}

/** What a reply was given. */
export interface MemoryReceipt {
  memories?: Array<GivenMemory>;
  memory_off?: boolean;
  [more: string]: unknown;
}

/** The one reply. */
export interface WrittenChoice {
  index: number;
  message: WrittenMessage;
  finish_reason: string | null;
  [more: string]: unknown;
}

/** The words of a reply, or the tools that it calls. */
export interface WrittenMessage {
  role: "assistant";
  content: string | null;
  tool_calls?: Array<Record<string, unknown>>;
  [more: string]: unknown;
}

/** A reply, with its receipt. Streamed, it comes in pieces, the first of which has the receipt. */
export interface WrittenReply {
  id: string;
  object: string;
  created: number;
  model?: string;
  choices: Array<WrittenChoice>;
  usage?: Record<string, unknown>;
  keepsake: MemoryReceipt;
  [more: string]: unknown;
}

/** One message of a conversation, with whatever OpenAI's protocol has in it. */
export interface SentMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  [more: string]: unknown;
}

/** A conversation to answer, in OpenAI's form. */
export interface CompletionBody {
  messages: Array<SentMessage>;
  /** One of GET /v1/models */
  model?: string;
  stream?: boolean;
  stream_options?: Record<string, unknown> | null;
  /** memory_read and memory_write: true or false */
  metadata?: Record<string, unknown> | null;
  tools?: Array<Record<string, unknown>> | null;
  tool_choice?: string | Record<string, unknown> | null;
  parallel_tool_calls?: boolean | null;
  response_format?: Record<string, unknown> | null;
  temperature?: number | null;
  top_p?: number | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  stop?: string | Array<string> | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  seed?: number | null;
  logit_bias?: Record<string, number> | null;
  reasoning_effort?: string | null;
  verbosity?: string | null;
  n?: 1 | null;
  store?: false | null;
  logprobs?: false | null;
}

/** One model. */
export interface ModelEntry {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
  [more: string]: unknown;
}

/** The models that may be asked for. */
export interface ModelList {
  object: "list";
  data: Array<ModelEntry>;
  [more: string]: unknown;
}

/** Every call, with what it takes and what it answers. */
export interface Calls {
  /** Say that the key is right. No email address is told: mem0's clients would send it to their telemetry. */
  "GET /v1/ping/": {
    answer: KeyInfo;
  };
  /** Remember what is worth keeping of messages, or each message as it was said. The key must be one that may write. */
  "POST /v3/memories/add/": {
    body: AddBody;
    answer: AddedMemories;
  };
  /** Return the memories that answer a question, best first. */
  "POST /v3/memories/search/": {
    body: SearchBody;
    answer: FoundMemories;
  };
  /** Return one page of the memories, the newest first; with `as_of`, as they were then. */
  "POST /v3/memories/": {
    query?: {
      page?: number | null;
      page_size?: number | null;
    };
    body: ListBody;
    answer: ListedMemories;
  };
  /** Return one memory. */
  "GET /v1/memories/{memory_id}/": {
    path: { memory_id: string };
    answer: KnownMemory;
  };
  /** Change what a memory says. The key must be one that may write. */
  "PUT /v1/memories/{memory_id}/": {
    path: { memory_id: string };
    body: UpdateBody;
    answer: KnownMemory;
  };
  /** Delete one memory; undo brings it back. The key must be one that may write. */
  "DELETE /v1/memories/{memory_id}/": {
    path: { memory_id: string };
    query?: {
      /** Changes nothing: what a memory replaced is in its history */
      delete_linked?: string | null;
    };
    answer: DoneMessage;
  };
  /** Return every version of a memory, the oldest first. */
  "GET /v1/memories/{memory_id}/history/": {
    path: { memory_id: string };
    answer: MemoryVersions;
  };
  /** Delete the memories of an agent, app or run, which can be undone; or erase everything of the person. The key must be one that may write. */
  "DELETE /v1/memories/": {
    query?: {
      /** The key's own person, or left out */
      user_id?: string | null;
      agent_id?: string | null;
      app_id?: string | null;
      run_id?: string | null;
      filters?: string | null;
    };
    answer: DeletedMemories;
  };
  /** Change what several memories say; if one of them does not exist, none is changed. The key must be one that may write. */
  "PUT /v1/batch/": {
    body: BatchTextsBody;
    answer: DoneMessage;
  };
  /** Delete several memories as one change, which can be undone; those that do not exist are left out. The key must be one that may write. */
  "DELETE /v1/batch/": {
    body: BatchBody;
    answer: ChangedTogether;
  };
  /** Return whom there are memories of: the person, and the agents, apps and runs of other programs. With an application's key, its users; with a user_id, the agents, apps and runs of this one. */
  "GET /v1/entities/": {
    query?: {
      page?: number | null;
      page_size?: number | null;
      /** With an application's key: the agents, apps and runs of this user */
      user_id?: string | null;
    };
    answer: EntityList;
  };
  /** Erase everything of the person, or delete the memories of an agent, app or run, which can be undone. With an application's key, erase the user, agent, app or run, and take them off the list. The key must be one that may write. */
  "DELETE /v1/entities/{kind}/{name}/": {
    path: { kind: string; name: string };
    answer: DeletedMemories;
  };
  /** Erase everything of the person, or delete the memories of an agent, app or run, which can be undone. With an application's key, erase the user, agent, app or run, and take them off the list. The key must be one that may write. */
  "DELETE /v2/entities/{kind}/{name}/": {
    path: { kind: string; name: string };
    answer: DeletedMemories;
  };
  /** Confirm a memory. The key must be one that may write. */
  "POST /v1/feedback/": {
    body: FeedbackBody;
    answer: ConfirmedMemory;
  };
  /** Return the latest changes of the memories, the newest first. */
  "GET /v1/changes/": {
    query?: {
      user_id?: string | null;
      /** With an application's key: what an agent has without a user */
      agent_id?: string | null;
      app_id?: string | null;
      run_id?: string | null;
      limit?: number;
    };
    answer: ChangeList;
  };
  /** Undo one change, or all changes of a run. The key must be one that may write. */
  "POST /v1/undo/": {
    body: UndoBody;
    answer: ChangeList;
  };
  /** Return the contradictions that wait for an answer. */
  "GET /v1/questions/": {
    query?: {
      user_id?: string | null;
      /** With an application's key: what an agent has without a user */
      agent_id?: string | null;
      app_id?: string | null;
      run_id?: string | null;
    };
    answer: OpenQuestions;
  };
  /** Say which of two statements is right. The key must be one that may write. */
  "POST /v1/questions/{question_id}/": {
    path: { question_id: string };
    body: AnswerBody;
    answer: DoneMessage;
  };
  /** Return the receipts of the latest replies: the memories that each was given, and what it cost. */
  "GET /v1/receipts/": {
    query?: {
      user_id?: string | null;
      /** With an application's key: what an agent has without a user */
      agent_id?: string | null;
      app_id?: string | null;
      run_id?: string | null;
      limit?: number;
    };
    answer: ReplyReceipts;
  };
  /** Return the page about the person, written from what is known now. */
  "GET /v1/profile/": {
    query?: {
      user_id?: string | null;
      /** With an application's key: what an agent has without a user */
      agent_id?: string | null;
      app_id?: string | null;
      run_id?: string | null;
    };
    answer: ProfilePage;
  };
  /** Answer a conversation with what is remembered; `metadata` switches memory_read and memory_write. */
  "POST /v1/chat/completions": {
    body: CompletionBody;
    answer: WrittenReply;
  };
  /** Return the models that may be asked for; `keepsake` is the one that is chosen in the app. */
  "GET /v1/models": {
    answer: ModelList;
  };
}
