-- The messages of chats that other programs keep here, as they sent them, in their order.

create table app.transcripts (
  id uuid primary key default gen_random_uuid(),
  place bigint generated always as identity,
  user_id text not null default app.asking(),
  run_id text not null check (length(run_id) between 1 and 1000),  -- the chat
  item json not null,  -- json, not jsonb: it comes back character for character
  -- What the person or the assistant said in it, until it is learned from; null for everything else.
  role text check (role in ('user', 'assistant')),
  said text,
  attempts smallint not null default 0,  -- that failed because of these words
  at timestamptz not null default clock_timestamp()
);
create index transcripts_of_chat on app.transcripts (user_id, run_id, place);

alter table app.transcripts enable row level security;
alter table app.transcripts force row level security;
create policy own_transcripts on app.transcripts to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
-- What was sent is never changed.
grant select, insert, delete, update (said, attempts) on app.transcripts to authenticated;
